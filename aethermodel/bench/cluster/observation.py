"""Observation of a cluster: simulated until its throughput and P99 are known, or it is too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aethermodel.bench.cluster.settling import GROWTH, Settling, p99_drift
from aethermodel.bench.cluster.tally import Interval, Tally
from aethermodel.clusters.simulation.run import simulate
from aethermodel.model.cluster.cluster import Cluster, Floats

#: Half a 99 % interval of the P99, and of the rate, at which the simulation ends, as a share.
P99_PRECISION, RATE_PRECISION = 0.05, 0.01
#: Memories of the busiest queue before a run counts, and in one of the parts that are compared.
WARM_UP_MEMORIES, PART_MEMORIES = 4, 2
#: Parts of the first run.
_FIRST_RUN_PARTS = 12
# Independent runs at least: what each keeps to its end may be rare among them.
_INDEPENDENT_RUNS = 50
# Batches of a run, for the sake of memory; more only where it would not settle otherwise.
_RUN_BATCHES, _SETTLING_RUN_BATCHES = 3_000_000, 12_000_000


@dataclass(frozen=True)
class Observation:
    """What simulations of one cluster saw.

    Attributes
    ----------
    batches_per_second : Interval
        With what batches in flight leave open where it has not settled.
    p99 : Interval
        In seconds.
    settled : bool
        Whether latencies are those that the cluster has for ever, and no longer on their way.
    batches : int
        Handled after warm-up.
    grows : bool
        Whether the P99 grew in two runs, and less was handled than offered.
    rate_settled : bool
        The same of the rate.
    """

    batches_per_second: Interval
    p99: Interval
    settled: bool
    batches: int
    grows: bool = False
    rate_settled: bool = True

    @property
    def precise(self) -> bool:
        """Whether both figures are known as well as anybody asks for."""
        return self.p99.half <= P99_PRECISION and self.batches_per_second.half <= RATE_PRECISION


def accept(observation: Observation) -> bool:
    """Take every observation for an answer."""
    return True


def observe(
    cluster: Cluster,
    first_run_seconds: float,
    expected_rate: float,
    most_batches: int,
    seed: int,
    *,
    memory_seconds: float = 0.0,
    independent_runs: bool = False,
    ask_growth: bool = False,
    precision_batches: int | None = None,
    is_answer: Callable[[Observation], bool] = accept,
    gathered_at: Floats | None = None,
    displaced_batches: float = 0.0,
) -> Observation:
    """Simulate a cluster in longer and longer runs, the first half of each a warm-up.

    Parameters
    ----------
    cluster : Cluster
    first_run_seconds : float
    expected_rate : float
        Batches a second.
    most_batches : int
        Of all runs.
    seed : int
        Of the first run; each has its own.
    memory_seconds : float
        After which the busiest queue has forgotten how it was.
    independent_runs : bool
        Whether a run keeps something from beginning to end that another has otherwise: all runs
        are then as long as the first, only whole ones are compared, and there are more of them.
    ask_growth : bool
        Whether to ask if the P99 grows without end; it has no interval then.
    precision_batches : int, optional
        That are spent on precise figures, at most; beyond them runs go on only for as long as they
        do not answer. All, if not given.
    is_answer : callable
        Whether an observation answers what it is made for.
    gathered_at : ndarray, optional
        Where the first batches gather (`simulate`).
    displaced_batches : float
        That can have passed too many or too few, as queues were not yet what they will be.

    Notes
    -----
    A run counts if its warm-up was long enough, and if neither its P99 nor its rate was on its
    way; else a longer one begins anew. Where runs are as long as they get, all of them count, and
    together they must not be on their way: what is noise of one run differs from run to run.

    Parts of equal time are what varies, each of two memories at least: the interval of a rate is
    that of their mean, and of a quantile that of the share above it, turned back into times (batch
    means). Runs end when both intervals are narrow and the question is answered, or when the P99
    grew in two of them.

    A rate settles sooner than the latencies: a station that is always busy passes what it can,
    however batches are spread over the others. What a queue grows or shrinks by, while it is on its
    way, is no more than there are batches in flight; the interval of the rate is wider by that.
    """
    warm_up = WARM_UP_MEMORIES * memory_seconds
    longest = max(
        first_run_seconds,
        _RUN_BATCHES / expected_rate,
        min(2 * warm_up, _SETTLING_RUN_BATCHES / expected_rate),
    )
    part_seconds = max(first_run_seconds / 2 / _FIRST_RUN_PARTS, PART_MEMORIES * memory_seconds)
    if independent_runs:
        longest = part_seconds = first_run_seconds
    tally, settling = Tally(part_seconds), Settling()
    runs = runs_that_grew = 0
    simulated_batches, seconds = 0.0, first_run_seconds
    while True:
        run = simulate(cluster, seconds, seed + 1_000_003 * runs, gathered_at=gathered_at)
        runs += 1
        simulated_batches += seconds * expected_rate
        next_seconds = min(2 * seconds, longest)
        is_last = simulated_batches + next_seconds * expected_rate > most_batches
        runs_that_grew += p99_drift(run) > GROWTH
        settling.add(run)
        settled = seconds >= 2 * warm_up and settling.latency and settling.rate
        if not (settled or ask_growth or is_last or seconds == next_seconds):
            tally, settling = Tally(part_seconds), Settling()
        else:
            tally.add(run.latencies, run.ends, seconds / 2, seconds)
            rate = tally.rate()
            if not settled:
                rate = rate.wider(displaced_batches / max(tally.batches, 1))
            observation = Observation(
                rate,
                tally.quantile(0.99),
                settled,
                tally.batches,
                grows=runs_that_grew > 1 and rate.high < cluster.offered,
                rate_settled=settled or settling.rate,
            )
            is_known = observation.precise and not (independent_runs and runs < _INDEPENDENT_RUNS)
            is_narrow = is_known or simulated_batches > (
                most_batches if precision_batches is None else precision_batches
            )
            if is_last or (
                observation.grows
                if ask_growth
                else settled and is_narrow and is_answer(observation)
            ):
                return observation
        seconds = next_seconds
