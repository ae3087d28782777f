"""GitLab's code quality report: one list of issues, whose fingerprints differ.

See https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, TextIO

from actinit_lint.outcome import Outcome
from actinit_lint.report.location import relative
from actinit_lint.report.look import Look

if TYPE_CHECKING:
    from actinit_lint.finding import Finding

SEVERITIES = {"error": "critical", "warning": "major", "info": "minor"}


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    seen: Counter[str] = Counter()
    issues = []
    for finding in outcome.shown:
        seen[finding.fingerprint] += 1
        issues.append(_issue(finding, seen[finding.fingerprint]))
    out.write(json.dumps(issues, indent=2) + "\n")


def _issue(finding: Finding, copy: int) -> dict[str, Any]:
    """`copy` counts findings of one fingerprint: GitLab shows only one issue of each."""
    span = finding.span
    where = f"cell {span.cell}, line {span.line}: " if span.cell is not None else ""
    lines = {"begin": 1} if span.cell is not None else {"begin": span.line, "end": span.end_line}
    digest = finding.fingerprint
    if copy > 1:
        digest = hashlib.sha256(f"{digest}\0{copy}".encode()).hexdigest()[: len(digest)]
    path = relative(os.path.abspath(span.path), os.environ.get("CI_PROJECT_DIR") or None)
    return {
        "description": f"{where}{finding.code} {finding.name}: {finding.message}",
        "check_name": finding.code,
        "fingerprint": digest,
        "severity": SEVERITIES[finding.level],
        "location": {"path": path, "lines": lines},
    }
