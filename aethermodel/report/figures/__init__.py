"""Figures of notebooks and reports: one module a figure."""
