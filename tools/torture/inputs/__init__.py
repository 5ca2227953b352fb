"""Damaged inputs: what reads them, and how they are damaged."""
