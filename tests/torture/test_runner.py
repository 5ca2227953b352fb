"""The harness finds planted faults, each exactly as often as it was planted."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.torture import killable_processes, run_summary
from tools.torture.command import Writer, hear_signals
from tools.torture.fault_campaign import Campaign, TrialBody
from tools.torture.finding_replay import load
from tools.torture.findings import Finding, Trial
from tools.torture.inputs import fuzzed_inputs
from tools.torture.inputs.source import Source
from tools.torture.journal import Journal
from tools.torture.killable_processes import Child, adopt_orphans, children
from tools.torture.limits.limited_commands import Place, judge
from tools.torture.limits.namespace import own_shm
from tools.torture.runner import Limits, Runner
from tools.torture.trial_process import Slice
from tools.torture.witness import Page


@pytest.fixture(autouse=True)
def adopting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    adopt_orphans()
    yield
    adopt_orphans(False)


def planted(body: TrialBody, **more: Any) -> Campaign:
    return Campaign("planted", "", "inputs", 1, lambda: body, 1, **more)


def run(campaign: Campaign, trials: int) -> Runner:
    runner = Runner([campaign], 7, Limits(120, 60, trials={"planted": trials}))
    runner.run()
    return runner


def reading(read: Callable[[bytes], object], *refusal: type[Exception]) -> Campaign:
    source = Source(lambda draw: bytes([draw.randrange(8)]), read, refusal)
    return planted(fuzzed_inputs.trials({"eight": source}))


def bad_inputs(trials: int, bad: int) -> int:
    """How many of the trials draw this byte; they are split over two slices."""
    half = (trials + 1) // 2
    numbers = [*range(half), *range(1_000_000, 1_000_000 + trials - half)]
    if trials - half > 8:
        pytest.fail("more slices than this counts")
    drawn = []
    for number in numbers:
        draw = random.Random(str(Trial("planted", 7, number)))
        draw.choices(["eight"], [1.0])
        drawn.append(draw.randrange(8))
    return drawn.count(bad)


def test_a_refusal_is_no_finding_and_another_error_is_one_each_time() -> None:
    def read(data: bytes) -> None:
        if data == b"\1":
            raise ValueError("a refusal")
        if data == b"\2":
            raise KeyError("a fault")

    runner = run(reading(read, ValueError), 16)
    total = runner.total()
    assert total["inputs"] == total["trials"] == 16
    assert total.labels == {"eight": 16}
    assert total["found"] == len(total.findings) == bad_inputs(16, 2) > 0
    assert {(finding.kind, finding.data) for finding in total.findings} == {("traceback", b"\2")}


def test_a_crash_is_blamed_on_the_input_that_was_read() -> None:
    def read(data: bytes) -> None:
        if data == b"\3":
            os.kill(os.getpid(), signal.SIGSEGV)

    runner = Runner([reading(read)], 7, Limits(60, 2))
    while not any(f.kind == "crash" for f in runner.total().findings) and runner.seconds < 60:
        runner.limits.seconds = 2
        runner.run()
    crashes = [finding for finding in runner.total().findings if finding.kind == "crash"]
    assert {finding.data for finding in crashes} == {b"\3"}
    assert "SIGSEGV" in crashes[0].what
    trial = crashes[0].trial
    draw = random.Random(str(trial))
    draw.choices(["eight"], [1.0])
    assert draw.randrange(8) == 3  # the trial's name draws the same again


def test_a_hang_is_ended_with_its_stacks() -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        journal.input("slow", b"input")
        sleep_for_ever()

    def sleep_for_ever() -> None:
        time.sleep(600)

    runner = run(planted(trial, limit=0.5), 1)
    (finding,) = runner.total().findings
    assert (finding.kind, finding.data, finding.label) == ("hang", b"input", "slow")
    assert "sleep_for_ever" in finding.detail


def test_lost_events_are_counted_and_are_one_finding() -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        journal.damage(3, 0, 2, "planted")

    total = run(planted(trial), 2).total()
    assert (total["lost"], total["garbage"], total["repeated"]) == (6, 4, 0)
    assert sorted(finding.kind for finding in total.findings) == [
        "garbage",
        "garbage",
        "lost",
        "lost",
    ]


def test_what_a_trial_leaves_behind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        killable_processes, "GRACE_SECONDS", 2.0
    )  # which it waits for, and inherits
    kept: list[int] = []

    def trial(draw: random.Random, journal: Journal) -> None:
        kept.append(os.open("/dev/null", os.O_RDONLY))
        if len(kept) == 1 and not os.fork():
            time.sleep(600)
            os._exit(0)

    runner = Runner([planted(trial)], 7, Limits(60, 60, trials={"planted": 200}), lanes=1)
    runner.run()
    words = sorted(finding.what for finding in runner.total().findings)
    assert words[1] == "descriptors are left open" or words[0] == "descriptors are left open"
    assert any(what.startswith("a process is left") for what in words)
    assert len(words) == 2


def test_a_campaign_that_cannot_begin_stops_with_its_reason() -> None:
    def prepare() -> TrialBody:
        raise ImportError("no such reader")

    campaign = Campaign("planted", "", "inputs", 1, prepare, 1)
    runner = run(campaign, 5)
    assert runner.progress["planted"].stopped == "no trial began"
    assert [finding.kind for finding in runner.total().findings] == ["traceback"]


def test_a_blocked_campaign_is_skipped_and_told() -> None:
    runner = run(planted(lambda draw, journal: None, blocked=lambda: "no device"), 5)
    assert runner.total()["trials"] == 0
    assert any("skipped: no device" in line for line in run_summary.table(runner))


def test_a_saved_finding_is_read_again(tmp_path: Path) -> None:
    finding = Finding(Trial("frames", 1, 2), "crash", "SIGSEGV", "", b"\0\xff", "ring-line")
    assert load(finding.save(tmp_path)) == finding
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(ValueError, match="holds no finding"):
        load(broken)


def test_the_document_holds_the_figures_and_strict_json() -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        journal.count("kills")
        journal.tally.told.append(0.25)

    runner = run(planted(trial), 4)
    figures = run_summary.figures(runner, "command", {})
    assert figures["schema"] == "aethermodel.torture/1"
    assert figures["kills"] == 4
    told = {"count": 4, "milliseconds": [[250.0, 4]], "p50": 0.25, "p99": 0.25, "most": 0.25}
    assert figures["told_seconds"] == told
    assert json.loads(json.dumps(figures, allow_nan=False))["campaigns"][0]["trials"] == 4
    assert all(len(line) <= 80 for line in run_summary.table(runner))
    assert run_summary.markdown(figures)[-1].startswith(
        "| **all** | 4 kills | 0 | 0 | 0 | 0 | 0 | 0 | 250 |"
    )


def test_goals_end_a_run() -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        journal.count("kills")

    campaign = Campaign("planted", "", "kills", 1, lambda: trial, 1)
    runner = Runner([campaign], 7, Limits(120, 0.3, goals={"kills": 50}))
    runner.run()
    assert runner.total()["kills"] >= 50
    assert runner.seconds < 100


def test_a_run_of_inputs_ends_once_each_reader_has_had_its_least() -> None:
    sources = {"often": Source(lambda draw: b"", lambda data: None, ())}
    sources |= {"seldom": sources["often"]}

    def trial(draw: random.Random, journal: Journal) -> None:
        label = "seldom" if draw.random() < 0.2 else "often"
        fuzzed_inputs.read_one(label, sources[label], b"", journal)

    limits = Limits(120, 0.1, goals={"inputs": 10}, inputs_each=12)
    runner = Runner([planted(trial)], 7, limits, lanes=1)
    runner.run()
    assert min(runner.total().labels.values()) >= 12
    assert run_summary.figures(runner, "", {})["complete"]
    limits.inputs_each = 10**9
    assert [line.split(":")[0] for line in runner.missing()] == ["often", "seldom"]
    assert not run_summary.figures(runner, "", {})["complete"]


def test_a_run_that_is_resumed_goes_on_with_its_counts_and_other_trials() -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        journal.input("eight", b"")
        journal.count("kills")
        journal.tally.told.append(0.25)

    first = run(planted(trial), 4)
    content = json.loads(json.dumps(run_summary.figures(first, "first", {})))
    second = Runner([planted(trial)], 7, Limits(60, 60, goals={"kills": 6}))
    run_summary.resume(second, content)
    assert second.seed == 8
    assert second.missing() == ["4 of 6 kills"]
    second.limits = Limits(60, 60, trials={"planted": 7})  # four of which are there
    second.run()
    figures = run_summary.figures(second, "second", {})
    assert (figures["kills"], figures["inputs"]) == (7, 7)
    assert figures["campaigns"][0]["inputs_by_reader"] == {"eight": 7}
    assert figures["told_seconds"]["milliseconds"] == [[250.0, 7]]
    assert [part["command"] for part in figures["parts"]] == ["first"]
    assert "minutes in 2 runs:" in run_summary.markdown(figures)[0]
    for bad in ({}, [], content | {"findings": [{}]}, content | {"campaigns": [{}]}):
        with pytest.raises(ValueError, match="not the figures of a run"):
            run_summary.resume(second, bad)


def test_a_run_that_is_resumed_keeps_what_was_found(tmp_path: Path) -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        journal.find("left", "planted")

    first = run(planted(trial), 5)
    (group,) = first.total().kinds().values()
    files = [finding.save(tmp_path) for finding in group[:3]]
    content = run_summary.figures(first, "first", {group[0].signature: files})
    second = Runner([planted(trial)], 7, Limits(60, 60))
    run_summary.resume(second, json.loads(json.dumps(content)))
    assert second.total()["found"] == 5
    (again,) = second.total().kinds().values()
    assert [finding.save(tmp_path) for finding in again[:3]] == files
    figures = run_summary.figures(second, "second", {again[0].signature: files})
    assert figures["findings"] == content["findings"]
    assert figures["left"] == 5


@pytest.mark.parametrize(("status", "left"), [(-signal.SIGKILL, 0), (1, 1), (-signal.SIGTERM, 1)])
def test_only_a_killed_command_may_leave_its_temporary_files(status: int, left: int) -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        own_shm()  # other tests share memory meanwhile
        place = Place()
        try:
            Path(place.environment["TMPDIR"], "file").touch()
            judge(journal, place, "a command", status, b"", (status,))
        finally:
            place.remove()

    assert run(planted(trial), 1).total()["found"] == left


def test_a_process_that_ends_a_moment_after_its_parent_is_not_left() -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        own_shm()
        place = Place()
        try:
            if not os.fork():
                time.sleep(0.5)
                os._exit(0)
            judge(journal, place, "a command", 0, b"")
        finally:
            shutil.rmtree(place.root)

    # Shared memory is not looked at: other tests make and remove theirs meanwhile.
    found = run(planted(trial), 1).total().findings
    assert not [finding.what for finding in found if "a process" in finding.what]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_what_it_has_reached(number: int, tmp_path: Path) -> None:
    def trial(draw: random.Random, journal: Journal) -> None:
        journal.count("inputs")

    runner = Runner([planted(trial)], 7, Limits(600, 600))
    writer = Writer(runner, str(tmp_path / "torture.json"))

    def show(_: Runner) -> None:
        if runner.total()["inputs"]:
            under_way = run_summary.figures(runner, "", {}, over=False)
            assert under_way["inputs"] == under_way["campaigns"][0]["inputs"] > 0
            os.kill(os.getpid(), number)

    with hear_signals(runner):
        runner.run(show)
    writer.write({})
    figures = json.loads((tmp_path / "torture.json").read_text())
    assert figures["inputs"] > 0
    assert figures["complete"] is False
    assert not runner.total().findings
    assert not run_summary.figures(runner, "", {})["findings"]


def test_the_page_shows_the_committed_records() -> None:
    root = Path(run_summary.__file__).parents[2]
    page = (root / "docs" / "torture.md").read_text("utf-8")
    for path in (root / "data" / "benchmarks").glob("*/torture.json"):
        assert "\n".join(run_summary.markdown(json.loads(path.read_text("utf-8")))) in page


def test_a_killed_child_leaves_its_notes() -> None:
    page = Page()

    def body() -> None:
        page["committed"] = 3
        time.sleep(600)

    with children(Child(body, page)) as (child,):
        while not page["committed"]:
            time.sleep(0.001)
        child.kill()
        assert child.wait()
        assert child.status == -signal.SIGKILL


def test_an_interrupted_slice_takes_its_children_with_it(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def trial(draw: random.Random, journal: Journal) -> None:
        if not os.fork():
            time.sleep(600)
        begun.touch()
        time.sleep(600)

    running = Slice(planted(trial, limit=300), 7, 0, 1, 600)
    while not begun.exists():
        time.sleep(0.01)
    running.end()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
