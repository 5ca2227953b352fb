"""Decisions: an answer in any case, bounded in number and time; a model by its protocol."""

import asyncio
import contextlib
import json

import numpy as np
import pytest

from aethermodel.bus import Topics
from aethermodel.decisions.gate import Desk
from aethermodel.decisions.llm import KEY_VARIABLE, AnswerError, LanguageModel
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
            odd, fallback, answered.append, deadline_seconds=5, concurrency=1
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


class Endpoint:
    """A server that speaks the protocol: chat completions over HTTP/1.1, on loopback."""

    def __init__(self, content, status=200):
        self.requests = []
        self._content = content
        self._status = status

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        with contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.requests.append((head[0], headers, body))
            content = self._content(body) if callable(self._content) else self._content
            if not isinstance(content, bytes):
                message = {"role": "assistant", "content": content}
                content = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
            writer.write(
                b"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                b"Location: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n%s"
                % (self._status, len(content), content)
            )
            await writer.drain()


TOPICS = Topics(["md.trade", "md.quote", "host.cpu", "host.memory"])


def asked(endpoint, events):
    async def main():
        async with (
            endpoint,
            LanguageModel(endpoint.url, "small", "Halt?", ["halt", "pass"], TOPICS) as model,
        ):
            return await model.decide(events)

    return asyncio.run(main())


def by_value(body):
    facts = json.loads(body["messages"][1]["content"])
    return json.dumps(["halt" if fact["value"] > 5 else "pass" for fact in facts])


def test_a_language_model_is_asked_as_the_protocol_says(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret-of-the-test")
    events = make_batch(3, 4, 0)
    events["value"] = [1, 9, 5]
    events["payload"] = 77
    endpoint = Endpoint(by_value)
    assert asked(endpoint, events) == ["pass", "halt", "pass"]
    ((line, headers, body),) = endpoint.requests
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == "bearer secret-of-the-test"
    assert body["model"] == "small"
    facts = json.loads(body["messages"][1]["content"])
    assert [fact["value"] for fact in facts] == [1, 9, 5]
    assert facts[0].keys() == {"topic", "sequence", "timestamp_ns", "value"}  # no payload
    assert "secret-of-the-test" not in json.dumps(body)


def test_without_a_key_none_is_sent(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    endpoint = Endpoint(by_value)
    asked(endpoint, make_batch(1, 4, 0))
    assert "authorization" not in endpoint.requests[0][1]


@pytest.mark.parametrize(
    "content",
    [
        "halt",
        '["halt"]',
        '["halt", "rm -rf"]',
        '["halt", 3]',
        '{"halt": 1}',
        b"not json",
        b"{}",
        b'{"choices": []}',
        b"[" * 100_000,
        b" " * (2**20 + 1),
    ],
)
def test_what_is_no_answer_is_an_error(content):
    with pytest.raises(AnswerError):
        asked(Endpoint(content), make_batch(2, 4, 0))


def test_the_time_limit_is_for_the_whole_request_and_not_for_each_read():
    """A byte now and then: each read is in time, and the reply never comes to its end."""

    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()

    async def main():
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with LanguageModel(
            url, "small", "?", ["halt", "pass"], TOPICS, timeout_seconds=0.3
        ) as model:
            with pytest.raises(TimeoutError):
                await model.decide(make_batch(1, 4, 0))
        server.close()

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_a_language_model_has_a_time_limit(limit):
    with pytest.raises(ValueError, match="time limit"):
        LanguageModel("http://localhost", "m", "?", ["a", "b"], TOPICS, timeout_seconds=limit)


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_status_other_than_success_is_an_error_and_redirects_are_not_followed(status):
    import httpx

    with pytest.raises(httpx.HTTPStatusError):
        asked(Endpoint(by_value, status), make_batch(1, 4, 0))


def test_at_a_desk_a_failing_model_is_answered_for_by_rules():
    async def main():
        answered = []
        rules = Rules([], "pass")
        async with (
            Endpoint(b"broken") as endpoint,
            LanguageModel(endpoint.url, "small", "?", ["halt", "pass"], TOPICS) as model,
            Desk(model.decide, rules, answered.append, deadline_seconds=5, concurrency=1) as desk,
        ):
            desk.escalate(make_batch(4, 4, 0), ALL)
        return answered

    (decision,) = asyncio.run(main())
    assert decision.answer == ["pass"] * 4
    assert decision.why == "error"


@pytest.mark.parametrize(
    ("url", "answers", "message"),
    [
        ("http://example.org/v1", ["a", "b"], "plain http"),
        ("ftp://localhost", ["a", "b"], "no address"),
        ("localhost", ["a", "b"], "no address"),
        ("https://example.org", ["a"], "at least 2"),
        ("https://example.org", "ab", "at least 2"),
    ],
)
def test_bad_models(url, answers, message):
    with pytest.raises(ValueError, match=message):
        LanguageModel(url, "m", "?", answers, TOPICS)
