"""Simulations of a cluster, batch by batch; they share no formula with the model."""
