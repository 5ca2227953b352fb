"""Random record types, and batches of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from cython_core import RecordType, allocate

_SIZES = (8, 12, 16, 24, 40, 64, 72, 200, 256, 1000, 4096, 9000, 65_536)
# So many bytes a batch at most.
_MOST = 2**21


@st.composite
def record_types(draw: Any, *, checksum: bool | None = None) -> RecordType:
    """A type of 8 to 65,536 bytes, with its topic of any width wherever it is aligned."""
    size = draw(st.sampled_from(_SIZES) | st.integers(2, 1000).map(lambda n: 4 * n))
    width = draw(st.sampled_from([1, 2, 4]))
    taken = np.zeros(size, bool)

    def place(bytes_: int) -> int | None:
        free = [
            at for at in range(0, size - bytes_ + 1, bytes_) if not taken[at : at + bytes_].any()
        ]
        if size % bytes_ or not free:
            return None
        at = draw(st.sampled_from([free[0], free[-1]]) | st.sampled_from(free))
        taken[at : at + bytes_] = True
        return at

    fields = {"id": (f"<u{width}", place(width))}
    if draw(st.booleans()):
        fields["price"] = ("<f8", place(8))
    if checksum or (checksum is None and draw(st.booleans())):
        fields["crc"] = ("<u4", place(4))
    fields = {name: field for name, field in fields.items() if field[1] is not None}
    dtype = np.dtype(
        {
            "names": list(fields),
            "formats": [form for form, _ in fields.values()],
            "offsets": [at for _, at in fields.values()],
            "itemsize": size,
        }
    )
    names = {"value": "price", "checksum": "crc"}
    return RecordType(
        dtype, topic="id", **{role: name for role, name in names.items() if name in fields}
    )


def batch_of(kind: RecordType, n: int, topics: int, seed: int) -> Any:
    """Records of random bytes, their topics below `topics` and their values whole numbers."""
    rng = np.random.default_rng(seed)
    n = min(n, _MOST // kind.itemsize)
    batch = allocate(n, kind)
    batch.view(np.uint8)[:] = rng.integers(0, 256, batch.nbytes, dtype=np.uint8)
    batch[kind.topic] = rng.integers(0, min(topics, 2 ** (8 * kind.topic_bytes)), n)
    if kind.value:
        batch[kind.value] = rng.integers(-1000, 1000, n)
    return batch
