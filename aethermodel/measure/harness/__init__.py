"""Measuring harness: batches, handlers, senders and receivers that probes and benchmarks share."""
