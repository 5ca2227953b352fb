"""Hostile peers of a ring: what they set, name or send is not fallen for."""

import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forked_children import in_child

from cython_core import EVENT_BYTES, Ring, RingHandle, allocate
from cython_core.ring.memory_room import memory_room
from cython_core.ring.shared_memory import MAGIC, MOST_BYTES, events_at, inspect
from cython_core.ring.shared_memory import allocate as allocate_ring

# Where the flags of producer and consumer lie in a ring's header: `waiting` comes first.
WAITING = {"producer": 384, "consumer": 512}
FULL = 2**64 - 2


def within(seconds: float, work: Callable[[], None]) -> None:
    """Do it in a child, which is ended if it hangs: with the GIL held, nothing else could."""
    child = in_child(work)
    ended = select.poll()
    descriptor = os.pidfd_open(child)
    ended.register(descriptor, select.POLLIN)
    hung = not ended.poll(seconds * 1000)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(descriptor)
    assert not hung, "it hung"
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("role", ["producer", "consumer"])
def test_eventfds_that_the_peer_made_blocking_hold_nobody(role: str) -> None:
    def work() -> None:
        ring = Ring.create(8, role=role, policy="wait")  # type: ignore[arg-type]
        handle = ring.handle()
        peer = "consumer" if role == "producer" else "producer"
        memory, wake, wake_peer, link = handle.take()
        header = mmap.mmap(memory, mmap.PAGESIZE)
        for descriptor in (wake, wake_peer):
            os.set_blocking(descriptor, True)
        # The peer's is full and it says that it sleeps; ours is empty.
        os.eventfd_write(wake, FULL)
        for _ in range(3):
            struct.pack_into("=I", header, WAITING[peer], 1)
            if role == "producer":
                ring.reserve(1)
                ring.commit()
            else:
                position = struct.unpack_from("=Q", header, 128)[0]
                struct.pack_into("=Q", header, 128, position + 1)
                ring.peek()
                ring.release()
            ring.disarm()
            assert not struct.unpack_from("=I", header, WAITING[peer])[0]  # it was to be woken
        if role == "consumer":
            # A wake-up that another takes first.
            with pytest.raises(TimeoutError):
                ring.peek(timeout=0.05)
        struct.pack_into("=I", header, WAITING[peer], 1)
        ring.close()
        for descriptor in (memory, wake, wake_peer, link):
            os.close(descriptor)

    within(60, work)


@pytest.mark.parametrize("asleep", [2, 3, 2**32 - 1])
def test_whatever_a_peer_says_of_its_sleep_holds_nobody(asleep: int) -> None:
    def work() -> None:
        ring = Ring.create(8, policy="wait")
        memory, wake, wake_peer, link = ring.handle().take()
        header = mmap.mmap(memory, mmap.PAGESIZE)
        os.set_blocking(wake, True)
        os.eventfd_write(wake, FULL)
        for _ in range(3):
            struct.pack_into("=I", header, WAITING["consumer"], asleep)
            ring.reserve(1)
            ring.commit()
            assert not struct.unpack_from("=I", header, WAITING["consumer"])[0]
        # Its own sleep is taken from it, again and again: it looks, and sleeps once more.
        struct.pack_into("=I", header, WAITING["producer"], asleep)
        with pytest.raises(TimeoutError):
            ring.reserve(8, timeout=0.05)
        struct.pack_into("=I", header, WAITING["consumer"], asleep)
        ring.close()
        for descriptor in (memory, wake, wake_peer, link):
            os.close(descriptor)

    within(60, work)


def test_what_wakes_an_end_is_an_eventfd() -> None:
    for place in (1, 2):
        ring = Ring.create(8)
        descriptors = list(ring.handle().take())
        os.close(descriptors[place])
        reading, writing = os.pipe()
        descriptors[place] = writing
        with pytest.raises(ValueError, match="eventfd"):
            RingHandle("consumer", *descriptors).attach()
        os.close(reading)
        ring.abort()


def test_a_ring_that_was_only_named_is_not_made_by_attaching() -> None:
    capacity = 2**31
    sparse = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.ftruncate(sparse, events_at(capacity) + capacity * EVENT_BYTES)
    os.pwrite(sparse, struct.pack("<8sQI", MAGIC, capacity, EVENT_BYTES), 0)
    import fcntl

    fcntl.fcntl(sparse, fcntl.F_ADD_SEALS, 0x7)
    with pytest.raises(ValueError, match="not allocated"):
        inspect(sparse)
    with pytest.raises(ValueError, match="more than the"):
        inspect(sparse, MOST_BYTES)
    assert os.fstat(sparse).st_blocks * 512 <= mmap.PAGESIZE
    os.close(sparse)


