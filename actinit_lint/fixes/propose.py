"""The fixes of a run's findings, each tried in memory before anybody hears of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from actinit_lint.finding import Edit, Finding, Fix, Span
from actinit_lint.fixes.mending import Workshop, title
from actinit_lint.fixes.patch import Lines, Patch, clashes
from actinit_lint.fixes.trial import Proposal, Trial
from actinit_lint.model import FileFacts
from actinit_lint.pages import pages
from actinit_lint.program import Program
from actinit_lint.settings import Configuration


def propose(
    findings: Iterable[Finding],
    programs: Mapping[str, Program],
    facts: Sequence[FileFacts],
    text_of: Callable[[str], str],
    configuration: Configuration,
) -> None:
    """Give the findings that can be fixed their fix. Spans are those of the programs' texts."""
    own = (one for one in findings if one.span.path in programs)  # a class may come from a file that was not passed
    open_ones = [one for one in own if one.suppressed is None and not one.baselined]
    workshop = Workshop(programs, facts, text_of)
    proposals: list[Proposal] = []
    for finding in open_ones:
        patches = workshop.patches(finding)
        if patches and pages()[finding.code].matter.fix != "none":
            proposals.append((finding, patches))
    if not proposals:
        return
    trial = Trial(programs, _Read(text_of), facts, configuration)
    while proposals:
        together, proposals = disjoint_ones(proposals)
        for finding, patches in trial.good(together):
            _give(finding, patches, title(finding.mends), text_of)


class _Read(dict[str, str]):
    """Texts by path, read when asked for."""

    def __init__(self, text_of: Callable[[str], str]) -> None:
        super().__init__()
        self._text_of = text_of

    def __missing__(self, path: str) -> str:
        self[path] = self._text_of(path)
        return self[path]


def disjoint_ones(proposals: Sequence[Proposal]) -> tuple[list[Proposal], list[Proposal]]:
    """Those that can be applied together, the first come first, and the others."""
    taken: dict[str, list[Patch]] = defaultdict(list)
    together: list[Proposal] = []
    others: list[Proposal] = []
    for finding, patches in proposals:
        if clashes(patches, taken[finding.span.path]):
            others.append((finding, patches))
        else:
            taken[finding.span.path] += patches
            together.append((finding, patches))
    return together, others


def _give(finding: Finding, patches: Sequence[Patch], said: str, text_of: Callable[[str], str]) -> None:
    path = finding.span.path
    lines = Lines(text_of(path))
    edits = [
        Edit(Span(path, *lines.position(patch.start), *lines.position(patch.end)), patch.text)
        for patch in sorted(patches)
    ]
    safety = pages()[finding.code].matter.fix
    if safety != "none":
        finding.fix = Fix(safety, said, tuple(edits))
