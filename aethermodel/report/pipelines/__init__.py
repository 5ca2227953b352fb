"""Reports of pipelines of one's own."""
