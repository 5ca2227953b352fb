"""The command on two hosts: network namespaces with a wire between them, or else loopback."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import COMMAND, aether
from network_namespaces import can_make_namespaces

PLAN = ("--seconds", "0.2", "--rounds", "1", "-n", "1,8,64,512")
ROOM = "10.79.0"


@contextmanager
def two_hosts(name):
    """Yield what goes before a command on each of two hosts, and the second one's address."""
    if not can_make_namespaces():
        yield (), (), "127.0.0.1"
        return
    hosts = f"{name}-near", f"{name}-far"

    def run(line):
        subprocess.run(line.split(), check=True, capture_output=True)

    made = []
    try:
        for host in hosts:
            run(f"ip netns add {host}")
            made.append(host)
            run(f"ip -n {host} link set lo up")
        run(f"ip link add dev w0 netns {hosts[0]} type veth peer name w1 netns {hosts[1]}")
        for n, host in enumerate(hosts):
            run(f"ip -n {host} address add {ROOM}.{n + 1}/24 dev w{n}")
            run(f"ip -n {host} link set w{n} up")
        yield *(("ip", "netns", "exec", host) for host in hosts), f"{ROOM}.2"
    finally:
        for host in made:
            run(f"ip netns delete {host}")


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text("0123456789abcdef0123456789abcdef\n")
    return path


@pytest.mark.slow(reason="a whole measurement at both ends: 20 s")
def test_two_hosts_measure_the_wire_and_have_the_same_result(tmp_path, secret):
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    first, second = str(tmp_path / "1.law"), str(tmp_path / "2.law")
    command = [*COMMAND, "bench", "fabric", "--secret-file", str(secret), "--json"]
    alone = os.environ | {"TMPDIR": str(tmp_path)}  # with a host lock of its own
    with two_hosts(f"aether-{os.getpid()}") as (near, far, address):
        listening = subprocess.Popen(
            [*far, *command, str(there), "--listen", f"{address}:0", "-o", first],
            env=alone,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with listening:
            try:
                said = listening.stderr.readline()
                assert said.startswith(f"listening on {address}:"), said
                where = said.split()[2]
                connected = subprocess.run(
                    [*near, *command, str(here), "--connect", where, "-o", second, *PLAN],
                    env=alone,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert connected.returncode in (0, 1), connected.stderr
                assert listening.wait(60) == connected.returncode
            finally:
                listening.kill()
    found = json.loads(here.read_text())
    assert found == json.loads(there.read_text())
    assert found["schema"] == "aethermodel.bench.fabric/1" and found["fabric"] == "kernel-tcp"
    assert found["address"] == where
    assert set(found["hosts"]) == {"connects", "listens"}
    assert found["damaged"] == 0
    assert {row["n"] for row in found["rows"] if row["held_out"]} == {3, 23, 181}
    # Whoever watches the clock of a busy host sees anything; its sign is sure.
    assert found["link"]["latency"]["value"] > 0 and found["link"]["overhead"]["value"] > 0
    # One clock, read on both sides.
    clock = found["clock_offset"]
    assert abs(clock["seconds"]) <= 1.1 * clock["most_asymmetry_seconds"] + 1e-6
    assert Path(first).read_text() == Path(second).read_text()
    predicted = aether("predict", first, "-n", "100", "--json", "-")
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads(predicted.stdout)["time_kind"] == "one way"
    page = tmp_path / "law.html"
    reported = aether("report", first, "-o", str(page))
    assert reported.returncode == 0, reported.stderr
    text = page.read_text()
    assert f"bench fabric, kernel-tcp to {where}" in text
    assert "what both hosts take" in text and "somebody else" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "127.0.0.1", "--settings", "12"), "is of the sweep on one host"),
        (("--device", "rxe0"), "go with --listen or --connect"),
        (("--connect", "127.0.0.1"), "both hosts need one secret"),
        # Where there is a device, nobody listens there.
        (("--connect", "127.0.0.1:1", "--secret-file", "SECRET"), ("RDMA device", "be reached")),
    ],
)
def test_bench_rdma_between_two_hosts_is_bench_fabric_over_verbs(tmp_path, secret, words, said):
    given = [str(secret) if word == "SECRET" else word for word in words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AETHER_FABRIC")}
    environment["TMPDIR"] = str(tmp_path)  # with a host lock of its own
    done = aether("bench", "rdma", *given, env=environment)
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert any(part in last for part in ([said] if isinstance(said, str) else said)), last


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "wanted: --listen ADDRESS on one host, --connect HOST on the other"),
        (("--listen", "127.0.0.1", "--connect", "127.0.0.1"), "wanted: --listen ADDRESS"),
        (("--connect", "127.0.0.1"), "both hosts need one secret"),
        (("--connect", "127.0.0.1:x", "--secret-file", "SECRET"), "a port is a number"),
        (("--connect", "127.0.0.1:1", "--secret-file", "SECRET"), "cannot be reached"),
        (("--listen", "192.0.2.1", "--secret-file", "SECRET"), "192.0.2.1"),
        (("--connect", "127.0.0.1", "--secret-file", "OPEN"), "others may open this key"),
        (("--connect", "127.0.0.1", "--secret-file", "SECRET", "-n", "1,2"), "at least four"),
        (("--connect", "127.0.0.1", "--secret-file", "SECRET", "--device", "x"), "is of verbs"),
    ],
)
def test_bad_input_is_one_line(tmp_path, secret, words, said):
    opened = tmp_path / "open"
    opened.write_text("0123456789abcdef")
    opened.chmod(0o644)
    given = [{"SECRET": str(secret), "OPEN": str(opened)}.get(word, word) for word in words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AETHER_FABRIC")}
    environment["TMPDIR"] = str(tmp_path)  # with a host lock of its own
    done = aether("bench", "fabric", *given, env=environment)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("aethermodel: ") and said in lines[-1]
    assert "0123456789abcdef" not in done.stderr + done.stdout
