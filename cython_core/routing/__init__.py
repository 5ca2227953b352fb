"""Routing of batches by topic, and the dispatch to handlers."""
