"""The processes below this one: who they are, what memory they use, how they are ended. Linux, through /proc.

Descendants are found by parenthood and not by process group, so one that started a session of its own is found too; the
caller makes itself the reaper of orphans first.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

_SET_CHILD_SUBREAPER = 36  # prctl(2)
_SET_PARENT_DEATH_SIGNAL = 1


def adopt_orphans() -> None:
    """Make this process the parent of what its descendants leave behind."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def descendants() -> list[int]:
    """Every process below this one, zombies included."""
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def _children(process: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:  # gone
        return []
    children: list[int] = []
    for thread in threads:
        with contextlib.suppress(OSError), open(f"/proc/{process}/task/{thread}/children") as file:
            children += map(int, file.read().split())
    return children


def memory_of(processes: list[int]) -> int:
    """Bytes these processes use together. Pages they share count once (PSS): forks share the framework's."""
    return sum(map(_proportional_bytes, processes))


def _proportional_bytes(process: int) -> int:
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) << 10
        return 0
    except OSError:
        return _resident_bytes(process)


def _resident_bytes(process: int) -> int:
    try:
        with open(f"/proc/{process}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def end_all(first: int, patience: float = 20.0) -> int | None:
    """Kill everything below this process; the wait status of `first`, None when it had been collected before.

    A process that forks faster than it is found is caught in a later round; after `patience` seconds this gives up.
    """
    status: int | None = None
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(first, signal.SIGKILL)
        for process in descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        try:
            while True:
                process, ended = os.waitpid(-1, os.WNOHANG)
                if process == 0:
                    break
                if process == first:
                    status = ended
        except ChildProcessError:  # none left
            return status
        time.sleep(0.005)
    return status
