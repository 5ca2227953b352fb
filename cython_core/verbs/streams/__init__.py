"""Streams over verbs: send, receive, batches."""
