"""Shared key of both ends of a connection, and the proof of it."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path
from typing import Self

LEAST_KEY_BYTES = 16
NONCE_BYTES = 32
TAG_BYTES = 32
#: The environment variables that hold a key, or name the file that does.
KEY_VARIABLE = "AETHER_FABRIC_KEY"
KEY_FILE_VARIABLE = "AETHER_FABRIC_KEY_FILE"
_MOST_KEY_BYTES = 4096


class PeerRefused(ConnectionError):  # noqa: N818
    """The other end does not know the key, or did not speak in time."""


class SharedKey:
    """A secret of both ends, which no text of this object shows.

    Parameters
    ----------
    secret : bytes
        At least 16 bytes; better random, as `fresh` makes them, than words.

    Raises
    ------
    ValueError
        If it is shorter.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if not isinstance(secret, bytes) or len(secret) < LEAST_KEY_BYTES:
            raise ValueError(f"a key has at least {LEAST_KEY_BYTES} bytes")
        self._secret = secret

    @classmethod
    def fresh(cls) -> Self:
        """Return a random key."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a key from a file, without the line break at its end.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If others than its owner may read or change it, or it holds no key.
        """
        with Path(path).open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise ValueError(f"{path}: others may open this key; remedy: chmod 600 {path}")
            content = file.read(_MOST_KEY_BYTES + 1).rstrip(b"\r\n")
        if not LEAST_KEY_BYTES <= len(content) <= _MOST_KEY_BYTES:
            raise ValueError(f"{path}: a key has {LEAST_KEY_BYTES} to {_MOST_KEY_BYTES} bytes")
        return cls(content)

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return the key of `KEY_VARIABLE`, or of the file in `KEY_FILE_VARIABLE`; None if unset.

        Raises
        ------
        OSError, ValueError
            As `from_file`; or what is set is no key.
        """
        if secret := os.environ.get(KEY_VARIABLE):
            if len(encoded := os.fsencode(secret)) < LEAST_KEY_BYTES:
                raise ValueError(f"{KEY_VARIABLE}: a key has at least {LEAST_KEY_BYTES} bytes")
            return cls(encoded)
        if path := os.environ.get(KEY_FILE_VARIABLE):
            return cls.from_file(path)
        return None

    def conversation(self, context: bytes, first: bytes, second: bytes) -> SharedKey:
        """Return the key of one conversation: of this one and of what both ends drew for it.

        Parameters
        ----------
        context : bytes
            What the conversation is for, so that no tag of another passes in it.
        first, second : bytes
            The random nonces of the end that listens and of the one that dialled.
        """
        return SharedKey(hmac.digest(self._secret, context + first + second, "sha256"))

    def tag(self, body: bytes) -> bytes:
        """Return the tag that proves knowledge of the key, over `body`: HMAC-SHA256."""
        return hmac.digest(self._secret, body, "sha256")

    def proves(self, tag: bytes, body: bytes) -> bool:
        """Return whether a tag is the one over `body`, in a time that tells nothing of it."""
        return hmac.compare_digest(tag, self.tag(body))

    def __repr__(self) -> str:
        return "SharedKey(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharedKey) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(SharedKey)  # of no use as a dictionary's key, and gives nothing away


def nonce() -> bytes:
    """Return random bytes that no conversation used before."""
    return secrets.token_bytes(NONCE_BYTES)