def test_a_ring_with_a_hole_is_refused() -> None:
    memory = allocate_ring(2**16)
    size = os.fstat(memory).st_size
    punched = subprocess.run(
        [
            "fallocate",
            "--punch-hole",
            "-o",
            str(size - 4096),
            "-l",
            "4096",
            f"/proc/self/fd/{memory}",
        ],
        pass_fds=[memory],
        check=False,
    )
    if punched.returncode:
        pytest.skip("no fallocate")
    with pytest.raises(ValueError, match="not allocated"):
        inspect(memory)
    os.close(memory)


def test_a_ring_from_a_socket_is_as_large_as_was_allowed() -> None:
    for most, fits in ((64 * EVENT_BYTES, True), (64 * EVENT_BYTES - 1, False)):
        here, there = socket.socketpair()
        with here, there, Ring.create(64) as producer:
            producer.handle().send(here)
            if fits:
                Ring.attach(there, most_bytes=most).close()
            else:
                with pytest.raises(ValueError, match="pass most_bytes="):
                    Ring.attach(there, most_bytes=most)
    here, there = socket.socketpair()
    with here, there, Ring.create(64) as producer:
        producer.handle().send(here)
        received = RingHandle.receive(there)
        assert received.most_bytes == MOST_BYTES
        received.close()


# ---- memory that is not there


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


GIB = 2**30
HOST = {"proc/meminfo": "MemTotal:  99 kB\nMemAvailable:   8388608 kB\n"}
V2 = HOST | {"proc/self/cgroup": "0::/a/b\n"}
V1 = HOST | {"proc/self/cgroup": "5:cpu:/x\n4:memory:/a\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({}, 2**63),
        (HOST, 8 * GIB),
        (V2 | {"sys/fs/cgroup/a/b/memory.max": "max\n"}, 8 * GIB),
        (
            V2
            | {
                "sys/fs/cgroup/a/b/memory.max": f"{GIB}\n",
                "sys/fs/cgroup/a/b/memory.current": "7\n",
            },
            GIB - 7,
        ),
        (  # of the group above; what files hold is given back
            V2
            | {
                "sys/fs/cgroup/a/b/memory.max": "max\n",
                "sys/fs/cgroup/a/memory.max": f"{GIB}\n",
                "sys/fs/cgroup/a/memory.current": f"{GIB}\n",
                "sys/fs/cgroup/a/memory.stat": "anon 5\ninactive_file 4096\n",
            },
            4096,
        ),
        (  # a container sees its own group as the top
            V2 | {"sys/fs/cgroup/memory.max": "100\n", "sys/fs/cgroup/memory.current": "300\n"},
            0,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000\n",
                "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "400\n",
                "sys/fs/cgroup/memory/a/memory.stat": "total_inactive_file 50\n",
            },
            650,
        ),
        (V1 | {"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "rubbish\n"}, 8 * GIB),
    ],
)
def test_the_least_room_counts(files: dict[str, str], room: int, tmp_path: Path) -> None:
    assert memory_room(write(tmp_path, files)) == room


def test_a_ring_beyond_the_host_is_an_error() -> None:
    if memory_room() > 2**36:
        pytest.skip("this host might have the memory")
    with pytest.raises(OSError, match=r"takes \d+ bytes of memory, and \d+ are free"):
        Ring.create(2**31)


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of 64 MiB, where this machine lets us make one."""
    place = Path("/sys/fs/cgroup")
    v2 = (place / "cgroup.controllers").exists()
    made = (place if v2 else place / "memory") / f"aether-test-{os.getpid()}"
    try:
        made.mkdir()
        (made / ("memory.max" if v2 else "memory.limit_in_bytes")).write_text(str(2**26))
    except OSError as error:
        if made.exists():
            made.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield made
    made.rmdir()


def test_a_ring_beyond_the_control_group_is_an_error(group: Path) -> None:
    code = (
        "import os\n"
        "from cython_core import Ring\n"  # before: what that takes is not to be judged
        f"open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
        "Ring.create(2**16).close()\n"  # 4 MiB
        "try:\n    Ring.create(2**21)\n"  # 128 MiB
        "except OSError as error:\n    print(error.errno, error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("12 ") and "134221824 bytes" in ran.stdout


def test_a_batch_beyond_a_ring_goes_in_pieces_whoever_reads() -> None:
    producer, consumer = Ring.pair(64)
    with pytest.raises(TimeoutError):
        producer.write(allocate(100), timeout=0)
    assert producer.counters().committed == 64
    consumer.abort()
    producer.abort()
