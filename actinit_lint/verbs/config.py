"""`actinit-lint config`: every setting, its value, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from actinit_lint.options import check_parser, typed_settings
from actinit_lint.problem import UserProblem
from actinit_lint.report.table import print_table
from actinit_lint.settings import configure, key_names


def run(arguments: Sequence[str]) -> int:
    options = check_parser("config").parse_intermixed_args(arguments)
    typed = typed_settings(options)
    formats = options.output_format or ["text"]
    if formats[-1] not in ("text", "json"):
        raise UserProblem(f'unknown output format "{formats[-1]}"; config has text and json')
    typed.pop("output-format", None)
    configuration = configure(options.paths or ["."], typed, options.config, options.isolated)
    values = msgspec.to_builtins(configuration.settings)
    if formats[-1] == "json":
        settings = {key: {"value": values[key], "origin": configuration.origins[key]} for key in key_names()}
        print(json.dumps({"root": configuration.root, "settings": settings}, indent=2))
        return 0
    rows = [(key, json.dumps(values[key], ensure_ascii=False), configuration.origins[key]) for key in key_names()]
    print_table(("setting", "value", "from"), rows, options.color)
    return 0
