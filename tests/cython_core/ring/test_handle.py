"""An end of a ring handed over: by socket, by name, to a fork; and what is refused."""

import contextlib
import gc
import multiprocessing
import os
import resource
import secrets
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ring_children import produce

from cython_core import Ring, RingHandle
from cython_core.ring.rendezvous import RingOffer

FORK = multiprocessing.get_context("fork")


def test_an_end_is_refused_in_a_forked_child_and_lives_on_in_the_parent() -> None:
    producer, consumer = Ring.pair(8)
    child = os.fork()
    if child == 0:
        try:
            producer.reserve(1)
        except ValueError as error:
            if "belongs to the process that forked" in str(error):
                producer.close()
                consumer.close()
                os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    produce(producer, 5, 6, 5)
    producer.close()
    assert sum(len(batch) for batch in consumer) == 5
    consumer.close()


def test_a_handle_travels_over_a_unix_socket() -> None:
    here, there = socket.socketpair()
    with here, there, Ring.create(64) as producer:
        handle = producer.handle()
        handle.send(here)
        assert "spent" in repr(handle)
        with pytest.raises(ValueError, match="spent"):
            handle.send(here)
        with Ring.attach(there) as consumer:
            assert consumer.role == "consumer"
            produce(producer, 64, 7, 64)
            assert len(consumer.peek()) == 64
            consumer.release()


@pytest.mark.parametrize("note", [b"", b"x" * 16, b"aether-ring\n\x07\0\0\0"])
def test_a_note_that_is_no_handle_is_refused_and_leaks_nothing(note: bytes) -> None:
    here, there = socket.socketpair()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with here, there:
        if note:
            socket.send_fds(here, [note], [0, 1, 2, 0])
        else:
            here.close()
        with pytest.raises(ValueError, match="not an end of a ring"):
            Ring.attach(there)
    assert len(list(Path("/proc/self/fd").iterdir())) == before - (2)


@pytest.mark.parametrize("make", ["file", "unsealed", "noise"])
def test_memory_that_is_no_ring_is_refused(make: str, tmp_path: Path) -> None:
    if make == "file":
        fd = os.open(tmp_path / "plain", os.O_RDWR | os.O_CREAT)
    else:
        fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, 8192)
    if make == "noise":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 0x7)
    link, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handle = RingHandle("consumer", fd, os.eventfd(0), os.eventfd(0), link.detach())
    with other, pytest.raises(ValueError, match=r"sealed|begin"):
        handle.attach()


def test_only_unix_sockets_carry_a_handle() -> None:
    with socket.socket(socket.AF_INET) as tcp, Ring.create(8) as ring, ring.handle() as handle:
        with pytest.raises(ValueError, match="Unix socket"):
            handle.send(tcp)
        with pytest.raises(ValueError, match="Unix socket"):
            Ring.attach(tcp)


def test_unrelated_processes_meet_by_name(tmp_path: Path) -> None:
    code = (
        "import sys; from cython_core import Ring\n"
        "with Ring.attach(sys.argv[1]) as ring:\n"
        "    print(sum(int(b['sequence'].sum()) for b in ring))\n"
    )
    with Ring.create(64) as ring, ring.handle().offer(tmp_path) as offer:
        found = Path(offer.name).lstat()
        assert stat.S_IMODE(found.st_mode) == 0o600
        assert found.st_uid == os.geteuid()
        assert len(Path(offer.name).name) == len("aether-") + 32
        other = subprocess.Popen(
            [sys.executable, "-c", code, offer.name], stdout=subprocess.PIPE, text=True
        )
        offer.serve(timeout=120)
        assert not Path(offer.name).exists()
        produce(ring, 1000, 8, 64)
        ring.close()
        assert other.communicate(timeout=120)[0].strip() == str(sum(range(1000)))


def test_an_offer_times_out_and_can_be_withdrawn(tmp_path: Path) -> None:
    with Ring.create(8) as ring:
        handle = ring.handle()
        with handle.offer(tmp_path) as offer, pytest.raises(TimeoutError):
            offer.serve(timeout=0.01)
        offer.close()
        assert not list(tmp_path.iterdir())
        handle.attach().close()


def test_an_offer_outlives_askers_that_do_not(tmp_path: Path) -> None:
    """One that has died, one that dies with the end in its hand, one that says something else."""
    with Ring.create(64) as ring, ring.handle().offer(tmp_path) as offer:

        def ask(words: bytes | None) -> socket.socket:
            asker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            asker.settimeout(60)
            asker.connect(offer.name)
            if words is not None:
                asker.send(words)
            return asker

        for _ in range(3):
            ask(None).close()
        wrong = ask(b"nonsense")
        code = "import sys; from cython_core import Ring; Ring.attach(sys.argv[1]).close()"
        killed = (
            "import os, sys; from cython_core.ring.handle import RingHandle\n"
            "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
            "s.connect(sys.argv[1]); RingHandle.receive(s); os.kill(os.getpid(), 9)"
        )
        dies = subprocess.Popen([sys.executable, "-c", killed, offer.name])
        while dies.poll() is None:
            with pytest.raises(TimeoutError):
                offer.serve(timeout=0.2)
        other = subprocess.Popen([sys.executable, "-c", code, offer.name])
        offer.serve(timeout=120)
        wrong.close()
        assert other.wait(120) == 0


def test_names_that_are_not_ours_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Ring.attach(str(tmp_path / "nothing"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="not the name"):
        Ring.attach(str(tmp_path / "file"))
    with Ring.create(8) as ring, ring.handle().offer(tmp_path) as offer:
        Path(offer.name).chmod(0o666)
        with pytest.raises(PermissionError, match="this user alone"):
            Ring.attach(offer.name)


def test_a_name_is_never_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda n: "0" * 2 * n)
    with Ring.create(8) as ring, RingOffer(ring.handle(), tmp_path) as offer:
        with (
            Ring.create(8) as other,
            other.handle() as handle,
            pytest.raises(OSError, match="in use"),
        ):
            handle.offer(tmp_path)
        assert Path(offer.name).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user as well")
def test_another_user_is_refused() -> None:
    name = "\0aether-test-" + secrets.token_hex(8)
    ready, child_ready = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(name)
            listener.listen()
            child_ready.send(True)
            listener.accept()[0].recv(1)
        os._exit(0)
    assert ready.recv()
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock,
        Ring.create(8) as ring,
        ring.handle() as handle,
    ):
        sock.connect(name)
        with pytest.raises(PermissionError, match="user 65534"):
            handle.send(sock)
        with pytest.raises(PermissionError, match="user 65534"):
            Ring.attach(sock)
    assert os.waitpid(child, 0)[1] == 0


def test_descriptors_of_the_wrong_kind_are_refused_and_freed(tmp_path: Path) -> None:
    def held() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = held()
    plain = [os.open(tmp_path / str(i), os.O_RDWR | os.O_CREAT) for i in range(4)]
    with pytest.raises(OSError, match="non-socket"):
        RingHandle("consumer", plain[0], plain[1], plain[2], plain[3]).attach()
    assert held() == before


def test_running_out_of_descriptors_is_an_error_and_frees_what_was_made() -> None:
    def held() -> int:
        gc.collect()  # what tests before this one left, too
        return len(list(Path("/proc/self/fd").iterdir()))

    before = held()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd.name) for fd in Path("/proc/self/fd").iterdir())
    try:
        for spare in range(1, 6):
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + spare, hard))
            with contextlib.ExitStack() as rings, pytest.raises(OSError, match="open files"):
                for _ in range(100):
                    rings.enter_context(Ring.create(8))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert held() == before
