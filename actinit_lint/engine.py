"""A run: files to texts, and on to the analysis, which is loaded only when there is something to analyse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from actinit_lint.cache_folder import CacheFolder, cache_folder
from actinit_lint.outcome import Outcome, Summary, Unknown
from actinit_lint.pages import pages
from actinit_lint.selection import Selection, check_rule_options
from actinit_lint.settings import Configuration
from actinit_lint.source.files import STDIN, Choice, Found, discover, kind_of, shown, warn
from actinit_lint.source.source import Skipped, Source, Unreadable, load
from actinit_lint.source.texts import Texts

if TYPE_CHECKING:
    from actinit_lint.baseline import Baseline
    from actinit_lint.change import Change
    from actinit_lint.probe.prober import Prober
    from actinit_lint.program import Program
    from actinit_lint.remembered import Memory


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
    remember: bool = True  # whether the cache may answer
    baseline: Baseline | None = None
    change: Change | None = None
    probe: Prober | None = None  # runs the models and measures them, where that was asked for


class Read(Struct):
    """What reading the files gave."""

    files: int = 0
    sources: list[Source] = []
    unreadable: list[Unreadable] = []
    skipped: list[Skipped] = []
    texts: Texts = field(default_factory=Texts)
    programs: dict[str, Program] = {}  # of the sources that were parsed
    commented: list[str] = []  # paths of sources with comments of ours


def lint(request: Request, configuration: Configuration) -> Outcome:
    """Everything from paths to sorted findings; raises UserProblem for what the user got wrong."""
    selection = Selection(configuration, {code: page.name for code, page in pages().items()})
    check_rule_options(configuration)
    found = find(request, configuration)
    folder = cache_folder(configuration)
    memory = _memory(folder, request, configuration, found)
    recalled = memory.recall() if memory is not None else None
    if recalled is not None:
        outcome, skipped = recalled
        for skip in skipped:
            request.say(f"{skip.path}: {skip.reason}")
        return outcome
    read = read_all(request, configuration, found)
    if not read.sources and not read.unreadable and request.baseline is None:
        not_followed = [Unknown(skip.path, 1, skip.reason) for skip in read.skipped]
        return Outcome([], Summary(files=read.files, skipped=len(read.skipped)), not_followed, read.texts)
    from actinit_lint.analysis import analyse
    from actinit_lint.disk import Disk
    from actinit_lint.program.cache import ProgramCache

    disk = Disk(programs=None if folder is None else ProgramCache(folder))
    outcome = analyse(read, request, configuration, selection, disk)
    named = {shown(path) for path in request.paths}
    if memory is not None and read.sources and named.isdisjoint(read.commented):
        memory.keep(outcome, disk, read.skipped)
    return outcome


def _memory(
    folder: CacheFolder | None, request: Request, configuration: Configuration, found: list[Found]
) -> Memory | None:
    """Where the run's outcome may be kept: not where it depends on more than files and settings.

    Nor, as is known later, where the comments of a file that was named are judged by the files beside it.
    """
    if folder is None or not request.remember or request.change is not None or request.changed or not found:
        return None
    if STDIN in request.paths or request.probe is not None:
        return None
    from actinit_lint.remembered import memory

    return memory(folder, configuration, (tuple(request.paths), request.want_unknown), found, request.baseline)


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


def find(request: Request, configuration: Configuration) -> list[Found]:
    """Every file of the run; standard input is the last."""
    paths = [path for path in request.paths if path != STDIN]
    found = list(discover(paths, choice_of(configuration), request.say))
    if STDIN in request.paths:
        name = request.stdin_filename or "<stdin>"
        found.append(Found(name, Texts().real(name), kind_of(name)))
    if not found:
        request.say("no Python files found")
    return found


def read_all(request: Request, configuration: Configuration, found: list[Found] | None = None) -> Read:
    """Find, read and screen every file. What passes the screen comes back with its text."""
    if found is None:
        found = find(request, configuration)
    read = Read()
    given: dict[str, str] = {}
    read.texts = Texts(given)
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
    return read
