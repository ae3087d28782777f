"""The command line's options, and how what was typed becomes settings."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from actinit_lint import __version__
from actinit_lint.problem import UserProblem, nearest
from actinit_lint.report.choose import FORMATS

#: What `--write-baseline` writes where no `--baseline` says otherwise.
DEFAULT_BASELINE = "actinit-lint-baseline.json"
VERBS = ("check", "rule", "show", "probe", "config", "clean", "server")

VERB_HELP = """\
verbs:
  check [PATH]...        lint files and folders (implied; PATH defaults to ".")
  rule [CODE|NAME]       print a rule's page, or a table of all rules
  show PATH[::MODEL]     the models as understood: layers, initialisers, activations
  probe PATH[::MODEL]    run the models and measure them (executes the code; needs torch or keras)
  config                 every setting, its value and where it came from
  clean                  remove the cache

Each verb has its own --help.

exit codes:
  0  nothing at or above --fail-on is left
  1  findings, or a file that does not parse
  2  a bad option, setting, rule or path, or an internal error
"""


class Parser(argparse.ArgumentParser):
    """argparse whose mistakes are one line and name the nearest option."""

    def __init__(self, verb: str, **more: Any) -> None:
        super().__init__(prog=f"actinit-lint {verb}", allow_abbrev=False, **more)
        self.add_argument("--version", action="version", version=f"actinit-lint {__version__}")

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown:
            word = unknown.group(1).split("=")[0]
            options = [option for action in self._actions for option in action.option_strings]
            raise UserProblem(f"unknown option {word}{nearest(word, options)}; --help lists them")
        raise UserProblem(message)


def _listed(parser: Any, *names: str, metavar: str = "RULES", **more: Any) -> None:
    parser.add_argument(*names, action="append", metavar=metavar, **more)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Where settings come from, and how output looks: shared by the verbs that read settings."""
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--config",
        action="append",
        default=[],
        metavar='FILE|"KEY = VALUE"',
        help="settings file, or one setting as TOML",
    )
    group.add_argument("--isolated", action="store_true", help="read no settings file")
    group.add_argument("--color", choices=("auto", "always", "never"), help="colours (NO_COLOR is honoured too)")


def check_parser(verb: str = "check") -> Parser:
    """Options of `check`, and of `config`, which explains them."""
    parser = Parser(
        verb,
        description="Check weight initialisation against activations in PyTorch and Keras code.",
        epilog=VERB_HELP if verb == "check" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help='file, folder, or - for standard input (default ".")')
    rules = parser.add_argument_group("rules")
    _listed(rules, "--select", help="run only these: codes, prefixes or names, separated by commas (ALL)")
    _listed(rules, "--ignore", help="leave these out; the longest prefix that fits decides")
    _listed(rules, "--extend-select", help="run these too")
    _listed(rules, "--extend-ignore", help="leave these out too")
    _listed(rules, "--per-file-ignores", metavar="PATTERN:RULES", help="leave rules out in files that match")
    rules.add_argument("--level", choices=("error", "warning", "info"), help="lowest level shown (default warning)")
    rules.add_argument(
        "--fail-on",
        choices=("error", "warning", "info", "never"),
        help="lowest level that makes the exit code 1 (default warning)",
    )
    rules.add_argument("--min-confidence", choices=("low", "medium", "high"), help="default medium")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output-format",
        action="append",
        metavar="FORMAT[:FILE]",
        help=f"{', '.join(FORMATS)}; may be repeated, each with its file",
    )
    output.add_argument("--output-file", metavar="FILE", help="write the report there")
    output.add_argument("--statistics", action="store_true", default=None, help="counts per rule instead of findings")
    output.add_argument("--show-unknown", action="store_true", default=None, help="list what was not followed, and why")
    output.add_argument("-q", "--quiet", action="store_true", help="findings only: no summary, no warnings")
    output.add_argument("-v", "--verbose", action="store_true", help="say which settings and files were used")
    output.add_argument("--no-progress", dest="progress", action="store_false", default=None, help="no progress line")
    output.add_argument("-e", "--exit-zero", action="store_true", default=None, help="exit 0 in spite of findings")
    fixes = parser.add_argument_group("fixes")
    fixes.add_argument("--fix", action="store_true", default=None, help="make the safe changes that cure findings")
    fixes.add_argument(
        "--unsafe-fixes", action="store_true", default=None, help="make those too that change what the code does"
    )
    fixes.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")
    adopt = parser.add_argument_group("existing code")
    adopt.add_argument("--baseline", metavar="FILE", help="leave out the findings that are recorded there")
    adopt.add_argument(
        "--write-baseline",
        action="store_true",
        help=f"record all findings there (default {DEFAULT_BASELINE}), drop those that are gone",
    )
    adopt.add_argument("--add-ignore", action="store_true", help="write an ignore comment for every finding")
    adopt.add_argument("--diff-base", metavar="REF", help="only what has changed since a commit, branch or tag of git")
    files = parser.add_argument_group("files")
    _listed(files, "--exclude", metavar="PATTERNS", help="replace the default excludes")
    _listed(files, "--extend-exclude", metavar="PATTERNS", help="exclude these too")
    files.add_argument("--force-exclude", action="store_true", default=None, help="exclude files that were named, too")
    files.add_argument(
        "--no-respect-gitignore",
        dest="respect_gitignore",
        action="store_false",
        default=None,
        help="read ignored files",
    )
    files.add_argument("--stdin-filename", metavar="FILE", help="what reports call standard input")
    running = parser.add_argument_group("running")
    running.add_argument("-j", "--jobs", type=_count, metavar="N", help="worker processes (0: as many as worthwhile)")
    running.add_argument(
        "--no-cache", dest="cache", action="store_false", default=None, help="neither read nor write it"
    )
    running.add_argument("--cache-dir", metavar="DIR")
    running.add_argument("--watch", action="store_true", help="lint again whenever a file changes, until Ctrl-C")
    add_probe(parser, switch=True)
    add_common(parser)
    return parser


