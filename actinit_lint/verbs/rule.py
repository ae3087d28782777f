"""`actinit-lint rule`: the table of rules, one rule's page, or a new rule from a template."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from actinit_lint.options import Parser
from actinit_lint.pages import Page, find, pages
from actinit_lint.problem import UserProblem, nearest
from actinit_lint.report.table import print_rich, print_table


def run(arguments: Sequence[str]) -> int:
    parser = Parser("rule", description="Print a rule's page, or a table of all rules.")
    parser.add_argument("rule", nargs="?", metavar="CODE|NAME")
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    parser.add_argument("--color", choices=("auto", "always", "never"))
    parser.add_argument(
        "--new", nargs=2, metavar=("CODE", "NAME"), help="write a rule's page and check (in a checkout)"
    )
    options = parser.parse_intermixed_args(arguments)
    if options.new is not None:
        from actinit_lint.verbs.new_rule import create

        for file in create(*options.new):
            print(f"wrote {file}")
        return 0
    if options.rule is None:
        _print_all(options.output_format, options.color)
        return 0
    page = find(options.rule)
    if page is None:
        known = [*pages(), *(page.name for page in pages().values())]
        guess = nearest(options.rule.upper(), known) or nearest(options.rule.lower(), known)
        raise UserProblem(f'unknown rule "{options.rule}"{guess}; `actinit-lint rule` lists them')
    if options.output_format == "json":
        print(json.dumps(_object(page), indent=2))
    else:
        _print_page(page, options.color)
    return 0


def _object(page: Page) -> dict[str, Any]:
    return {**msgspec.to_builtins(page.matter), "page": page.body}


def _print_all(output_format: str, color: str | None) -> None:
    if output_format == "json":
        print(json.dumps([_object(page) for page in pages().values()], indent=2))
        return
    rows = [
        (page.code, page.name, page.matter.level, page.matter.fix, page.matter.summary) for page in pages().values()
    ]
    print_table(("code", "name", "level", "fix", "finds"), rows, color)


def _print_page(page: Page, color: str | None) -> None:
    matter = page.matter
    facts = f"{matter.level} · confidence {matter.confidence} · fix: {matter.fix} · since {matter.since}"
    if matter.frameworks:
        facts += f" · {', '.join(matter.frameworks)}"
    title, _, rest = page.body.partition("\n")
    options = ""
    if matter.options:
        lines = [f"    {key} = {_toml(value)}" for key, value in matter.options.items()]
        options = f"\n## Options\n\n    [tool.actinit-lint.rules.{page.name}]\n" + "\n".join(lines) + "\n"
    text = f"{title}\n\n{facts}\n{rest}{options}"
    if not sys.stdout.isatty() and color != "always":
        from actinit_lint.report.look import look_for

        print(look_for(sys.stdout).safe(text.rstrip()))  # Markdown is its own best plain form
        return
    from rich.markdown import Markdown

    print_rich(Markdown(text, code_theme="ansi_dark"), color)


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # numbers, strings, booleans and lists read the same in TOML
