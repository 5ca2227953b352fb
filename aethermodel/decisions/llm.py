"""Decisions by a language model behind an OpenAI-compatible endpoint. Needs the extra ``llm``."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.topics import Topics

if TYPE_CHECKING:
    import httpx

#: The environment variable that holds the key; it is read from nowhere else.
KEY_VARIABLE = "AETHER_LLM_KEY"
_MOST_RESPONSE_BYTES = 2**20


class AnswerError(ValueError):
    """The endpoint answered something that is no answer to the question."""


class LanguageModel:
    """Asks for one of a few given answers to each event.

    What is sent is each event's topic, sequence, time and value: never its payload. What
    comes back is taken only if it is one of `answers`, so that no text of the model's
    own reaches the bus.

    Parameters
    ----------
    url : str
        The endpoint's base, such as ``https://host/v1``; plain ``http`` on loopback only,
        as the key goes with every question.
    model : str
        Its name at the endpoint.
    question : str
        What is to be decided.
    answers : sequence of str
        The answers allowed; at least 2.
    topics : Topics
        To name the events' topics.
    timeout_seconds : float
        For one request from its beginning to its last byte; above 0. A `Desk` has a deadline of
        its own.

    Raises
    ------
    ValueError
        If an argument is out of range.
    ModuleNotFoundError
        If httpx is not installed.
    """

    def __init__(
        self,
        url: str,
        model: str,
        question: str,
        answers: Sequence[str],
        topics: Topics,
        *,
        timeout_seconds: float = 10.0,
    ) -> None:
        local = _checked_url(url)
        if isinstance(answers, str) or len(set(answers)) < 2:
            raise ValueError("a decision needs at least 2 different answers to choose from")
        if not 0 < timeout_seconds < float("inf"):
            raise ValueError(f"a time limit is above 0 seconds, not {timeout_seconds!r}")
        import httpx

        self._timeout_seconds = timeout_seconds
        self._answers = tuple(answers)
        self._topics = topics
        self._model = model
        self._task = (
            f"{question}\nFor each event, in order, choose one of {json.dumps(self._answers)}. "
            "Reply with a JSON array of these strings only, one an event."
        )
        key = os.environ.get(KEY_VARIABLE)
        self._client: httpx.AsyncClient = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=None,
            follow_redirects=False,  # the key is for this endpoint only
            trust_env=not local,  # no proxy between this host and itself
        )

    async def decide(self, events: Batch) -> list[str]:
        """Return one answer an event; a `Desk`'s decider.

        Raises
        ------
        AnswerError
            If the reply is not of that form.
        TimeoutError
            If the whole reply is not there in time.
        httpx.HTTPError
            If there is no reply, or a status other than success.
        """
        facts = [
            {
                "topic": self._topics.name(int(event["topic"])),
                "sequence": int(event["sequence"]),
                "timestamp_ns": int(event["timestamp_ns"]),
                "value": float(event["value"]),
            }
            for event in events
        ]
        request = {
            "model": self._model,
            "temperature": 0,
            "messages": [
                {"role": "system", "content": self._task},
                {"role": "user", "content": json.dumps(facts)},
            ],
        }
        reply = bytearray()
        async with (
            asyncio.timeout(self._timeout_seconds),  # httpx's own limit is for each read
            self._client.stream("POST", "chat/completions", json=request) as response,
        ):
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                reply += piece
                if len(reply) > _MOST_RESPONSE_BYTES:
                    raise AnswerError(f"the reply is longer than {_MOST_RESPONSE_BYTES} bytes")
        return self._read(bytes(reply), len(facts))

    def _read(self, reply: bytes, wanted: int) -> list[str]:
        try:
            answers = json.loads(json.loads(reply)["choices"][0]["message"]["content"])
        except (ValueError, LookupError, TypeError, RecursionError):
            raise AnswerError("the reply holds no JSON array of answers") from None
        if not isinstance(answers, list) or len(answers) != wanted:
            raise AnswerError(f"{wanted} events were asked about, and not as many answered")
        if not all(isinstance(answer, str) and answer in self._answers for answer in answers):
            raise AnswerError("an answer is none of those allowed")
        return answers

    async def close(self) -> None:
        """Close the connections; idempotent."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _checked_url(url: str) -> bool:
    """Return whether the endpoint is on this host; ValueError if the key would go in the clear."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of an endpoint, such as https://host/v1")
    try:
        local = ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        local = parts.hostname == "localhost"
    if parts.scheme == "http" and not local:
        raise ValueError("plain http would show the key to others: use https, or loopback")
    return local
