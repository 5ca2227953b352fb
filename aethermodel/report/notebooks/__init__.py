"""What notebooks show of the built-in pipeline or, alike, of one's own."""
