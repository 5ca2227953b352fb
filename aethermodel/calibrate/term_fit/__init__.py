"""Fits: from samples to a law with intervals."""
