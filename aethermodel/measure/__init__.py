"""What this host really does: probes that isolate one term, and the pipeline as a whole."""
