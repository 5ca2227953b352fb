"""Peers that a user would take instead, each in the form its own manual recommends."""
