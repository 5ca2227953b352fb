"""Latency benchmark: the pipeline at fixed loads, compared with the queueing model."""
