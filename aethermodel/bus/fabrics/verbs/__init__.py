"""Verbs fabric: batches written into a remote ring by an RDMA device."""
