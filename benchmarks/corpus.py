"""Lint published packages: how much of them is followed, what is found, and what changed since another run.

The packages are listed, with their versions, in corpus-packages.txt. Each is downloaded once with pip, without what it
depends on; only its Python files are kept, and none of them is ever imported.

    python benchmarks/corpus.py --cache DIR --save before.json
    python benchmarks/corpus.py --cache DIR --compare before.json --only timm torchvision
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
LOUD = ("error", "warning")
MOST_REASONS = 10
MOST_DETAILS = 3
_SLOW = re.compile(r"^([\d.]+) s to follow (.+)$", re.MULTILINE)
#: Files over this, in CPU seconds, are a fault of the linter's.
TOO_SLOW = 20.0
MOST_SLOW = 3
_DETAIL = re.compile(r"^(.*?) \((.*)\)$", re.DOTALL)
#: An internal error of the linter, as a finding.
FAULT = "ACT900"


class Trouble(Exception):
    """A package that could not be had or linted, and why."""


@dataclass(frozen=True)
class Package:
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass
class Result:
    """What a run over one package gave. A finding is `path:line:code`, which may be there more than once."""

    version: str
    seconds: float
    files: int
    models: int
    followed: int
    not_followed: int
    reasons: dict[str, int] = field(default_factory=dict)
    loud: list[str] = field(default_factory=list)
    info: list[str] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    slow: dict[str, float] = field(default_factory=dict)  # CPU seconds by path, of the slowest files


def packages(listed: Path, only: Sequence[str]) -> list[Package]:
    """The packages of a list, all or those named."""
    lines = (line.partition("#")[0].strip() for line in listed.read_text(encoding="utf-8").splitlines())
    found = [Package(*line.split("==")) for line in lines if line]
    unknown = set(only) - {package.name for package in found}
    if unknown:
        raise SystemExit(f"not in {listed.name}: {', '.join(sorted(unknown))}")
    return [package for package in found if not only or package.name in only]


# Downloading ----------------------------------------------------------------------------------------------------------


def unpacked(package: Package, cache: Path) -> Path:
    """The folder with a package's Python files, downloaded where it is not there yet."""
    target = cache / f"{package.name}-{package.version}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        wheel = download(package, Path(temporary) / "wheel")
        files = Path(temporary) / "files"
        files.mkdir()
        extract(wheel, files)
        if not any(files.rglob("*.py")):
            raise Trouble(f"{wheel.name} holds no Python files")
        files.rename(target)
    return target


def download(package: Package, folder: Path) -> Path:
    """The package's wheel. Source archives are not asked for: pip would run code of theirs to learn their names."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    wheel = ["--only-binary=:all:", "--ignore-requires-python", "--python-version", "3.12"]
    plain = dict(os.environ)
    uncapped = plain | {"PIP_CONSTRAINT": os.devnull}  # machines may cap versions in a constraints file
    for environment in (plain, uncapped):
        call = [*pip, *wheel, f"{package.name}=={package.version}"]
        run = subprocess.run(call, env=environment, capture_output=True, text=True)
        if run.returncode == 0:
            return next(folder.iterdir())
    said = run.stderr.strip().splitlines()
    raise Trouble(f"could not be downloaded: {said[-1] if said else 'pip said nothing'}")


def extract(wheel: Path, target: Path) -> None:
    """Take the Python files out of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                archive.extract(name, target)


# Linting --------------------------------------------------------------------------------------------------------------


def lint(package: Package, folder: Path, command: str, limit: float) -> Result:
    """Lint the whole package in a process of its own."""
    options = ["--output-format", "json", "--level", "info", "--exit-zero", "--isolated", "--no-cache", "--no-progress"]
    with tempfile.NamedTemporaryFile("r", suffix=".txt", encoding="utf-8") as statistics:
        options += ["--statistics", "--output-format", f"concise:{statistics.name}"]
        call = [*shlex.split(command), "check", *options, "."]
        start = time.perf_counter()
        try:
            run = subprocess.run(call, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=limit)
        except subprocess.TimeoutExpired:
            raise Trouble(f"not done after {limit:.0f} s") from None
        seconds = time.perf_counter() - start
        slow = {path: float(took) for took, path in _SLOW.findall(Path(statistics.name).read_text(encoding="utf-8"))}
    try:
        answer = json.loads(run.stdout)
    except ValueError:
        said = run.stderr.strip().splitlines()
        raise Trouble(f"no answer, exit code {run.returncode}: {said[-1] if said else 'nothing said'}") from None
    result = result_of(answer, package.version, seconds)
    result.slow = slow
    return result


def result_of(answer: dict, version: str, seconds: float) -> Result:
    """The parts of a JSON report that are kept."""
    summary = answer["summary"]
    result = Result(
        version,
        round(seconds, 1),
        summary["files"],
        summary["models"],
        summary["layers_followed"],
        summary["layers_not_followed"],
        dict(Counter(entry["reason"] for entry in answer["not_followed"]).most_common()),
    )
    for finding in answer["findings"]:
        where = f"{finding['path']}:{finding['line']}:{finding['code']}"
        if finding["code"] == FAULT:
            result.faults.append(f"{finding['path']}: {finding['message']}")
        elif finding["suppressed"] is None:
            (result.loud if finding["severity"] in LOUD else result.info).append(where)
            result.messages[where] = finding["message"]
    return result


