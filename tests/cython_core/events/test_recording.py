"""A stream recorded to a file comes back the same."""

import asyncio
import contextlib
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import Recorder, Replay, Ring, RingClosed, allocate, route


def batch_of(start: int, n: int) -> np.ndarray[Any, Any]:
    events = allocate(n)
    events["sequence"] = range(start, start + n)
    return events


def record(path: Path, sizes: list[int]) -> int:
    total = 0
    with Recorder(path) as recorder:
        for n in sizes:
            recorder.write(batch_of(total, n))
            total += n
        assert recorder.recorded == total
    return total


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 300), max_size=6), most=st.integers(1, 200))
def test_replay_gives_back_what_was_recorded(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most: int
) -> None:
    path = tmp_path_factory.mktemp("replay") / "events"
    total = record(path, sizes)
    with Replay(path) as replay:
        assert len(replay) == total
        for _ in range(2):
            seen: list[int] = []
            for batch in replay.batches(most):
                assert len(batch) <= most
                seen.extend(batch["sequence"].tolist())
            assert seen == list(range(total))
            with pytest.raises(RingClosed):
                replay.peek()
            replay.rewind()


def test_a_ring_is_recorded_and_replayed_into_another(tmp_path: Path) -> None:
    producer, consumer = Ring.pair(64)
    producer.reserve(50)[:] = batch_of(0, 50)
    producer.commit()
    producer.close()
    with consumer, Recorder(tmp_path / "day") as recorder:
        for batch in consumer:
            recorder.write(batch)
    again, sink = Ring.pair(16)
    total = 0
    with Replay(tmp_path / "day") as replay, again, sink:
        for batch in replay.batches(10):
            again.reserve(len(batch))[:] = batch
            again.commit()
            total += int(sink.peek()["sequence"].sum())
            sink.release()
    assert total == sum(range(50))


def test_replay_is_read_only_and_routes_in_place(tmp_path: Path) -> None:
    record(tmp_path / "day", [10])
    replay = Replay(tmp_path / "day")
    view = replay.peek(4)
    assert not view.flags.writeable
    assert route(view, 1).count.tolist() == [4]
    with pytest.raises(BufferError, match="alive"):
        replay.close()
    replay.release(1)
    assert (replay.claimed, replay.available) == (3, 9)
    with pytest.raises(ValueError, match="cannot release"):
        replay.release(4)
    replay.release()
    replay.close()
    replay.close()
    assert view["sequence"].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="closed"):
        replay.peek()
    with pytest.raises(ValueError, match="closed"):
        replay.events  # noqa: B018


def test_replay_on_an_event_loop(tmp_path: Path) -> None:
    total = record(tmp_path / "day", [100, 23])

    async def main() -> int:
        with Replay(tmp_path / "day") as replay:
            return sum([len(batch) async for batch in replay.batches(10)])

    assert asyncio.run(main()) == total


def test_a_recording_is_new_private_and_survives_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "day"
    record(path, [10])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        Recorder(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 100)  # as a recorder killed within a batch
    with Replay(path) as replay:
        assert len(replay.events) == 8


def test_what_is_no_recording_or_no_batch_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"ATHRREC1", b"x" * 5000):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(ValueError, match="not a recording"):
            Replay(tmp_path / "other")
    recorder = Recorder(tmp_path / "day")
    with pytest.raises(ValueError, match="events must"):
        recorder.write(np.zeros(3))
    recorder.close()
    recorder.close()
    with pytest.raises(ValueError, match="closed"):
        recorder.write(allocate(1))
    with Replay(tmp_path / "day") as replay, pytest.raises(ValueError, match="at least 1"):
        replay.peek(0)


def test_a_recorder_goes_on_whole_after_a_write_that_failed_half_way(tmp_path):
    """A disk that is full in the middle of a batch: the batch is taken back, the next stands."""
    script = """
import resource, signal, sys
import numpy as np
from cython_core import EVENT_DTYPE, Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = sys.argv[1]
batch = np.zeros(100, EVENT_DTYPE)
with Recorder(path) as recorder:
    for first in range(0, 500, 100):
        batch["sequence"] = np.arange(first, first + 100)
        recorder.write(batch)
    whole = 4096 + 500 * 64
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 27 * 64 + 5, resource.RLIM_INFINITY))
    batch["sequence"] += 100
    try:
        recorder.write(batch)
    except OSError as error:
        assert error.filename == path, error
    else:
        raise AssertionError
    assert recorder.recorded == 500
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    recorder.write(batch[:33])
    assert recorder.recorded == 533
"""
    path = tmp_path / "r.events"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    with Replay(path) as replay:
        assert replay.events["sequence"].tolist() == list(range(533))


def test_a_recording_that_cannot_even_begin_leaves_no_file(tmp_path):
    script = """
import resource, signal, sys
from cython_core import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
try:
    Recorder(sys.argv[1])
except OSError as error:
    assert error.filename == sys.argv[1], error
else:
    raise AssertionError
"""
    path = tmp_path / "r.events"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert not path.exists()


def test_a_recorder_closed_in_one_thread_takes_batches_of_another_whole_or_refuses(tmp_path):
    """No write goes to a file that took the number of the closed one."""
    for at in range(50):
        path, other = tmp_path / f"{at}.events", tmp_path / f"{at}.other"
        recorder, batch = Recorder(path), allocate(500)
        started = threading.Event()
        written = []

        def write(recorder=recorder, batch=batch, started=started, written=written):
            with contextlib.suppress(ValueError):
                while True:
                    recorder.write(batch)
                    written.append(len(batch))
                    started.set()

        thread = threading.Thread(target=write)
        thread.start()
        assert started.wait(60)
        recorder.close()
        with other.open("wb") as file:
            thread.join(60)
            assert not file.tell()
        assert other.stat().st_size == 0
        with Replay(path) as replay:
            assert sum(map(len, replay)) == sum(written)
