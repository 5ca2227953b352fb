"""Language model as a decider: by its protocol, within its time, answered for where it fails."""

import asyncio
import contextlib
import json

import numpy as np
import pytest

from aethermodel.bus import Topics
from aethermodel.decisions.bounded_decisions import Desk
from aethermodel.decisions.llm import KEY_VARIABLE, AnswerError, LanguageModel
from aethermodel.decisions.rules import Rules
from aethermodel.measure.harness.batch_pool import make_batch

ALL = np.arange(4, dtype=np.uint32)


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
            Desk(model.decide, rules, answered.append, deadline_seconds=60, concurrency=1) as desk,
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
