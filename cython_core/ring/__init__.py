"""Shared-memory ring: a single producer, a single consumer, batch commit."""
