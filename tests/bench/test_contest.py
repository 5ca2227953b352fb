"""Contests: paired ratios, every row there, targets judged by them."""

import pandas as pd
import pytest
from pydantic import ValidationError

from aethermodel.bench.contest import Contestant, Result, hold
from aethermodel.bench.kernel import call_contestants, installed, kernel_contestants
from aethermodel.bench.targets import at_least, at_most
from aethermodel.measure.peers.routing import ROUTING
from aethermodel.measure.sampling.sampler import Point
from cython_core import checksum_variants, simd_variants


def result(seconds):
    """Samples of two processes: ``{row: (seconds in process 0, seconds in process 1)}``."""
    samples = pd.DataFrame(
        [
            {"row": row, "process": process, "seconds": s, "batch_size": 10, "final": True}
            for row, pair in seconds.items()
            for process, s in enumerate(pair)
        ]
    )
    return Result(samples, pd.DataFrame({"row": list(seconds)}))


def test_a_ratio_pairs_the_rows_within_each_process():
    """The second process was half as fast in both rows: that is no spread of the ratio."""
    assert result({"a": (1.0, 2.0), "b": (3.0, 6.0)}).ratio("a", "b") == pytest.approx(
        (3.0, 3.0, 3.0)
    )


@pytest.mark.parametrize(("threshold", "met"), [(2.9, True), (3.1, False)])
def test_a_target_is_judged_by_the_ratio(threshold, met):
    judged = at_least(
        result({"a": (1.0, 1.0), "b": (3.0, 3.0)}), "a against b", "a", "b", threshold
    )
    assert judged["met"] is met
    assert "3.00" in judged["words"]


def test_a_row_that_did_not_run_leaves_its_target_open():
    assert at_least(result({"a": (1.0, 1.0)}), "a against b", "a", "b", 2)["met"] is None


def test_a_time_is_judged_from_above():
    assert at_most("call", 200e-9, 250e-9, 1e-9, "ns")["met"] is True
    assert at_most("call", 300e-9, 250e-9, 1e-9, "ns")["met"] is False


def test_a_real_contest_has_every_row():
    rows = [
        Contestant("one", "ours", Point(probe="kernel", settings={"batch_size": 20})),
        Contestant("two", "ceiling", Point(probe="bandwidth", settings={"batch_size": 20})),
    ]
    held = hold(rows, processes=2, repeats=2, sample_seconds=0.0002)
    assert sorted(held.table["row"]) == ["one", "two"]
    assert (held.table["samples"] == 4).all()
    assert (held.table["low"] <= held.table["seconds"]).all()
    assert held.ratio("one", "two")[0] > 0


def test_the_kernel_contest_names_every_variant_and_peer_once():
    names = [c.name for c in kernel_contestants(1000, 8, 2)]
    assert len(set(names)) == len(names)
    for variant in (*simd_variants(), *checksum_variants()):
        assert any(variant in name for name in names)
    assert {"numpy", "pandas", "pyarrow", "python"} <= set(names)
    assert len({c.name for c in call_contestants()}) == len(call_contestants())


@pytest.mark.bench
@pytest.mark.parametrize("peer", [p for p in ROUTING if p != "numba"])
def test_a_peer_comes_to_the_same_result(peer):
    """Its preparation compares counts and totals with the router's, and raises if they differ."""
    if not installed(peer):
        pytest.skip(f"{peer} is not installed (pip install 'aethermodel[bench]')")
    point = Point(probe="peer_route", settings={"peer": peer, "batch_size": 300, "topics": 7})
    held = hold(
        [Contestant(peer, "peer", point)], processes=1, repeats=1, sample_seconds=0.0002, retries=0
    )
    assert len(held.table) == 1


@pytest.mark.parametrize(
    ("probe", "settings"),
    [
        ("peer_route", {"peer": "abacus"}),
        ("call", {"border": "wall"}),
        ("kernel", {"variant": "v9"}),
        ("checksum", {"variant": "md5"}),
        ("kernel", {"threads": 0}),
    ],
)
def test_an_unknown_row_is_refused(probe, settings):
    with pytest.raises(ValidationError):
        Point(probe=probe, settings=settings)
