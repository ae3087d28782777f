#!/usr/bin/env python3
"""What the probe makes of labelled files: how many findings were probed, confirmed and cured, and false alarms.

Usage: probe.py FOLDER [--command "actinit-lint"] [--seconds S] [--run-seconds S] [--save FILE]

A line that ends in `# expect: ACT101` (several codes separated by commas) must be reported; a file without such a line
is clean. Exit status: 0 when the targets are met, 1 when not, 2 when the linter gave no usable answer.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Rules about numbers, which a run can confirm.
CODES = ("ACT101", "ACT102", "ACT103", "ACT104", "ACT201", "ACT202", "ACT302", *(f"ACT40{n}" for n in range(1, 6)))
LABEL = re.compile(r"#\s*expect(?:-info)?:\s*(ACT\d{3}(?:\s*,\s*ACT\d{3})*)")
LOUD = ("warning", "error")
LEAST_PROBED, LEAST_CONFIRMED = 0.90, 0.95
#: Rules whose remedy heals the chain, and the decades up to which every network that was trained learned.
HEALED = ("ACT101", "ACT102", "ACT103", "ACT401", "ACT402")
HEALTHY = 1.5


def labels(folder: Path) -> dict[Path, list[tuple[int | None, int, str]]]:
    """(cell, line, code) of every label, by file; clean files have none."""
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.suffix in (".py", ".ipynb") and one.name != "score.py"):
        found[path.resolve()] = [
            (cell, line, code)
            for cell, line, text in lines(path)
            for match in LABEL.findall(text)
            for code in re.split(r"\s*,\s*", match)
        ]
    return found


def lines(path: Path) -> Iterator[tuple[int | None, int, str]]:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".ipynb":
        yield from ((None, number, line) for number, line in enumerate(text.splitlines(), 1))
        return
    for cell, content in enumerate(json.loads(text)["cells"], 1):
        for number, line in enumerate("".join(content["source"]).splitlines(), 1):
            yield cell, number, line


def points_at(finding: dict[str, Any], cell: int | None, line: int, path: Path) -> bool:
    for span in (finding, *finding["related"]):
        if Path(span["path"]).resolve() == path and span.get("cell", finding["cell"]) == cell:
            if span["line"] <= line <= span["end_line"]:
                return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--command", default=f"{sys.executable} -m actinit_lint")
    parser.add_argument("--seconds", type=float, default=60, help="for one model")
    parser.add_argument("--run-seconds", type=float, default=3000)
    parser.add_argument("--save", type=Path, help="write the linter's JSON there")
    parser.add_argument("--load", type=Path, help="read it from there, and run nothing")
    options = parser.parse_args()
    if options.load is None:
        call = [*shlex.split(options.command), "probe", "--isolated", "--no-progress", "--output-format", "json"]
        call += ["--level", "info", "--probe-seconds", str(options.seconds)]
        call += ["--probe-run-seconds", str(options.run_seconds), str(options.folder)]
        run = subprocess.run(call, capture_output=True, text=True)
        text = run.stdout
        if run.returncode == 2 or not text:
            print(f"no usable answer: exit {run.returncode}: {run.stderr[-400:]}")
            return 2
        if options.save is not None:
            options.save.write_text(text, encoding="utf-8")
    else:
        text = options.load.read_text(encoding="utf-8")
    return report(json.loads(text), labels(options.folder))


def report(document: dict[str, Any], wanted: dict[Path, list[tuple[int | None, int, str]]]) -> int:
    """Print the tallies and every disagreement; the exit status."""
    findings = document["findings"]
    tally: dict[str, Counter[str]] = {}
    for path, labelled in wanted.items():
        for cell, line, code in labelled:
            if code not in CODES:
                continue
            hits = [one for one in findings if one["code"] == code and points_at(one, cell, line, path)]
            counted = tally.setdefault(code, Counter())
            if not hits:
                counted["not reported"] += 1
                continue
            (best, *_) = sorted(hits, key=lambda one: one["probe"]["verdict"] != "confirmed")
            verdict, loud = best["probe"]["verdict"], best["severity"] in LOUD
            counted[verdict] += 1
            counted["loud"] += loud and verdict != "not-probed"
            counted["loud confirmed"] += loud and verdict == "confirmed"
            if verdict != "confirmed":
                print(f"{path.name}:{line}: {code} ({best['severity']}) {verdict}: {best['probe']['evidence']}")
    false = [
        one
        for one in findings
        if one["code"].startswith("ACT7")
        and one["severity"] in LOUD
        and not wanted.get(Path(one["path"]).resolve(), [])
    ]
    for one in false:
        print(f"false alarm: {one['path']}:{one['line']}: {one['code']} {one['message']}")
    print()
    print(f"{'':8}{'confirmed':>10}{'not-observed':>14}{'not-probed':>12}{'not reported':>14}")
    names = ("confirmed", "not-observed", "not-probed", "not reported")
    for code in sorted(tally):
        print(f"{code:8}" + "".join(f"{tally[code][name]:>{width}}" for name, width in zip(names, (10, 14, 12, 14))))
    healed = cured(findings)
    print()
    for (where, _), reason in healed.items():
        if reason:
            print(f"not cured: {where}: {reason}")
    total = sum(tally.values(), Counter())
    reported = sum(total[name] for name in names[:3])
    probed = (reported - total["not-probed"]) / reported if reported else 1.0
    confirmed = total["loud confirmed"] / total["loud"] if total["loud"] else 1.0
    models = [one for one in document["models"] if one["name"]]
    ran = sum(one["not_probed"] is None for one in models)
    print()
    print(f"models that ran          {ran} of {len(models)}")
    print(f"findings probed          {probed:.1%} of {reported} (at least {LEAST_PROBED:.0%})")
    print(f"loud ones confirmed      {confirmed:.1%} of {total['loud']} (at least {LEAST_CONFIRMED:.0%})")
    for kind in ("chain", "single layer"):
        reasons = [reason for (_, one), reason in healed.items() if one == kind]
        share = f"{1 - sum(map(bool, reasons)) / len(reasons):.1%}" if reasons else "-"
        print(f"cured, by {kind:15}{share} of {len(reasons)} (within {HEALTHY} decades; all)")
    print(f"false alarms of 7xx      {len(false)} in {sum(not one for one in wanted.values())} clean files (none)")
    good = probed >= LEAST_PROBED and confirmed >= LEAST_CONFIRMED
    return 0 if good and not false and not any(healed.values()) else 1


def cured(findings: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """For each confirmed finding of the rules with a cure, and what it was measured by: why it is not cured, or "".

    A layer that is in no chain is measured by itself: its factor stands for a chain of one.
    """
    found = {}
    for one in findings:
        probe = one["probe"]
        if one["code"] not in HEALED or probe["verdict"] != "confirmed":
            continue
        where = f"{one['path']}:{one['line']}: {one['code']} {one['layer']}"
        if probe["chain"]:
            pairs = {name: (before, probe["cured_chain"].get(name)) for name, before in probe["chain"].items()}
            beyond = {name: pair for name, pair in pairs.items() if pair[1] is None or abs(pair[1]) > HEALTHY}
            found[where, "chain"] = ", ".join(f"{name}: {pair[0]} -> {pair[1]}" for name, pair in beyond.items())
        else:
            factor = probe["cured"]
            good = factor is not None and factor > 0 and abs(math.log10(factor)) <= HEALTHY
            found[where, "single layer"] = "" if good else f"factor {factor} with the remedy: {probe['evidence']}"
    return found


if __name__ == "__main__":
    sys.exit(main())
