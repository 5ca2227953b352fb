"""HTML export: an executed notebook as one page without script."""
