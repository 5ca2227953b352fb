"""Latency benchmark: the pipeline at fixed loads, beside the queueing model."""
