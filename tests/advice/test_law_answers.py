"""Answers from any law, against the known law that it was fitted to."""

import numpy as np
import pytest
from own_laws import EACH, FIXED, affine, measured

from aethermodel.advice.crossover import crossover
from aethermodel.advice.latency_under_load import Server
from aethermodel.advice.law_answers import answers, next_size
from aethermodel.laws.fit import fit
from aethermodel.model.queueing.arrivals import Poisson
from aethermodel.model.queueing.batch_service import latency_under


@pytest.fixture(scope="module")
def law():
    return affine()


def holds(quantity, truth):
    return quantity.low <= truth <= quantity.high


def test_sizes_of_an_affine_law_are_those_of_the_true_one(law):
    found = answers(law, rate=1e5, latency=2e-3)
    assert holds(found.n_half, FIXED / EACH)
    assert found.n_half.low > 0.9 * FIXED / EACH
    assert holds(found.best_rate, 16384 / (FIXED + EACH * 16384))
    assert found.for_rate.size.value == pytest.approx(1e5 * FIXED / (1 - 1e5 * EACH), rel=0.05)
    assert found.for_latency.size.value == pytest.approx((2e-3 - FIXED) / EACH, rel=0.03)
    for share, optimum in zip((0.90, 0.95, 0.99), found.shares, strict=True):
        rate = share * 16384 / (FIXED + EACH * 16384)
        assert optimum.size.value == pytest.approx(rate * FIXED / (1 - rate * EACH), rel=0.1)
        assert optimum.last.value == 16384
        assert not optimum.extrapolated
    assert found.fill.value == pytest.approx(found.for_rate.size.value / 1e5)
    assert sum(cost.share.value for cost in found.costs) == pytest.approx(1)
    assert found.figures()["p99"]["unit"] == "s"


def test_nothing_beyond_the_largest_measured_size_is_without_its_mark(law):
    rate = 0.9995 / EACH
    found = answers(law, rate=rate)
    assert found.for_rate is None or found.for_rate.extrapolated
    assert answers(law, latency=4 * FIXED + 2 * EACH * 16384).for_latency.extrapolated
    assert answers(law, rate=2 / EACH).for_rate is None
    assert "no size up to four times" in answers(law, rate=2 / EACH).reasons["for_rate"]
    assert "takes longer" in answers(law, latency=FIXED / 2).reasons["for_latency"]


def test_p99_at_a_load_is_that_of_the_true_law(law):
    found = answers(law, load=0.5)
    batch = round(found.shares[1].size.value)
    rate = 0.5 * batch / (FIXED + EACH * batch)
    true = latency_under(Poisson(rate), lambda n: FIXED + EACH * n, batch).quantile([0.5, 0.99])
    assert found.p50.value == pytest.approx(true[0], rel=0.05)
    assert found.p99.value == pytest.approx(true[1], rel=0.05)
    assert found.p99.low <= found.p99.value <= found.p99.high
    assert "Poisson arrivals; one server" in found.p99.note


def test_a_law_over_bytes_needs_the_size_of_a_record():
    law = affine(2e-6, 1e-9, unit="B", name="bytes", sizes=np.geomspace(64, 65536, 11).round())
    found = answers(law, rate=1e5)
    assert found.p99 is None
    assert "--record-bytes" in found.reasons["p99"]
    found = answers(law, rate=1e4, record_bytes=1000)
    server = Server(law, 1000)
    assert server.largest == 65
    assert float(server.seconds(50)) == pytest.approx(52e-6, rel=0.03)
    # 1e4 records are 1e7 B a second.
    assert found.for_rate.size.value == pytest.approx(64, rel=0.01)
    assert found.p99.value > found.p50.value


def test_refused_questions(law):
    for asked in ({"rate": 0}, {"rate": float("inf")}, {"latency": -1}, {"load": 1.0}):
        with pytest.raises(ValueError, match=next(iter(asked))):
            answers(law, **asked)


def test_the_next_size_is_where_the_mean_is_known_worst():
    found = next_size(affine(sizes=np.array([1.0, 2, 4, 8, 16, 32])))
    assert found.value == 64
    assert "beyond the largest" in found.note


def test_two_laws_cross_where_the_true_ones_do(law):
    other = fit(measured(lambda n: 20e-6 + 5e-6 * n, seed=1)).only()
    (found,) = crossover(law, other)
    assert holds(found.size, 90)
    assert found.faster_above == "a"
    assert found.certain > 0.99
    assert crossover(law, law) == ()
    with pytest.raises(ValueError, match="no range of sizes in common"):
        crossover(law, affine(sizes=np.array([1e6, 2e6, 4e6])))


def test_a_cost_that_falls_with_the_size_is_not_said_to_grow():
    """It was, for the size is in it: of work that is divided among N."""
    workers = np.array([1, 2, 4, 8, 16, 32, 64])
    law = fit(measured(lambda n: 1e-3 + 8e-3 / n, sizes=workers)).only()
    notes = {cost.name: cost.share.note for cost in answers(law).costs}
    assert "falls with the size" in notes.values() and "grows with the size" not in notes.values()
