"""Limits: commands short of memory, disk, descriptors or shared memory, and interrupted ones."""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.torture.fault_campaign import TrialBody
from tools.torture.journal import Journal
from tools.torture.limits.limited_commands import DOCUMENTED, Place, finish, judge
from tools.torture.limits.namespace import mount_tmpfs, own_mounts

_REPOSITORY = Path(__file__).resolve().parents[3]
_CALIBRATION = str(_REPOSITORY / "data" / "calibrations" / "uvloop.json")
_SWEEP = "--probe ffi -pbatch_size=1,2,3 -ptopics=1 -ppool=1 --samples 1 --noise-gate 1"
_SWEEP += " --sample-seconds 0.0001 --store store --no-summary"
#: Commands that take seconds, write files, and start processes.
COMMANDS = (
    "bound --json bound.json",
    f"predict -c {_CALIBRATION} --foreign --json predicted.json",
    "doctor --json doctor.json",
    f"sweep run {_SWEEP}",
    "bench soak --seconds 1 --load 0.5 --json soak.json",
    "bench dispatch --processes 1 --repeats 1 --loops asyncio --handlers 0 --json dispatch.json",
)
#: Seconds for one command: each takes a few where nothing is short and nobody else runs.
_SECONDS = 400.0
_CGROUP = Path("/sys/fs/cgroup")

Before = Callable[[], None]


def _rlimit(which: int, low: int) -> Before:
    return lambda: resource.setrlimit(which, (low, low))


def _many_descriptors() -> None:
    """Open more descriptors than `select` can take, as a long-lived program has."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    fd = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(fd, True)
    for _ in range(min(1100, wanted - 200)):
        os.set_inheritable(os.dup(fd), True)


def _small_shm() -> None:
    if own_mounts():
        mount_tmpfs("/dev/shm", "256k")


def _full_disk(folder: Path) -> Before:
    def before() -> None:
        if own_mounts() and mount_tmpfs(str(folder), "64k"):
            os.chdir(folder)
            with contextlib.suppress(OSError):
                Path("filler").write_bytes(bytes(2**16))

    return before


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


@contextmanager
def _memory_group(limit: int) -> Iterator[Before]:
    """Make a memory control group, of either version; its processes begin with what is yielded."""
    version_2 = (_CGROUP / "cgroup.controllers").exists()
    group = (_CGROUP if version_2 else _CGROUP / "memory") / f"aether-torture-{os.getpid()}"
    group.mkdir()
    name = "memory.max" if version_2 else "memory.limit_in_bytes"
    try:
        (group / name).write_text(str(limit))
        yield lambda: _enter(group)
    finally:
        for _ in range(100):  # the kernel lets go of it a moment after the last process
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.02)


def memory_group_blocked() -> str | None:
    """Return why there is no control group for memory here, or None."""
    try:
        with _memory_group(2**30):
            return None
    except OSError as error:
        return f"no memory control group: {error.strerror}"


Kind = Callable[[random.Random, Place], contextlib.AbstractContextManager[Before]]


def kinds() -> dict[str, Kind]:
    """Return the limits that are possible here, by name; each yields what a process begins with."""

    def plain(make: Callable[[random.Random, Place], Before]) -> Kind:
        return lambda draw, place: contextlib.nullcontext(make(draw, place))

    megabyte = 2**20
    found: dict[str, Kind] = {
        "address space": plain(
            lambda draw, _: _rlimit(resource.RLIMIT_AS, draw.randint(100, 3000) * megabyte)
        ),
        "file size": plain(
            lambda draw, _: _rlimit(resource.RLIMIT_FSIZE, draw.choice((0, 100, 4096, 65_536)))
        ),
        "few descriptors": plain(
            lambda draw, _: _rlimit(resource.RLIMIT_NOFILE, draw.randint(10, 48))
        ),
        "many descriptors": plain(lambda *_: _many_descriptors),
        "few processes": plain(lambda *_: _rlimit(resource.RLIMIT_NPROC, 1)),
        "interrupt": plain(lambda *_: lambda: None),
    }
    if not os.geteuid():
        found["small /dev/shm"] = plain(lambda *_: _small_shm)
        found["full disk"] = plain(lambda _, place: _full_disk(place.folder))
        del found["few processes"]  # it does not bind root
    if memory_group_blocked() is None:
        found["memory group"] = lambda draw, _: _memory_group(draw.randint(40, 400) * megabyte)
    return found


def _await_handler(pid: int) -> None:
    """Wait until Python catches SIGINT, on a busy host for a second: before, the kernel ends it."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return  # it has ended
        caught = re.search(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
        if caught is None or int(caught[1], 16) >> (signal.SIGINT - 1) & 1 or "\tZ" in status:
            return
        time.sleep(0.01)


def prepare() -> TrialBody:
    """Return a trial of one command under one limit."""
    limits = kinds()

    def trial(draw: random.Random, journal: Journal) -> None:
        command = draw.choice(COMMANDS)
        name = draw.choice(sorted(limits))
        place = Place()
        allowed: tuple[int, ...] = DOCUMENTED
        if name == "memory group":
            allowed += (-signal.SIGKILL,)  # the kernel's own choice, before any call fails
        try:
            with limits[name](draw, place) as before:
                process = place.start(command.split(), before)
                if name == "interrupt":
                    _await_handler(process.pid)
                    time.sleep(draw.uniform(0, 4))
                    if process.poll() is None:
                        process.send_signal(signal.SIGINT)
                status, errors = finish(process, _SECONDS)
                words = f"{' '.join(command.split()[:2])} under {name}"
                judge(journal, place, words, status, errors, allowed)
        finally:
            place.remove()

    return trial
