"""Running of a pipeline: its threads and processes, and what times them."""
