"""Hits to findings: merged, worded, filtered, marked, fingerprinted and sorted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from actinit_lint.baseline import Baseline
from actinit_lint.change import Change
from actinit_lint.checking import describe
from actinit_lint.finding import Finding, Fix, Related, Span
from actinit_lint.fingerprint import fingerprint
from actinit_lint.ignores import Scrutiny, remarks
from actinit_lint.model import Place
from actinit_lint.outcome import Outcome, Summary, Unknown
from actinit_lint.pages import pages
from actinit_lint.rule import Hit
from actinit_lint.selection import ALWAYS, CONFIDENCES, LEVELS, Selection, at_least, lowest
from actinit_lint.settings import Configuration
from actinit_lint.source.comments import ABOUT_COMMENTS, Comments, suppression
from actinit_lint.source.texts import Texts

MOST_RELATED = 64  # for machines; the full report shows fewer


class Assembly:
    """Collects what stages and checks report, and makes one `Outcome` of it."""

    def __init__(self, configuration: Configuration, selection: Selection, texts: Texts) -> None:
        self._configuration = configuration
        self._settings = configuration.settings
        self._selection = selection
        self._texts = texts
        self._findings: list[Finding] = []
        self._unsure: list[Finding] = []
        self._hidden_by_confidence = 0
        self._internal_error = False

    def add_own(self, code: str, span: Span, **fields: object) -> None:
        """A finding of the tool itself (ACT000, ACT900), which has no check."""
        if code == "ACT900":
            self._internal_error = True
        if self._left_out(code, span.path):
            return
        self._findings.append(self._finding(code, Hit(Place(span.path, 0), fields=fields), span, []))

    def add_measured(self, code: str, span: Span, related: list[Related], hit: Hit) -> None:
        """A finding of the probe, which has a line and no place in a program."""
        if self._selection.selected(code) and not self._selection.ignored(code, self._texts.real(span.path)):
            self._findings.append(self._finding(code, hit, span, related))

    @property
    def findings(self) -> list[Finding]:
        """What was found so far, before levels and comments hide any of it."""
        return self._findings

    def add_hits(self, hits: Iterable[tuple[str, Hit]], positions: Mapping[Place, Span]) -> None:
        """Merge and word the checks' hits."""
        groups: dict[tuple[str, Place, object], list[Hit]] = {}
        unsure: dict[tuple[str, Place, object], list[Hit]] = {}
        for code, hit in hits:
            group = (code, hit.at, hit.key)
            sure = lowest((hit.confidence, pages()[code].matter.confidence))
            if CONFIDENCES.index(sure) < CONFIDENCES.index(self._settings.min_confidence):
                unsure.setdefault(group, []).append(hit)
            else:
                groups.setdefault(group, []).append(hit)
        unsure = {group: found for group, found in unsure.items() if group not in groups}
        self._hidden_by_confidence += len(unsure)
        failed: set[tuple[str, str]] = set()
        for group, found in [*groups.items(), *unsure.items()]:
            code, at, _key = group
            findings = self._unsure if group in unsure else self._findings
            try:
                findings.append(self._merged(code, at, found, positions))
            except Exception as error:  # a template that a hit does not fill: the rule's mistake
                if (code, at.path) not in failed:
                    failed.add((code, at.path))
                    self.add_own(
                        "ACT900", Span(at.path, 1, 1, 1, 2), stage=f"wording rule {code}", problem=describe(error)
                    )

    def _merged(self, code: str, at: Place, hits: list[Hit], positions: Mapping[Place, Span]) -> Finding:
        """One finding of all hits at a place: the gravest speaks, the others add their places."""
        page = pages()[code].matter
        gravest = max(hits, key=lambda hit: LEVELS.index(hit.level or page.level))
        spans: dict[Span, str] = {}
        primary = positions.get(at, Span(at.path, 1, 1, 1, 1))
        for hit in [gravest, *hits]:
            for place, caption in hit.also:
                span = positions.get(place)
                if span is not None and span != primary:
                    spans.setdefault(span, caption)
        related = [Related(span, caption) for span, caption in list(spans.items())[:MOST_RELATED]]
        finding = self._finding(code, gravest, primary, related)
        if all(hit.mends for hit in hits):
            finding.mends = tuple(dict.fromkeys(mend for hit in hits for mend in hit.mends))
        finding.about = frozenset((hit.model, hit.layer) for hit in hits)
        finding.remedies = tuple(dict.fromkeys(remedy for hit in [gravest, *hits] for remedy in hit.remedies))
        return finding

    def _finding(self, code: str, hit: Hit, span: Span, related: list[Related]) -> Finding:
        page = pages()[code]
        return Finding(
            code=code,
            name=page.name,
            level=self._selection.level(code, page.matter.level, hit.level),
            confidence=lowest((hit.confidence, page.matter.confidence)),
            message=page.message(hit),
            help=page.help(hit),
            span=span,
            caption=hit.caption,
            related=related,
            model=hit.model,
            layer=hit.layer,
            initializer=hit.initializer,
            activation=hit.activation,
            numbers=dict(hit.numbers),
        )

    def outcome(
        self,
        summary: Summary,
        not_followed: list[Unknown],
        scrutiny: Scrutiny,
        baseline: Baseline | None = None,
        change: Change | None = None,
        probed: bool = False,
    ) -> Outcome:
        """Everything collected, filtered by level and change, marked where comments or the baseline cover it, in order.

        Findings that are too uncertain to be shown still count as a comment's or a baseline entry's use.
        """
        comments = Comments(self._texts)
        everything = [*self._findings, *self._unsure]
        for finding in everything:
            finding.suppressed = suppression(finding, comments)
        judged = scrutiny.paths if not self._internal_error else ()
        for path in sorted(set(judged) - {finding.span.path for finding in everything if finding.code in ALWAYS}):
            for remark in remarks(path, comments, self._texts, self._selection, scrutiny):
                if not self._left_out(remark.code, path):
                    finding = self._finding(remark.code, Hit(Place(path, 0), fields=remark.fields), remark.span, [])
                    if remark.rewrite is not None:
                        finding.fix = Fix("safe", "Remove what suppresses nothing", (remark.rewrite,))
                    finding.suppressed = suppression(finding, comments)
                    self._findings.append(finding)
                    everything.append(finding)
        everything.sort(key=lambda f: (f.span.path, f.span.line, f.span.column, f.code, f.message))
        for finding in everything:
            finding.fingerprint = fingerprint(finding, self._texts)
        outcome = Outcome([], summary, not_followed, self._texts, internal_error=self._internal_error)
        outcome.hidden_by_confidence = self._hidden_by_confidence
        if baseline is not None:
            unread = {self._texts.real(finding.span.path) for finding in everything if finding.code in ALWAYS}
            outcome.baseline = baseline.settle(everything, self._texts, self._looked_for(unread, probed))
        unsure = {id(finding) for finding in self._unsure}
        for finding in everything:
            if id(finding) not in unsure:
                self._count(finding, outcome, change)
        return outcome

    def _count(self, finding: Finding, outcome: Outcome, change: Change | None) -> None:
        shown = at_least(finding.level, self._settings.level)
        covered = finding.suppressed is not None or finding.baselined
        if change is not None and not change.touches(finding, self._texts):
            outcome.outside_change += shown and not covered
            return
        if not covered:
            outcome.by_severity[finding.level] += 1
            if not shown:
                outcome.hidden_by_level[finding.level] += 1
        elif shown and finding.suppressed is not None:
            outcome.suppressed += 1
        elif shown:
            outcome.baselined += 1
        if shown:
            outcome.findings.append(finding)

    def _looked_for(self, unread: Collection[str], probed: bool) -> Callable[[str, str], bool]:
        """Whether this run would have reported a rule in a file, by code and absolute path."""
        read = set(self._texts.read_files()) - set(unread)

        def looked_for(code: str, real: str) -> bool:
            page = pages().get(code)
            if page is None:
                return real in read
            measured = not page.matter.check and code not in (*ALWAYS, *ABOUT_COMMENTS)
            chosen = self._selection.selected(code) and not self._selection.ignored(code, real)
            return real in read and chosen and (probed or not measured)

        return looked_for

    def _left_out(self, code: str, path: str) -> bool:
        return not self._selection.selected(code) or self._selection.ignored(code, self._texts.real(path))
