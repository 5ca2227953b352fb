"""Benchmark of the cluster model: closed form against simulation, on random clusters."""
