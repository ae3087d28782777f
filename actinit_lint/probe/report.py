"""What `probe` prints: a table for each model that ran, why the others did not, and the verdict on each finding."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from actinit_lint import __version__
from actinit_lint.outcome import Outcome
from actinit_lint.probe.examine import Examination, Examined
from actinit_lint.probe.join import Joint
from actinit_lint.probe.measurement import ActivationRecord, LayerRecord
from actinit_lint.probe.numbers import decades, middle, runs_of
from actinit_lint.report.bar import bar
from actinit_lint.report.look import Look, look_for
from actinit_lint.signal.standing import standing

COLUMNS = ("layer", "initialiser", "activation", "dead", "saturated", "signal", "predicted", "gradient", "predicted")


def render(
    examination: Examination, outcome: Outcome, output_format: str, color: str | None, *, verbose: bool = False
) -> None:
    """Everything on standard output."""
    if output_format == "json":
        _render_json(examination, outcome)
        return
    from actinit_lint.report.full import finding_rows
    from actinit_lint.report.paint import write_rows
    from actinit_lint.report.table import print_table

    look = look_for(sys.stdout, color or "auto")
    for model in examination.models:
        for line in heading(model, verbose):
            print(look.safe(line))
        if model.joint is not None:
            print_table(COLUMNS, list(rows(model.joint, look)), color)
        print()
    for finding in outcome.shown:
        write_rows([*finding_rows(finding, outcome, look), []], sys.stdout, look.color)
    print(look.safe(summary(examination, outcome)))


def heading(model: Examined, verbose: bool = False) -> Iterator[str]:
    """Name, what was assumed, or why there is nothing."""
    result = model.result
    path = _shown(model.path or result.path)
    name = f"{path}:{result.name}" if result.name else path
    if result.not_probed is not None:
        yield f"{name}: not probed: {result.not_probed}"
        if result.hint:
            yield from (f"  {line}" for line in result.hint.splitlines())
        if verbose and result.traceback:
            yield from (f"  {line}" for line in result.traceback.splitlines())
        return
    yield f"{name} ({result.seconds:.1f} s)"
    yield from (f"  assumed {one.text} ({one.origin})" for one in result.assumptions)
    if result.depth_assumed:
        yield "  the depth was assumed: what is said about it is weak"
    if model.joint is not None:
        measurement = model.joint.measurement
        kinds = Counter((run.distribution, run.cured, run.batch) for run in measurement.runs if not run.birth)
        spelled = {"normal": "N(0, 1)", "uniform": "U(0, 1)"}
        draws = (
            f"{count} × {batch} inputs {spelled[kind]}{' with the remedies' if cured else ''}"
            for (kind, cured, batch), count in kinds.items()
        )
        yield f"  {', '.join(draws)}"
        if measurement.unused:
            yield f"  without a part in the output: {', '.join(measurement.unused)}"
        yield from (f"  {note}" for note in measurement.notes)
        if measurement.blocked_by:
            yield f"  no gradient comes through: {', '.join(measurement.blocked_by)}"


def rows(joint: Joint, look: Look) -> Iterator[tuple[str, ...]]:
    """One row a layer, in the order of execution."""
    for index, record in enumerate(joint.measurement.layers):
        met = joint.activation([index], None)
        initializer = ""
        layer = joint.static.get(index)
        if layer is not None:
            weight = next((w for name, w in layer.weights.items() if index in joint.of(layer, name)), None)
            initializer = weight.initializer.name if weight is not None else ""
        predicted = _predicted(joint, index)
        yield (
            record.layer or record.weight,
            initializer,
            met.name if met is not None else "",
            _percent(joint, met, "dead"),
            _percent(joint, met, "saturated"),
            _bar(relative(joint, index, "signal"), look),
            _number(predicted[0]),
            _bar(relative(joint, index, "gradient"), look),
            _number(predicted[1]),
        )


def _percent(joint: Joint, met: ActivationRecord | None, name: str) -> str:
    if met is None or (name == "saturated" and met.name not in ("sigmoid", "tanh", "softsign", "hardtanh")):
        return ""
    value = middle(getattr(one, name) for one in runs_of(met, joint.measurement))
    return "" if value is None else f"{value:.0%}"


def relative(joint: Joint, index: int, what: str) -> float | None:
    """log10 of a layer's standard deviation over that of its chain's first (signal) or last (gradient) layer."""
    layers, inner = joint.measurement.layers, _hidden(joint)
    if not layers:
        return None
    ends = sorted(inner) or list(range(len(layers)))
    other = ends[0] if what == "signal" else ends[-1]
    here, there = _median(joint, layers[index], what), _median(joint, layers[other], what)
    if not here or not there:
        return None
    return decades(here / there)


def _hidden(joint: Joint) -> set[int]:
    return {source for record in joint.measurement.layers for source in record.sources}


def _median(joint: Joint, record: LayerRecord, what: str) -> float | None:
    return middle(getattr(one, what) for one in runs_of(record, joint.measurement))


def _predicted(joint: Joint, index: int) -> tuple[float | None, float | None]:
    """What was predicted of the layer in its chain: decades of signal and of gradient."""
    layer = joint.static.get(index)
    for link in joint.links.get(id(layer), ()):
        found = standing(link)
        if found is not None and found.layers > 1:
            return found.signal, found.gradient
    return None, None


def _bar(value: float | None, look: Look) -> str:
    return "" if value is None or not isfinite(value) else f"{bar(value, look.unicode)} {10**value:.2g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{10**value:.2g}"


def summary(examination: Examination, outcome: Outcome) -> str:
    """`3 models measured, 1 not. 4 findings: 3 confirmed, 1 not observed.`"""
    ran = sum(one.joint is not None for one in examination.models)
    failed = len(examination.models) - ran
    parts = [f"{ran} {'model' if ran == 1 else 'models'} measured" + (f", {failed} not" if failed else "")]
    verdicts = Counter(finding.probe.verdict for finding in outcome.shown if finding.probe is not None)
    measured = sum(finding.code.startswith("ACT7") for finding in outcome.shown)
    if verdicts:
        told = ", ".join(f"{count} {verdict.replace('-', ' ')}" for verdict, count in sorted(verdicts.items()))
        total = sum(verdicts.values())
        parts.append(f"{total} {'finding' if total == 1 else 'findings'} of the code: {told}")
    if measured:
        parts.append(f"{measured} more by measurement")
    return ". ".join(parts) + "."


def _shown(path: str) -> str:
    relative_path = os.path.relpath(path)
    return path if relative_path.startswith("..") else relative_path


# -- JSON


def _render_json(examination: Examination, outcome: Outcome) -> None:
    from actinit_lint.report.json import finding_object, summary_object

    document = {
        "version": 1,
        "tool": {"name": "actinit-lint", "version": __version__},
        "models": [model_object(one) for one in examination.models],
        "findings": [finding_object(finding) for finding in outcome.findings],
        "summary": summary_object(outcome),
    }
    json.dump(_plain(document), sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def model_object(model: Examined) -> dict[str, Any]:
    result = model.result
    return {
        "path": model.path or result.path,
        "name": result.name,
        "line": result.line,
        "seconds": result.seconds,
        "not_probed": result.not_probed,
        "hint": result.hint,
        "assumptions": [asdict(one) for one in result.assumptions],
        "depth_assumed": result.depth_assumed,
        "measurement": None if model.joint is None else asdict(model.joint.measurement),
        "symptoms": [one.code for one in model.symptoms],
    }


def _plain(value: Any) -> Any:
    """JSON knows no infinity and no NaN."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
