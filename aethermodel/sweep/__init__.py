"""Sweeps: many points, checked before the first runs, each kept as soon as it is finished."""
