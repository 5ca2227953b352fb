"""Costs of this project's own: of an export, and of a point of a sweep."""
