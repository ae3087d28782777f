"""Runs jobs in child processes and yields what became of each model. Lives in the linter, imports no framework."""

from __future__ import annotations

import dataclasses
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from actinit_lint.probe.interpreter import Child, ChildGone, available
from actinit_lint.probe.subject import LIMIT_OPTIONS, Assumption, Job, Result, RunOptions

__all__ = ["available", "run"]

#: Told what goes on: (models done, models known, name of the one in work).
Progress = Callable[[int, int, str], None]
_KERAS = re.compile(rb"^\s*(?:import|from)\s+(?:tf_)?(?:keras|tensorflow)\b", re.MULTILINE)
_SCAN_SECONDS = 20.0  # to load a file, at most


@dataclass(slots=True)
class _Model:
    """A model found by a scan."""

    job: Job
    name: str
    line: int
    uses: list[str] = field(default_factory=list)
    root: bool = True

    @property
    def key(self) -> str:
        return f"{os.path.abspath(self.job.path)}::{self.name}"


def run(jobs: Sequence[Job], options: RunOptions, progress: Progress | None = None) -> Iterator[Result]:
    """Probe every job's models, roots first; a block is probed alone only if no root that ran held it.

    Never raises for what a model does. Closing the iterator ends every process that was started.
    """
    child = Child(options)
    tell = progress or (lambda done, known, name: None)
    until = time.monotonic() + options.limits.run_seconds
    try:
        models: list[_Model] = []
        for number, job in enumerate(jobs):
            tell(0, len(models), os.path.basename(job.path))
            found, problem = _scan(child, job, options, until)
            models += found
            if problem is not None:
                yield problem
            if not child.forks and number + 1 < len(jobs):
                child.close()
        yield from _probe_all(child, models, options, until, tell)
    finally:
        child.close()


def _probe_all(
    child: Child, models: list[_Model], options: RunOptions, until: float, tell: Progress
) -> Iterator[Result]:
    covered: set[str] = set()
    path = ""
    order = _roots_first(models)
    for done, model in enumerate(order):
        if model.job.name is None and model.key in covered:
            continue
        tell(done, len(order), model.name)
        if not child.forks and path not in ("", model.job.path):
            child.close()  # one process a file: what one leaves in memory does not reach the next
        path = model.job.path
        result = _probe(child, model, options, until)
        if result.not_probed is None:
            covered.update(result.covers)
        yield result
    tell(len(order), len(order), "")


def _roots_first(models: list[_Model]) -> list[_Model]:
    """Models in an order where what uses others comes before them; those asked for by name before all."""
    by_key = {model.key: model for model in models}
    users: dict[str, int] = dict.fromkeys(by_key, 0)
    for model in models:
        for used in set(model.uses) - {model.key}:
            if used in users:
                users[used] += 1
    for model in models:
        model.root = not users[model.key]
    left = dict(by_key)
    ordered: list[_Model] = []
    while left:
        free = [key for key in left if users[key] == 0] or [min(left, key=users.__getitem__)]  # a ring: any will do
        for key in free:
            model = left.pop(key)
            ordered.append(model)
            for used in set(model.uses) - {key}:
                if used in users:
                    users[used] -= 1
    return sorted(ordered, key=lambda model: model.job.name is None)


def _scan(child: Child, job: Job, options: RunOptions, until: float) -> tuple[list[_Model], Result | None]:
    """The job's models; where there are none, a result that says why, or nothing where the file simply has none."""
    limits = dataclasses.replace(options.limits, seconds=min(_SCAN_SECONDS, options.limits.seconds))
    answer = _ask(
        child, {**_request("scan", job, options), "name": job.name, "limits": dataclasses.asdict(limits)}, until
    )
    problem = answer.get("problem") or answer.get("not_probed")
    if problem is not None:
        return [], Result(job.path, job.name or "", 0, not_probed=str(problem), traceback=answer.get("traceback"))
    return [_Model(job, found["name"], found["line"], found["uses"]) for found in answer["targets"]], None


def _probe(child: Child, model: _Model, options: RunOptions, until: float) -> Result:
    started = time.monotonic()
    override = model.job.overrides.get(model.name)
    request = {
        **_request("probe", model.job, options),
        "name": model.name,
        "task": model.job.task,
        "measure": options.measure,
        "override": dataclasses.asdict(override) if override is not None else None,
    }
    answer = _ask(child, request, until)
    problem = answer.get("problem") or answer.get("not_probed")
    return Result(
        path=model.job.path,
        name=model.name,
        line=model.line,
        measurement=answer.get("measurement"),
        not_probed=str(problem) if problem is not None else None,
        hint=answer.get("hint"),
        assumptions=[Assumption(**assumption) for assumption in answer.get("assumptions", [])],
        depth_assumed=bool(answer.get("depth_assumed")),
        covers=list(answer.get("covers", [])),
        root=model.root,
        seconds=round(time.monotonic() - started, 3),
        traceback=answer.get("traceback"),
    )


def _request(operation: str, job: Job, options: RunOptions) -> dict[str, Any]:
    path = os.path.abspath(job.path)
    return {"op": operation, "path": path, "keras": _uses_keras(path), "limits": dataclasses.asdict(options.limits)}


def _ask(child: Child, request: dict[str, Any], until: float) -> dict[str, Any]:
    over = {"not_probed": f"the time for the whole run was over; {LIMIT_OPTIONS['run_seconds']} raises it"}
    left = until - time.monotonic()
    if left <= 0:
        return over
    allowed = float(request["limits"]["seconds"])
    request["limits"]["seconds"] = min(allowed, left)
    try:
        answer = child.ask(request, min(allowed, left))
    except ChildGone as error:
        answer = {"not_probed": str(error)}
    cut_short = left < allowed and str(answer.get("not_probed")).startswith("no result after")
    return over if cut_short else answer


def _uses_keras(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return _KERAS.search(file.read()) is not None
    except OSError:
        return False
