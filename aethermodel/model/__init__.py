"""The symbolic model: T_batch as the sum of its terms, Throughput = N / T_batch."""
