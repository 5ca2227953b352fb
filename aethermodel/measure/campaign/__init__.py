"""Calibration runs: what to sample, within which budget, and the validation of the result."""
