"""RDMA availability, addresses and posting plans; importable without libibverbs."""
