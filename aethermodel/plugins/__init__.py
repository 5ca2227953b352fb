"""Plugins for other tools: IPython and pytest."""
