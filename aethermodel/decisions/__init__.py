"""Decisions off the hot path: by rule or by a language model, bounded in number and time."""
