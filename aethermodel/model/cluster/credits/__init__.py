"""Credits: networks whose batches in flight are limited."""
