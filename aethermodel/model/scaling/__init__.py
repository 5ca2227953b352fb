"""Scaling laws: more workers on one host, and more hosts."""
