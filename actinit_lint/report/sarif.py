"""SARIF 2.1.0 (OASIS), as code scanning reads it: rules with their pages, all places, fixes, what is suppressed.

Suppressed and baselined findings are in it, marked. Paths are relative to `%SRCROOT%`, the folder of the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from actinit_lint import __version__
from actinit_lint.outcome import Outcome
from actinit_lint.report.location import uri
from actinit_lint.report.look import Look

if TYPE_CHECKING:
    from actinit_lint.finding import Finding, Span
    from actinit_lint.pages import Page

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: Mapping[str, str] = {"error": "error", "warning": "warning", "info": "note"}
#: What GitHub sorts alerts by.
SEVERITIES: Mapping[str, str] = {"error": "error", "warning": "warning", "info": "recommendation"}
PRECISIONS: Mapping[str, str] = {"high": "high", "medium": "medium", "low": "low"}


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    from actinit_lint.pages import pages

    codes = sorted({finding.code for finding in outcome.findings})
    summary = outcome.summary
    run = {
        "tool": {
            "driver": {
                "name": "actinit-lint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(pages()[code]) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not outcome.internal_error}],
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The folder that the linter was started in."}}},
        "results": [_result(finding, codes, outcome.baseline is not None) for finding in outcome.findings],
        "properties": {
            "files": summary.files,
            "models": summary.models,
            "layersFollowed": summary.layers_followed,
            "layersNotFollowed": summary.layers_not_followed,
        },
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    text = json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False)
    out.write(text + "\n")


def _rule(page: Page) -> dict[str, Any]:
    matter = page.matter
    what = page.body.partition("## What it does")[2].partition("\n## ")[0]
    return {
        "id": page.code,
        "name": "".join(word.capitalize() for word in page.name.split("-")),
        "shortDescription": {"text": matter.summary},
        "fullDescription": {"text": " ".join(what.split())},
        "help": {"text": page.body, "markdown": page.body},
        "defaultConfiguration": {"level": LEVELS[matter.level]},
        "properties": {
            "tags": ["initialization", *matter.frameworks],
            "precision": PRECISIONS[matter.confidence],
            "problem.severity": SEVERITIES[matter.level],
        },
    }


def _result(finding: Finding, codes: list[str], with_baseline: bool) -> dict[str, Any]:
    text = finding.message if finding.help is None else f"{finding.message}\n{finding.help}"
    span = finding.span
    if span.cell is not None:  # a region would count the lines of the notebook's file
        text = f"cell {span.cell}, line {span.line}: {text}"
    location: dict[str, Any] = {"physicalLocation": _place(span)}
    if finding.model:
        name = f"{finding.model}.{finding.layer}" if finding.layer else finding.model
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "member" if finding.layer else "type"}]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": LEVELS[finding.level],
        "message": {"text": text},
        "locations": [location],
    }
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _place(related.span), "message": {"text": related.message}}
            for number, related in enumerate(finding.related, 1)
        ]
    result["partialFingerprints"] = {"actinitLint/v1": finding.fingerprint}
    suppressions = []
    if finding.suppressed is not None:
        suppressions.append({"kind": "inSource", "status": "accepted", "justification": finding.suppressed})
    if finding.baselined:
        suppressions.append({"kind": "external", "status": "accepted", "justification": "in the baseline"})
    result["suppressions"] = suppressions
    if with_baseline:
        result["baselineState"] = "unchanged" if finding.baselined else "new"
    fix = _fix(finding)
    if fix is not None:
        result["fixes"] = [fix]
    result["properties"] = {"confidence": finding.confidence}
    return result


def _place(span: Span) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(span.path)}
    if span.cell is None:
        place["region"] = _region(span.line, span.column, span.end_line, span.end_column)
    return place


def _artifact(path: str) -> dict[str, Any]:
    found = uri(path)
    return {"uri": found} if found.startswith("file:") else {"uri": found, "uriBaseId": "%SRCROOT%"}


def _region(line: int, column: int, end_line: int, end_column: int) -> dict[str, int]:
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _fix(finding: Finding) -> dict[str, Any] | None:
    """The finding's edits, file by file. None where there are none, or where one lies in a notebook's cell."""
    fix = finding.fix
    if fix is None or not fix.edits or any(edit.span.cell is not None for edit in fix.edits):
        return None
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        span = edit.span
        changes.setdefault(span.path, []).append(
            {
                "deletedRegion": _region(span.line, span.column, span.end_line, span.end_column),
                "insertedContent": {"text": edit.text},
            }
        )
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": _artifact(path), "replacements": replacements}
            for path, replacements in changes.items()
        ],
    }
