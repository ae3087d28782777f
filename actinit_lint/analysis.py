"""Texts to programs to facts to findings. One broken file or rule leaves the others alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from actinit_lint.assembly import Assembly
from actinit_lint.checking import Hits, describe, run_checks
from actinit_lint.disk import Disk
from actinit_lint.engine import Read, Request
from actinit_lint.finding import Span
from actinit_lint.ignores import Scrutiny, users_unread
from actinit_lint.model import FileFacts, Place
from actinit_lint.outcome import Outcome, Summary, Unknown
from actinit_lint.rule import Hit
from actinit_lint.selection import Selection
from actinit_lint.settings import Configuration
from actinit_lint.source.cells import place_in_cells, unknown_in_cell
from actinit_lint.source.files import shown
from actinit_lint.source.source import Source, interpreter_complaint
from actinit_lint.source.texts import Texts

if TYPE_CHECKING:
    from actinit_lint.program import Program, SyntaxProblem


#: CPU seconds from which on a file is worth a line in the statistics.
SLOW = 1.0


def analyse(read: Read, request: Request, configuration: Configuration, selection: Selection, disk: Disk) -> Outcome:
    """Parse, follow, check and assemble what was read."""
    assembly = Assembly(configuration, selection, read.texts)
    for unreadable in read.unreadable:
        assembly.add_own(
            "ACT000", _span(unreadable.path, unreadable.line, unreadable.column), problem=unreadable.message
        )
    facts: list[FileFacts] = []
    hits: Hits = Hits()
    if read.sources:
        facts = understand(read, configuration, assembly.add_own, request.progress, disk)
        hits = run_checks(facts, selection, configuration, request.progress)
    for crash in hits.crashes:
        assembly.add_own("ACT900", _span(crash.path, 1, 1), stage=crash.stage, problem=crash.problem)
    kept = [(code, hit) for code, hit in hits.found if not selection.ignored(code, read.texts.real(hit.at.path))]
    unknown_places = [(entry.place, entry.reason) for file in facts for entry in file.not_followed]
    positions = locate_all(read.texts, _places(kept), (place for place, _ in unknown_places if request.want_unknown))
    assembly.add_hits(kept, positions)
    if request.probe is not None:
        for code, measured, related, hit in request.probe(facts, assembly.findings, read.texts, request.progress):
            assembly.add_measured(code, measured, related, hit)
    not_followed = [Unknown(skip.path, 1, skip.reason) for skip in read.skipped]
    for place, reason in unknown_places:
        span = positions.get(place)
        line = span.line if span else 1 if place.at == 0 else None  # 0: the file as a whole
        not_followed.append(Unknown(place.path, line, reason))
    summary = Summary(
        files=read.files,
        skipped=len(read.skipped),
        models=sum(file.models for file in facts),
        layers_followed=sum(file.layers_followed for file in facts),
        layers_not_followed=sum(file.layers_not_followed for file in facts),
    )
    not_followed.sort(key=lambda entry: (entry.path, entry.line or 0))
    outcome = assembly.outcome(
        summary,
        [unknown_in_cell(entry, read.texts) for entry in not_followed],
        Scrutiny(_whole(read, request), lambda path: _unknown_lines(path, facts, read.texts)),
        request.baseline,
        request.change,
        probed=request.probe is not None,
    )
    outcome.slow = sorted(((f.path, f.seconds) for f in facts if f.seconds >= SLOW), key=lambda one: -one[1])
    _propose(outcome, read, facts, configuration, request.say)
    place_in_cells(outcome.findings, read.texts)  # the last step: until here a notebook is its joined program
    return outcome


def _propose(
    outcome: Outcome, read: Read, facts: list[FileFacts], configuration: Configuration, say: Callable[[str], None]
) -> None:
    """Fixes for the findings that can be fixed. A fault of theirs costs the fixes, never the findings."""
    if any(finding.mends for finding in outcome.shown):
        from actinit_lint.fixes.propose import propose

        try:
            propose(outcome.findings, read.programs, facts, read.texts.text, configuration)
        except Exception as error:
            if os.environ.get("ACTINIT_LINT_TRACEBACK"):
                raise
            say(f"fixes could not be worked out: {describe(error)}; please report it")


def _whole(read: Read, request: Request) -> list[str]:
    """Files with comments of ours that were read together with the files that may use them."""
    if not read.commented:
        return []
    named = {shown(path) for path in request.paths}
    seen = {os.path.realpath(real) for real in read.texts.read_files()}
    return [path for path in read.commented if path not in named or not users_unread(read.texts.real(path), seen)]


def _unknown_lines(path: str, facts: Iterable[FileFacts], texts: Texts) -> set[int]:
    places = [entry.place for file in facts for entry in file.not_followed if entry.place.path == path]
    return {span.line for span in locate_all(texts, places).values()}


class Report(Protocol):
    """Takes a finding of the tool itself: code, place, and what fills the page's message."""

    def __call__(self, code: str, span: Span, **fields: object) -> None: ...


