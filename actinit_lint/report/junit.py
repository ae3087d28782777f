"""JUnit XML: a suite a file, a failed test case a finding; what is suppressed or in the baseline is a skipped one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, TextIO
from xml.sax.saxutils import escape, quoteattr

from actinit_lint.outcome import Outcome
from actinit_lint.report.location import relative
from actinit_lint.report.look import Look

if TYPE_CHECKING:
    from actinit_lint.finding import Finding

#: Characters that no XML 1.0 document may hold.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    out.writelines(line + "\n" for line in _lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    failed = len(outcome.shown)
    skipped = len(outcome.findings) - failed
    yield '<?xml version="1.0" encoding="utf-8"?>'
    clean = not outcome.findings
    yield f'<testsuites name="actinit-lint" tests="{failed + skipped + clean}" failures="{failed}" errors="0">'
    if clean:  # a report without a single test case is an error to many readers
        files = outcome.summary.files
        yield '  <testsuite name="actinit-lint" tests="1" failures="0" errors="0" skipped="0">'
        yield f'    <testcase name="all checks passed" classname="actinit-lint ({files} files)" />'
        yield "  </testsuite>"
    for path, group in groupby(outcome.findings, key=lambda finding: finding.span.path):
        findings = list(group)
        covered = sum(_covered(finding) is not None for finding in findings)
        name = _attribute(relative(path))
        counts = f'tests="{len(findings)}" failures="{len(findings) - covered}" errors="0" skipped="{covered}"'
        yield f"  <testsuite name={name} {counts}>"
        for finding in findings:
            yield from _case(finding, name)
        yield "  </testsuite>"
    yield "</testsuites>"


def _covered(finding: Finding) -> str | None:
    if finding.suppressed is not None:
        return f"suppressed: {finding.suppressed}"
    return "in the baseline" if finding.baselined else None


def _case(finding: Finding, path: str) -> Iterator[str]:
    span = finding.span
    title = _attribute(f"{finding.code} {finding.name}")
    cell = f"cell {span.cell}:" if span.cell is not None else ""
    yield f'    <testcase name={title} classname={path} file={path} line="{span.line}">'
    covered = _covered(finding)
    if covered is not None:
        yield f"      <skipped message={_attribute(covered)} />"
    else:
        where = f"{relative(span.path)}:{cell}{span.line}:{span.column}"
        text = f"{where}: {finding.message}" + ("" if finding.help is None else f"\n{finding.help}")
        kind = _attribute(finding.level)
        yield f"      <failure message={_attribute(finding.message)} type={kind}>{escape(_clean(text))}</failure>"
    yield "    </testcase>"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text), {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})
