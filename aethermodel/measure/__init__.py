"""Measurements of this host: probes that isolate one term, and the pipeline end to end."""
