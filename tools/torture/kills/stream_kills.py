"""Kills of either end of a stream: run both, kill one at a moment, judge by what both noted."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

import uvloop

from cython_core import now_ns
from tools.torture.journal import Journal
from tools.torture.killable_processes import END_SECONDS, Child, children, end_descendants
from tools.torture.witness import Page, judge_consumer_killed, judge_producer_killed

Role = Literal["producer", "consumer"]
ROLES: tuple[Role, Role] = ("producer", "consumer")


@dataclass(frozen=True)
class Ends:
    """Both ends of a stream and how one is killed.

    Attributes
    ----------
    producer, consumer : callable
        Bodies of the two processes. Each notes ``..._ready``, works until it is told of the other's
        death, notes what it was told (`Page.tell`, by its place in `told`) and returns.
    victim : {"producer", "consumer"}
    seconds : float
        From readiness until the kill.
    told : tuple of type
        What an end may be told.
    due : dict of str to type
        What the survivor of each victim must be told.
    keeps : bool
        Whether what a killed producer has sent is the consumer's already, as in a ring; a network
        may still have it on its way.
    patience : float
        Seconds for each end to get ready, and to be told.
    """

    producer: Callable[[], None]
    consumer: Callable[[], None]
    victim: Role
    seconds: float
    told: tuple[type[Exception], ...]
    due: dict[Role, tuple[type[Exception], ...]]
    keeps: bool = True
    patience: float = END_SECONDS


def kill_one(
    ends: Ends, page: Page, journal: Journal, started: Callable[[], None] = lambda: None
) -> None:
    """Run both ends, kill the victim and judge.

    Parameters
    ----------
    ends : Ends
    page : Page
        Cleared already.
    journal : Journal
    started : callable
        Called once both processes run.
    """
    with children() as running:
        producer, consumer = Child(ends.producer, page), Child(ends.consumer, page)
        running += [producer, consumer]
        started()
        if not (
            _ready(page, "producer", producer, ends) and _ready(page, "consumer", consumer, ends)
        ):
            told = f", told {ends.told[page['told'] - 1].__name__}" if page["told"] else ""
            states = f"producer {producer.status}, consumer {consumer.status}{told}"
            _explain(journal, page, f"an end did not open: {states}")
            return
        time.sleep(ends.seconds)
        victim, survivor = producer, consumer
        if ends.victim == "consumer":
            victim, survivor = survivor, victim
        killed_ns = now_ns()
        victim.kill()
        victim.wait()
        journal.count("kills")
        if victim.status != -signal.SIGKILL:
            _explain(journal, page, f"the {ends.victim} ended by itself: {victim.status}")
        elif not survivor.wait(ends.patience):
            words = f"nobody was told of the {ends.victim}'s death in {ends.patience:.0f} s"
            journal.find("hang", words)
        elif survivor.status:
            _explain(journal, page, f"the survivor of the {ends.victim}: {survivor.status}")
        else:
            _judge(ends, page, journal, killed_ns)
    end_kin(page)


def _judge(ends: Ends, page: Page, journal: Journal, killed_ns: int) -> None:
    told = ends.told[page["told"] - 1] if page["told"] else None
    if told not in ends.due[ends.victim]:
        journal.find("late", f"the {ends.victim}'s death was told as {told and told.__name__}")
        return
    if page["told_ns"] >= killed_ns:  # not told of an end that came before the kill
        journal.tally.told.append((page["told_ns"] - killed_ns) / 1e9)
    if ends.victim == "producer":
        damage = judge_producer_killed(page, keeps=ends.keeps)
    else:
        damage = judge_consumer_killed(page)
    journal.damage(*damage, f"after a kill of the {ends.victim}")


def _ready(page: Page, role: Role, child: Child, ends: Ends) -> bool:
    end = time.monotonic() + ends.patience
    while not page[f"{role}_ready"]:
        if time.monotonic() > end or child.wait(0):
            return bool(page[f"{role}_ready"])
        time.sleep(0.0002)
    return True


def _explain(journal: Journal, page: Page, words: str) -> None:
    text = page.text()
    last = text.strip().splitlines()[-1] if text else ""
    journal.find("traceback" if text else "crash", f"{words}: {last}" if last else words, text)


def run(body: Coroutine[Any, Any, None], *, native: bool) -> None:
    """Run a coroutine on uvloop, or on asyncio's own loop."""
    (uvloop if native else asyncio).run(body)


def hear_loop(journal: Journal) -> None:
    """Count as a finding what the running event loop can only log."""

    def complain(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            journal.find_error(error)
        else:
            journal.find("traceback", str(context.get("message")))

    asyncio.get_running_loop().set_exception_handler(complain)


def rest() -> None:
    """Do nothing more, and hold what is held."""
    while True:
        time.sleep(60)


def fork_kin(page: Page, act: Callable[[], None] = lambda: None) -> None:
    """Fork a child that inherits all, does `act` and rests; `end_kin` ends it."""
    page["forked"] = 1
    if os.fork():
        return
    try:
        act()
        rest()
    finally:
        os._exit(1)


def end_kin(page: Page) -> None:
    """End the child of `fork_kin`, which this process has adopted: nothing else is below it now."""
    if page["forked"]:
        end_descendants(0)
