"""The key of both ends: where it comes from, and that nothing shows it."""

import asyncio
import logging
import pickle
import traceback

import pytest

from aethermodel.bus.fabrics.key_exchange import KEY_FILE_VARIABLE, KEY_VARIABLE
from aethermodel.bus.fabrics.tcp import PeerRefused, SharedKey, TcpListener, TcpSender

SECRET = b"the secret of these tests"
KEY = SharedKey(SECRET)


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_FILE_VARIABLE, raising=False)


def test_a_key_comes_from_an_argument_a_file_or_the_environment(run, tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_bytes(SECRET + b"\n")
    file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        SharedKey.from_file(file)
    file.chmod(0o600)
    assert SharedKey.from_file(file) == KEY != SharedKey.fresh()
    assert SharedKey.from_environment() is None
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(file))
    assert SharedKey.from_environment() == KEY

    async def main():
        listener = await TcpListener.listen()
        assert listener.key == KEY
        await (await TcpSender.connect(listener.port)).end()
        listener.close()
        with pytest.raises(ValueError, match="needs the key"):
            monkeypatch.delenv(KEY_FILE_VARIABLE)
            await TcpSender.connect(listener.port)

    run(main())
    monkeypatch.setenv(KEY_VARIABLE, "too short")
    with pytest.raises(ValueError, match=KEY_VARIABLE) as caught:
        SharedKey.from_environment()
    assert "too short" not in str(caught.value)
    file.write_bytes(b"short")
    with pytest.raises(ValueError, match="16 to"):
        SharedKey.from_file(file)
    with pytest.raises(ValueError, match="at least 16 bytes"):
        SharedKey(b"short")


def test_without_a_key_a_listener_draws_one(run):
    async def main():
        first, second = await TcpListener.listen(), await TcpListener.listen()
        assert first.key != second.key
        await (await TcpSender.connect(first.port, key=first.key)).end()
        first.close()
        second.close()

    run(main())


def test_no_text_shows_a_key(caplog):
    assert "secret" not in repr(KEY) + str(KEY)
    assert pickle.loads(pickle.dumps(KEY)) == KEY  # for a child process

    async def main():
        listener = await TcpListener.listen(key=KEY)
        await TcpSender.connect(listener.port, key=SharedKey(b"another secret of these tests"))

    caplog.set_level(logging.DEBUG)
    try:
        asyncio.run(main())
    except PeerRefused as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        text = "".join(told.format()) + caplog.text
    # The name of the constant is in the sources that are shown; its value is not.
    assert SECRET.decode() not in text
    assert "another secret" not in text.replace('b"another secret of these tests"', "")
