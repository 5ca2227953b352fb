"""Benchmarks of the fits: known laws, coverage, Extra-P."""
