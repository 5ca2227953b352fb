"""A campaign holds its pipeline batch sizes out of the kernel's calibration."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aethermodel.measure.campaign import Campaign

sizes = st.lists(st.integers(1, 2**20), min_size=1, max_size=8, unique=True)


@given(sizes)
def test_what_is_predicted_was_never_calibrated_and_never_extrapolated(batch_sizes):
    kernel = Campaign(batch_sizes=batch_sizes).kernel_sizes()
    assert not set(kernel) & set(batch_sizes)
    assert max(kernel) > max(batch_sizes)
    assert kernel == sorted(set(kernel))


@given(st.integers(1, 65_536))
def test_the_loop_probe_spans_one_to_all_handlers(topics):
    counts = Campaign(topics=topics).call_counts()
    assert counts[0] == 1
    assert counts[-1] == topics
    assert all(b <= 2 * a for a, b in pairwise(counts))


def test_the_plan_has_every_term_and_the_whole():
    campaign = Campaign(batch_sizes=(5, 50))
    probes = [point.probe for point in campaign.plan().points]
    assert set(probes) == {"loop", "ffi", "kernel", "fabric", "pipeline", "bandwidth"}
    assert probes.count("pipeline") == 2
    terms = {point.probe for point in campaign.plan(whole=False).points}
    assert terms == {"loop", "ffi", "kernel", "fabric", "bandwidth"}


@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_across_processes_each_term_is_probed_as_the_whole_uses_it(fabric):
    campaign = Campaign(batch_sizes=(5, 50), fabric=fabric)
    points = campaign.plan().points
    probes = {point.probe for point in points}
    assert probes == {"bus_loop", "ffi", "kernel", "fabric", "send", "pipeline", "bandwidth"}
    for point in points:
        assert point.settings["pool"] == 1
        if point.probe in ("fabric", "pipeline", "send"):
            assert point.settings["fabric"] == fabric
        if point.probe in ("fabric", "send"):
            assert point.settings["batch_size"] not in (5, 50)


@pytest.mark.parametrize("given", ["1,100, 10000", [1, 100, 10_000], ("1", "100", "10000")])
def test_batch_sizes_as_a_notebook_or_a_command_line_gives_them(given):
    assert Campaign(batch_sizes=given).batch_sizes == (1, 100, 10_000)


def test_one_number_and_nothing_at_all():
    assert Campaign(batch_sizes=7).batch_sizes == (7,)
    assert Campaign(batch_sizes=None, topics=None) == Campaign()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch_sizes": "1,x"}, "valid integer"),
        ({"batch_sizes": [0]}, "a batch size must be"),
        ({"batch_sizes": [3, 3]}, "given twice"),
        ({"batch_sizes": []}, "at least 1 item"),
        ({"event_loop": "trio"}, "'asyncio' or 'uvloop'"),
        ({"topics": 0}, "greater than or equal to 1"),
        ({"batchsize": 3}, "Extra inputs"),
        ({"fabric": "udp"}, "'loopback', 'shm', 'tcp' or 'verbs'"),
        ({"fabric": "shm", "pool": 2}, "the pool is 1"),
        ({"fabric": "verbs", "device": "soft-roce", "pool": 2}, "the pool is 1"),
        ({"fabric": "verbs", "device": "carrier-pigeon"}, "'soft-roce' or 'rdma-nic'"),
        ({"fabric": "shm", "device": "soft-roce"}, "shm has no device"),
    ],
)
def test_bad_input_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        Campaign(**given)
