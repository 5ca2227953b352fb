"""Torture: kills, fuzzed inputs, spoiled streams and tight limits, each judged by a witness.

``python -m tools.torture --help``; what it does and what it writes: docs/torture.md.
"""
