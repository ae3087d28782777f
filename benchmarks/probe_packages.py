"""Probe published packages that nobody configured: how many of their root models run, and why the others do not.

A root model is a class (or a function that returns a framework's own model) that no other model of the package is made
of. The packages are downloaded as wheels, without what they depend on, like those of corpus.py; what `--python` has
installed of that is there, torch first of all, and the probe stands in for the rest. **The code of the packages is
executed**, in the probe's own processes. Of timm's files of models a sample is taken, with a fixed seed.

    python benchmarks/probe_packages.py --cache DIR [--python PYTHON] [--only NAME ...] [--verbose]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from random import Random

from corpus import Package, Trouble, unpacked

from actinit_lint.probe.subject import Job, Limits, Result, RunOptions
from actinit_lint.probe.supervisor import run

SEED = 1
EXAMPLES = 3


@dataclass(frozen=True)
class Probed:
    """A package, the files of it that are probed, and how many of them are drawn."""

    package: Package
    files: str = "**/*.py"
    sample: int | None = None

    def paths(self, folder: Path) -> list[Path]:
        found = sorted(path for path in folder.glob(self.files) if path.name != "__init__.py")
        return found if self.sample is None else sorted(Random(SEED).sample(found, min(self.sample, len(found))))


PACKAGES = (
    Probed(Package("vit-pytorch", "1.26.11")),
    Probed(Package("x-transformers", "2.31.10")),
    Probed(Package("denoising-diffusion-pytorch", "2.3.4")),
    Probed(Package("timm", "1.0.31"), "timm/models/*.py", 24),
)
#: The kinds of reasons, the first that matches.
KINDS = (
    ("a package is not installed", "not installed"),
    ("the module does not import", r"^import failed|^line \d+"),
    ("no constructor arguments", "^no working constructor|cannot be built"),
    ("no accepted input", "^no accepted input"),
    ("too large", "parameters \\(limit|used more than"),
    ("too slow", "no result after|time for the whole run"),
    ("nothing in it to measure", "nothing to measure"),
    ("measuring failed", "^measuring failed"),
)


def kind_of(reason: str) -> str:
    return next((kind for kind, pattern in KINDS if re.search(pattern, reason)), "other")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where packages are unpacked")
    parser.add_argument("--python", help="the interpreter that has torch (default: this one)")
    parser.add_argument("--seconds", type=float, default=20, help="for one model")
    parser.add_argument("--only", nargs="*", default=(), metavar="NAME", help="some of the packages")
    parser.add_argument("--sample", type=int, help="files that are drawn of each package, instead of all or its own")
    parser.add_argument("--verbose", action="store_true", help="every model that did not run")
    options = parser.parse_args(arguments)
    limits = Limits(seconds=options.seconds, run_seconds=24 * 3600)
    for probed in PACKAGES:
        if options.only and probed.package.name not in options.only:
            continue
        probed = replace(probed, sample=options.sample or probed.sample)
        try:
            folder = unpacked(probed.package, options.cache)
        except Trouble as trouble:
            print(f"{probed.package}: {trouble}")
            return 1
        jobs = [Job(str(path)) for path in probed.paths(folder)]
        found = run(jobs, RunOptions(python=options.python, limits=limits), told)
        results = list(takewhile(lambda one: one.root, found))  # roots come first
        found.close()
        report(probed, results, len(jobs), options.verbose)
    return 0


def told(done: int, known: int, name: str) -> None:
    print(f"\r{done} of {known} models: {name:60.60}", end="", file=sys.stderr, flush=True)


def report(probed: Probed, results: Sequence[Result], files: int, verbose: bool) -> None:
    """The share of the roots that ran, and what stood in the way of the others, the commonest first."""
    broken = [one for one in results if not one.name]
    roots = [one for one in results if one.name]
    failed = [one for one in roots if one.not_probed is not None]
    share = f"{1 - len(failed) / len(roots):.0%}" if roots else "none"
    drawn = f" (a sample of {files} files)" if probed.sample is not None else ""
    seconds = sum(one.seconds for one in results) / max(1, len(results))
    print(f"\n{probed.package}{drawn}: {share} of {len(roots)} root models ran, {seconds:.1f} s a model", end="")
    print(f", {len(broken)} of {files} files did not load" if broken else "")
    kinds = Counter(kind_of(one.not_probed or "") for one in (*failed, *broken))
    for kind, count in kinds.most_common():
        print(f"{count:>5}  {kind}")
        alike = [one for one in (*failed, *broken) if kind_of(one.not_probed or "") == kind]
        for one in alike if verbose else alike[:EXAMPLES]:
            print(f"         {Path(one.path).name}:{one.name}: {(one.not_probed or '')[: None if verbose else 140]}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
