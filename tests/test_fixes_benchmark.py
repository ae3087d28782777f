"""The benchmark of fixes: what it counts, and that it sees a broken promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from command import BAD, GOOD, write

ROOT = Path(__file__).resolve().parent.parent
#: A linter whose fixes are too many: it also writes to a line that no finding names.
BROKEN = """\
import runpy
import sys
from actinit_lint.fixes import passes

make = passes.edited
passes.edited = lambda data, edits, path: make(data, edits, path).replace(b"784", b"785")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def benchmark(folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *before, str(ROOT / "benchmarks" / "fixes.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_findings_with_a_fix_are_counted_by_rule(tmp_path: Path) -> None:
    write(tmp_path, {"one.py": BAD, "project/a.py": BAD, "project/b.py": GOOD})
    run = benchmark(tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "ACT101     2 of    2 have a fix\nall        2 of    2; 0 promises broken\n"
    assert (tmp_path / "one.py").read_text() == BAD


def test_a_broken_promise_is_printed(tmp_path: Path) -> None:
    write(tmp_path, {"one.py": BAD})
    run = benchmark(tmp_path, "-c", BROKEN)
    assert run.returncode == 1
    assert "one.py: one.py:7 has changed, and no fix names it\n" in run.stdout
