"""Child processes of a measurement: a producer and a consumer."""
