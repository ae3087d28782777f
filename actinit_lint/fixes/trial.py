"""Trying patches in memory: whether the findings are gone that they are for, and no other has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from actinit_lint.checking import run_checks
from actinit_lint.engine import no_progress
from actinit_lint.finding import Finding
from actinit_lint.fixes.patch import Patch, apply
from actinit_lint.follow import follow
from actinit_lint.model import FileFacts
from actinit_lint.pages import pages
from actinit_lint.program import Program, SyntaxProblem, parse
from actinit_lint.selection import Selection
from actinit_lint.settings import Configuration
from actinit_lint.source.source import interpreter_complaint

#: Rule, file, model and layer of a hit.
About = tuple[str, str, str | None, str | None]
#: A finding and what would cure it.
Proposal = tuple[Finding, list[Patch]]


class Trial:
    """The run as it stands: its programs, texts and hits, of every rule and level."""

    def __init__(
        self,
        programs: Mapping[str, Program],
        texts: Mapping[str, str],
        facts: Sequence[FileFacts],
        configuration: Configuration,
    ) -> None:
        settings = configuration.settings
        self._programs, self._texts = programs, texts
        self._wrappers: dict[str, Any] = {n: msgspec.to_builtins(w) for n, w in settings.wrappers.items()}
        self._configuration = configuration
        everything = msgspec.structs.replace(configuration, selectors=(("select", 0, "ALL"),))
        self._selection = Selection(everything, {code: page.name for code, page in pages().items()})
        self._before = self._hits(facts)

    def _hits(self, facts: Sequence[FileFacts]) -> Counter[About]:
        """How many places each rule reports for each layer."""
        found = run_checks(facts, self._selection, self._configuration, no_progress).found
        return Counter(about for about, _ in {((c, h.at.path, h.model, h.layer), h.at) for c, h in found})

    def good(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """The proposals that do what they promise, tried together first and apart where that goes wrong."""
        if not proposals or self._holds(proposals):
            return list(proposals)
        if len(proposals) == 1:
            return []
        half = len(proposals) // 2
        return [*self.good(proposals[:half]), *self.good(proposals[half:])]

    def _holds(self, proposals: Iterable[Proposal]) -> bool:
        changed: dict[str, list[Patch]] = {}
        gone: Counter[About] = Counter()
        for finding, patches in proposals:
            path = finding.span.path
            changed.setdefault(path, []).extend(patches)
            gone.update((finding.code, path, model, layer) for model, layer in finding.about)
        programs = dict(self._programs)
        for path, patches in changed.items():
            text = apply(self._texts[path], patches)
            if interpreter_complaint(text) is not None and interpreter_complaint(self._texts[path]) is None:
                return False
            try:
                programs[path] = parse(text, path)
            except SyntaxProblem:
                return False
        facts = follow(programs, self._wrappers)
        if any(file.errors for file in facts):
            return False
        after = self._hits(facts)
        if any(after[about] > number for about, number in self._before.items()) or after.keys() - self._before.keys():
            return False
        return all(after[about] <= self._before[about] - number for about, number in gone.items())
