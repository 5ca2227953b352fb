"""Fabric between two hosts: its latency and its gap a byte, measured from both ends."""
