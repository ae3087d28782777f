"""Settings: one table of keys with types and defaults, read from files, `--config` and the command line in turn."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from actinit_lint.problem import UserProblem, nearest
from actinit_lint.source.files import DEFAULT_EXCLUDE

FILE_NAMES = ("actinit-lint.toml", "pyproject.toml")
#: Tables that a later source extends key by key; every other key it replaces.
MERGED = ("levels", "per-file-ignores", "probe", "rules", "wrappers")
#: Lists that a later source adds to.
ADDED = ("extend-select", "extend-ignore", "extend-exclude")

#: As in `rule`, spelled out again so that a run without a model file need not load the model's classes.
Level = Literal["error", "warning", "info"]
Confidence = Literal["low", "medium", "high"]
FailOn = Literal["error", "warning", "info", "never"]
Color = Literal["auto", "always", "never"]


class Wrapper(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a house layer or initialiser stands for: `like` names the framework's own."""

    like: str
    activation: str | None = None
    normalised: bool = False


class ProbeOverride(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How the probe builds and feeds one model: constructor arguments, inputs as `dtype[dims]`, or a factory."""

    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    input: list[str] | None = None
    factory: str | None = None


class Settings(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Every setting under its option's name, with its default."""

    select: list[str] = msgspec.field(default_factory=lambda: ["ALL"])
    ignore: list[str] = []
    extend_select: list[str] = []
    extend_ignore: list[str] = []
    per_file_ignores: dict[str, list[str]] = {}
    level: Level = "warning"
    levels: dict[str, Level] = {}
    fail_on: FailOn = "warning"
    min_confidence: Confidence = "medium"
    output_format: list[str] = msgspec.field(default_factory=lambda: ["full"])
    output_file: str | None = None
    color: Color = "auto"
    statistics: bool = False
    show_unknown: bool = False
    progress: bool = True
    exit_zero: bool = False
    fix: bool = False
    unsafe_fixes: bool = False
    exclude: list[str] = msgspec.field(default_factory=lambda: list(DEFAULT_EXCLUDE))
    extend_exclude: list[str] = []
    force_exclude: bool = False
    respect_gitignore: bool = True
    baseline: str | None = None
    jobs: int = 0
    cache: bool = True
    cache_dir: str = ".actinit-lint-cache"
    rules: dict[str, dict[str, Any]] = {}
    wrappers: dict[str, Wrapper] = {}
    probe: dict[str, ProbeOverride] = {}


class Configuration(msgspec.Struct, frozen=True):
    """Settings in force, where each came from, and the folder that relative patterns are relative to."""

    settings: Settings
    origins: dict[str, str]  # kebab-case key -> "default", a file's path, "--config" or "command line"
    root: str
    #: select/ignore lists that count, each with the rank of its source (later sources have higher ranks)
    selectors: tuple[tuple[Literal["select", "ignore"], int, str], ...] = ()

    def path(self, key: str) -> str | None:
        """A path setting: relative to the root where a file set it, to the working directory where it was typed."""
        value: str | None = getattr(self.settings, key.replace("-", "_"))
        if not value or self.origins[key] in ("command line", "--config"):
            return value or None
        return _display(Path(self.root, value))


def key_names() -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(Settings)]


def configure(
    paths: Sequence[str], command_line: Mapping[str, object], config: Sequence[str] = (), isolated: bool = False
) -> Configuration:
    """Settings for a run over `paths`. `command_line` holds only what was typed, `config` the `--config` values."""
    sources: list[tuple[str, dict[str, Any]]] = []
    root = os.getcwd()
    files = [value for value in config if _is_file(value)]
    if len(files) > 1:
        raise UserProblem(f"--config names two files ({files[0]}, {files[1]}); give one")
    file = Path(files[0]) if files else None if isolated else nearest_file(paths)
    if file is not None:
        table = read_file(file, required=bool(files))
        sources.append((_display(file), table))
        if not files:
            root = str(file.parent.resolve())
    sources += [("--config", _inline(value)) for value in config if not _is_file(value)]
    sources.append(("command line", dict(command_line)))
    return _merge(sources, root)


def nearest_file(paths: Sequence[str]) -> Path | None:
    """The nearest settings file at or above the folder of all paths. A pyproject.toml counts only with our table."""
    absolute = [os.path.abspath(path) for path in paths if path != "-"] or [os.getcwd()]
    try:
        common = Path(os.path.commonpath(absolute))
    except ValueError:  # different drives
        common = Path.cwd()
    for folder in [common, *common.parents]:
        for name in FILE_NAMES:
            file = folder / name
            if file.is_file() and (name != "pyproject.toml" or b"actinit-lint" in file.read_bytes()):
                if name == "pyproject.toml" and "actinit-lint" not in _toml(file).get("tool", {}):
                    continue
                return file
    return None


