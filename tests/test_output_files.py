"""A file is written whole or not at all, and a disk that is full names it."""

import subprocess
import sys

import pytest
from command_line import Command

from aethermodel.output_files import check_apart, replacing, same_file, write_whole

_FULL = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.path.insert(0, sys.argv[2])
from trial_samples import trial_samples
from aethermodel.output_files import write_whole
from aethermodel.measure.sampling.sample_files import write_samples
samples, target = trial_samples(), Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for write in (lambda: write_whole(target, "x" * 5000), lambda: write_samples(samples, target)):
    try:
        write()
    except OSError as error:
        assert error.filename == str(target), error
    else:
        raise AssertionError
"""


def test_a_write_that_fails_names_the_file_and_leaves_the_old_one(tmp_path, request):
    target = tmp_path / "a.json"
    target.write_text("old")
    tests = str(request.config.rootpath / "tests")
    subprocess.run([sys.executable, "-c", _FULL, str(target), tests], check=True)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("more", [["--json", "-"], [], ["--help"]])
def test_a_standard_output_that_is_full_is_named(more):
    with open("/dev/full", "w") as full, Command("bound", *more, stdout=full) as done:  # noqa: PTH123
        assert done.wait() == 2
        (line,) = done.complained().splitlines()
    assert line.startswith("aethermodel: standard output: ")
    assert line.endswith("No space left on device")


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    target = tmp_path / "a"
    write_whole(target, "old")
    with pytest.raises(KeyboardInterrupt), replacing(target) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_that_is_not_there_is_the_same_by_every_spelling(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("d")
    (tmp_path / "dangling").symlink_to("x")
    assert same_file(tmp_path / "x", tmp_path / "d" / ".." / "x")
    assert same_file(tmp_path / "l" / "x", tmp_path / "d" / "x")
    assert same_file(tmp_path / "dangling", tmp_path / "x")
    assert not same_file(tmp_path / "x", tmp_path / "y")
    check_apart("-", ["-"])
    check_apart(None, [None])
