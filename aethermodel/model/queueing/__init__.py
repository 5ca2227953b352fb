"""Queueing models: arrivals, a batch server, and the pauses of its host."""
