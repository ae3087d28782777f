"""The baseline: findings that a team has found and left for later, in a file that belongs under version control.

An entry holds a fingerprint, which knows neither path nor line, and how often it occurs. The path beside it is where it
was last seen: it only tells which of several equal findings an entry speaks of, and whether a run looked there at all.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from actinit_lint.atomic import write_file
from actinit_lint.finding import Finding
from actinit_lint.problem import UserProblem
from actinit_lint.source.texts import Texts

#: A failure of the tool itself is never an accepted state.
NEVER = "ACT900"


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    path: str  # relative to the baseline's folder, with forward slashes
    code: str
    fingerprint: str
    count: int = 1
    message: str = ""  # for the reader


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    tool: str
    entries: list[Entry]


class Settled(Struct, frozen=True):
    """What became of a baseline: findings that it covers, entries without one, entries that were not looked for."""

    file: str  # as it was given
    matched: list[Finding]
    gone: int
    kept: list[Entry]


class Baseline(Struct, frozen=True):
    file: str
    entries: list[Entry]

    def settle(self, findings: Iterable[Finding], texts: Texts, looked_for: Callable[[str, str], bool]) -> Settled:
        """Mark the findings that are in the baseline.

        `looked_for` says of a code and an absolute path whether this run would have reported it there. An entry first
        takes findings in its own file; what is left of it takes equal ones elsewhere, but only when its own file was
        looked at or is gone: then the code has moved.
        """
        left = Counter({(entry.fingerprint, entry.path): 0 for entry in self.entries})
        seen: dict[tuple[str, str], bool] = {}
        for entry in self.entries:
            key = (entry.fingerprint, entry.path)
            left[key] += entry.count
            real = os.path.normpath(os.path.join(self._folder, entry.path))
            seen[key] = looked_for(entry.code, real) or not os.path.exists(real)
        open_findings = [f for f in findings if f.suppressed is None and f.code != NEVER]
        for finding in open_findings:
            key = (finding.fingerprint, self._shown(finding, texts))
            if left[key] > 0:
                left[key] -= 1
                finding.baselined = True
        movable: dict[str, list[tuple[str, str]]] = {}
        for key, count in left.items():
            if seen.get(key):
                movable.setdefault(key[0], []).extend([key] * count)
        for finding in open_findings:
            if not finding.baselined and movable.get(finding.fingerprint):
                left[movable[finding.fingerprint].pop()] -= 1
                finding.baselined = True
        gone = sum(count for key, count in left.items() if seen.get(key))
        kept = []
        for entry in self.entries:
            key = (entry.fingerprint, entry.path)
            if left[key] > 0 and not seen[key]:
                kept.append(msgspec.structs.replace(entry, count=left[key]))
                left[key] = 0
        return Settled(self.file, [f for f in open_findings if f.baselined], gone, kept)

    def write(self, findings: Iterable[Finding], texts: Texts, kept: Iterable[Entry]) -> int:
        """Write the findings, and the entries that were not looked for, to the file; how many they are together."""
        counts: Counter[tuple[str, str, str]] = Counter()
        messages: dict[tuple[str, str, str], str] = {}
        for finding in findings:
            key = (self._shown(finding, texts), finding.code, finding.fingerprint)
            counts[key] += 1
            messages.setdefault(key, finding.message)
        for entry in kept:
            key = (entry.path, entry.code, entry.fingerprint)
            counts[key] += entry.count
            messages.setdefault(key, entry.message)
        entries = [Entry(*key, counts[key], messages[key]) for key in sorted(counts)]
        lines = ",\n".join("  " + json.dumps(msgspec.to_builtins(entry)) for entry in entries)
        listed = f"[\n{lines}\n ]" if entries else "[]"
        text = f'{{\n "version": 1,\n "tool": "actinit-lint",\n "entries": {listed}\n}}\n'
        write_file(self.file, text.encode())
        return sum(counts.values())

    @property
    def _folder(self) -> str:
        return os.path.dirname(os.path.abspath(self.file))

    def _shown(self, finding: Finding, texts: Texts) -> str:
        real = texts.real(finding.span.path)
        try:
            return os.path.relpath(real, self._folder).replace(os.sep, "/")
        except ValueError:  # another drive
            return real.replace(os.sep, "/")


def read_baseline(file: str, may_be_missing: bool = False) -> Baseline:
    """The baseline in a file; raises UserProblem. `may_be_missing`: because it is about to be written."""
    try:
        with open(file, "rb") as content:
            data = content.read()
    except FileNotFoundError:
        if may_be_missing:
            return Baseline(file, [])
        raise UserProblem(f"baseline {file}: no such file; --write-baseline writes one") from None
    except OSError as error:
        raise UserProblem(f"baseline {file}: cannot be read: {error.strerror or error}") from None
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserProblem(f"baseline {file}: is not a baseline: {_one_line(error)}") from None
    if document.version != 1 or document.tool != "actinit-lint":
        raise UserProblem(f"baseline {file}: is not a baseline of this version (version {document.version})")
    return Baseline(file, document.entries)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:]
