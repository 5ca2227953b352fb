"""List of the benchmarks: what each does, and about how long it takes on a quiet host."""

from __future__ import annotations

from aethermodel.cli.shared.measuring import words

#: Seconds by command, on two cores; a budget where the command has one.
SECONDS = {
    "extreme": 2,
    "kernel": 60,
    "ffi": 20,
    "ring": 90,
    "pipeline": 180,
    "dispatch": 60,
    "soak": 600,
    "latency": 180,
    "model": 120,
    "tables": 10,
    "optimum": 90,
    "rdma": 300,
    "fabric": 20,
    "cluster": 900,
}
#: Beside that, what a short list says that each command does.
DOES = {
    "extreme": "the specification's stress test",
    "kernel": "routing and checksums against their peers",
    "ffi": "a call through each language boundary",
    "ring": "batches into another process, against peers",
    "pipeline": "seven ways to move messages, and the model",
    "dispatch": "what the bus adds to the barest loop",
    "soak": "steady load, nothing lost, no memory grown",
    "latency": "P50 to P99.9 under load, and the model",
    "model": "known laws: these fits against polynomials",
    "tables": "laws on sizes left out of published tables",
    "optimum": "the recommended batch size in a full sweep",
    "rdma": "the verbs send path and its cost model",
    "fabric": "the wire between two hosts: latency, gap, rate",
    "cluster": "the cluster model against simulations",
}


def short_help(command: str) -> str:
    """Return the line of a bench in the list of all: what it does, and how long that takes."""
    return f"{DOES[command]} ({words(SECONDS[command])})"
