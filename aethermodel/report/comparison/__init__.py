"""Comparison of runs: what moved between two of them."""
