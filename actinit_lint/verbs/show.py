"""`actinit-lint show PATH[::MODEL]`: the models of a file as understood; `show --pairings`: the whole catalogue."""

from __future__ import annotations

import os
from collections.abc import Sequence

from actinit_lint.analysis import understand
from actinit_lint.engine import Request, read_all
from actinit_lint.finding import Span
from actinit_lint.options import Parser, add_common
from actinit_lint.problem import UserProblem, nearest
from actinit_lint.settings import configure
from actinit_lint.show import View, builds_of, render
from actinit_lint.source.cells import in_cell
from actinit_lint.source.files import warn


def run(arguments: Sequence[str]) -> int:
    parser = Parser(
        "show", description="Show models as understood: layers, initialisers, activations; what was not followed."
    )
    parser.add_argument("targets", nargs="*", metavar="PATH[::MODEL]")
    parser.add_argument(
        "--pairings", action="store_true", help="every initialiser in front of every activation, instead of models"
    )
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    add_common(parser)
    options = parser.parse_intermixed_args(arguments)
    if options.pairings == bool(options.targets):
        raise UserProblem("expected a path, or --pairings alone")
    if options.pairings:
        from actinit_lint.show_pairings import render as render_pairings

        render_pairings(as_json=options.output_format == "json", color=options.color)
        return 0
    named = targets_of(options.targets)
    paths, models = list(named), [model for names in named.values() for model in names]
    configuration = configure(paths, {}, options.config, options.isolated)
    request = Request(paths)
    read = read_all(request, configuration)
    problems = [f"{entry.path}: {entry.message}" for entry in read.unreadable]

    def report(code: str, span: Span, **fields: object) -> None:
        at = in_cell(span, read.texts)
        cell = "" if at.cell is None else f"cell {at.cell}:"
        problems.append(f"{at.path}:{cell}{at.line}: {fields.get('problem', code)}")

    facts = understand(read, configuration, report, request.progress) if read.sources else []
    if problems and not facts:
        raise UserProblem(problems[0])
    for problem in problems:
        warn(problem)
    known = {build.model for file in facts for build in builds_of(file)}
    for model in models:
        if model not in known:
            raise UserProblem(f'no model "{model}" was followed there{nearest(model, known)}')
    render(facts, read.texts, View(models, options.output_format == "json", options.color))
    return 1 if problems else 0


def targets_of(targets: Sequence[str]) -> dict[str, list[str]]:
    """Paths, each with the models that were asked for by name."""
    named: dict[str, list[str]] = {}
    for target in targets:
        path, colons, model = target.partition("::")
        if colons and not model:
            raise UserProblem(f"{target}: expected a model's name behind ::")
        if colons and os.path.exists(target):
            path, model = target, ""
        named.setdefault(path, [])
        if model:
            named[path].append(model)
    return named
