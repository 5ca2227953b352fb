"""Pipelines of one's own: declaration, timing of each stage, composition, validation."""
