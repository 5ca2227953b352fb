"""A campaign holds its pipeline batch sizes out of the kernel's calibration."""

from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.host.fingerprint import this_host

sizes = st.lists(st.integers(1, 2**20), min_size=1, max_size=8, unique=True)


@given(sizes)
def test_what_is_predicted_was_never_calibrated_and_never_extrapolated(batch_sizes):
    kernel = Campaign(batch_sizes=batch_sizes).kernel_sizes()
    assert not set(kernel) & set(batch_sizes)
    assert max(kernel) > max(batch_sizes)
    assert kernel == sorted(set(kernel))


def test_kernel_sizes_stand_closer_beyond_the_routers_switch():
    campaign = Campaign(batch_sizes=(20_000,), topics=16)
    assert campaign.kernel_sizes() == [1, 3, 12, 48, 192, 384, 768, 1536, 3072, 6144, 12288, 24576]
    assert campaign.handle_sizes() == [1, 12, 384, 3072, 24576]
    assert campaign.knee_sizes() == [232, 543, 1086, 2172, 4344, 8688, 17377]


@given(sizes)
def test_the_kernel_alone_is_timed_between_the_sizes_and_at_none_that_is_predicted(batch_sizes):
    campaign = Campaign(batch_sizes=batch_sizes)
    kernel = campaign.kernel_sizes()
    points = [p for p in campaign.term_points() if p.probe == "kernel"]
    timed = [p.settings["batch_size"] for p in points if p.settings.get("threads", 1) == 1]
    assert sorted(set(kernel) | set(campaign.knee_sizes())) == timed
    assert not set(timed) & set(batch_sizes)


@given(sizes)
def test_handles_are_timed_at_the_first_and_the_last_size_and_between(batch_sizes):
    campaign = Campaign(batch_sizes=batch_sizes)
    kernel, handles = campaign.kernel_sizes(), campaign.handle_sizes()
    assert len(handles) == min(5, len(kernel))
    assert (handles[0], handles[-1]) == (kernel[0], kernel[-1])
    assert set(handles) <= set(kernel)


@example([2048, 2049, 32_768], 2**21)
@given(sizes, st.sampled_from([0, 2**19, 2**21]))
def test_caches_are_swept_on_both_sides_of_what_fills_them(batch_sizes, cache):
    host = this_host().model_copy(update={"cache_bytes": {"L2": cache} if cache else {}})
    with patch("aethermodel.measure.campaign.campaign_settings.this_host", lambda: host):
        campaign = Campaign(batch_sizes=batch_sizes)
        kernel, swept = campaign.kernel_sizes(), campaign.refill_sizes()
    assert swept[0] == kernel[0] and swept == sorted(set(swept)) and len(swept) >= 2
    assert not set(swept) & set(batch_sizes)
    fills = cache // 64
    if cache and kernel[-1] > fills:
        assert sum(kernel[0] < size <= fills for size in swept) == 3
        assert sum(fills < size <= 2 * fills + len(batch_sizes) for size in swept) == 2
    else:
        assert set(swept) <= set(kernel if len(kernel) == 2 else kernel[:-1])


@given(st.integers(1, 65_536))
def test_the_loop_probe_spans_one_to_all_handlers(topics):
    counts = Campaign(topics=topics).call_counts()
    assert counts[0] == 1
    assert counts[-1] == topics
    assert all(b <= 2 * a for a, b in pairwise(counts))


@pytest.mark.parametrize("fabric", ["loopback", "shm", "tcp"])
def test_terms_of_one_process_have_company_where_the_whole_runs_in_two(fabric):
    points = Campaign(fabric=fabric).plan().points
    kept = {point.probe for point in points if point.company}
    assert kept == (set() if fabric == "loopback" else {"kernel", "ffi", "bus_loop", "refill"})
    alone = {point.probe for point in points if not point.company}
    assert {"pipeline", "fabric", "bandwidth"} <= alone
    # A team brings its own threads.
    assert all(point.settings.get("threads", 1) == 1 for point in points if point.company)


def test_the_plan_has_every_term_and_the_whole():
    campaign = Campaign(batch_sizes=(5, 50))
    probes = [point.probe for point in campaign.plan().points]
    terms = {"loop", "refill", "ffi", "kernel", "fabric", "bandwidth"}
    assert set(probes) == terms | {"pipeline", "in_place"}
    assert probes.count("pipeline") == 2
    assert {point.probe for point in campaign.plan(whole=False).points} == terms


@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_across_processes_each_term_is_probed_as_the_whole_uses_it(fabric):
    campaign = Campaign(batch_sizes=(5, 50), fabric=fabric)
    points = campaign.plan().points
    probes = {point.probe for point in points}
    terms = {"bus_loop", "refill", "ffi", "kernel", "fabric", "send"}
    assert probes == terms | {"pipeline", "in_place", "bandwidth"}
    for point in points:
        assert point.settings["pool"] == 1
        if point.probe in ("fabric", "pipeline", "send"):
            assert point.settings["fabric"] == fabric
        if point.probe == "refill":
            assert point.settings["bus"]
        if point.probe in ("fabric", "send", "refill"):
            assert point.settings["batch_size"] not in (5, 50)


@given(sizes)
def test_the_producer_is_timed_at_every_other_size_and_at_enough_for_a_law(batch_sizes):
    campaign = Campaign(batch_sizes=batch_sizes, fabric="shm")
    kernel = campaign.kernel_sizes()
    sent = [p.settings["batch_size"] for p in campaign.term_points() if p.probe == "send"]
    assert sent[-1] == kernel[-1] > max(batch_sizes)  # nothing is extrapolated
    assert len(sent) >= min(3, len(kernel))
    places = [kernel.index(size) for size in sent]
    assert places[0] <= 1 and all(later - earlier <= 2 for earlier, later in pairwise(places))
    assert len(sent) < len(kernel) or len(kernel) < 5


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


def test_threads_are_timed_on_a_batch_that_is_worth_them(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)))
    large = Campaign(batch_sizes=(30_000,))
    teams = [p.settings for p in large.term_points() if p.settings.get("threads", 1) > 1]
    assert [one["threads"] for one in teams] == [2, 4, 6]
    assert {one["batch_size"] for one in teams} == {large.kernel_sizes()[-1]}
    small = Campaign(batch_sizes=(1000,)).term_points()
    assert all(point.settings.get("threads", 1) == 1 for point in small)
