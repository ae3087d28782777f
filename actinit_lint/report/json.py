"""JSON: one object, or one finding a line."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TextIO

from actinit_lint import __version__
from actinit_lint.outcome import Outcome
from actinit_lint.report.look import Look

if TYPE_CHECKING:
    from actinit_lint.finding import Finding, Fix, Span
    from actinit_lint.probe.evidence import Probed


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    """The whole run as one object."""
    document = {
        "version": 1,
        "tool": {"name": "actinit-lint", "version": __version__},
        "findings": [finding_object(finding) for finding in outcome.findings],
        "summary": summary_object(outcome),
        "not_followed": [
            {
                "path": entry.path,
                **({} if entry.cell is None else {"cell": entry.cell}),
                "line": entry.line,
                "reason": entry.reason,
            }
            for entry in outcome.not_followed
        ],
    }
    out.write(_dumps(document, look, indent=2) + "\n")


def render_lines(outcome: Outcome, out: TextIO, look: Look) -> None:
    """One finding a line, nothing else."""
    for finding in outcome.findings:
        out.write(_dumps(finding_object(finding), look) + "\n")


def _dumps(value: object, look: Look, indent: int | None = None) -> str:
    text = json.dumps(value, indent=indent, ensure_ascii=not look.unicode, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is no Unicode: only escapes can carry it
        text = json.dumps(value, indent=indent, allow_nan=False)
    return text


def finding_object(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.level,
        "confidence": finding.confidence,
        "message": finding.message,
        "help": finding.help,
        "path": finding.span.path,
        "cell": finding.span.cell,
        **_position(finding.span),
        "model": finding.model,
        "layer": finding.layer,
        "initializer": finding.initializer,
        "activation": finding.activation,
        # JSON knows no infinity and no NaN
        "numbers": {key: _number(value) for key, value in finding.numbers.items()},
        "related": [
            {
                "path": related.span.path,
                **({} if related.span.cell is None else {"cell": related.span.cell}),
                **_position(related.span),
                "message": related.message,
            }
            for related in finding.related
        ],
        "fix": fix_object(finding.fix),
        "fingerprint": finding.fingerprint,
        "suppressed": finding.suppressed,
        "baselined": finding.baselined,
        "probe": None if finding.probe is None else probe_object(finding.probe),
    }


def fix_object(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    return {
        "safety": fix.safety,
        "title": fix.title,
        "edits": [
            {
                "path": edit.span.path,
                **({} if edit.span.cell is None else {"cell": edit.span.cell}),
                **_position(edit.span),
                "text": edit.text,
            }
            for edit in fix.edits
        ],
    }


def probe_object(probe: Probed) -> dict[str, Any]:
    """A verdict with its numbers; `chain` and `cured_chain` hold log10 of the ratios over the whole chain."""
    return {
        "verdict": probe.verdict,
        "evidence": probe.evidence,
        "outlook": probe.outlook,
        "weak": probe.weak,
        "quantity": probe.quantity,
        "predicted": _number(probe.predicted),
        "measured": _number(probe.measured),
        "cured": _number(probe.cured),
        "chain": {name: _number(value) for name, value in probe.chain.items()},
        "cured_chain": {name: _number(value) for name, value in probe.cured_chain.items()},
    }


def _number(value: float | None) -> float | None:
    """JSON knows no infinity and no NaN."""
    return value if value is not None and math.isfinite(value) else None


def _position(span: Span) -> dict[str, int]:
    return {"line": span.line, "column": span.column, "end_line": span.end_line, "end_column": span.end_column}


def summary_object(outcome: Outcome) -> dict[str, Any]:
    summary = outcome.summary
    return {
        "files": summary.files,
        "models": summary.models,
        "layers_followed": summary.layers_followed,
        "layers_not_followed": summary.layers_not_followed,
        "by_severity": dict(outcome.by_severity),
    }
