"""Run queue: how long threads that could run waited for a core, by the kernel's own count.

Nothing of it comes from what is timed: a thread that waits for an answer, or for a lock, is not in
the queue. Whoever else ran meanwhile is not told.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import get_native_id

_PROC = Path("/proc")
# A line of three numbers.
_LINE = 80


class RunQueue:
    """Waits for a core of this thread, and of the processes that it works with.

    Parameters
    ----------
    processes : iterable of int
        Their numbers; all threads count that they have now.

    Attributes
    ----------
    counted : bool
        Whether the kernel counts.
    """

    def __init__(self, processes: Iterable[int] = ()) -> None:
        own = _PROC / "self" / "task" / str(get_native_id())
        self._files = {file: 0 for task in (own, *_tasks(processes)) if (file := _opened(task))}
        self.counted = bool(self._files)

    def waited(self) -> float:
        """Return the seconds that all of them have waited since each began; about 1 µs a thread."""
        for file in self._files:
            try:
                self._files[file] = int(os.pread(file, _LINE, 0).split()[1])
            except (OSError, IndexError):
                continue  # it has ended, and waits no more
        return sum(self._files.values()) * 1e-9

    def close(self) -> None:
        """Close its files; idempotent."""
        while self._files:
            os.close(self._files.popitem()[0])


def descendants(of: int) -> list[int]:
    """Return the numbers of a process's children, their children, and so on."""
    parents: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            # The name, which may hold anything, stands in brackets before it.
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(folder.name))
    found, left = [], [of]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def _tasks(processes: Iterable[int]) -> Iterator[Path]:
    for process in processes:
        yield from (_PROC / str(process) / "task").glob("*")


def _opened(task: Path) -> int | None:
    try:
        file = os.open(task / "schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    if len(os.pread(file, _LINE, 0).split()) == 3:
        return file
    os.close(file)
    return None
