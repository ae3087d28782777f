"""`actinit-lint check`: lint, report, exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence

from actinit_lint.engine import Request, lint
from actinit_lint.options import check_parser, typed_settings
from actinit_lint.outcome import Outcome
from actinit_lint.problem import UserProblem
from actinit_lint.progress import Progress
from actinit_lint.report.choose import Destination, destinations, write
from actinit_lint.selection import at_least
from actinit_lint.settings import Settings, configure
from actinit_lint.source.files import STDIN, warn


def run(arguments: Sequence[str]) -> int:
    options = check_parser().parse_intermixed_args(arguments)
    paths: list[str] = options.paths or ["."]
    if options.stdin_filename is not None and STDIN not in paths:
        raise UserProblem("--stdin-filename is only for standard input: add - as path")
    looked_up = [options.stdin_filename or "."] if paths == [STDIN] else paths
    configuration = configure(looked_up, typed_settings(options), options.config, options.isolated)
    settings = configuration.settings
    outputs = destinations(settings)
    say: Callable[[str], None] = (lambda message: None) if options.quiet else warn
    progress = Progress(sys.stderr, enabled=settings.progress and not options.quiet)
    request = Request(
        paths,
        sys.stdin.buffer.read() if STDIN in paths else None,
        options.stdin_filename,
        want_unknown=settings.show_unknown or any(_needs_lines(output) for output in outputs),
        say=say,
        progress=progress.step,
    )
    fixing = settings.fix or options.diff
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
    with contextlib.redirect_stdout(sys.stderr if fixing and STDIN in paths else sys.stdout):
        for output in outputs:
            write(outcome, settings, output, quiet=options.quiet)
    return exit_code(outcome, settings)


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
