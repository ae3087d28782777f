"""A stand-in for the probe's supervisor that runs models in this process: what is tested is what is made of them."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from command import Result as Said
from command import actinit_lint, write

from actinit_lint.probe import measure, supervisor
from actinit_lint.probe.feed import inferred_inputs
from actinit_lint.probe.subject import Job, Result, RunOptions, Subject

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring


def run(
    jobs: Sequence[Job], options: RunOptions, progress: Callable[[int, int, str], None] | None = None
) -> Iterator[Result]:
    """Every class of the file that is a module and takes no arguments, with inputs for its first layer."""
    for job in jobs:
        module = types.ModuleType(f"probed_{abs(hash(job.path))}")
        sys.modules[module.__name__] = module
        exec(compile(Path(job.path).read_text(encoding="utf-8"), job.path, "exec"), module.__dict__)
        for name, found in list(vars(module).items()):
            own = inspect.isclass(found) and issubclass(found, torch.nn.Module) and found.__module__ == module.__name__
            if own and (job.name in (None, name)):
                yield _probe(job, name, found)


def _probe(job: Job, name: str, build: Callable[[], Any]) -> Result:
    try:
        torch.manual_seed(0)
        feed = inferred_inputs(build(), "torch")
    except Exception as problem:
        return Result(job.path, name, 1, not_probed=str(problem))
    if feed is None:
        return Result(job.path, name, 1, not_probed="no accepted input")
    subject = Subject(name, job.path, 1, "torch", build, feed)
    return Result(job.path, name, 1, measurement=measure.measure(subject, job.task))


def probed(monkeypatch: Any, folder: Path, code: str, *argv: str) -> Said:
    """`check --probe` on a file with this code; JSON with all levels unless other options are given."""
    monkeypatch.setattr(supervisor, "run", run)
    monkeypatch.setattr(supervisor, "available", lambda python=None: None)
    write(folder, {"net.py": code})
    options = argv or ("--output-format", "json", "--level", "info")
    return actinit_lint("check", "--probe", "--isolated", "--no-cache", *options, folder / "net.py")
