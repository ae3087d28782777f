"""Runs jobs in child processes and yields what became of each model. Lives in the linter, imports no framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from actinit_lint.probe.subject import Job, Result, RunOptions

#: Told what goes on: (models done, models known, name of the one in work).
Progress = Callable[[int, int, str], None]


def available(python: str | None = None) -> str | None:
    """Why no probe is possible with this interpreter, in one line; None when it is."""
    raise NotImplementedError


def run(jobs: Sequence[Job], options: RunOptions, progress: Progress | None = None) -> Iterator[Result]:
    """Probe every job's models, roots first; a block is probed alone only if no root that ran held it."""
    raise NotImplementedError
