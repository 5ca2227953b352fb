"""Slice: trials of one campaign in a process of their own, watched from outside."""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import psutil

from tools.torture.fault_campaign import Campaign, TrialBody, draw
from tools.torture.findings import Finding, Tally, Trial
from tools.torture.journal import Journal, Slot
from tools.torture.killable_processes import (
    RAISED,
    adopt_orphans,
    die_with,
    end_descendants,
    end_tree,
)

#: Seconds between two reports of a slice.
_REPORT_SECONDS = 0.5
#: Descriptors that caches may take in a slice; a leak takes one a trial.
_SPARE_DESCRIPTORS = 16
#: Trials before descriptors are counted: what is imported or cached late has then come.
_WARM_UP = 64
#: Memory that a slice may take. An input of a few kilobytes has no use for more.
MOST_BYTES = 4 * 2**30


class Slice:
    """A running slice, seen from the process that started it.

    Parameters
    ----------
    campaign : Campaign
    seed, first : int
        The run's seed, and the number of the first trial.
    trials : int
        Most trials.
    seconds : float
        After which no trial begins.
    again : Finding, optional
        Read its input again, in the place of what the trial would draw.

    Attributes
    ----------
    tally : Tally
        What was reported so far.
    promised : int
        Trials that nobody else needs to run, while this does.
    cpu_seconds : float
        Of its process and of those below it, once it has ended.
    """

    def __init__(
        self,
        campaign: Campaign,
        seed: int,
        first: int,
        trials: int,
        seconds: float,
        again: Finding | None = None,
    ) -> None:
        self.campaign, self.seed, self.first = campaign, seed, first
        self.tally = Tally()
        self.promised = 0
        self.cpu_seconds = 0.0
        self.began = time.monotonic()
        self.folder = tempfile.mkdtemp(prefix=f"{campaign.name}-")
        self._slot = Slot()
        self._stacks = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `_finish`
        self._hear, tell = multiprocessing.Pipe(duplex=False)
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            status = RAISED
            try:
                die_with(parent)
                os.setpgid(0, 0)  # Ctrl-C is for the run's own process, which ends this one
                signal.signal(signal.SIGINT, signal.default_int_handler)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.environ["TMPDIR"] = tempfile.tempdir = self.folder
                os.environ["XDG_RUNTIME_DIR"] = self.folder
                faulthandler.enable(self._stacks)
                faulthandler.register(signal.SIGUSR1, self._stacks, all_threads=True)
                journal = Journal(campaign.name, seed, self._slot)
                prepare = campaign.prepare
                if again is not None and again.label and campaign.again is not None:
                    prepare = partial(campaign.again, again.label, again.data)
                numbers = range(first, first + trials)
                run_trials(prepare, journal, numbers, seconds, tell.send)
                status = 0
            finally:
                os._exit(status)
        tell.close()

    def poll(self) -> bool:
        """Take in reports, end what hangs or takes too much; return whether it goes on."""
        self._take_in()
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self.cpu_seconds = usage.ru_utime + usage.ru_stime
            self._take_in()
            code = os.waitstatus_to_exitcode(status)
            if code:
                name = signal.Signals(-code).name if code < 0 else f"status {code}"
                self._blame("crash", f"the process ended by {name}")
            self._finish()
            return False
        _, seconds, _, _ = self._slot.read()
        if seconds > self.campaign.limit:
            self._end("hang", f"a trial took more than {self.campaign.limit:.0f} s")
        elif self._bytes() > MOST_BYTES:
            self._end("memory", f"a trial took more than {MOST_BYTES / 2**30:.0f} GiB")
        else:
            return True
        return False

    def end(self) -> None:
        """End it now, with no finding: the run is interrupted."""
        self._take_in()
        self.cpu_seconds = end_tree(self.pid)
        self._finish()

    def _take_in(self) -> None:
        with suppress(EOFError):
            while self._hear.poll():
                self.tally.add(self._hear.recv())

    def _bytes(self) -> int:
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def _end(self, kind: str, what: str) -> None:
        os.kill(self.pid, signal.SIGUSR1)  # it writes where every thread stands
        time.sleep(0.3)
        self.cpu_seconds = end_tree(self.pid)
        self._take_in()
        self._blame(kind, what)
        self._finish()

    def _blame(self, kind: str, what: str) -> None:
        number, _, label, data = self._slot.read()
        self._stacks.seek(0)
        detail = self._stacks.read().decode(errors="replace")[-6000:]
        trial = Trial(self.campaign.name, self.seed, number)
        self.tally.count("found")
        self.tally.findings.append(Finding(trial, kind, what, detail, data, label))

    def _finish(self) -> None:
        self._hear.close()
        self._stacks.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_trials(
    prepare: Callable[[], TrialBody],
    journal: Journal,
    numbers: range,
    seconds: float,
    report: Callable[[Tally], None],
) -> None:
    """Run trials in this process, and report what they count.

    Parameters
    ----------
    prepare : callable
        Returns the body of a trial.
    journal : Journal
    numbers : range
        Of the trials.
    seconds : float
        After which no trial begins.
    report : callable
        Given a `Tally` now and then, and at the end.
    """
    adopt_orphans()
    _hear_unraisable(journal)
    try:
        body = prepare()
    except Exception as error:
        journal.find_error(error)
        _send(journal, report)
        return
    end = reported = time.monotonic()
    end += seconds
    descriptors = None
    for done, number in enumerate(numbers):
        if time.monotonic() > end:
            break
        if done == _WARM_UP:
            descriptors = _descriptors()
        journal.begin(number)
        try:
            body(draw(journal.trial), journal)
        except Exception as error:  # the trial itself, or the product where nobody expected it
            journal.find_error(error)
        journal.end()
        if time.monotonic() - reported > _REPORT_SECONDS:
            reported = time.monotonic()
            _send(journal, report)
    if descriptors is not None and (more := _descriptors() - descriptors) > _SPARE_DESCRIPTORS:
        journal.find("left", "descriptors are left open", f"{more} in {len(numbers)} trials")
    for name in end_descendants():
        journal.find("left", f"a process is left: {name}")
    _send(journal, report)


def _send(journal: Journal, report: Callable[[Tally], None]) -> None:
    tally, journal.tally = journal.tally, Tally()
    report(tally)


def _descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough


def _hear_unraisable(journal: Journal) -> None:
    """Count as a finding what Python can only print: errors in finalisers and threads."""

    def unraisable(event: Any) -> None:
        if event.exc_value is not None:
            journal.find_error(event.exc_value)

    def in_thread(event: Any) -> None:
        if event.exc_value is not None:
            journal.find_error(event.exc_value)

    sys.unraisablehook = unraisable
    threading.excepthook = in_thread
