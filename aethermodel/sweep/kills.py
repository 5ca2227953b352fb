"""Kill test of sweeps: random kills, then a check that nothing broke or was lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.store import Store

_DEATH_SECONDS = 10.0


@dataclass
class Damage:
    """What the kills did.

    Attributes
    ----------
    kills : int
    corrupt : int
        Finished points' files that could not be read.
    rerun : int
        Finished points whose file was replaced or lost later on.
    left_running : int
        Processes that outlived their sweep.
    left_files : int
        Half-written files, left when all was done.
    stores : int
        Sweeps that it took; each was brought to its end.
    points : int
        Finished in them.
    """

    kills: int = 0
    corrupt: int = 0
    rerun: int = 0
    left_running: int = 0
    left_files: int = 0
    stores: int = 0
    points: int = 0
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict, repr=False)

    def look(self, store: Store) -> None:
        """Compare the finished points with those of the last look."""
        try:
            store.records()
        except ValueError:
            self.corrupt += 1
        now = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in store.files()}
        self.rerun += sum(now.get(path) != facts for path, facts in self._seen.items())
        self._seen = now

    def figures(self) -> dict[str, int]:
        """Return the counts."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


def smallest_sweep(points: int) -> Sweep:
    """Return a sweep whose points take next to no time: what it takes is overhead."""
    return Sweep(
        probe="ffi",
        parameters={"batch_size": list(range(1, points + 1)), "topics": [1], "pool": [1]},
        samples=1,
        sample_seconds=0.0001,
        noise_gate=1.0,
    )


@contextmanager
def _start(sweep: Sweep, store: Store) -> Iterator[subprocess.Popen[bytes]]:
    axes = [f"-p{name}={','.join(map(str, values))}" for name, values in sweep.parameters.items()]
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "aethermodel", "sweep", "run", "--no-summary"),
            *("--probe", str(sweep.probe)),
            *(*axes, "--samples", str(sweep.samples), "--noise-gate", str(sweep.noise_gate)),
            *("--sample-seconds", str(sweep.sample_seconds), "--store", str(store.folder)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield run
    finally:  # Ctrl-C does not reach its session
        run.kill()
        run.wait()


def _until_the_moment(run: subprocess.Popen[bytes], store: Store, chance: random.Random) -> None:
    """Wait for a random moment: while it starts, or after some points and a bit."""
    if chance.random() < 0.25:
        _wait(run, chance.uniform(0, 3))
        return
    enough = len(store.files()) + chance.randint(1, 40)
    while run.poll() is None and len(store.files()) < enough:
        time.sleep(0.002)
    _wait(run, chance.uniform(0, 0.05))


def _wait(run: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def kill_often(
    folder: Path,
    kills: int,
    points: int = 400,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Damage:
    """Run a sweep, kill it with signal 9, look at the store; again and again.

    Parameters
    ----------
    folder : Path
        For the stores.
    kills : int
    points : int
        In a sweep; where one is finished before all kills are spent, the next is begun.
    seed : int
        Of the moments.
    progress : callable
        Called with (kills done, kills) after each.

    Returns
    -------
    Damage
    """
    chance, damage = random.Random(seed), Damage()
    sweep = smallest_sweep(points)
    while damage.kills < kills:
        store = Store(folder / f"store-{damage.stores}")
        damage.stores += 1
        while damage.kills < kills and len(store.files()) < points:
            with _start(sweep, store) as run:
                _until_the_moment(run, store, chance)
                if run.poll() is None:
                    below = psutil.Process(run.pid).children(recursive=True)
                    run.kill()
                    damage.kills += 1
                    _, alive = psutil.wait_procs(below, _DEATH_SECONDS)
                    damage.left_running += len(alive)
                    progress(damage.kills, kills)
                run.wait()
            damage.look(store)
        with _start(sweep, store) as run:
            run.wait()
        damage.look(store)
        damage.points += len(damage._seen)
        damage._seen = {}
        damage.left_files += sum(1 for _ in store.folder.rglob(".*"))
    return damage
