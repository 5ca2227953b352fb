"""Hardware probes: memory bandwidth and core-to-core distance."""
