"""Commands on laws of own measurements, one file a command."""
