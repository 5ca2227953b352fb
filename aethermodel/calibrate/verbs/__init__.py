"""Fits of the verbs cost model."""
