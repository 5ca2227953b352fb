"""Stores of sweeps whose outcomes a test makes."""

from datetime import UTC, datetime, timedelta

from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.sweep.identity import Conditions, identity
from aethermodel.sweep.store import Record, Store

_START = datetime(2026, 1, 1, tzinfo=UTC)
CONDITIONS = Conditions(
    code="c" * 64, extensions="e" * 64, host="0123456789ab", environment="CPython"
)


def write_store(folder, sweep, outcome_of, conditions=CONDITIONS):
    """Write a store whose outcomes a function of the job makes; None leaves the job out."""
    store = Store(folder)
    with store.writer(sweep):
        for job in sweep.jobs():
            if (outcome := outcome_of(job)) is not None:
                store.put(
                    Record(
                        key=identity(sweep, job, conditions),
                        target=sweep.target.name,
                        parameters=job.parameters,
                        repeat=job.repeat,
                        order=job.order,
                        outcome=outcome,
                        started=(_START + timedelta(seconds=job.order)).isoformat(),
                        conditions=conditions,
                    )
                )
    return SweepResult.load(folder)