# Telling --------------------------------------------------------------------------------------------------------------


def report(package: Package, result: Result) -> Iterator[str]:
    total = result.followed + result.not_followed
    share = f", {100 * result.followed / total:.0f} % followed" if total else ""
    yield f"{package}: {result.files} files, {result.models} models, {result.seconds:.1f} s"
    yield f"  layers: {result.followed} followed, {result.not_followed} not followed{share}"
    for reason, count, details in grouped(result.reasons)[:MOST_REASONS]:
        often = ", ".join(f"{detail} {number}" for detail, number in details[:MOST_DETAILS])
        yield f"    {count:>5}  {reason}{f' (most often: {often})' if often else ''}"
    yield f"  loud: {per_code(result.loud)}"
    yield f"  info: {per_code(result.info)}"
    slowest = sorted(result.slow.items(), key=lambda item: -item[1])
    if slowest:
        yield f"  slowest: {', '.join(f'{path} {took:.1f} s' for path, took in slowest[:MOST_SLOW])}"
        over = sum(took > TOO_SLOW for _, took in slowest)
        yield from [f"  over {TOO_SLOW:.0f} s: {over} files"] if over else []
    if result.faults:
        yield f"  internal errors: {len(result.faults)}"
        yield from (f"    {fault}" for fault in result.faults)


def grouped(reasons: dict[str, int]) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """Reasons without what stands in brackets behind them, the commonest first, each with its commonest brackets."""
    counts: Counter[str] = Counter()
    details: dict[str, Counter[str]] = {}
    for reason, count in reasons.items():
        match = _DETAIL.match(reason)
        text = match[1] if match else reason
        counts[text] += count
        if match:
            details.setdefault(text, Counter())[match[2]] += count
    return [(text, count, details.get(text, Counter()).most_common()) for text, count in counts.most_common()]


def per_code(findings: Sequence[str]) -> str:
    """`ACT101 3, ACT201 1`."""
    counts = Counter(finding.rpartition(":")[2] for finding in findings)
    return ", ".join(f"{code} {count}" for code, count in sorted(counts.items())) or "none"


def difference(before: Result, now: Result) -> Iterator[str]:
    """What a run has that an earlier one had not, and the other way round; nothing where they are equal."""
    for what, old, new in (
        ("layers followed", before.followed, now.followed),
        ("layers not followed", before.not_followed, now.not_followed),
        ("models", before.models, now.models),
        ("info", len(before.info), len(now.info)),
        ("internal errors", len(before.faults), len(now.faults)),
    ):
        if old != new:
            yield f"  {what}: {old} -> {new} ({new - old:+d})"
    old_findings, new_findings = Counter(before.loud), Counter(now.loud)
    for sign, findings, messages in (
        ("-", old_findings - new_findings, before.messages),
        ("+", new_findings - old_findings, now.messages),
    ):
        for finding in sorted(findings.elements(), key=_in_order):
            yield f"  {sign} {finding} {messages.get(finding, '')}".rstrip()


def _in_order(finding: str) -> tuple[str, int, str]:
    path, line, code = finding.rsplit(":", 2)
    return path, int(line), code


def totals(results: dict[str, Result]) -> Iterator[str]:
    every = results.values()
    followed, not_followed = (sum(r.followed for r in every), sum(r.not_followed for r in every))
    share = 100 * followed / max(followed + not_followed, 1)
    yield f"all {len(results)} packages: {sum(r.files for r in every)} files, {sum(r.seconds for r in every):.1f} s"
    yield f"  layers: {followed} followed, {not_followed} not followed, {share:.0f} % followed"
    yield f"  loud: {per_code([finding for r in every for finding in r.loud])}"
    yield f"  internal errors: {sum(len(r.faults) for r in every)}"


# The command ----------------------------------------------------------------------------------------------------------


def stored(path: Path) -> dict[str, Result]:
    """The results of an earlier run."""
    try:
        return {name: Result(**fields) for name, fields in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SystemExit(f"{path}: cannot be read as a stored run: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the unpacked packages")
    parser.add_argument("--packages", type=Path, default=HERE / "corpus-packages.txt", help="list of name==version")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these packages of the list alone")
    parser.add_argument("--save", type=Path, help="store the results in this file")
    parser.add_argument("--compare", type=Path, help="tell the difference from results stored earlier")
    parser.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m actinit_lint", help="the linter to run")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that one package may take")
    options = parser.parse_args(arguments)
    before = stored(options.compare) if options.compare else {}
    results: dict[str, Result] = {}
    failed = False
    for package in packages(options.packages, options.only):
        try:
            result = lint(package, unpacked(package, options.cache), options.command, options.timeout)
        except Trouble as trouble:
            print(f"{package}: {trouble}", flush=True)
            failed = True
            continue
        results[package.name] = result
        failed = failed or bool(result.faults)
        print("\n".join(report(package, result)), flush=True)
        if package.name in before:
            changes = list(difference(before[package.name], result))
            print(
                "\n".join(["  compared:", *(f"  {change}" for change in changes)] if changes else ["  compared: equal"])
            )
        if options.save:
            kept = {name: asdict(stored_result) for name, stored_result in results.items()}
            options.save.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if len(results) > 1:
        print("\n".join(totals(results)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
