"""Commands of `aethermodel sweep`."""
