"""What is run: one job for each file, with the remedies of its findings, and a program for each notebook."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import msgspec

from actinit_lint.finding import Finding
from actinit_lint.model import FileFacts, Place
from actinit_lint.probe.join import Static
from actinit_lint.probe.measurement import Line, Replacement, Task
from actinit_lint.probe.subject import Job, Override, RunOptions
from actinit_lint.rule import Remedy
from actinit_lint.source.texts import Texts

#: Models drawn to count those that are dead at birth: enough to tell 10 % from 5 %.
BIRTHS = 200


@dataclass(slots=True)
class Wish:
    """What is to be probed, and how."""

    options: RunOptions = field(default_factory=RunOptions)
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by file or folder: only these
    every_file: bool = False  # those in which no model was followed, too
    overrides: dict[str, dict[str, Override]] = field(default_factory=dict)  # by real path, then by model


def jobs_for(facts: Sequence[FileFacts], findings: Sequence[Finding], static: Static, wish: Wish) -> Iterator[Job]:
    """One job for each file, or for each model of it that was asked for by name."""
    replacements = list(_replacements(findings, static))
    for file in facts:
        if not (file.models or wish.every_file) or not os.path.isfile(static.files[file.path]):
            continue  # nothing to run, or text from standard input
        births = BIRTHS if any(one.code == "ACT405" and one.span.path == file.path for one in findings) else 0
        task = asdict(Task(replacements, births))
        overrides = wish.overrides.get(static.texts.real(file.path), {})
        for name in _named(file.path, wish):
            yield Job(static.files[file.path], name, overrides, task)


def _named(path: str, wish: Wish) -> list[str | None]:
    """The models of a file that were asked for; None stands for all."""
    names: list[str | None] = []
    for target, models in wish.models.items():
        inside = os.path.normpath(path).startswith(os.path.join(os.path.normpath(target), ""))
        if inside or os.path.normpath(path) == os.path.normpath(target):
            names += models
    return names or [None]


@contextmanager
def runnable(facts: Iterable[FileFacts], texts: Texts) -> Iterator[dict[str, str]]:
    """Where each file lies that a process can run: itself, and for a notebook its program in a temporary folder."""
    files = {file.path: texts.real(file.path) for file in facts}
    notebooks = [path for path in files if texts.notebook(path) is not None]
    if not notebooks:
        yield files
        return
    with tempfile.TemporaryDirectory(prefix="actinit-lint-") as folder:
        for number, path in enumerate(notebooks):
            program = os.path.join(os.path.realpath(folder), f"notebook_{number}.py")
            with open(program, "w", encoding="utf-8") as out:
                out.write(texts.text(path))
            files[path] = program
        yield files


def _replacements(findings: Sequence[Finding], static: Static) -> Iterator[Replacement]:
    """The remedies of all findings; of two for one weight the graver finding's counts."""
    places: dict[tuple[str, str], Place] = {}
    beside: dict[tuple[str, Line | None], list[str]] = {}  # paths of the layers that one line makes
    for model, layer in static.layers:
        places.setdefault((model, layer.path), layer.place)
        beside.setdefault((model, static.line(layer.place)), []).append(layer.path)
    order = ("error", "warning", "info")
    taken: set[tuple[str, str, str]] = set()
    for finding in sorted(findings, key=lambda one: order.index(one.level)):
        for remedy in finding.remedies:
            for model in _models_meant(remedy, finding, places):
                key = (model, remedy.layer, remedy.weight)
                if key in taken:
                    continue
                taken.add(key)
                path, _, name = model.rpartition("::")
                lines = static.lines(places[model, remedy.layer])
                paths = beside[model, lines[0] if lines else None]
                yield Replacement(
                    f"{static.files[path]}::{name}",
                    remedy.layer,
                    remedy.weight,
                    lines,
                    msgspec.to_builtins(remedy.initializer),
                    paths.index(remedy.layer),
                    len(paths),
                )


def _models_meant(remedy: Remedy, finding: Finding, places: Mapping[tuple[str, str], Place]) -> list[str]:
    """The finding's file where it holds the model; any file, where an initialiser is written in a helper's."""
    here = f"{finding.span.path}::{remedy.model}"
    if (here, remedy.layer) in places:
        return [here]
    return [model for model, layer in places if layer == remedy.layer and model.rpartition("::")[2] == remedy.model]
