"""`--watch`: run again whenever a file changes. Files are asked for their times; nothing else is needed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable

from actinit_lint.problem import UserProblem

PAUSE = 0.5  # seconds between two looks at the files

Snapshot = dict[str, tuple[int, int]]


def watch(run: Callable[[], int], files: Callable[[], Iterable[str]]) -> int:
    """Runs until Ctrl-C, which is the way to end it and no failure."""
    try:
        while True:
            before = _snapshot(files)
            try:
                run()
            except UserProblem as problem:
                print(f"actinit-lint: error: {problem}", file=sys.stderr)
            print("watching for changes, Ctrl-C ends it", file=sys.stderr, flush=True)
            _wait(before, files)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 0


def _wait(before: Snapshot | None, files: Callable[[], Iterable[str]]) -> None:
    """Until something has changed, and has then stayed as it is for one pause: editors save in several steps."""
    now = _snapshot(files)
    while now == before:
        time.sleep(PAUSE)
        now = _snapshot(files)
    last: Snapshot | None = None
    while now != last:
        last = now
        time.sleep(PAUSE)
        now = _snapshot(files)


def _snapshot(files: Callable[[], Iterable[str]]) -> Snapshot | None:
    """Time and size of every file; None while the settings, or a path that was named, cannot be read."""
    try:
        paths = list(files())
    except UserProblem:
        return None
    found = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:  # it vanished between two looks
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found
