#!/usr/bin/env python3
"""False alarms and misses of the probe on networks that it has never seen.

Usage: probe_networks.py --seed N [--healthy 40] [--sick 40] [--folder DIR] [--seconds S]

Draws networks that are healthy or sick by construction (networks/theory.py), gives every other one as a file to
`actinit-lint probe` and the rest to `actinit_lint.probe.inspect`, and counts. An alarm is a measured finding (7xx) or a
confirmed one, at warning or error. Needs torch, and keras on torch. Exit status: 0 when the targets are met, else 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

from networks.draw import Network, draw

LOUD = ("warning", "error")
#: Of 40 networks each.
MOST_ALARMS, MOST_MISSES = 1 / 40, 3 / 40


def by_command(paths: Sequence[Path], seconds: float) -> dict[Path, list[str]]:
    """What `actinit-lint probe` says of files, by file: alarms, or why the model was not probed."""
    call = [sys.executable, "-m", "actinit_lint", "probe", "--isolated", "--no-progress", "--output-format", "json"]
    call += ["--probe-seconds", str(seconds), "--probe-run-seconds", str(seconds * len(paths)), *map(str, paths)]
    run = subprocess.run(call, capture_output=True, text=True)
    if run.returncode not in (0, 1):
        raise SystemExit(f"actinit-lint ended with {run.returncode}: {run.stderr[-400:]}")
    document = json.loads(run.stdout)
    found: dict[Path, list[str]] = {path: [] for path in paths}
    for one in document["findings"]:
        measured = one["code"].startswith("ACT7") or one["probe"]["verdict"] == "confirmed"
        if measured and one["severity"] in LOUD:
            found[Path(one["path"]).resolve()].append(f"{one['code']} {one['message']}")
    for one in document["models"]:
        if one["not_probed"]:
            print(f"not probed: {Path(one['path']).name}: {one['not_probed']}")
    return found


def by_inspection(path: Path, seed: int) -> list[str]:
    """What `inspect` says of the model that a file makes."""
    import torch

    from actinit_lint.probe import inspect

    torch.manual_seed(seed)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = inspect(module.Net() if hasattr(module, "Net") else module.build_model())
    return [f"{one.code} {one.message}" for one in report.findings if one.level in LOUD]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--healthy", type=int, default=40)
    parser.add_argument("--sick", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="keep the files there")
    parser.add_argument("--seconds", type=float, default=60, help="for one model")
    options = parser.parse_args()
    networks = draw(options.seed, options.healthy, options.sick)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"network_{number:02}.py" for number in range(len(networks))]
        for path, network in zip(paths, networks):
            path.write_text(network.source, encoding="utf-8")
        alarms = by_command(paths[::2], options.seconds)
        for number, path in enumerate(paths):
            if number % 2:
                alarms[path] = by_inspection(path, options.seed + number)
    return report(networks, [alarms[path] for path in paths], options.seed)


def report(networks: Sequence[Network], alarms: Sequence[Sequence[str]], seed: int) -> int:
    """Print every network with its verdict, what was wrong, and the counts; the exit status."""
    wrong = {False: 0, True: 0}
    for number, (network, found) in enumerate(zip(networks, alarms)):
        is_wrong = network.sick != bool(found)
        wrong[network.sick] += is_wrong
        verdict = ("MISS" if network.sick else "FALSE ALARM") if is_wrong else "sick" if network.sick else "healthy"
        codes = " ".join(dict.fromkeys(one.split()[0] for one in found))
        way = "inspect" if number % 2 else "probe"
        print(f"{number:3} {verdict:12}{way:8}{network.framework:6} {network.family:24}{codes:16} {network.why}")
        for one in found if is_wrong else ():
            print(f"      {one}")
    healthy, sick = (sum(one.sick is label for one in networks) for label in (False, True))
    print(f"\nseed {seed}: false alarms {wrong[False]} of {healthy} (at most {MOST_ALARMS * healthy:.0f})")
    print(f"seed {seed}: misses {wrong[True]} of {sick} (at most {MOST_MISSES * sick:.0f})")
    return 0 if wrong[False] <= MOST_ALARMS * healthy and wrong[True] <= MOST_MISSES * sick else 1


if __name__ == "__main__":
    sys.exit(main())
