"""Terms of a pipeline: its stages, hand-overs and turns of the loop, and where each belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aethermodel.pipelines.composition.composition import GroupTerms, Kind
from aethermodel.pipelines.execution.probe import RECEIVE, SEND, in_this_process
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.pipelines.stage import Assumed, Group

# Of the loop's turn every other size is enough: it hardly depends on them.
_LOOP_STEP = 2


class TermPlan(NamedTuple):
    """A term that is timed.

    Attributes
    ----------
    name : str
    kind : {"stage", "hand-over", "loop", "assumed"}
    sizes : tuple of int
        Records of a batch; none of what is assumed.
    """

    name: str
    kind: Kind
    sizes: tuple[int, ...]


def term_plan(pipeline: Pipeline, sizes: tuple[int, ...]) -> list[TermPlan]:
    """Return what is to be timed, in the order of the pipeline."""
    found: list[TermPlan] = []
    few = tuple(sorted({*sizes[::_LOOP_STEP], sizes[-1]}))
    groups = group_terms(pipeline)
    known = {stage.name: stage for stage in pipeline.stages}
    for group in groups:
        for name in group.terms:
            if name in known:
                kind: Kind = "assumed" if isinstance(known[name], Assumed) else "stage"
                found.append(TermPlan(name, kind, sizes if kind == "stage" else ()))
            elif name == "loop":
                found.append(TermPlan(name, "loop", few))
            else:
                found.append(TermPlan(name, "hand-over", sizes))
    return list(dict.fromkeys(found))


def alone_sizes(sizes: Sequence[float]) -> tuple[int, ...]:
    """Return the sizes at which stages are timed back to back too, and which tables show."""
    return tuple(sorted({int(sizes[0]), int(sizes[len(sizes) // 2]), int(sizes[-1])}))


def group_terms(pipeline: Pipeline) -> list[GroupTerms]:
    """Return each group with its terms: received, passed through its stages, handed on."""
    groups = [group for group in pipeline.groups() if group.stages]
    # A thread that only feeds has no stage, but it hands over.
    if not pipeline.groups()[0].own and any(group.own for group in groups):
        groups = [pipeline.groups()[0], *[g for g in groups if g != pipeline.groups()[0]]]
    own = [group for group in groups if group.own or not group.stages]
    found = []
    for group in groups:
        terms: list[str] = []
        if group in own:
            at = own.index(group)
            after = own[at + 1] if at + 1 < len(own) else None
            if at and _crosses(own[at - 1], group):
                terms.append(RECEIVE + group.own[0].name)
            terms += [stage.name for stage in group.stages]
            if group.waits:
                terms.append("loop")
            if after is not None:
                terms.append(SEND + after.own[0].name)
        else:
            terms = [stage.name for stage in group.stages]
        found.append(GroupTerms(group.name, group.place, group.workers, tuple(terms)))
    return found


def shares_interpreter(pipeline: Pipeline) -> bool:
    """Whether several groups, or workers, share one interpreter."""
    here = in_this_process(pipeline)
    return len(here) > 1 or any(group.workers > 1 for group in here)


def _crosses(one: Group, other: Group) -> bool:
    return "process" in (one.place, other.place)
