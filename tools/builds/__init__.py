"""Comparison of two builds of the project in one run."""
