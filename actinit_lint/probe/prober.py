"""The probe as a stage of a run: made from options and settings, called between the checks and the report."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec

from actinit_lint.analysis import locate_all
from actinit_lint.finding import Finding
from actinit_lint.model import FileFacts, Layer
from actinit_lint.probe import supervisor
from actinit_lint.probe.examine import Examination, MeasuredHit, Run, examine
from actinit_lint.probe.jobs import Wish
from actinit_lint.probe.subject import LIMIT_OPTIONS, Limits, Override, RunOptions
from actinit_lint.problem import UserProblem
from actinit_lint.settings import Configuration
from actinit_lint.source.texts import Texts


class Prober:
    """Runs the models of the linted files; keeps what it measured for a report of its own."""

    def __init__(self, wish: Wish, run: Run) -> None:
        self.wish = wish
        self.examination = Examination()
        self._run = run

    def __call__(
        self,
        facts: Sequence[FileFacts],
        findings: Sequence[Finding],
        texts: Texts,
        progress: Callable[[str, int, int], None],
    ) -> list[MeasuredHit]:
        layers = (getattr(fact, "layer", None) for file in facts for fact in file.facts)
        spans = locate_all(texts, (layer.place for layer in layers if isinstance(layer, Layer)))
        self.examination = examine(facts, findings, spans, texts, self.wish, self._run, progress)
        return self.examination.hits


def prober(
    options: argparse.Namespace, configuration: Configuration, models: Mapping[str, Sequence[str]] | None = None
) -> Prober:
    """The probe that the command line and the settings ask for; raises UserProblem where no model could be run."""
    missing = supervisor.available(options.probe_python)
    if missing is not None:
        raise UserProblem(f"probe: {missing}")
    wish = Wish(_run_options(options), models or {}, models is not None, _overrides(configuration))
    return Prober(wish, supervisor.run)


def _run_options(options: argparse.Namespace) -> RunOptions:
    limits = Limits()
    for name, option in LIMIT_OPTIONS.items():
        value = getattr(options, option.removeprefix("--").replace("-", "_"))
        if value is not None:
            limits = replace(limits, **{name: value})
    return RunOptions(python=options.probe_python, limits=limits, network=options.probe_network)


def _overrides(configuration: Configuration) -> dict[str, dict[str, Override]]:
    """`"models.py::Net"` in the settings, by real path and model."""
    found: dict[str, dict[str, Override]] = {}
    for target, given in configuration.settings.probe.items():
        path, colons, model = target.partition("::")
        if not colons or not path or not model:
            raise UserProblem(
                f'{configuration.origins["probe"]}: probe."{target}": expected a file and a model, "models.py::Net"'
            )
        real = os.path.realpath(os.path.join(configuration.root, path))
        found.setdefault(real, {})[model] = Override(**msgspec.structs.asdict(given))
    return found
