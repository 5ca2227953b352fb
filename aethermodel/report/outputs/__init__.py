"""Notebook outputs made safe for a report."""
