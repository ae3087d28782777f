"""Draw findings from a stored corpus run, to be read one by one in the source that they speak of.

    python benchmarks/corpus.py --cache DIR --save run.json
    python benchmarks/sample.py run.json --seed 1 --count 150 --write benchmarks/sample-1.md

The table that is written has two empty columns: the verdict of whoever reads the source (right, wrong, unclear), and
the reason. `--tally FILE` counts the verdicts of a table that has been filled in.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HEAD = ("package", "place", "code", "message", "verdict", "reason")
VERDICTS = ("right", "wrong", "unclear")


class Drawn(NamedTuple):
    """A finding at warning or error."""

    package: str
    place: str  # path:line
    code: str
    message: str


def findings(run: Path, only: Sequence[str] = ()) -> list[Drawn]:
    """All loud findings of a stored run, in an order that does not depend on how it was stored."""
    found = []
    for package, result in json.loads(run.read_text(encoding="utf-8")).items():
        if only and package not in only:
            continue
        for finding in result["loud"]:
            place, _, code = finding.rpartition(":")
            found.append(Drawn(f"{package} {result['version']}", place, code, result["messages"][finding]))
    return sorted(found)


def table(drawn: Sequence[Drawn]) -> str:
    rows = [HEAD, ("---",) * len(HEAD), *((*one[:3], one.message.replace("|", "\\|"), "", "") for one in drawn)]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def tally(text: str) -> Counter[str]:
    """Verdicts of a table: the fifth column of every row that holds a finding."""
    rows = [line.replace("\\|", "").strip("| \n").split("|") for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row] for row in rows if len(row) >= len(HEAD) - 1]
    return Counter(row[4] for row in cells if row[4] in VERDICTS)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", help="results stored by corpus.py --save")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these packages alone")
    parser.add_argument("--write", type=Path, help="file for the table, instead of standard output")
    parser.add_argument("--tally", type=Path, metavar="FILE", help="count the verdicts of a table")
    options = parser.parse_args(arguments)
    if options.tally is not None:
        counts = tally(options.tally.read_text(encoding="utf-8"))
        total = sum(counts.values())
        print(", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS), f"of {total}")
        return 0
    if options.run is None:
        parser.error("expected a stored run, or --tally")
    every = findings(options.run, options.only)
    drawn = sorted(random.Random(options.seed).sample(every, min(options.count, len(every))))
    text = f"{len(drawn)} of {len(every)} findings at warning or error, seed {options.seed}.\n\n{table(drawn)}"
    if options.write is None:
        print(text, end="")
    else:
        options.write.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
