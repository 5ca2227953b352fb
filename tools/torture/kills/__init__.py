"""Kills of processes that stream, sweep or share, and what is left of them."""
