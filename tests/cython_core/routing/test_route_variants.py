"""Every router variant against a plain-Python oracle, and every refusal."""

import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cython_core
from cython_core import Routed, allocate, route, route_columns
from cython_core.routing.router import route_call, time_route

VARIANTS = cython_core.simd_variants()
SHAPES = ["uniform", "skewed", "sorted", "single", "alternating", "frequent", "early", "late"]


def topics_of(shape: Any, n: Any, k: Any, rng: Any) -> Any:
    uniform = rng.integers(0, k, n)
    return {
        "uniform": uniform,
        "skewed": (rng.random(n) ** 6 * k).astype(np.int64),
        "sorted": np.sort(uniform),
        "single": np.full(n, k - 1),
        "alternating": np.arange(n) % min(k, 2),
        # Too frequent for a bucket throughout; only where that is judged; only behind it.
        "frequent": np.where(np.arange(n) % 3 == 0, k // 2, uniform),
        "early": np.where(np.arange(n) < n // 16, k // 2, uniform),
        "late": np.where(np.arange(n) >= n // 4, k // 2, uniform),
    }[shape]


def values_of(n: Any, rng: Any, odd: Any) -> Any:
    values = rng.normal(size=n)
    if odd and n:
        for special in (np.nan, np.inf, -np.inf, 0.0, -0.0):
            values[rng.integers(0, n, max(1, n // 50))] = special
    return values


def batch(topics: Any, values: Any) -> Any:
    events = allocate(len(topics))
    events["topic"] = topics
    events["value"] = values
    events["payload"] = 255
    return events


def oracle(topics: Any, values: Any, k: Any) -> Any:
    rows: list[list[int]] = [[] for _ in range(k)]
    for i, topic in enumerate(topics.tolist()):
        rows[topic].append(i)
    kept = [[v for v in values[row].tolist() if not math.isnan(v)] for row in rows]
    return rows, [min(v, default=math.inf) for v in kept], [max(v, default=-math.inf) for v in kept]


def assert_routed(routed: Any, topics: Any, values: Any, k: Any) -> None:
    rows, minimum, maximum = oracle(topics, values, k)
    counts = [len(row) for row in rows]
    assert routed.count.tolist() == counts
    assert routed.offsets.tolist() == np.cumsum([0, *counts]).tolist()
    assert routed.indices.tolist() == [i for row in rows for i in row]
    assert routed.minimum.tolist() == minimum
    assert routed.maximum.tolist() == maximum
    for topic, row in enumerate(rows):
        chosen = values[row]
        with np.errstate(invalid="ignore"):
            exact = math.fsum(chosen) if np.isfinite(chosen).all() else chosen.sum()
        scale = np.abs(chosen[np.isfinite(chosen)]).sum()
        assert routed.total[topic] == pytest.approx(exact, abs=1e-12 * scale, nan_ok=True)


def assert_routed_fast(routed: Any, topics: Any, values: Any, k: Any) -> None:
    """The same by numpy, for batches that plain Python would take seconds over."""
    minimum, maximum = np.full(k, np.inf), np.full(k, -np.inf)
    np.fmin.at(minimum, topics, values)
    np.fmax.at(maximum, topics, values)
    count = np.bincount(topics, minlength=k)
    assert np.array_equal(routed.count, count)
    assert np.array_equal(routed.offsets, np.cumsum([0, *count]))
    assert np.array_equal(routed.indices, np.argsort(topics, kind="stable"))
    assert np.array_equal(routed.minimum, minimum)
    assert np.array_equal(routed.maximum, maximum)
    total = np.bincount(topics, values, minlength=k)
    np.testing.assert_allclose(routed.total, total, 1e-9, 1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=40, deadline=None)
@given(
    n=st.one_of(st.integers(0, 40), st.integers(1000, 2500)),
    k=st.sampled_from([1, 2, 3, 7, 16, 64, 100, 500]),
    shape=st.sampled_from(SHAPES),
    odd=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_matches_the_oracle(
    variant: Any, n: Any, k: Any, shape: Any, odd: Any, threads: Any, seed: Any
) -> None:
    rng = np.random.default_rng(seed)
    topics, values = topics_of(shape, n, k, rng), values_of(n, rng, odd)
    assert_routed(
        route(batch(topics, values), k, threads=threads, variant=variant), topics, values, k
    )
    columns = route_columns(topics.astype("u4"), values, k, threads=threads, variant=variant)
    assert_routed(columns, topics, values, k)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("n", "k"), [(70_001, 64), (20_003, 1000), (9000, 1024), (9000, 1025), (150_000, 65_536)]
)
def test_large_batches(variant: Any, shape: Any, n: Any, k: Any) -> None:
    rng = np.random.default_rng(n + k)
    topics, values = topics_of(shape, n, k, rng), values_of(n, rng, odd=True)
    events = batch(topics, values)
    out = Routed(n, k)
    for threads in (1, 5, 2):
        assert route(events, k, out=out, threads=threads, variant=variant) is out
        assert_routed_fast(out, topics, values, k)


def summed_in_two_lanes(values: Any) -> float:
    """Add up as the bucket scan does, whose two lanes are the halves of a block."""
    half = len(values) // 2
    return float(sum(values[:half].tolist()) + sum(values[half:].tolist()))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("k", [2, 4, 8, 16, 64])
def test_uniform_topics_never_go_the_other_way_by_chance(variant: Any, k: Any) -> None:
    """The order of summation tells the way: a batch's time must not depend on luck."""
    n, taken = 1200, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        topics, values = rng.integers(0, k, n), rng.normal(size=n)
        lanes = [summed_in_two_lanes(np.where(topics == topic, values, 0.0)) for topic in range(k)]
        taken += route(batch(topics, values), k, variant=variant).total.tolist() == lanes
    assert taken == 60


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", ["uniform", "skewed"])
def test_a_million_events(variant: Any, shape: Any) -> None:
    n, k = 1_000_000, 64
    rng = np.random.default_rng(5)
    topics, values = topics_of(shape, n, k, rng), values_of(n, rng, odd=False)
    events = batch(topics, values)
    for threads in (1, 2):
        routed = route(events, k, threads=threads, variant=variant)
        assert_routed_fast(routed, topics, values, k)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", ["uniform", "single"])
@pytest.mark.parametrize("n", [1, 15, 1500, 40_001])
def test_the_first_bad_event_is_named(variant: Any, threads: Any, shape: Any, n: Any) -> None:
    rng = np.random.default_rng(n)
    topics = topics_of(shape, n, 64, rng)
    for first in {0, n // 4, n // 2, n - 2 if n > 1 else 0, n - 1}:
        bad = topics.copy()
        bad[first] = 64
        bad[(np.arange(n) > first) & (rng.random(n) < 0.01)] = 2**32 - 1
        out = Routed(n, 64)
        with pytest.raises(ValueError, match=rf"^event {first} has topic 64, topics are 0 to 63$"):
            route(batch(bad, np.zeros(n)), 64, out=out, threads=threads, variant=variant)
        assert len(out) == 0
        route(batch(topics, np.zeros(n)), 64, out=out, variant=variant)
        assert_routed_fast(out, topics, np.zeros(n), 64)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shift", [8, 24, 40, 56])
def test_batches_off_the_cache_line(variant: Any, shift: Any) -> None:
    n, rng = 3000, np.random.default_rng(shift)
    topics, values = topics_of("uniform", n, 10, rng), values_of(n, rng, odd=True)
    aligned = batch(topics, values)
    raw = np.zeros(n * 64 + 128, dtype=np.uint8)
    start = -raw.ctypes.data % 64 + shift
    events = raw[start : start + n * 64].view(cython_core.EVENT_DTYPE)
    events[:] = aligned
    assert_routed(route(events, 10, variant=variant), topics, values, 10)


def test_out_grows_with_threads_and_serves_smaller_batches() -> None:
    rng = np.random.default_rng(1)
    out = Routed(50_000, 16)
    for n, threads in [(50_000, 1), (50_000, 4), (0, 4), (9000, 4), (20_000, 2), (50_000, 64)]:
        topics, values = topics_of("uniform", n, 16, rng), values_of(n, rng, odd=True)
        route(batch(topics, values), 16, out=out, threads=threads)
        assert_routed_fast(out, topics, values, 16)


def test_many_callers_at_once() -> None:
    rng = np.random.default_rng(2)
    topics, values = topics_of("uniform", 40_000, 64, rng), values_of(40_000, rng, odd=False)
    events, done = batch(topics, values), []

    def call() -> None:
        out = Routed(40_000, 64)
        for _ in range(20):
            route(events, 64, out=out, threads=2)
        assert_routed_fast(out, topics, values, 64)
        done.append(True)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert done == [True] * 4


def test_threads_survive_a_fork() -> None:
    events = batch(np.arange(40_000) % 8, np.ones(40_000))
    route(events, 8, threads=2)
    child = os.fork()
    if not child:
        good = route(events, 8, threads=2).count.tolist() == [5000] * 8
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert route(events, 8, threads=2).total.tolist() == [5000.0] * 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"events": [1, 2]}, "events must be a numpy array"),
        ({"events": np.zeros(3)}, "dtype EVENT_DTYPE"),
        ({"topics": 0}, "topics must be 1 to 65536, not 0"),
        ({"topics": 65_537}, "topics must be 1 to 65536, not 65537"),
        ({"threads": 0}, "threads must be 1 to 64, not 0"),
        ({"threads": 65}, "threads must be 1 to 64, not 65"),
        ({"variant": "v9"}, "variant must be one of baseline"),
        ({"out": Routed(2, 8)}, "out holds 2 events, the batch has 3"),
        ({"out": Routed(3, 9)}, "out was made for 9 topics, not 8"),
    ],
)
def test_bad_arguments(change: Any, message: Any) -> None:
    arguments = {"events": allocate(3), "topics": 8} | change
    with pytest.raises(ValueError, match=message):
        route(**arguments)


def test_route_call_leaves_results_alone() -> None:
    out = Routed(3, 2)
    assert route_call(allocate(3), 2, out=out) is out
    assert out.count.tolist() == [0, 0]


def test_time_route_takes_records_columns_and_variants() -> None:
    events = batch(np.arange(2000) % 4, np.ones(2000))
    columns = (np.arange(2000, dtype=np.uint32) % 4, np.full(2000, 2.0))
    out = Routed(2000, 4)
    for variant in VARIANTS:
        assert time_route([events, columns], 4, 2, out=out, variant=variant) > 0
        assert out.total.tolist() == [1000.0] * 4  # the last of the two was the columns
    with pytest.raises(ValueError, match="at least one batch"):
        time_route([], 4, 1, out=out)
    with pytest.raises(ValueError, match="event 0 has topic 7"):
        time_route([batch([7], [0.0])], 4, 1, out=out)


@pytest.mark.parametrize("forced", VARIANTS)
def test_a_variant_can_be_forced(forced: Any) -> None:
    code = "import cython_core as c; print(c.simd_variant(), c.route(c.allocate(3), 1).count[0])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"AETHER_SIMD": forced},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [forced, "3"]


def test_unless_forced_the_widest_runs_but_256_bits_on_intel() -> None:
    code = "import cython_core.routing.simd as s; print(s.simd_variant(), s.simd_widest())"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={name: value for name, value in os.environ.items() if name != "AETHER_SIMD"},
        capture_output=True,
        text=True,
        check=True,
    )
    chosen, widest = run.stdout.split()
    assert widest == VARIANTS[-1]
    intel = "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    assert chosen == ("v3" if intel and widest == "v4" else widest)


@pytest.mark.parametrize("forced", ["v9", "V4", "neon" if "neon" not in VARIANTS else "v3"])
def test_an_unknown_variant_is_refused_at_import(forced: Any) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import cython_core"],
        env=os.environ | {"AETHER_SIMD": forced},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert (
        run.stderr.strip()
        .splitlines()[-1]
        .startswith(f"ImportError: AETHER_SIMD={forced} is not among")
    )
