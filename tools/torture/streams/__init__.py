"""Spoiled streams: a proxy between both ends of a connection."""
