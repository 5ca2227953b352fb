"""`aethermodel doctor` as users call it, on the host that runs the tests."""

import json
import os
import re

import pytest
from command_line import aether
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.cli.doctor import step_lines
from aethermodel.doctor import examine
from aethermodel.inputs.sizes import memory, size_of


def doctor(*arguments, **more):
    return aether("doctor", *arguments, **more)


def test_each_line_has_a_level_and_a_reason_and_the_worst_decides():
    done = doctor("--register", "64MiB", "--queue-pairs", "4", "--json", "-")
    document = json.loads(done.stdout)
    assert document["schema"] == "aethermodel.doctor/1"
    assert document["host"]["id"]
    assert document["fabric"] is None
    planned = document["registration"]
    assert planned["size"] == 64 * 2**20
    assert planned["pinned_bytes"] > planned["size"]
    findings = document["findings"]
    assert {f["area"] for f in findings} == {"rdma", "memory", "processor", "clock", "software"}
    assert all(f["why"] for f in findings)
    assert not [f for f in findings if f["value"] is None and f["level"] == "good"]
    levels = {f["level"] for f in findings}
    assert document["level"] == next(x for x in ("bad", "warn", "good") if x in levels)
    assert done.returncode == (1 if "bad" in levels else 0)


def test_more_than_any_memory_is_bad_and_ends_with_1():
    done = doctor("--register", "512TiB")
    assert done.returncode == 1
    assert "bad  memory to pin" in done.stdout


def test_help_says_what_the_exit_status_means():
    done = doctor("--help")
    assert "Exit status" in done.stdout
    assert "Example: aethermodel doctor" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--register", "1GB"], "'1GB'"),
        (["--register", "0"], "at least 1"),
        (["--register", "1.0001KiB"], "whole number"),
        (["--register", "1MiB", "--queue-pairs", "-1"], "queue_pairs"),
        (["--register", "1MiB", "--depth", "0"], "depth"),
        (["--queue-pairs", "2"], "--register"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(arguments, message):
    done = doctor(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr


@given(st.integers(1, 2**40), st.sampled_from(["", "B", " KiB", "K", "MiB", " M", "GiB", "G"]))
def test_sizes_are_read_as_they_are_meant(count, unit):
    scale = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30}[unit.strip()[:1]]
    assert size_of(f"{count}{unit}") == count * scale


@given(st.integers(1, 999), st.integers(0, 4))
def test_sizes_written_are_read_back(count, power):
    assert size_of(memory(count * 1024**power)) == count * 1024**power


@pytest.mark.parametrize("width", [60, 80])
def test_every_line_fits_the_window_but_for_commands_which_are_whole(width):
    """Lines had up to 142 columns."""
    shown = doctor("--register", "64MiB", env=os.environ | {"COLUMNS": str(width)}).stdout
    findings, _, remedies = shown.partition("\n\n")
    assert all(len(line) <= width for line in findings.splitlines())
    for line in remedies.splitlines():
        assert len(line) <= width or not re.search(r"[:;] | \(", line)
    for finding in examine(None):
        assert re.search(rf"^  (good|warn|bad ) {re.escape(finding.name)}: ", findings, re.M)


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize(
    ("step", "command"),
    [
        ("this shell: ulimit -l 8192", "ulimit -l 8192"),
        ("as root, with a name: echo tsc > /sys/" + "x" * 90, "echo tsc > /sys/" + "x" * 90),
        ("    * soft memlock unlimited", "    * soft memlock unlimited"),
        ("numactl --cpunodebind=0 --membind=0 aethermodel ... (the node of the device)",
         "numactl --cpunodebind=0 --membind=0 aethermodel ..."),
        ("container: --shm-size=1g; else: mount -o remount,size=1g /dev/shm",
         "mount -o remount,size=1g /dev/shm"),
    ],
)  # fmt: skip
def test_a_command_is_in_one_piece_however_narrow_the_window(step, command, width):
    lines = step_lines(step, width)
    assert [line for line in lines if command in line]
    assert " ".join(" ".join(lines).split()) == " ".join(step.split())
    assert all(len(line) <= width or not re.search(r"[:;] | \(", line) for line in lines)
