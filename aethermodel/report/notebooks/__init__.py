"""Contents of notebooks 20, 30, 40 and 60, of the built-in pipeline or, alike, of one's own."""