def add_probe(parser: argparse.ArgumentParser, *, switch: bool = False) -> None:
    """How models are run; their names are those that messages about limits give."""
    group = parser.add_argument_group("probe")
    if switch:
        group.add_argument("--probe", action="store_true", help="run the models and measure them (executes the code)")
    group.add_argument("--probe-python", metavar="PYTHON", help="the interpreter that has torch or keras (this one)")
    group.add_argument("--probe-seconds", type=_seconds, metavar="S", help="seconds for one model (20)")
    group.add_argument("--probe-run-seconds", type=_seconds, metavar="S", help="seconds for all of them (120)")
    group.add_argument("--probe-memory", type=_count, metavar="MB", help="memory of one model (2048)")
    group.add_argument("--probe-processes", type=_count, metavar="N", help="processes of one model (32)")
    group.add_argument("--probe-file-size", type=_count, metavar="MB", help="largest file that one may write (64)")
    group.add_argument("--probe-parameters", type=_count, metavar="N", help="largest model (100000000)")
    group.add_argument("--probe-network", action="store_true", help="let the models use the network")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds, got {text!r}")
    return seconds


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


_LISTS = ("select", "ignore", "extend_select", "extend_ignore", "exclude", "extend_exclude")
_PLAIN = (
    "level", "fail_on", "min_confidence", "output_format", "output_file", "statistics", "show_unknown", "progress",
    "exit_zero", "fix", "unsafe_fixes", "force_exclude", "respect_gitignore", "baseline", "jobs", "cache", "cache_dir",
    "color",
)  # fmt: skip


def typed_settings(options: argparse.Namespace) -> dict[str, object]:
    """The settings that were given on the command line, under their kebab-case keys."""
    typed: dict[str, object] = {}
    for name in _LISTS:
        values = getattr(options, name)
        if values is not None:
            typed[name.replace("_", "-")] = [word for value in values for word in _words(value)]
    for name in _PLAIN:
        value = getattr(options, name)
        if value is not None:
            typed[name.replace("_", "-")] = value
    if options.per_file_ignores is not None:
        typed["per-file-ignores"] = _per_file(options.per_file_ignores)
    return typed


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _per_file(values: Sequence[str]) -> dict[str, list[str]]:
    """`tests/*:ACT1,ACT201,other.py:ACT3`: a colon starts the next pattern."""
    ignores: dict[str, list[str]] = {}
    pattern = None
    for value in values:
        for word in _words(value):
            if ":" in word:
                pattern, _, word = word.rpartition(":")
            if pattern is None:
                raise UserProblem(f'--per-file-ignores: expected PATTERN:RULES, got "{value}"')
            ignores.setdefault(pattern, []).append(word)
        pattern = None
    return ignores
