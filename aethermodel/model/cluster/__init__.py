"""Model of a cluster: stations, flows, waits, credit windows, and what follows from them."""
