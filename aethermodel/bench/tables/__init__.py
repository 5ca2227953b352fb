"""Benchmarks of the laws of own measurements: published tables, known laws, no law."""
