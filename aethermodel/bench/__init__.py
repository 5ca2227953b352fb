"""Benchmarks: one module or package a command of `aethermodel bench`."""
