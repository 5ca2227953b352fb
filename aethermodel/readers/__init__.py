"""Readers of measurements that others made, and the neutral form they bring them into."""
