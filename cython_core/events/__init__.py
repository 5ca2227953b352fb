"""Event records: layout, checksums, sequence numbers, columns, recordings."""
