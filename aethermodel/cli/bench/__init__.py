"""Commands of `aethermodel bench`."""
