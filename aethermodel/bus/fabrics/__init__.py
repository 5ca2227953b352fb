"""Fabrics move committed batches from a producer to a consumer."""