def understand(
    read: Read,
    configuration: Configuration,
    report: Report,
    progress: Callable[[str, int, int], None],
    disk: Disk | None = None,
) -> list[FileFacts]:
    """Parse and follow. Everything that loads libcst happens from here on."""
    import msgspec

    from actinit_lint import follow

    disk = disk or Disk()
    programs: dict[str, Program] = {}
    order = disk.parse_ahead([source.text for source in read.sources], configuration.settings.jobs)
    for done, index in enumerate(order):
        source = read.sources[index]
        progress("parsing", done, len(order))
        try:
            parsed = _parsed(source, read.texts, report, disk)
            if parsed is not None:
                programs[source.path] = parsed
        except Exception as error:
            report("ACT900", _span(source.path, 1, 1), stage="parsing", problem=describe(error))
        read.sources[index] = Source(source.path, "", source.real)  # let the text go; reports read again what they show
    programs = {source.path: programs[source.path] for source in read.sources if source.path in programs}
    read.programs = programs
    if not programs:
        return []
    progress("following", 0, 0)
    wrappers = {name: msgspec.to_builtins(wrapper) for name, wrapper in configuration.settings.wrappers.items()}
    try:
        facts = follow.follow(programs, wrappers, disk)
    except Exception as error:
        report("ACT900", _span(next(iter(programs)), 1, 1), stage="following", problem=describe(error))
        return []
    for file in facts:
        if file.errors:
            more = f" (and {len(file.errors) - 1} more)" if len(file.errors) > 1 else ""
            report("ACT900", _span(file.path, 1, 1), stage="following", problem=file.errors[0] + more)
    return facts


def _parsed(source: Source, texts: Texts, report: Report, disk: Disk) -> Program | None:
    """The file's program; of a notebook with broken cells, that of the others."""
    from actinit_lint import program

    try:
        return disk.parse(source.text, source.path)
    except program.SyntaxProblem as problem:
        whole = (source.text, problem)
    broken: dict[int, tuple[str, program.SyntaxProblem]] = {}
    if source.notebook is not None:
        for cell in source.notebook.cells:
            text = "".join(f"{line}\n" for line in cell.program)
            try:
                program.parse(text, source.path)
            except program.SyntaxProblem as problem:
                broken[cell.number] = (text, problem)
    if source.notebook is None or not broken:
        _report_syntax(source.path, *whole, 1, report)
        return None
    for cell in source.notebook.cells:
        if cell.number in broken:
            _report_syntax(source.path, *broken[cell.number], cell.first, report)
    left = source.notebook.without(broken)
    texts.holds(source.path, left)
    return _parsed(Source(source.path, left.text, source.real), texts, report, disk)


def _report_syntax(path: str, text: str, problem: SyntaxProblem, first: int, report: Report) -> None:
    """One ACT000 for a text that starts on line `first` of the file."""
    message, line, column = interpreter_complaint(text) or (problem.message, problem.line, problem.column)
    if not message.startswith("invalid syntax"):
        message = f"invalid syntax: {message}"
    report("ACT000", _span(path, first + line - 1, column), problem=message)


def _places(hits: Iterable[tuple[str, Hit]]) -> Iterable[Place]:
    for _, hit in hits:
        yield hit.at
        for place, _caption in hit.also:
            yield place


def locate_all(texts: Texts, *places: Iterable[Place]) -> dict[Place, Span]:
    """Lines and columns, one call a file. A place that cannot be found is left out."""
    wanted: dict[str, set[int]] = {}
    for group in places:
        for place in group:
            wanted.setdefault(place.path, set()).add(place.at)
    spans: dict[Place, Span] = {}
    if wanted:
        from actinit_lint import program

        for path, ats in wanted.items():
            try:
                located = program.locate(texts.text(path), path, ats)
            except Exception:  # the file changed or vanished between two reads
                continue
            spans.update({Place(path, at): Span(path, *position) for at, position in located.items()})
    return spans


def _span(path: str, line: int, column: int) -> Span:
    return Span(path, line, column, line, column + 1)
