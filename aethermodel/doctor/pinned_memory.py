"""Pinned memory of a planned registration: buffer and queues."""

from __future__ import annotations

import mmap

from pydantic import BaseModel, ConfigDict, Field

PAGE = mmap.PAGESIZE
# Of mlx5, whose queues lie in the process's own memory (rdma-core, providers/mlx5): a request of
# one write with immediate and up to 64 bytes inline takes two blocks of 64 bytes, a receive of one
# element 16 bytes, a completion 64 bytes.
_SEND_BYTES, _RECEIVE_BYTES, _COMPLETION_BYTES = 128, 16, 64


class Registration(BaseModel):
    """Memory that a program plans to register with an RDMA device.

    Attributes
    ----------
    size : int
        Bytes to register, in one region.
    queue_pairs : int
        Queue pairs beside it, each with a completion queue for sends and one for receives.
    depth : int
        Requests that each send queue and each receive queue holds.
    huge : bool
        Whether the region lies in huge pages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=1, le=2**50)
    queue_pairs: int = Field(1, ge=0, le=2**20)
    depth: int = Field(128, ge=1, le=2**20)
    huge: bool = False

    @property
    def buffer_pages(self) -> int:
        """Pages that the region spans at most.

        One more than fit into its size unless it begins on a page. Of memory in huge pages the
        kernel counts the base pages too (Linux, drivers/infiniband/core/umem.c, ``ib_umem_get``),
        so that huge pages spare nothing of the limit; but they are aligned.
        """
        if self.huge:
            return -(-self.size // PAGE)
        return (self.size + PAGE - 2) // PAGE + 1

    @property
    def queue_pages(self) -> int:
        """Pages of the queues, where the driver keeps them in process memory.

        An estimate by mlx5's layout; Soft-RoCE keeps its queues in the kernel and pins none.
        """
        requests = 1 << (self.depth - 1).bit_length()
        work = -(-requests * (_SEND_BYTES + _RECEIVE_BYTES) // PAGE)
        completions = 2 * -(-requests * _COMPLETION_BYTES // PAGE)
        doorbells = 1
        return self.queue_pairs * (work + completions + doorbells)

    @property
    def pages(self) -> int:
        """Pages pinned in all."""
        return self.buffer_pages + self.queue_pages

    @property
    def pinned_bytes(self) -> int:
        """Bytes that count against RLIMIT_MEMLOCK."""
        return self.pages * PAGE
