"""Runner: gives campaigns their shares of the processors, in slices on a few processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tools.torture.fault_campaign import Campaign
from tools.torture.findings import Tally
from tools.torture.trial_process import Slice

#: Trials are numbered from a multiple of this in each slice.
SLICE_TRIALS = 1_000_000
#: A campaign that finds so many things of one kind has no more to say.
ENOUGH_FINDINGS = 400
#: Crashes and hangs each cost a process, and seconds.
ENOUGH_CRASHES = 12
#: Seconds that a trial may go on after the run's time.
GRACE_SECONDS = 60.0


@dataclass
class Limits:
    """When a run ends.

    Attributes
    ----------
    seconds : float
        Of the whole run; what is under way a minute later is ended.
    slice_seconds : float
        Of one slice.
    goals : dict of str to int
        How many kills, inputs and so on are wanted, over all campaigns that count these; once all
        are there the run ends. Empty: it ends with its time.
    inputs_each : int
        With a goal of inputs: how many of them each reader must have had.
    trials : dict of str to int
        Exactly so many trials of these campaigns, and no other campaign. Empty: by time.
    """

    seconds: float
    slice_seconds: float = 10.0
    goals: dict[str, int] = field(default_factory=dict)
    inputs_each: int = 0
    trials: dict[str, int] = field(default_factory=dict)


@dataclass
class Progress:
    """How one campaign stands.

    Attributes
    ----------
    tally : Tally
    spent, cpu_spent : float
        Seconds of all its slices, and of the processors.
    slices, running : int
    blocked : str or None
        Why it does not run here.
    stopped : str or None
        Why it does not go on.
    """

    tally: Tally = field(default_factory=Tally)
    spent: float = 0.0
    cpu_spent: float = 0.0
    slices: int = 0
    running: int = 0
    promised: int = 0
    blocked: str | None = None
    stopped: str | None = None


class Runner:
    """Runs campaigns side by side.

    Parameters
    ----------
    campaigns : list of Campaign
    seed : int
    limits : Limits
    lanes : int
        Slices at a time.

    Attributes
    ----------
    progress : dict of str to Progress
    interrupted : bool
        Whether to end now: a signal handler may set it.
    parts : list of dict
        What runs before this one, whose counts are in `progress`, said of themselves.
    """

    def __init__(
        self, campaigns: list[Campaign], seed: int, limits: Limits, lanes: int = 2
    ) -> None:
        self.campaigns = {campaign.name: campaign for campaign in campaigns}
        self.seed, self.limits, self.lanes = seed, limits, lanes
        self.progress = {name: Progress() for name in self.campaigns}
        self.interrupted = False
        self.parts: list[dict[str, Any]] = []
        self._running: list[Slice] = []
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def total(self) -> Tally:
        """Return what all campaigns counted, those under way included."""
        total = Tally()
        for name in self.progress:
            total.add(self.tally(name))
        return total

    def tally(self, name: str) -> Tally:
        """Return what a campaign counted, its slices under way included."""
        tally = Tally()
        tally.add(self.progress[name].tally)
        for running in self._running:
            if running.campaign.name == name:
                tally.add(running.tally)
        return tally

    def run(self, show: Callable[[Runner], None] = lambda _: None) -> None:
        """Run until the limits are reached; `show` is called several times a second."""
        self._began = time.monotonic()
        for name, campaign in self.campaigns.items():
            self.progress[name].blocked = campaign.blocked()
        try:
            while not self.interrupted and self.seconds < self.limits.seconds + GRACE_SECONDS:
                self._running = [it for it in self._running if not self._over(it)]
                while len(self._running) < self.lanes and (chosen := self._next()):
                    self._start(chosen)
                if not self._running:
                    break
                show(self)
                time.sleep(0.05)
        finally:
            for running in self._running:
                running.end()
                self._count(running)
            self._running = []

    def _over(self, running: Slice) -> bool:
        if running.poll():
            return False
        self._count(running)
        return True

    def _count(self, running: Slice) -> None:
        progress = self.progress[running.campaign.name]
        progress.tally.add(running.tally)
        progress.spent += time.monotonic() - running.began
        progress.cpu_spent += running.cpu_seconds
        progress.running -= 1
        progress.promised -= running.promised
        kinds = [finding.kind for finding in progress.tally.findings]
        ended = sum(kind in ("crash", "hang", "memory") for kind in kinds)
        if len(kinds) >= ENOUGH_FINDINGS or ended >= ENOUGH_CRASHES:
            progress.stopped = f"stopped after {len(kinds)} findings"
        if not running.tally["trials"]:
            progress.stopped = "no trial began"

    def _next(self) -> Campaign | None:
        """Return the campaign that has had the least of its share, if any is to go on.

        By the processors' time: what sleeps would else have little of it on a busy host. A tenth
        of all time counts as well, so that what does nothing but sleep does not take every lane.
        """
        if self.seconds >= self.limits.seconds:
            return None
        wanting = [
            campaign
            for name, campaign in self.campaigns.items()
            if not self.progress[name].blocked
            and not self.progress[name].stopped
            and self._wanted(campaign) > 0
        ]
        return min(wanting, key=self._served, default=None)

    def _served(self, campaign: Campaign) -> float:
        progress = self.progress[campaign.name]
        under_way = progress.running * self.limits.slice_seconds * campaign.warm_up
        return (progress.cpu_spent + 0.1 * progress.spent + under_way) / campaign.share

    def _wanted(self, campaign: Campaign) -> int:
        """Return how many trials the next slice may have."""
        progress = self.progress[campaign.name]
        if self.limits.trials:
            wanted = self.limits.trials.get(campaign.name, 0)
            return wanted - progress.tally["trials"] - progress.promised
        if self.limits.goals:
            total = self.total()
            unreached = [unit for unit in self.limits.goals if not self._reached(unit, total)]
            if not unreached or campaign.unit in set(self.limits.goals) - set(unreached):
                return 0
        return SLICE_TRIALS

    def _reached(self, unit: str, total: Tally) -> bool:
        return total[unit] >= self.limits.goals[unit] and not (
            unit == "inputs" and self.short_of_inputs(total)
        )

    def short_of_inputs(self, total: Tally) -> dict[str, int]:
        """Return the readers that have had fewer inputs than each must have, and how many."""
        return {
            label: count for label, count in total.labels.items() if count < self.limits.inputs_each
        }

    def missing(self) -> list[str]:
        """Return a line for each goal that is not reached, and each trial that was not run."""
        missing = []
        for name, wanted in self.limits.trials.items():
            progress = self.progress[name]
            if not progress.blocked and progress.tally["trials"] != wanted:
                missing.append(f"{name}: {progress.tally['trials']} of {wanted} trials")
        total = self.total()
        for unit, wanted in self.limits.goals.items():
            if total[unit] < wanted:
                missing.append(f"{total[unit]:,} of {wanted:,} {unit}")
        for label, count in self.short_of_inputs(total).items():
            missing.append(f"{label}: {count:,} of {self.limits.inputs_each:,} inputs")
        return missing

    def _start(self, campaign: Campaign) -> None:
        progress = self.progress[campaign.name]
        wanted = self._wanted(campaign)
        if self.limits.trials and self.lanes > 1 and wanted > 8:
            wanted = (wanted + 1) // 2
        first = progress.slices * SLICE_TRIALS
        seconds = self.limits.slice_seconds * campaign.warm_up
        seconds = min(seconds, max(0.5, self.limits.seconds - self.seconds))
        progress.slices += 1
        progress.running += 1
        started = Slice(campaign, self.seed, first, wanted, seconds)
        started.promised = wanted if self.limits.trials else 0
        progress.promised += started.promised
        self._running.append(started)
