"""`--diff-base`: only what a change touches is reported."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import BAD, GOOD, actinit_lint, write

LINE = "        nn.init.xavier_uniform_(self.hidden.weight)\n"


def git(*command: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *command], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    write(tmp_path, {"old.py": BAD, "sub/other.py": BAD.replace("Net", "Other"), ".gitignore": "ignored.py\n"})
    git("add", ".")
    git("commit", "-qm", "one")
    return tmp_path


def reported(*argv: str, base: str = "HEAD") -> set[str]:
    report = actinit_lint(*(argv or (".",)), "--diff-base", base, "--output-format", "json").json
    return {finding["path"] for finding in report["findings"]}


class TestLines:
    def test_nothing_is_reported_where_nothing_has_changed(self) -> None:
        result = actinit_lint(".", "--diff-base", "HEAD")
        assert result.code == 0
        assert result.out.endswith("2 outside the change (--diff-base).\n")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param(LINE, LINE.replace("\n", "  # changed\n"), id="the line itself"),
            pytest.param("784", "1024", id="the layer's line"),
            pytest.param("self.hidden(x).relu()", "(self.hidden(x).relu())", id="the activation's line"),
        ],
    )
    def test_a_change_on_any_line_that_the_finding_shows_counts(self, tmp_path: Path, old: str, new: str) -> None:
        write(tmp_path, {"old.py": BAD.replace(old, new)})
        assert reported() == {"old.py"}

    def test_a_change_elsewhere_in_the_file_does_not(self, tmp_path: Path) -> None:
        write(tmp_path, {"old.py": "import os\n\n++ b\n" + BAD + "\n\nx = 1\n-- y\n"})
        assert reported() == set()

    def test_lines_that_look_like_a_diff_s_headers_are_lines(self, tmp_path: Path) -> None:
        tricky = "x = y = b = 1\n-- y\n++ b\n"
        write(tmp_path, {"old.py": tricky + BAD})
        git("commit", "-qam", "tricky")
        write(tmp_path, {"old.py": BAD.replace("784", "1024")})
        assert reported() == {"old.py"}
        git("rm", "-qf", "old.py")
        write(tmp_path, {"sub/other.py": BAD.replace("784", "1024")})
        assert reported() == {"sub/other.py"}

    def test_staged_and_committed_changes_count_too(self, tmp_path: Path) -> None:
        write(tmp_path, {"old.py": BAD.replace("784", "1024")})
        git("add", ".")
        assert reported() == {"old.py"}
        git("commit", "-qm", "two")
        assert reported() == set()
        assert reported(base="HEAD~1") == {"old.py"}

    def test_what_others_did_since_on_the_base_is_not_part_of_the_change(self, tmp_path: Path) -> None:
        git("checkout", "-qb", "feature")
        write(tmp_path, {"new.py": BAD})
        git("add", ".")
        git("commit", "-qm", "feature")
        git("checkout", "-q", "main")
        write(tmp_path, {"old.py": GOOD})
        git("commit", "-qam", "repaired on main")
        git("checkout", "-q", "feature")
        assert reported(base="main") == {"new.py"}


class TestFiles:
    def test_files_that_git_does_not_know_are_reported_whole(self, tmp_path: Path) -> None:
        write(tmp_path, {"new.py": BAD, "sub/ignored.py": BAD})
        assert reported() == {"new.py"}
        assert reported("sub/ignored.py") == {"sub/ignored.py"}

    def test_a_renamed_file_has_not_changed(self, tmp_path: Path) -> None:
        git("mv", "old.py", "renamed.py")
        assert reported() == set()

    def test_names_are_read_as_git_quotes_them(self, tmp_path: Path) -> None:
        write(tmp_path, {'a "b"\té.py': BAD, "with blank.py": BAD})
        git("add", ".")
        git("commit", "-qm", "names")
        write(tmp_path, {'a "b"\té.py': BAD.replace("784", "1024"), "with blank.py": BAD.replace("784", "1024")})
        assert reported() == {'a "b"\té.py', "with blank.py"}

    def test_it_works_from_a_folder_below_and_on_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, {"sub/other.py": BAD.replace("784", "1024"), "old.py": BAD.replace("784", "1024")})
        monkeypatch.chdir(tmp_path / "sub")
        assert reported() == {"other.py"}
        monkeypatch.chdir("/")
        assert reported(str(tmp_path / "old.py")) == {str(tmp_path / "old.py")}

    def test_the_user_s_own_diff_settings_do_no_harm(self, tmp_path: Path) -> None:
        for key, value in (("noprefix", "true"), ("mnemonicPrefix", "true"), ("external", "false"), ("context", "9")):
            git("config", f"diff.{key}", value)
        git("config", "color.ui", "always")
        write(tmp_path, {"old.py": BAD.replace("784", "1024")})
        assert reported() == {"old.py"}

    def test_a_syntax_error_counts_when_its_file_has_changed(self, tmp_path: Path) -> None:
        write(tmp_path, {"old.py": BAD + "\n\n\nx = (\n"})
        assert reported() == {"old.py"}

    def test_standard_input_is_compared_under_its_name(self, tmp_path: Path) -> None:
        argv = ("-", "--diff-base", "HEAD", "--output-format", "json", "--stdin-filename")
        assert actinit_lint(*argv, "new.py", stdin=BAD.encode()).codes == ["ACT101"]
        assert actinit_lint(*argv, "old.py", stdin=BAD.encode()).codes == []


class TestNotebooks:
    def cells(self, *sources: str, outputs: int = 0) -> str:
        cells: list[dict[str, Any]] = [
            {"cell_type": "code", "metadata": {}, "outputs": [{"text": "x"}] * outputs, "source": source}
            for source in sources
        ]
        return json.dumps({"cells": cells, "metadata": {}}, indent=1)

    def test_running_a_notebook_again_changes_nothing_and_editing_a_cell_does(self, tmp_path: Path) -> None:
        write(tmp_path, {"nb.ipynb": self.cells("import torch", BAD)})
        git("add", ".")
        git("commit", "-qm", "notebook")
        write(tmp_path, {"nb.ipynb": self.cells("import torch\nx = 1", BAD, outputs=3)})
        assert reported() == set()
        write(tmp_path, {"nb.ipynb": self.cells("import torch", BAD.replace("784", "1024"))})
        assert reported() == {"nb.ipynb"}


class TestMistakes:
    @pytest.mark.parametrize("ref", ["no-such-branch", "--output=x", "", "HEAD~99"])
    def test_an_unknown_commit_is_one_line(self, ref: str) -> None:
        result = actinit_lint(".", f"--diff-base={ref}")
        assert (result.code, result.out) == (2, "")
        assert result.err == f'actinit-lint: error: --diff-base: unknown git commit, branch or tag "{ref}"\n'

    def test_outside_a_repository_is_one_line(
        self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = write(tmp_path_factory.mktemp("plain"), {"net.py": BAD})
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
        result = actinit_lint(str(folder), "--diff-base", "HEAD")
        assert (result.code, result.err) == (2, "actinit-lint: error: --diff-base: not in a git repository\n")

    def test_a_machine_without_git_is_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        result = actinit_lint(".", "--diff-base", "HEAD")
        assert result.code == 2
        assert result.err == "actinit-lint: error: --diff-base: git cannot be started; is it installed?\n"


class TestFixing:
    SELU = (
        "from torch import nn\n\nfirst = nn.Linear(300, 30)\n"
        "net = nn.Sequential(first, nn.SELU(), nn.Linear(30, 1))\n\n"
        "parts = [nn.Linear(300, 40), nn.SELU()]\nother = nn.Sequential(*parts, nn.Linear(40, 1))\n\n"
        "more = [nn.Linear(300, 50), nn.SELU()]\nlast = nn.Sequential(*more, nn.Linear(50, 1))\n"
    )

    def test_lines_that_a_fix_adds_move_the_change_with_the_code(self, tmp_path: Path) -> None:
        write(tmp_path, {"selu.py": self.SELU})
        git("add", ".")
        git("commit", "-qm", "two")
        write(tmp_path, {"selu.py": self.SELU.replace(" 30)", " 31)").replace("40", "41")})
        options = ("--diff-base", "HEAD", "--fix", "--unsafe-fixes", "--output-format", "json", "--no-cache")
        report = actinit_lint(".", *options).json
        assert [(one["code"], one["line"]) for one in report["findings"]] == [("ACT104", 7)]
        assert "nn.init.kaiming_uniform_(first.weight" in (tmp_path / "selu.py").read_text()

    def test_what_lies_outside_the_change_is_not_fixed(self, tmp_path: Path) -> None:
        assert actinit_lint(".", "--diff-base", "HEAD", "--fix", "--unsafe-fixes").code == 0
        assert (tmp_path / "old.py").read_text() == BAD
