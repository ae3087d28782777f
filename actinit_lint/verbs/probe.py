"""`actinit-lint probe PATH[::MODEL]`: run the models, measure them, and say what that makes of each finding."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from actinit_lint.engine import Request, lint
from actinit_lint.options import Parser, add_common, add_probe
from actinit_lint.probe.prober import prober
from actinit_lint.probe.report import render
from actinit_lint.problem import UserProblem, nearest
from actinit_lint.progress import Progress
from actinit_lint.settings import configure
from actinit_lint.verbs.check import exit_code
from actinit_lint.verbs.show import targets_of

DESCRIPTION = """\
Build the models of the given files, feed them, and measure signal, gradient and units layer by layer.

This executes the code that it is pointed at, in processes of its own with limits on time, memory, processes and
network. It contains accidents, not attacks: do not point it at code that you would not run.
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("probe", description=DESCRIPTION)
    parser.add_argument("targets", nargs="+", metavar="PATH[::MODEL]")
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    parser.add_argument("--level", choices=("error", "warning", "info"), help="lowest level shown (default warning)")
    parser.add_argument("--fail-on", choices=("error", "warning", "info", "never"), help="default warning")
    parser.add_argument("-v", "--verbose", action="store_true", help="show where a model that did not run failed")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="no progress line")
    add_probe(parser)
    add_common(parser)
    options = parser.parse_intermixed_args(arguments)
    named = targets_of(options.targets)
    paths = list(named)
    typed = {key: value for key, value in (("level", options.level), ("fail-on", options.fail_on)) if value is not None}
    configuration = configure(paths, typed, options.config, options.isolated)
    probe = prober(options, configuration, named)
    progress = Progress(sys.stderr, enabled=options.progress)
    request = Request(paths, progress=progress.step, probe=probe, want_unknown=options.output_format == "json")
    try:
        outcome = lint(request, configuration)
    finally:
        progress.close()
    found = {one.result.name for one in probe.examination.models if one.result.line}
    for path, models in named.items():
        for model in models:
            if model not in found:
                raise UserProblem(f'no model "{model}" in {path}{nearest(model, found)}')
    render(probe.examination, outcome, options.output_format, options.color, verbose=options.verbose)
    return exit_code(outcome, configuration.settings)
