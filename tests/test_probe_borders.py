"""Which side of the probe imports what: the linter no framework, the child none of the linter's dependencies."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def loaded(*modules: str) -> set[str]:
    """Top-level modules of a fresh interpreter that has imported these."""
    code = f"import sys\nimport {', '.join(modules)}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_linter_s_side_imports_no_framework() -> None:
    parent = "actinit_lint.probe", "actinit_lint.probe.prober", "actinit_lint.probe.report", "actinit_lint.verbs.probe"
    assert not loaded(*parent) & {"torch", "keras", "tensorflow", "numpy"}


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_the_child_s_side_imports_torch_and_the_standard_library() -> None:
    assert not loaded("actinit_lint.probe.measure") & {"msgspec", "libcst", "rich", "pathspec"}