def read_file(file: Path, required: bool = False) -> dict[str, Any]:
    """A file's settings table, checked: in pyproject.toml `[tool.actinit-lint]`, elsewhere the whole file."""
    content = _toml(file)
    if file.name == "pyproject.toml" or set(content) == {"tool"}:
        tool = content.get("tool", {})
        if required and "actinit-lint" not in tool:
            raise UserProblem(f"{_display(file)}: has no [tool.actinit-lint] table")
        content = tool.get("actinit-lint", {})
    if not isinstance(content, dict):
        raise UserProblem(f"{_display(file)}: tool.actinit-lint: expected a table")
    _check(content, _display(file))
    return content


def _toml(file: Path) -> dict[str, Any]:
    try:
        return parse_toml(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserProblem(f"{_display(file)}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # bad TOML, or bytes that are no UTF-8
        raise UserProblem(f"{_display(file)}: not valid TOML: {error}") from None


def parse_toml(text: str) -> dict[str, Any]:
    """TOML to a table; raises ValueError."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _is_file(value: str) -> bool:
    return "=" not in value or os.path.isfile(value)


def _inline(value: str) -> dict[str, Any]:
    try:
        table = parse_toml(value)
    except ValueError as error:
        raise UserProblem(f"--config {value!r}: neither a file nor a TOML assignment: {error}") from None
    _check(table, "--config")
    return table


def _merge(sources: list[tuple[str, dict[str, Any]]], root: str) -> Configuration:
    merged: dict[str, Any] = {}
    origins = dict.fromkeys(key_names(), "default")
    kinds: tuple[Literal["select"], Literal["ignore"]] = ("select", "ignore")
    selectors: dict[str, list[tuple[int, str]]] = {"select": [(0, "ALL")], "ignore": []}
    for rank, (origin, table) in enumerate(sources, 1):
        for key, value in table.items():
            origins[key] = origin
            if key in MERGED:
                merged[key] = _extended(merged.get(key, {}), value)
            elif key in ADDED:
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged[key] = value
        for kind in kinds:
            if kind in table:
                selectors[kind] = [(rank, word) for word in table[kind]]
            selectors[kind] += [(rank, word) for word in table.get(f"extend-{kind}", ())]
    if "fail-on" in merged and "level" not in merged and merged["fail-on"] == "info":
        merged["level"] = "info"  # a run must not fail for something that it hides
        origins["level"] = f"fail-on = info ({origins['fail-on']})"
    settings = _check(merged, "settings")
    flat = tuple((kind, rank, word) for kind in kinds for rank, word in selectors[kind])
    return Configuration(settings, origins, root, flat)


def _extended(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = {**result[key], **value} if both else value
    return result


def _check(table: Mapping[str, Any], origin: str) -> Settings:
    """The table as settings, or one line that says which key is wrong and what it should be."""
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise UserProblem(f"{origin}: {_explain(str(error))}") from None


def _explain(error: str) -> str:
    where = re.search(r" - at `(?:key in )?\$\.?(.*)`$", error)
    key = where.group(1) if where else ""
    said = error[: where.start()] if where else error
    unknown = re.match(r"Object contains unknown field `(.*)`", said)
    if unknown:
        name = unknown.group(1)
        tables = {"wrappers": Wrapper(like=""), "probe": ProbeOverride()}
        table = tables.get(key.partition("[")[0])
        valid: Iterable[str] = key_names() if table is None else msgspec.structs.asdict(table)
        full = f"{key}.{name}" if key else name
        return f'unknown setting "{full}"{nearest(name, valid)}'
    said = said.replace("`object`", "a table").replace("`array`", "a list").replace("`str`", "a string")
    said = said.replace("`bool`", "true or false").replace("`int`", "a whole number")
    enum = re.match(r"Invalid enum value '(.*)'", said)
    if enum:
        said = f'"{enum.group(1)}" is not one of {_choices(key)}'
    return f"{key}: {said[:1].lower()}{said[1:]}" if key else said


def _choices(key: str) -> str:
    types: dict[str, object] = {
        "level": Level,
        "levels[...]": Level,
        "fail-on": FailOn,
        "min-confidence": Confidence,
        "color": Color,
    }
    return ", ".join(getattr(types.get(key), "__args__", ())) or "the valid words"


def _display(file: Path) -> str:
    """A path as people would type it here."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(file)
