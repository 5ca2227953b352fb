"""Composition of a pipeline's terms: laws, sums, and the whole as a law."""
