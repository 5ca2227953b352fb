"""Sampling: fresh processes, warm-up, random order, rejection of disturbed samples."""
