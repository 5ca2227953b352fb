"""Calibrations: the fitted terms of one host, their file and their conditions."""
