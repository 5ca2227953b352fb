"""Children of one test, apart from those that tests before it left to the end of the process."""

import multiprocessing

import pytest


@pytest.fixture
def new_children():
    """Return a function that returns the children that were started since the test began."""
    before = set(multiprocessing.active_children())
    return lambda: set(multiprocessing.active_children()) - before
