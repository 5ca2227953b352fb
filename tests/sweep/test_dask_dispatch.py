"""Dispatch of points to hosts: what a host is given, and when it is told what the client has."""

from types import SimpleNamespace

from aethermodel.sweep.dask_dispatch import Dispatch, Member, Task


class Future:
    """A point that has ended as soon as it was handed out."""

    status = "finished"

    def __init__(self, result):
        self._result = result

    def add_done_callback(self, call):
        call(self)

    def result(self, timeout):
        return self._result


def test_a_host_goes_on_while_a_point_is_stored_and_forgets_no_point_before_it_is():
    client = SimpleNamespace(status="running", scheduler_info=lambda n_workers: {"workers": ["a"]})
    handed = []

    def submit(_, task, address, key, finished):
        handed.append((task.job, list(finished)))
        return Future((f"record of {task.job}", None))

    dispatch = Dispatch(
        lambda: client,
        lambda _, addresses: {address: Member("here", "kind") for address in addresses},
        submit,
        lambda task: task.job,
    )
    for name in ("p0", "p1", "p2"):
        dispatch.add(Task(name, "kind"))
    stored = []
    for task, record, _ in dispatch.results():
        # The next one has been handed out before this one is stored.
        assert len(handed) == min(len(stored) + 2, 3)
        told = {name for _, finished in handed for name in finished}
        assert told <= set(stored)
        stored.append(task.job)
        assert record == f"record of {task.job}"
    assert stored == ["p0", "p1", "p2"]
    assert handed[2] == ("p2", ["p0"])
