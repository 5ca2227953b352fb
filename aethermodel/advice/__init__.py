"""Advice from any law: sizes, waits, latency under load, and settings of known systems."""
