"""Every checksum variant against a bit-by-bit oracle."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import (
    EVENT_DTYPE,
    allocate,
    checksum_variant,
    checksum_variants,
    crc32c,
    frame_checksum,
    stamp,
    verify,
)
from cython_core.events.checksum import time_stamp, time_verify
from cython_core.probes.bandwidth import time_copy, time_read

VARIANTS = checksum_variants()


def bitwise(data: Any) -> Any:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def random_events(n: Any, seed: Any) -> Any:
    events = allocate(n)
    noise = np.random.default_rng(seed).integers(0, 256, n * 64, dtype=np.uint8)
    events.view(np.uint8)[:] = noise
    return events


def test_the_published_check_value() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert bitwise(b"123456789") == 0xE3069283


@pytest.mark.parametrize("variant", [None, *VARIANTS])
@given(data=st.binary(max_size=200))
def test_any_bytes(variant: Any, data: Any) -> None:
    assert crc32c(data, variant=variant) == bitwise(data)
    assert crc32c(memoryview(data), variant=variant) == bitwise(data)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n", [1023, 1024, 1025, 1535, 3071, 3072, 3073, 6400, 20_011, 70_000])
def test_long_ones_are_taken_in_parts(variant: Any, n: Any) -> None:
    data = random_events(n // 64 + 1, n).tobytes()[:n]
    assert crc32c(data, variant=variant) == bitwise(data)


@pytest.mark.parametrize("variant", [None, *VARIANTS])
@pytest.mark.parametrize("n", [0, 1, 3, 7, 8, 9, 10, 11, 16, 19, 23, 100])
def test_stamp_writes_the_checksum_and_nothing_else(variant: Any, n: Any) -> None:
    events = random_events(n, n)
    before = events.copy()
    stamp(events, variant=variant)
    assert events["checksum"].tolist() == [bitwise(e.tobytes()[:60]) for e in before]
    events["checksum"] = before["checksum"]
    assert events.tobytes() == before.tobytes()


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 100),
    seed=st.integers(0, 2**32 - 1),
    flips=st.sets(st.integers(0, 511), max_size=5),
    share=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
)
def test_verify_names_the_bad_events(
    variant: Any, n: Any, seed: Any, flips: Any, share: Any
) -> None:
    events = random_events(n, seed)
    stamp(events, variant="table")
    chosen = np.flatnonzero(np.random.default_rng(seed).random(n) < share)
    raw = events.view(np.uint8).reshape(n, 64)
    for bit in flips:
        raw[chosen, bit // 8] ^= np.uint8(1 << bit % 8)
    bad = verify(events, variant=variant)
    assert bad.dtype == np.uint32
    expected = [i for i in range(n) if bitwise(raw[i, :60].tobytes()) != events["checksum"][i]]
    assert bad.tolist() == expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_single_bit_counts(variant: Any) -> None:
    events = random_events(512, 1)
    stamp(events)
    assert verify(events, variant=variant).size == 0
    raw = events.view(np.uint8).reshape(512, 64)
    for bit in range(512):
        raw[bit, bit // 8] ^= np.uint8(1 << bit % 8)
    assert verify(events, variant=variant).tolist() == list(range(512))


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_flipped_bit_anywhere(variant: Any) -> None:
    n = 150
    events = random_events(n, 3)
    stamp(events, variant="table")
    raw = events.view(np.uint8).reshape(n, 64)
    for bit in range(512):
        for place in (bit * 37 % n, (bit * 37 + bit // 64) % n):
            raw[place, bit // 8] ^= np.uint8(1 << bit % 8)
            assert verify(events, variant=variant).tolist() == [place]
            raw[place, bit // 8] ^= np.uint8(1 << bit % 8)
    assert verify(events, variant=variant).size == 0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("step", [1, 2, 4, 7, 8, 14, 16, 25, 56])
def test_equal_errors_do_not_cancel(variant: Any, step: Any) -> None:
    events = random_events(200, 4)
    stamp(events, variant="table")
    for place in range(0, 200 - step, 11):
        pair = [place, place + step]
        events["sequence"][pair] ^= 1 << 40
        assert verify(events, variant=variant).tolist() == pair
        events["sequence"][pair] ^= 1 << 40


@pytest.mark.parametrize("variant", VARIANTS)
def test_off_the_cache_line(variant: Any) -> None:
    raw = np.zeros(50 * 64 + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64 + 8
    events = raw[start : start + 50 * 64].view(EVENT_DTYPE)
    events["sequence"] = np.arange(50)
    stamp(events, variant=variant)
    assert verify(events, variant="table").size == 0
    events["value"][37] = 1.0
    assert verify(events, variant=variant).tolist() == [37]


def chosen_under(**environment: str) -> subprocess.CompletedProcess[str]:
    text = "import cython_core; print(*cython_core.checksum_variant(), sep='; ')"
    run = [sys.executable, "-c", text]
    clean = {k: v for k, v in os.environ.items() if k not in ("AETHER_CRC", "AETHER_SIMD")}
    return subprocess.run(run, env=clean | environment, capture_output=True, text=True, check=False)


def test_the_variant_that_runs_is_told_with_its_reason() -> None:
    chosen, why = checksum_variant()
    assert chosen in VARIANTS
    assert all(variant in why for variant in VARIANTS[1:] or VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_can_be_asked_for(variant: str) -> None:
    told = chosen_under(AETHER_CRC=variant).stdout
    assert told.startswith(f"{variant}; AETHER_CRC={variant} asks for it")


def test_a_variant_that_is_not_there_is_refused_in_one_line() -> None:
    failed = chosen_under(AETHER_CRC="sse9")
    assert failed.returncode != 0
    last = failed.stderr.strip().splitlines()[-1]
    assert (
        last == f"ImportError: AETHER_CRC=sse9 is not among this processor's {', '.join(VARIANTS)}"
    )


def test_a_narrower_router_has_narrower_checksums() -> None:
    assert chosen_under(AETHER_SIMD="baseline").stdout.startswith("table;")


def test_bad_arguments() -> None:
    readonly = allocate(3)
    readonly.flags.writeable = False
    with pytest.raises(ValueError, match="events must be writable"):
        stamp(readonly)
    with pytest.raises(ValueError, match="events must be writable"):
        time_stamp([readonly], 1)
    for call in (stamp, verify):
        with pytest.raises(ValueError, match="EVENT_DTYPE"):
            call(np.zeros(3))
        with pytest.raises(ValueError, match="variant must be one of table"):
            call(allocate(3), variant="sse9")
    with pytest.raises(ValueError, match="data must be contiguous bytes, not str"):
        crc32c("123456789")  # type: ignore[arg-type]


def test_timed_calls_do_their_work() -> None:
    batches = [random_events(50, 1), random_events(30, 2)]
    for variant in VARIANTS:
        assert time_stamp(batches, 2, variant=variant) > 0
        assert [verify(b).size for b in batches] == [0, 0]
        assert time_verify(batches, 2, variant=variant) > 0
    assert time_read(batches, 2) > 0
    out = allocate(50)
    assert time_copy(batches, 1, out=out) > 0
    assert out.tobytes() == batches[0].tobytes()


def test_bad_pools() -> None:
    events = allocate(10)
    for call in (time_read, time_verify, time_stamp):
        with pytest.raises(ValueError, match="at least one batch"):
            call([], 1)
        with pytest.raises(ValueError, match="EVENT_DTYPE"):
            call([np.zeros(3)], 1)
    with pytest.raises(ValueError, match="out holds 9 events, a batch has 10"):
        time_copy([events], 1, out=allocate(9))
    with pytest.raises(ValueError, match="out must not overlap"):
        time_copy([events], 1, out=events)


@given(st.integers(2, 40), st.data())
def test_a_frame_of_stamped_events_is_seen_to_change_by_whole_events(count: int, data: Any) -> None:
    """Each stamped event has the same remainder: its place and its own checksum have to count."""
    events = random_events(count, seed=3)
    events["sequence"] = np.arange(count)
    stamp(events)
    one, other = data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True))
    swapped, replaced = events.copy(), events.copy()
    swapped[[one, other]] = swapped[[other, one]]
    replaced["sequence"][one] += count
    stamp(replaced)
    frames = [events, swapped, replaced]
    assert len({crc32c(frame.tobytes()) for frame in frames}) == 1  # blind, and why
    assert len({frame_checksum(frame.tobytes()) for frame in frames}) == 3


@given(st.integers(1, 5), st.data())
def test_a_frame_is_seen_to_change_by_one_bit(count: int, data: Any) -> None:
    events = random_events(count, seed=4).view(np.uint8)
    before = frame_checksum(events)
    events[data.draw(st.integers(0, len(events) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert frame_checksum(events) != before


@pytest.mark.parametrize("wrong", [bytes(63), bytes(65), None, 3])
def test_a_frame_is_whole_events(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        frame_checksum(wrong)
