"""Predictions: terms composed to a batch time, and the answers that follow."""
