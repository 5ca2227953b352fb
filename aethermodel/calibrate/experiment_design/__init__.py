"""Design of experiments: what samples can tell apart, and where the next one tells most."""
