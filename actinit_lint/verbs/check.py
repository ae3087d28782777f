"""`actinit-lint check`: lint, report, exit code."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from actinit_lint.engine import Request, choice_of, lint
from actinit_lint.options import DEFAULT_BASELINE, check_parser, typed_settings
from actinit_lint.outcome import Outcome
from actinit_lint.problem import UserProblem
from actinit_lint.progress import Progress
from actinit_lint.report.choose import Destination, destinations, write
from actinit_lint.selection import at_least
from actinit_lint.settings import Configuration, Settings, configure, nearest_file
from actinit_lint.source.files import STDIN, discover, warn

if TYPE_CHECKING:
    from actinit_lint.baseline import Baseline


def run(arguments: Sequence[str]) -> int:
    options = check_parser().parse_intermixed_args(arguments)
    _refuse_contradictions(options)
    if options.watch:
        from actinit_lint.watch import watch

        return watch(lambda: check(options), lambda: _watched(options))
    return check(options)


def _refuse_contradictions(options: argparse.Namespace) -> None:
    stdin = STDIN in options.paths
    if options.stdin_filename is not None and not stdin:
        raise UserProblem("--stdin-filename is only for standard input: add - as path")
    for name, given in (("--write-baseline", options.write_baseline), ("--add-ignore", options.add_ignore)):
        if given and stdin:
            raise UserProblem(f"{name} needs files, not standard input")
        if given and options.diff_base is not None:
            raise UserProblem(f"{name} and --diff-base do not go together: one is for all findings, one for a few")
    if options.write_baseline and options.add_ignore:
        raise UserProblem("--write-baseline and --add-ignore do not go together: a finding needs only one of them")
    writing = options.write_baseline or options.add_ignore
    if options.watch and (stdin or writing or options.fix or options.diff):
        others = "standard input, --fix, --diff, --write-baseline or --add-ignore"
        raise UserProblem(f"--watch only reports: it does not go with {others}")
    if options.diff and writing:
        raise UserProblem("--diff changes nothing: it does not go with --write-baseline or --add-ignore")


def check(options: argparse.Namespace) -> int:
    """One run; the exit code."""
    paths: list[str] = options.paths or ["."]
    looked_up = [options.stdin_filename or "."] if paths == [STDIN] else paths
    configuration = configure(looked_up, typed_settings(options), options.config, options.isolated)
    settings = configuration.settings
    outputs = destinations(settings)
    say: Callable[[str], None] = (lambda message: None) if options.quiet else warn
    baseline = _baseline(options, configuration)
    change = None
    if options.diff_base is not None:
        from actinit_lint.change import change_since

        change = change_since(options.diff_base, _some_folder(looked_up))
    progress = Progress(sys.stderr, enabled=settings.progress and not options.quiet)
    request = Request(
        paths,
        sys.stdin.buffer.read() if STDIN in paths else None,
        options.stdin_filename,
        want_unknown=settings.show_unknown or any(_needs_lines(output) for output in outputs),
        say=say,
        progress=progress.step,
        remember=not options.write_baseline,
        baseline=baseline,
        change=change,
    )
    fixing = settings.fix or options.diff
    if options.probe:
        if fixing:
            raise UserProblem("--probe and --fix exclude each other: fix first, then measure")
        from actinit_lint.probe.prober import prober

        request.probe = prober(options, configuration)
    try:
        if fixing:
            from actinit_lint.verbs.fix import Fixing

            fixed = Fixing(request, configuration)
            if options.diff:
                return fixed.show_diff(options.quiet)
            fixed.write()
            outcome = fixed.outcome
        else:
            outcome = lint(request, configuration)
    finally:
        progress.close()
    if options.verbose:
        _explain(configuration.origins, outcome)
    if baseline is not None and options.write_baseline:
        _write_baseline(baseline, outcome, options.quiet)
    elif outcome.baseline is not None and outcome.baseline.gone:
        gone = outcome.baseline.gone
        verb = "finding no longer occurs" if gone == 1 else "findings no longer occur"
        say(f"baseline {outcome.baseline.file}: {gone} {verb}; --write-baseline drops what is gone")
    if options.add_ignore:
        from actinit_lint.add_ignores import add_ignores

        add_ignores(outcome, say=lambda text: print(text, file=sys.stderr))
    with contextlib.redirect_stdout(sys.stderr if fixing and STDIN in paths else sys.stdout):
        for output in outputs:
            write(outcome, settings, output, quiet=options.quiet)
    return exit_code(outcome, settings)


def _watched(options: argparse.Namespace) -> list[str]:
    """Every file whose change makes a new run due. Raises UserProblem where the settings cannot be read."""
    paths: list[str] = options.paths or ["."]
    configuration = configure(paths, typed_settings(options), options.config, options.isolated)
    settings_file = nearest_file(paths)
    found = [file.real for file in discover(paths, choice_of(configuration), lambda message: None)]
    return found if settings_file is None else [*found, str(settings_file)]


def _baseline(options: argparse.Namespace, configuration: Configuration) -> Baseline | None:
    file = configuration.path("baseline") or (DEFAULT_BASELINE if options.write_baseline else None)
    if file is None:
        return None
    from actinit_lint.baseline import read_baseline

    return read_baseline(file, may_be_missing=options.write_baseline)


def _write_baseline(baseline: Baseline, outcome: Outcome, quiet: bool) -> None:
    """Everything that is reported now goes into the baseline, and is in it from here on."""
    settled = outcome.baseline
    assert settled is not None
    new = [finding for finding in outcome.shown if finding.code != "ACT900"]
    old = settled.matched
    total = baseline.write([*old, *new], outcome.texts, settled.kept)
    for finding in new:
        finding.baselined = True
        outcome.by_severity[finding.level] -= 1
    outcome.baselined += len(new)
    if not quiet:
        told = f"{len(new)} new, {settled.gone} gone"
        print(f"baseline {baseline.file}: {total} findings written ({told})", file=sys.stderr)


def _some_folder(paths: Sequence[str]) -> str:
    """A folder of the project: that of the first path."""
    import os

    path = os.path.abspath(paths[0])
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _needs_lines(output: Destination) -> bool:
    return output.format == "json"


def exit_code(outcome: Outcome, settings: Settings) -> int:
    """2 when a rule or stage failed, 1 when something at or above `fail-on` is left, else 0."""
    if outcome.internal_error:
        return 2
    if settings.exit_zero or settings.fail_on == "never":
        return 0
    floor = settings.fail_on
    return 1 if any(at_least(finding.level, floor) for finding in outcome.shown) else 0


def _explain(origins: dict[str, str], outcome: Outcome) -> None:
    files = sorted({origin for origin in origins.values() if origin not in ("default", "command line", "--config")})
    print(f"settings: {', '.join(files) or 'no settings file'}", file=sys.stderr)
    summary = outcome.summary
    print(f"read: {summary.files} files, {summary.skipped} skipped", file=sys.stderr)
    if outcome.suppressed:
        print(f"suppressed by comments: {outcome.suppressed}", file=sys.stderr)
