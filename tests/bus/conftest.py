"""Fixtures of the bus's tests."""

import asyncio

import pytest
import uvloop


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine, on either event loop."""
    return request.param
