"""Parameters under which each notebook runs in seconds, for tests that run them all."""

from pathlib import Path

# A busy host may not measure each term within seconds; 20_calibrate is where that is tried.
ROOT = Path(__file__).parents[1]
SHIPPED = str(ROOT / "data" / "calibrations" / "uvloop.json")


def _example(name: str) -> dict[str, str]:
    """Return parameters of a worked example's notebook: its laws as shipped, nothing is run."""
    return {"pipeline": "", "calibration": str(ROOT / "examples" / name / "amd-zen5.json")}


QUICK = {
    "00_quickstart.ipynb": {"batch_size": 500, "topics": 4, "processes": 1},
    "10_upper_bound.ipynb": {"batch_size": 100},
    "20_calibrate.ipynb": {"topics": 4, "processes": 2, "repeats": 2, "seconds": 20},
    "30_model_vs_measured.ipynb": {
        "batch_sizes": "1,300",
        "topics": 4,
        "processes": 2,
        "repeats": 2,
    },
    "45_feed.ipynb": {"batch_size": 300},
    "40_tail_latency.ipynb": {
        "topics": 4,
        "seconds": 20,
        "loads": "0.8",
        "arrivals": "poisson",
        "batches": 2000,
        "processes": 1,
        "sizes": "1,16",
        "run_seconds": 0.01,
    },
    "50_rdma.ipynb": {"messages": 100, "card": "connectx-7"},
    "60_what_if.ipynb": {"calibration": SHIPPED, "foreign": True, "assume": "t_tick=1e-6"},
    "80_sweep_summary.ipynb": {},
    "90_own_measurements.ipynb": {"rate": 1e5, "latency": 1e-3},
    "quotes.ipynb": _example("quotes"),
    "trades.ipynb": _example("trades"),
    "scoring.ipynb": _example("scoring"),
    "95_own_pipeline.ipynb": {"seconds": 6, "batch_sizes": "100", "faster": "score:0.5"},
    "70_scale_out.ipynb": {
        "seconds": 20,
        "batch_size": 3000,
        "topics": 4,
        "repeats": 1,
        "samples": 2,
        "sample_seconds": 0.001,
        "up_to": 16,
    },
}
