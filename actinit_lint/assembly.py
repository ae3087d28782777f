"""Hits to findings: merged, worded, filtered, marked, fingerprinted and sorted."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping

from actinit_lint.checking import describe
from actinit_lint.finding import Finding, Related, Span
from actinit_lint.model import Place
from actinit_lint.outcome import Outcome, Summary, Unknown
from actinit_lint.pages import pages
from actinit_lint.rule import Hit
from actinit_lint.selection import CONFIDENCES, LEVELS, Selection, at_least, lowest
from actinit_lint.settings import Configuration
from actinit_lint.source.comments import Comments, suppression
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
        self._hidden_by_confidence = 0
        self._internal_error = False

    def add_own(self, code: str, span: Span, **fields: object) -> None:
        """A finding of the tool itself (ACT000, ACT900), which has no check."""
        if code == "ACT900":
            self._internal_error = True
        if not self._selection.selected(code) or self._selection.ignored(code, self._texts.real(span.path)):
            return
        self._findings.append(self._finding(code, Hit(Place(span.path, 0), fields=fields), span, []))

    def add_hits(self, hits: Iterable[tuple[str, Hit]], positions: Mapping[Place, Span]) -> None:
        """Merge and word the checks' hits."""
        groups: dict[tuple[str, Place, object], list[Hit]] = {}
        unsure: set[tuple[str, Place, object]] = set()
        for code, hit in hits:
            group = (code, hit.at, hit.key)
            sure = lowest((hit.confidence, pages()[code].matter.confidence))
            if CONFIDENCES.index(sure) < CONFIDENCES.index(self._settings.min_confidence):
                unsure.add(group)
            else:
                groups.setdefault(group, []).append(hit)
        self._hidden_by_confidence += len(unsure - groups.keys())
        failed: set[tuple[str, str]] = set()
        for (code, at, _key), group_hits in groups.items():
            try:
                self._findings.append(self._merged(code, at, group_hits, positions))
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

    def outcome(self, summary: Summary, not_followed: list[Unknown]) -> Outcome:
        """Everything collected, filtered by level, marked where comments suppress it, in order."""
        findings = sorted(self._findings, key=lambda f: (f.span.path, f.span.line, f.span.column, f.code, f.message))
        self._fingerprint(findings)
        outcome = Outcome([], summary, not_followed, self._texts, internal_error=self._internal_error)
        outcome.hidden_by_confidence = self._hidden_by_confidence
        comments = Comments(self._texts)
        for finding in findings:
            finding.suppressed = suppression(finding, comments)
            shown = at_least(finding.level, self._settings.level)
            if finding.suppressed is None:
                outcome.by_severity[finding.level] += 1
                if not shown:
                    outcome.hidden_by_level[finding.level] += 1
            elif shown:
                outcome.suppressed += 1
            if shown:
                outcome.findings.append(finding)
        return outcome

    def _fingerprint(self, findings: list[Finding]) -> None:
        """What stays the same when lines move: rule, file, model, layer, line content, and which of equals it is."""
        seen: Counter[str] = Counter()
        for finding in findings:
            lines = self._texts.lines(finding.span.path)
            line = lines[finding.span.line - 1] if finding.span.line <= len(lines) else ""
            path = os.path.relpath(self._texts.real(finding.span.path), self._configuration.root).replace(os.sep, "/")
            scope = (finding.code, path, finding.model or "", finding.layer or "", " ".join(line.split()))
            content = "\0".join(scope)
            seen[content] += 1
            digest = hashlib.sha256(f"{content}\0{seen[content]}".encode(errors="surrogatepass"))
            finding.fingerprint = digest.hexdigest()[:20]
