"""Results of programs that benchmark networks and collective operations."""
