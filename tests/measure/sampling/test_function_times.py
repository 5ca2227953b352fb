"""Times of a function over sizes: how often it is called, and with what."""

import gc

import pytest

from aethermodel.measure.sampling.function_times import LEAST_SECONDS, time_function


def test_each_size_is_set_up_once_and_every_round_has_all_sizes():
    made, called, told = [], set(), []

    def setup(n):
        made.append(n)
        return list(range(n))

    def function(data):
        called.add(len(data))

    found = time_function(
        function,
        [100, 1, 10, 10],
        setup=setup,
        rounds=2,
        source="it",
        advance=lambda *at: told.append(at),
    )
    (series,) = found.series
    assert made == [1, 10, 100]
    assert called == {1, 10, 100}
    assert series.sizes.tolist() == [1, 1, 10, 10, 100, 100]
    assert (series.seconds > 0).all()
    assert told[-1] == (6, 6)
    assert (found.source, found.size_name) == ("it", "N")
    assert gc.isenabled()


def test_time_runs_out_after_two_rounds_at_the_earliest():
    found = time_function(lambda n: None, [1], rounds=50, most_seconds=0.0)
    assert len(found.series[0]) == 2
    assert LEAST_SECONDS == 1e-3


@pytest.mark.parametrize("sizes", [[], [0], [1.5], [-1]])
def test_sizes_that_are_none(sizes):
    with pytest.raises(ValueError, match=r"at least (one size|1)"):
        time_function(lambda n: None, sizes)
