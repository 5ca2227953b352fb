"""Hardware probes: memory bandwidth, core-to-core distance, a handler that counts."""
