"""Commands on pipelines of one's own."""
