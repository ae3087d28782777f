"""A run: files to texts, and on to the analysis, which is loaded only when there is something to analyse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from actinit_lint.outcome import Outcome, Summary, Unknown
from actinit_lint.pages import pages
from actinit_lint.selection import Selection, check_rule_options
from actinit_lint.settings import Configuration
from actinit_lint.source.files import STDIN, Choice, Found, discover, kind_of, warn
from actinit_lint.source.source import Skipped, Source, Unreadable, load
from actinit_lint.source.texts import Texts

if TYPE_CHECKING:
    from actinit_lint.baseline import Baseline
    from actinit_lint.change import Change
    from actinit_lint.program import Program


def no_progress(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class Request(Struct):
    """What to look at, beside the settings."""

    paths: Sequence[str]
    stdin: bytes | None = None
    stdin_filename: str | None = None
    changed: Mapping[str, bytes] = {}  # contents in place of those on disk, by the path that reports show
    want_unknown: bool = False  # whether the lines of what was not followed are needed: they cost a second parse
    say: Callable[[str], None] = warn
    progress: Callable[[str, int, int], None] = no_progress
    baseline: Baseline | None = None
    change: Change | None = None


class Read(Struct):
    """What reading the files gave."""

    files: int = 0
    sources: list[Source] = []
    unreadable: list[Unreadable] = []
    skipped: list[Skipped] = []
    texts: Texts = field(default_factory=Texts)
    commented: list[str] = []  # paths of sources with comments of ours
    programs: dict[str, Program] = {}  # of the sources that were parsed


def lint(request: Request, configuration: Configuration) -> Outcome:
    """Everything from paths to sorted findings; raises UserProblem for what the user got wrong."""
    selection = Selection(configuration, {code: page.name for code, page in pages().items()})
    check_rule_options(configuration)
    read = read_all(request, configuration)
    if not read.sources and not read.unreadable and request.baseline is None:
        not_followed = [Unknown(skip.path, 1, skip.reason) for skip in read.skipped]
        return Outcome([], Summary(files=read.files, skipped=len(read.skipped)), not_followed, read.texts)
    from actinit_lint.analysis import analyse

    return analyse(read, request, configuration, selection)


def choice_of(configuration: Configuration) -> Choice:
    """How the settings choose files below folders."""
    settings = configuration.settings
    return Choice(
        configuration.root,
        tuple(settings.exclude),
        tuple(settings.extend_exclude),
        settings.force_exclude,
        settings.respect_gitignore,
    )


def read_all(request: Request, configuration: Configuration) -> Read:
    """Find, read and screen every file. What passes the screen comes back with its text."""
    choice = choice_of(configuration)
    read = Read()
    given: dict[str, str] = {}
    read.texts = Texts(given)
    found = list(discover([path for path in request.paths if path != STDIN], choice, request.say))
    if STDIN in request.paths:
        shown = request.stdin_filename or "<stdin>"
        found.append(Found(shown, Texts().real(shown), kind_of(shown)))
    for index, file in enumerate(found):
        request.progress("reading", index, len(found))
        from_stdin = STDIN in request.paths and index == len(found) - 1
        content = request.stdin if from_stdin else request.changed.get(file.path)
        loaded = load(file, content)
        read.files += 1
        if not isinstance(loaded, Skipped):
            read.texts.knows(file.path, file.real)
        if isinstance(loaded, Source):
            read.sources.append(loaded)
            if "actinit:" in loaded.text:
                read.commented.append(loaded.path)
            if loaded.notebook is not None:
                read.texts.holds(file.path, loaded.notebook)
            elif content is not None:
                given[file.path] = loaded.text
        elif isinstance(loaded, Unreadable):
            read.unreadable.append(loaded)
            if from_stdin:
                given[file.path] = (request.stdin or b"").decode("utf-8", errors="replace")
        elif isinstance(loaded, Skipped):
            request.say(f"{loaded.path}: {loaded.reason}")
            read.skipped.append(loaded)
    if not found:
        request.say("no Python files found")
    return read
