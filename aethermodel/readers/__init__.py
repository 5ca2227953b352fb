"""Readers of foreign measurements: times over sizes, from the files that people already have."""
