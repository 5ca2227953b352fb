"""Samples of a trial made of known laws, as a file, so that no host has to be measured."""

import io

import numpy as np
import pandas as pd

from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.host.fingerprint import this_host

PROCESSES, REPEATS = 3, 2


def trial_samples():
    """Return the samples of a small trial in one process, with their campaign and host."""
    campaign = Campaign(
        batch_sizes=(1, 200), event_loop="asyncio", topics=4, pool=2, processes=PROCESSES
    )
    rng = np.random.default_rng(0)
    laws = {
        "loop": ([1, 2, 4], lambda n: 2e-6 + 2e-7 * n),
        "ffi": ([1, 96, 384], lambda n: 1e-7 + 0 * n),
        "kernel": ([3, 12, 48, 192, 384], lambda n: 5e-8 + 4e-9 * n),
        "fabric": ([1, 96, 384], lambda n: 5e-7 + 0 * n),
        "bandwidth": ([1, 200], lambda n: 2e-9 * n),
        "pipeline": ([1, 200], lambda n: 2.65e-6 + 2e-7 * min(n, 4) + 4e-9 * n),
    }
    rows = []
    for probe, (sizes, seconds) in laws.items():
        for process in range(PROCESSES):
            for repeat in range(REPEATS):
                for n in sizes:
                    noise = 1 + 0.02 * rng.standard_normal()
                    rows.append(
                        {
                            "probe": probe,
                            "batch_size": np.nan if probe == "loop" else float(n),
                            "calls": float(n) if probe == "loop" else np.nan,
                            "topics": 4,
                            "pool": 2,
                            "event_loop": "asyncio" if probe in ("loop", "pipeline") else None,
                            "company": False,
                            "seconds": seconds(n) * noise,
                            "loops": 100,
                            "repeat": repeat,
                            "process": process,
                            "order": len(rows),
                            "noisy": False,
                            "final": True,
                            "contended": 0.0,
                            "core_seconds": 2e-5,
                            "trip_seconds": np.nan,
                            "host": this_host().id,
                        }
                    )
    samples = pd.DataFrame(rows)
    samples.attrs["campaign"] = campaign.model_dump(mode="json")
    samples.attrs["host"] = this_host().model_dump(mode="json")
    samples.attrs["taken"] = "2026-01-01T00:00:00+00:00"
    return samples


def samples_file():
    """Return them as the bytes of a Parquet file."""
    made = io.BytesIO()
    trial_samples().to_parquet(made, index=False)
    return made.getvalue()
