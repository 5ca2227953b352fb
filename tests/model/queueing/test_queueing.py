"""Latency under load, against closed forms and plain simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.model.queueing.arrivals import Bursty, Periodic, Poisson
from aethermodel.model.queueing.batch_service import latency_under, serve, stability_limit

D = 1e-3


def constant(n):
    return D + 0 * n


def affine(n):
    return 4.1e-6 + 8e-9 * n


@pytest.mark.parametrize("load", [0.1, 0.5, 0.8, 0.95])
def test_m_d_1_is_pollaczek_khinchine(load):
    found = latency_under(Poisson(load / D), constant, 1)
    assert found.exact and found.load == pytest.approx(load)
    assert found.mean == pytest.approx(D + load * D / (2 * (1 - load)), rel=1e-7)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99, 0.999])
def test_m_d_1_waiting_time_is_erlangs_alternating_sum(share):
    load = 0.6
    wait = float(latency_under(Poisson(load / D), constant, 1).quantile(share)) - D
    if wait <= 1e-3 * D:
        # Erlang 1909: an event does not wait at all with probability 1 - load.
        assert share <= 1 - load + 1e-3
        return
    k = np.arange(int(wait / D) + 1)
    reach = load * (wait / D - k)
    factorial = np.cumprod(np.concatenate([[1.0], k[1:]]))
    below = (1 - load) * np.sum((-reach) ** k / factorial * np.exp(reach))
    assert below == pytest.approx(share, abs=2e-4)


def test_m_m_1_by_simulation():
    load = 0.6
    found = latency_under(
        Poisson(load / D), constant, 1, variation=lambda rng, n: rng.exponential(1, n)
    )
    rate = (1 - load) / D
    assert not found.exact
    assert found.mean == pytest.approx(1 / rate, rel=0.04)
    for share in (0.5, 0.9, 0.99):
        assert found.quantile(share) == pytest.approx(-np.log(1 - share) / rate, rel=0.06)


@pytest.mark.parametrize(("largest", "load"), [(4, 0.4), (16, 0.85), (64, 0.6)])
def test_the_chain_and_a_plain_simulation_agree(largest, load):
    rate = load * stability_limit(affine, largest)
    exact = latency_under(Poisson(rate), affine, largest)
    simulated = latency_under(
        Poisson(rate), affine, largest, variation=lambda _, n: np.ones(n), seed=5
    )
    assert exact.exact and not simulated.exact
    assert exact.mean == pytest.approx(simulated.mean, rel=0.02)
    for name, value in exact.percentiles.items():
        assert value == pytest.approx(simulated.percentiles[name], rel=0.06)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 24), st.floats(0.05, 0.9))
def test_latency_is_a_distribution_above_the_shortest_service(largest, load):
    found = latency_under(Poisson(load * stability_limit(affine, largest)), affine, largest)
    assert np.all(np.diff(found.cumulative) >= 0)
    assert found.cumulative[-1] == pytest.approx(1, abs=1e-6)
    ordered = list(found.percentiles.values())
    assert ordered == sorted(ordered)
    assert ordered[0] >= affine(1) * 0.999 and found.mean >= affine(1)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 0.4))
def test_more_load_means_more_waiting(load):
    limit = stability_limit(affine, 8)
    less, more = (latency_under(Poisson(x * limit), affine, 8) for x in (load, 2 * load))
    assert less.mean < more.mean and less.quantile(0.99) < more.quantile(0.99)


def test_stability_is_that_of_full_batches():
    assert stability_limit(constant, 10) == pytest.approx(10 / D)
    assert stability_limit(affine, 1024) == pytest.approx(1024 / affine(1024))
    with pytest.raises(ValueError, match="stability limit"):
        latency_under(Poisson(1.01 / D), constant, 1)


def test_periodic_arrivals_below_the_limit_never_wait():
    found = latency_under(Periodic(0.9 / D), constant, 1, events=2000)
    assert found.quantile(0.999) == pytest.approx(D) and found.mean == pytest.approx(D)


def test_a_periodic_group_is_served_as_one_batch():
    found = latency_under(Periodic(1e6, group=100), affine, 256, events=5000)
    assert found.percentiles["p99.9"] == pytest.approx(affine(100))


def test_bursts_cost_latency():
    rate = 0.5 * stability_limit(affine, 64)
    calm = latency_under(Poisson(rate), affine, 64)
    bursts = latency_under(Bursty(rate, 0.25, 1e-3), affine, 64, seed=1)
    assert bursts.quantile(0.99) > 3 * calm.quantile(0.99)


@pytest.mark.parametrize(
    "process", [Poisson(1e5), Poisson(1e5, group=7), Periodic(1e5, group=3), Bursty(1e5, 0.3, 1e-4)]
)
def test_arrivals_are_ordered_and_keep_their_rate(process):
    times = process.times(200_001, np.random.default_rng(0))
    assert times.size == 200_001 and np.all(np.diff(times) >= 0)
    assert times.size / times[-1] == pytest.approx(1e5, rel=0.05)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 0.02), min_size=1, max_size=60), st.integers(1, 5))
def test_a_trace_is_served_as_a_patient_clerk_would(gaps, largest):
    arrivals = np.cumsum(gaps)
    table = D * (1 + 0.1 * np.arange(largest))
    queue, clock, expected = list(arrivals), 0.0, []
    while queue:
        clock = max(clock, queue[0])
        batch = [time for time in queue[:largest] if time <= clock]
        queue = queue[len(batch) :]
        clock += table[len(batch) - 1]
        expected += [clock - time for time in batch]
    assert serve(arrivals, table) == pytest.approx(expected)


def test_a_queue_too_long_for_the_chain_is_simulated():
    largest = 4096
    rate = 0.5 * stability_limit(affine, largest)
    found = latency_under(Poisson(rate), affine, largest, events=200_000)
    assert not found.exact and found.percentiles["p99"] > affine(1)


def test_a_simulation_knows_its_own_error():
    """Its tails spread over seeds by about what one run says of itself; the computed has none."""
    limit = stability_limit(affine, 32)
    arrivals = Bursty(0.6 * limit, 0.5, 10 / limit)
    runs = [latency_under(arrivals, affine, 32, events=60_000, seed=seed) for seed in range(12)]
    spread = np.std([float(run.quantile(0.99)) for run in runs], ddof=1)
    told = np.median([run.simulation_error(0.99) for run in runs])
    assert 0.4 * spread < told < 2.5 * spread
    exact = latency_under(Poisson(0.5 / D), constant, 1)
    assert exact.simulation_error(0.99) == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        runs[0].simulation_error(1.0)


def test_bad_requests_are_refused():
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="rate"):
            Poisson(wrong)
    with pytest.raises(ValueError, match="share"):
        Bursty(1.0, 1.5, 1.0)
    with pytest.raises(ValueError, match="group"):
        Periodic(1.0, 2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="largest"):
        latency_under(Poisson(1.0), constant, 0)
    with pytest.raises(ValueError, match="service time"):
        stability_limit(lambda n: 0 * n, 4)
    with pytest.raises(ValueError, match=r"1,000"):
        latency_under(Periodic(1.0), constant, 1, events=10)
    with pytest.raises(ValueError, match="quantile"):
        latency_under(Poisson(1.0), constant, 1).quantile(1.0)


@given(
    st.lists(st.floats(0, 3), min_size=1, max_size=40),
    st.lists(st.floats(0.1, 3), min_size=40, max_size=40),
)
@settings(max_examples=30)
def test_events_one_by_one_are_served_as_by_a_plain_loop(gaps, factors):
    arrivals, factors, free = np.cumsum(gaps), np.array(factors), 0.0
    expected = []
    for at, factor in zip(arrivals, factors, strict=False):
        free = max(free, at) + 0.7 * factor
        expected.append(free - at)
    found = serve(arrivals, np.array([0.7]), factors)
    assert found == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)
