"""Example application on the bus: a feed of trades and telemetry."""
