"""What a user would take instead: each peer in the form its own manual recommends."""
