"""Clusters: their files, and simulations that check the model."""
