"""Decision gate and rules: an answer in any case, bounded in number and time."""

import asyncio

import numpy as np
import pytest

from aethermodel.decisions.bounded_decisions import Desk
from aethermodel.decisions.rules import Rules
from aethermodel.measure.harness.batch_pool import make_batch

ALL = np.arange(4, dtype=np.uint32)


def desk_of(decide, answered, **settings):
    given = {"deadline_seconds": 5.0, "concurrency": 2, **settings}
    return Desk(decide, lambda events: "rule", answered.append, **given)


def test_what_is_escalated_is_a_copy_that_outlives_its_batch():
    async def main():
        answered = []

        async def decide(events):
            await asyncio.sleep(0)
            return events["sequence"].tolist()

        batch = make_batch(10, 4, 0)
        async with desk_of(decide, answered) as desk:
            desk.escalate(batch, np.array([1, 3], dtype=np.uint32))
            desk.escalate(batch, np.array([], dtype=np.uint32))
            batch["sequence"] = 99
        (decision,) = answered
        assert decision.answer == [1, 3]
        assert decision.why is None
        assert (desk.decided, desk.copied_bytes, desk.in_flight) == (1, 128, 0)
        assert desk.latency_ns.count == 1

    asyncio.run(main())


def test_more_than_fit_fall_back_and_nobody_waits():
    async def main():
        answered, gate = [], asyncio.Event()

        async def decide(events):
            await gate.wait()
            return "decided"

        async with desk_of(decide, answered, concurrency=3) as desk:
            for _ in range(10):
                desk.escalate(make_batch(4, 4, 0), ALL)
            assert [d.why for d in answered] == ["busy"] * 7
            assert desk.in_flight == desk.most_in_flight == 3
            gate.set()
        assert [d.answer for d in answered] == ["rule"] * 7 + ["decided"] * 3
        assert desk.fell_back == {"busy": 7, "deadline": 0, "error": 0}

    asyncio.run(main())


def test_who_is_late_or_fails_is_answered_for():
    async def main():
        answered = []

        async def never(events):
            await asyncio.Event().wait()

        async def broken(events):
            raise TimeoutError("of its own")

        async with desk_of(never, answered, deadline_seconds=0.01) as late:
            late.escalate(make_batch(4, 4, 0), ALL)
        async with desk_of(broken, answered) as failing:
            failing.escalate(make_batch(4, 4, 0), ALL)
        assert [d.why for d in answered] == ["deadline", "error"]
        assert [d.answer for d in answered] == ["rule", "rule"]
        assert str(answered[1].error) == "of its own"

    asyncio.run(main())


def test_a_decider_that_cancels_itself_is_answered_for():
    async def main():
        answered = []

        async def gives_up(events):
            raise asyncio.CancelledError

        async with desk_of(gives_up, answered) as desk:
            desk.escalate(make_batch(4, 4, 0), ALL)
        return [(decision.answer, decision.why) for decision in answered]

    assert asyncio.run(main()) == [("rule", "error")]


class OddError(BaseException):
    """No Exception, and nothing that is meant for the program."""


@pytest.mark.parametrize("begun", [False, True])
def test_a_decision_that_is_cancelled_from_outside_is_answered_for(begun):
    async def main():
        answered = []

        async def never(events):
            await asyncio.Event().wait()

        async with desk_of(never, answered) as desk:
            desk.escalate(make_batch(4, 4, 0), ALL)
            if begun:
                await asyncio.sleep(0)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
        return [(decision.answer, decision.why) for decision in answered], desk.fell_back

    answers, fell_back = asyncio.run(main())
    assert answers == [("rule", "error")]
    assert fell_back["error"] == 1


def test_a_decider_that_raises_no_exception_is_answered_for():
    async def main():
        answered = []

        async def odd(events):
            raise OddError("at fault")

        def fallback(events):
            raise asyncio.CancelledError

        async with desk_of(odd, answered) as desk:
            desk.escalate(make_batch(4, 4, 0), ALL)
        async with Desk(
            odd, fallback, answered.append, deadline_seconds=60, concurrency=1
        ) as without:
            without.escalate(make_batch(4, 4, 0), ALL)
        assert without.failed == 1
        return answered

    (decision,) = asyncio.run(main())
    assert (decision.answer, decision.why, str(decision.error)) == ("rule", "error", "at fault")


def test_a_desk_that_is_cancelled_answers_everything_first():
    async def main():
        answered = []

        async def never(events):
            await asyncio.Event().wait()

        async def use():
            async with desk_of(never, answered, concurrency=8, deadline_seconds=3600) as desk:
                for _ in range(5):
                    desk.escalate(make_batch(4, 4, 0), ALL)
            return desk

        using = asyncio.create_task(use())
        await asyncio.sleep(0.01)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        return answered

    answered = asyncio.run(asyncio.wait_for(main(), 60))
    assert [(decision.answer, decision.why) for decision in answered] == [("rule", "error")] * 5


def test_who_is_cancelled_in_drain_cancels_no_decision():
    async def main():
        answered, gate = [], asyncio.Event()

        async def decide(events):
            await gate.wait()
            return "decided"

        async with desk_of(decide, answered) as desk:
            desk.escalate(make_batch(4, 4, 0), ALL)
            draining = asyncio.create_task(desk.drain())
            await asyncio.sleep(0)
            draining.cancel()
            await asyncio.wait({draining})
            gate.set()
        return [decision.answer for decision in answered]

    assert asyncio.run(main()) == ["decided"]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_answers_that_nobody_got_are_counted_and_the_desk_goes_on(concurrency, caplog):
    """Neither a fallback that fails nor a listener that does stops the handler or the others."""

    async def main():
        async def broken(events):
            raise OSError("nobody there")

        def fallback(events):
            if events["sequence"][0] % 2:
                raise KeyError("no rule")
            return "rule"

        told = []

        def answered(decision):
            told.append(decision.answer)
            if len(told) == 1:
                raise RuntimeError("the first is lost")

        settings = {"deadline_seconds": 5.0, "concurrency": concurrency}
        async with Desk(broken, fallback, answered, **settings) as desk:
            for i in range(6):
                events = make_batch(4, 4, 0)
                events["sequence"] = i
                desk.escalate(events, ALL)
        assert desk.in_flight == 0
        return desk, told

    desk, told = asyncio.run(main())
    assert sum(desk.fell_back.values()) == 6
    assert told == ["rule"] * 3
    assert desk.failed == 4  # three without a rule, and one that nobody heard
    assert len([r for r in caplog.records if "an answer was lost" in r.message]) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"deadline_seconds": 0}, "deadline"),
        ({"deadline_seconds": float("nan")}, "deadline"),
        ({"concurrency": 0}, "at least 1 decision"),
    ],
)
def test_bad_desks(settings, message):
    with pytest.raises(ValueError, match=message):
        desk_of(None, [], **settings)


def test_the_first_rule_that_holds_answers():
    events = make_batch(5, 4, 0)
    events["value"] = [1, 10, 100, 1000, np.nan]
    rules = Rules(
        [(lambda e: e["value"] > 500, "halt"), (lambda e: e["value"] > 50, "look")], "pass"
    )
    assert rules(events) == ["pass", "pass", "look", "halt", "pass"]
    assert asyncio.run(rules.decide(events)) == rules(events)
    assert rules(events[:0]) == []
    with pytest.raises(ValueError, match="one truth an event"):
        Rules([(lambda e: True, "x")], "y")(events)
