"""Report of a cluster: sentences, and the page."""
