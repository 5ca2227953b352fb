"""Runtime of stages: what opens, calls and rehearses them in one thread."""
