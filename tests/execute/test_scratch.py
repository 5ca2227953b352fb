"""Private folders and the host lock: held by a process, released by its end."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from aethermodel.execute.host_lock import HostBusyError, host_lock
from aethermodel.execute.scratch import clean_leftovers, runtime_folder, scratch


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    """A runtime folder of this test's own: other tests may run beside it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def in_another_process(program):
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    return child, child.stdout.readline().strip()


def test_the_runtime_folder_is_this_users_alone():
    facts = runtime_folder().stat()
    assert facts.st_mode & 0o777 == 0o700
    assert facts.st_uid == os.getuid()


def test_a_folder_that_others_can_enter_is_refused():
    runtime_folder().chmod(0o755)
    with pytest.raises(ValueError, match="mode 0700"):
        runtime_folder()


def test_a_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder = tmp_path / f"aethermodel-{os.getuid()}"
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="mode 0700"):
        runtime_folder()


def test_a_scratch_folder_lasts_as_long_as_its_block():
    with scratch() as folder:
        (folder / "file").write_text("x")
        clean_leftovers()
        assert (folder / "file").exists()
    assert not folder.exists()


def test_a_killed_processs_folder_is_cleaned_up_by_the_next():
    program = (
        "from aethermodel.execute.scratch import scratch\n"
        "with scratch() as folder:\n"
        "    print(folder, flush=True)\n"
        "    import signal; signal.pause()\n"
    )
    child, folder = in_another_process(program)
    clean_leftovers()
    assert Path(folder).is_dir()
    child.kill()
    child.wait()
    assert Path(folder).is_dir()
    clean_leftovers()
    assert not Path(folder).is_dir()
    child.stdout.close()


HOLD = (
    "from aethermodel.execute.host_lock import host_lock\n"
    "with host_lock():\n"
    "    print('held', flush=True)\n"
    "    import signal; signal.pause()\n"
)


def test_only_one_process_holds_the_host_and_the_other_is_told_who():
    child, _ = in_another_process(HOLD)
    with pytest.raises(HostBusyError, match=f"process {child.pid} is measuring"), host_lock(False):
        pass
    child.kill()
    child.wait()
    child.stdout.close()
    with host_lock(False):
        pass


def test_waiting_ends_when_the_other_does():
    child, _ = in_another_process(HOLD)
    told = []

    def end(holder):
        told.append(holder)
        child.kill()

    with host_lock(waiting=end):
        assert told == [str(child.pid)]
    child.wait()
    child.stdout.close()


def test_a_lock_whose_name_was_cleaned_away_does_not_let_two_in():
    with host_lock(False):
        (runtime_folder() / "host.lock").unlink()
    child, _ = in_another_process(HOLD)
    with pytest.raises(HostBusyError), host_lock(False):
        pass
    child.kill()
    child.wait()
    child.stdout.close()
