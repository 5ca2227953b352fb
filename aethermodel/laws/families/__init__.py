"""Families of laws: their terms, thresholds and free figures."""
