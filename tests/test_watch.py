"""`--watch`: a run at the start, one after each change, an end that is no failure."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from command import BAD, GOOD, actinit_lint, write


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def watched(monkeypatch: pytest.MonkeyPatch, *edits: Callable[[], object]) -> list[str]:
    """Last lines of the reports of a watch during which the edits are made one after the other, then Ctrl-C."""
    pauses = iter(edits)

    def sleep(_seconds: float) -> None:
        """Every pause is short: an edit, a pause to let it settle, the next edit."""
        for edit in pauses:
            edit()
            return
        raise KeyboardInterrupt

    monkeypatch.setattr("actinit_lint.watch.time.sleep", sleep)
    result = actinit_lint("--watch", "--output-format", "concise")
    assert result.code == 0
    assert "Traceback" not in result.err
    return [line for line in result.out.splitlines() if "1 file" in line] + [
        line for line in result.err.splitlines() if "error" in line
    ]


def nothing() -> None:
    return None


def test_a_change_makes_a_new_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"net.py": BAD})
    said = watched(monkeypatch, nothing, nothing, lambda: write(tmp_path, {"net.py": GOOD}), nothing)
    assert [line.partition(" in ")[0].partition(":")[0] for line in said] == ["1 warning", "All checks passed"]


def test_a_new_file_and_a_file_that_goes_count_as_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"net.py": GOOD})
    said = watched(
        monkeypatch,
        lambda: write(tmp_path, {"other.py": BAD}),
        nothing,
        lambda: os.unlink("other.py"),
        nothing,
    )
    assert len(said) == 2  # the run in between reads two files


def test_a_mistake_in_the_settings_is_said_and_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"net.py": GOOD, "actinit-lint.toml": ""})
    said = watched(
        monkeypatch,
        lambda: write(tmp_path, {"actinit-lint.toml": "levl = 1\n"}),
        nothing,
        lambda: write(tmp_path, {"actinit-lint.toml": "exit-zero = true\n"}),
        nothing,
    )
    assert [line for line in said if "error" in line] == [
        'actinit-lint: error: actinit-lint.toml: unknown setting "levl" (did you mean "level"?)'
    ]
    assert len(said) == 3


@pytest.mark.parametrize("option", ["-", "--write-baseline", "--add-ignore"])
def test_it_only_reports(option: str) -> None:
    result = actinit_lint("--watch", option)
    assert (result.code, result.err.count("\n")) == (2, 1)
