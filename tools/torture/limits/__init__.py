"""Commands of the product under tight limits."""
