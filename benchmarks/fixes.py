"""Fix copies of model files, and see whether every fix keeps its promises.

    python benchmarks/fixes.py DIR [--show]

Every file and folder directly in DIR, or in a folder of it that holds more than one project, is a project of its own.
It is copied, linted, fixed with `--fix --unsafe-fixes`, and linted again. Then

- every finding that had a fix is gone, and nothing is reported that was not reported before;
- no chain that a fix speaks of is predicted to drift by a decade or more: m is below 1;
- every file still compiles, and only lines that a fix named have changed;
- fixing again changes nothing.

Printed are how many findings of each rule have a fix, and each broken promise. The exit code is 1 where one is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import json
import os
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from actinit_lint.cli import main as actinit_lint

SUFFIXES = (".py", ".ipynb")
#: Rules about a chain's predicted m.
CHAINS = ("ACT302", "ACT401", "ACT402", "ACT404")
Finding = dict[str, Any]
Key = tuple[str, str, str | None, str | None]


def run(folder: Path, *options: str) -> str:
    """Standard output of the linter over a folder, all levels shown."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["check", "--isolated", "--no-cache", "--level", "info", "--exit-zero", "-q", *options, "."]
    here = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = actinit_lint(argv)
    finally:
        os.chdir(here)
    if code != 0:
        raise SystemExit(f"{folder}: {err.getvalue().strip()}")
    return out.getvalue()


def findings(folder: Path, *options: str) -> list[Finding]:
    found: list[Finding] = json.loads(run(folder, "--output-format", "json", *options))["findings"]
    return found


def keys(some: Sequence[Finding]) -> Counter[Key]:
    return Counter((one["code"], one["path"], one["model"], one["layer"]) for one in some)


def texts(folder: Path) -> dict[str, list[str]]:
    """Lines by file, and in a notebook by cell."""
    found: dict[str, list[str]] = {}
    for file in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
        name, text = str(file.relative_to(folder)), file.read_text(encoding="utf-8", errors="replace")
        if file.suffix == ".py":
            found[name] = text.splitlines()
            continue
        for number, cell in enumerate(json.loads(text)["cells"], 1):
            found[f"{name}:{number}"] = "".join(cell["source"]).splitlines()
    return found


def changed(before: list[str], after: list[str]) -> set[int]:
    """Lines that have changed; of what is put in, the line that it stands behind."""
    lines: set[int] = set()
    for tag, start, end, _, _ in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "insert":
            lines.add(start)
        elif tag != "equal":
            lines.update(range(start + 1, end + 1))
    return lines


def broken(folder: Path, before: list[Finding]) -> Iterator[str]:
    """Fix the folder's files; every promise that does not hold."""
    old = texts(folder)
    fixable = [one for one in before if one["fix"] is not None]
    after = findings(folder, "--fix", "--unsafe-fixes")
    new = texts(folder)
    for code, path, model, layer in keys(after) - keys(before):
        yield f"{path}: {code} for {model}.{layer} is new"
    for key, number in keys(fixable).items():
        if keys(after)[key] > keys(before)[key] - number:
            yield f"{key[1]}: {key[0]} for {key[2]}.{key[3]} is still there"
    healed = {(one["path"], one["model"]) for one in fixable if one["code"] in CHAINS}
    for one in after:
        m = one["numbers"].get("m")
        if one["code"] in CHAINS and (one["path"], one["model"]) in healed and m is not None and abs(m) >= 1:
            yield f"{one['path']}: {one['code']} for {one['model']} is fixed, and m is {m:.2f}"
    named: dict[str, set[int]] = defaultdict(set)
    for one in fixable:
        for edit in one["fix"]["edits"]:
            name = edit["path"] if edit.get("cell") is None else f"{edit['path']}:{edit['cell']}"
            named[name.removeprefix("./")].update(range(edit["line"], edit["end_line"] + 1))
    for name, lines in new.items():
        for line in sorted(changed(old[name], lines) - named[name]):
            yield f"{name}:{line} has changed, and no fix names it"
        if name.endswith(".py"):
            try:
                compile("\n".join(lines), name, "exec", dont_inherit=True)
            except SyntaxError as error:
                yield f"{name}:{error.lineno} does not compile: {error.msg}"
    run(folder, "--fix", "--unsafe-fixes")
    if texts(folder) != new:
        yield "fixing again changes more"


def projects(folder: Path) -> Iterator[Path]:
    """Files and folders that are linted by themselves."""
    for entry in sorted(folder.iterdir()):
        if entry.suffix in SUFFIXES and entry.name != "score.py":
            yield entry
        elif entry.is_dir() and any(inner.is_dir() for inner in entry.iterdir()):
            yield from projects(entry)
        elif entry.is_dir() and any(inner.suffix in SUFFIXES for inner in entry.iterdir()):
            yield entry


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--show", action="store_true", help="print what the fixes change")
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    found: Counter[str] = Counter()
    fixed: Counter[str] = Counter()
    trouble = 0
    for project in projects(options.folder):
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name) / "project"
            if project.is_dir():
                shutil.copytree(project, copy, copy_function=shutil.copyfile)
            else:
                copy.mkdir()
                shutil.copyfile(project, copy / project.name)
            before = findings(copy)
            found.update(one["code"] for one in before)
            fixed.update(one["code"] for one in before if one["fix"] is not None)
            if options.show:
                print(run(copy, "--diff", "--unsafe-fixes"), end="")
            for promise in broken(copy, before):
                trouble += 1
                print(f"{project.relative_to(options.folder)}: {promise}")
    for code in sorted(found):
        print(f"{code}  {fixed[code]:>4} of {found[code]:>4} have a fix")
    print(f"all     {fixed.total():>4} of {found.total():>4}; {trouble} promises broken")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
