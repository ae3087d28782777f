"""Parsing in processes beside this one: texts go out, encoded programs come back.

A worker is a fresh interpreter that has only this package and its parser on its path, never the folder that is linted.
What a worker cannot parse it leaves out; the caller then parses it itself, so that every complaint has one source.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import msgspec

from actinit_lint.program import SyntaxProblem, parse

#: More processes than this have not been seen to help: what follows the parse is done by one.
MOST = 8

#: The paths that are given come behind the standard library and before what else is installed.
_SCRIPT = """\
import sys
at = next((i for i, path in enumerate(sys.path) if path.endswith("-packages")), len(sys.path))
sys.path[at:at] = sys.argv[1:]
from actinit_lint.program.workers import serve
serve()
"""


class Workers:
    """Processes at work on texts, each on its share."""

    def __init__(self, shares: Sequence[Sequence[str]]) -> None:
        self._found: dict[str, bytes] = {}
        self._processes = [_process() for _ in shares]
        self._threads = [Thread(target=self._wait, args=pair) for pair in zip(self._processes, shares, strict=True)]
        for thread in self._threads:
            thread.start()

    def _wait(self, process: subprocess.Popen[bytes], texts: Sequence[str]) -> None:
        try:
            answer, _ = process.communicate(msgspec.msgpack.encode(texts))
            programs = msgspec.msgpack.decode(answer, type=dict[int, bytes])
        except (OSError, ValueError, msgspec.MsgspecError):  # it died: its share is parsed here
            return
        self._found.update((texts[index], program) for index, program in programs.items())

    def programs(self) -> Mapping[str, bytes]:
        """What they have parsed, encoded, by text; waits for all of them."""
        try:
            for thread in self._threads:
                thread.join()
        except BaseException:
            for process in self._processes:
                process.kill()
            raise
        return self._found


def shares(sizes: Sequence[int], jobs: int, least_share: int) -> list[list[int]]:
    """Numbers of the texts that each process takes, this one first; 0 `jobs` are as many as the machine has cores.

    The largest texts are dealt first, each to whoever has least.
    """
    wanted = min(jobs or min(_cores(), MOST), max(sum(sizes) // least_share, 1))
    dealt: list[list[int]] = [[] for _ in range(wanted)]
    load = [0] * wanted
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        least = load.index(min(load))
        dealt[least].append(index)
        load[least] += sizes[index]
    return [share for share in dealt if share]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _process() -> subprocess.Popen[bytes]:
    homes = {str(Path(__file__).resolve().parents[2]): None}
    for name in ("libcst", "msgspec"):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            homes[os.path.dirname(os.path.dirname(spec.origin))] = None
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _SCRIPT, *homes], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    )


def serve() -> None:
    """A worker's whole life: read texts, parse them, write programs, end."""
    texts = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[str])
    programs: dict[int, bytes] = {}
    for index, text in enumerate(texts):
        try:
            programs[index] = msgspec.msgpack.encode(parse(text, ""))
        except (SyntaxProblem, ValueError, OverflowError, RecursionError):
            continue
    sys.stdout.buffer.write(msgspec.msgpack.encode(programs))
