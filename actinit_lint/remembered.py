"""A finished run, remembered as long as every file, setting and version is what it was: then nothing is done again.

What a run depends on: the files found, by content; the settings that decide what is found; the baseline; and what the
follower asked the disk about files beyond those. A file whose time and size are known from the last run is not read.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from actinit_lint.cache_folder import CacheFolder, digest
from actinit_lint.outcome import Outcome, Summary, Unknown
from actinit_lint.settings import Configuration, Level
from actinit_lint.source.files import Found
from actinit_lint.source.source import Skipped, Source, load
from actinit_lint.source.texts import Texts

if TYPE_CHECKING:
    from actinit_lint.baseline import Baseline
    from actinit_lint.disk import Disk

#: Settings that change how a run is shown, not what it finds.
SHOWN_ONLY = (
    "color", "progress", "output-format", "output-file", "statistics", "exit-zero", "fail-on", "jobs", "cache",
    "cache-dir", "fix", "unsafe-fixes",
)  # fmt: skip
#: A file that was written this shortly before it was looked at may change again within the same tick of its clock.
TICK = 2_000_000_000  # nanoseconds


class _Plain(Struct):
    """The fields of an Outcome but its findings, its texts and what became of the baseline."""

    summary: Summary
    not_followed: list[Unknown]
    by_severity: dict[Level, int]
    hidden_by_level: dict[Level, int]
    hidden_by_confidence: int
    slow: list[tuple[str, float]]
    suppressed: int
    baselined: int


class Contents:
    """Checksums of files, taken from the last run's list where time and size are what they were."""

    def __init__(self, folder: CacheFolder) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, int, bytes]] = {}
        found = folder.read("contents")
        if found is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                self._known = msgspec.msgpack.decode(found, type=dict[str, tuple[int, int, bytes]])
        self._new = False

    def of(self, real: str) -> bytes:
        """The checksum of a file's content; empty where it cannot be read."""
        try:
            status = os.stat(real)
            known = self._known.get(real)
            if known is not None and known[:2] == (status.st_mtime_ns, status.st_size):
                return known[2]
            found = digest(Path(real).read_bytes())
        except OSError:
            return b""
        if status.st_mtime_ns < time.time_ns() - TICK:
            self._known[real] = (status.st_mtime_ns, status.st_size, found)
            self._new = True
        return found

    def save(self) -> None:
        if self._new:
            try:
                self._folder.write("contents", msgspec.msgpack.encode(self._known))
            except UnicodeEncodeError:  # a file name that is no Unicode
                return
            self._new = False


class _Run(Struct):
    """What is kept of a run; `findings` is decoded when they are wanted."""

    state: bytes
    asked: dict[str, bool]
    read: dict[str, bytes]
    skipped: list[tuple[str, str]]
    findings: msgspec.Raw
    plain: _Plain
    gone: int | None = None  # of the baseline


class Memory(Struct):
    """Where a run's outcome is kept: by what was asked for, and valid for one state of all that it depends on."""

    folder: CacheFolder
    contents: Contents
    name: str
    state: bytes
    found: list[Found]
    baseline: Baseline | None = field(default=None)

    def recall(self) -> tuple[Outcome, list[Skipped]] | None:
        """The outcome of the same run, if nothing has changed since."""
        kept = self.folder.read(self.name)
        if kept is None:
            return None
        try:
            run = msgspec.msgpack.decode(kept, type=_Run)
            if run.state != self.state or not self._still(run):
                return None
            outcome = self._outcome(run)
        except Exception:  # whatever is wrong with what was kept, the run itself is not concerned
            return None
        self.contents.save()
        return outcome, [Skipped(*entry) for entry in run.skipped]

    def _still(self, run: _Run) -> bool:
        return all(os.path.isfile(path) == answer for path, answer in run.asked.items()) and all(
            self.contents.of(path) == found for path, found in run.read.items()
        )

    def _outcome(self, run: _Run) -> Outcome:
        from actinit_lint.baseline import Settled
        from actinit_lint.finding import Finding

        findings = msgspec.msgpack.decode(run.findings, type=list[Finding])
        texts = Texts()
        skipped = {path for path, _ in run.skipped}
        spans = [span for f in findings for span in (f.span, *(related.span for related in f.related))]
        notebooks = {span.path for span in spans if span.cell is not None}
        for found in self.found:
            if found.path not in skipped:
                texts.knows(found.path, found.real)
            if found.path in notebooks:
                source = load(found)
                if isinstance(source, Source) and source.notebook is not None:
                    texts.holds(found.path, source.notebook)
        outcome = Outcome(findings=findings, texts=texts, **msgspec.structs.asdict(run.plain))
        if self.baseline is not None and run.gone is not None:
            outcome.baseline = Settled(self.baseline.file, [f for f in findings if f.baselined], run.gone, [])
        return outcome

    def keep(self, outcome: Outcome, disk: Disk, skipped: Iterable[Skipped]) -> None:
        """Keep an outcome for the next run. One with an internal error is worked out again."""
        if outcome.internal_error:
            return
        plain = _Plain(*(getattr(outcome, name) for name in _Plain.__struct_fields__))
        try:
            run = _Run(
                self.state,
                disk.asked,
                {path: self.contents.of(path) for path in disk.read},
                [(entry.path, entry.reason) for entry in skipped],
                msgspec.Raw(msgspec.msgpack.encode(outcome.findings)),
                plain,
                None if outcome.baseline is None else outcome.baseline.gone,
            )
            content = msgspec.msgpack.encode(run)
        except (ValueError, OverflowError, TypeError):  # what the format cannot hold
            return
        self.folder.write(self.name, content)
        self.contents.save()


def memory(
    folder: CacheFolder,
    configuration: Configuration,
    asked: Sequence[object],
    found: list[Found],
    baseline: Baseline | None,
) -> Memory:
    """The memory of a run; `asked` is what it was asked for beside the settings."""
    contents = Contents(folder)
    settings = {k: v for k, v in msgspec.to_builtins(configuration.settings).items() if k not in SHOWN_ONLY}
    request = repr((asked, os.getcwd(), configuration.root, configuration.selectors, sorted(settings.items())))
    files = [f"{file.path}\0{file.real}\0{file.kind}".encode(errors="surrogateescape") for file in found]
    states = [contents.of(file.real) for file in found]
    kept = b"" if baseline is None else repr((baseline.file, baseline.entries)).encode(errors="surrogateescape")
    words = request.encode(errors="surrogateescape")
    return Memory(
        folder, contents, f"runs/{digest(words).hex()}", digest(words, kept, *files, *states), found, baseline
    )
