"""Which files a run reads, and what becomes of the awkward ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command import BAD, GOOD, actinit_lint, write

from actinit_lint.report.choose import FORMATS

BROKEN = "import torch\n\nclass Net(torch.nn.Module:\n    pass\n"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(*argv: str) -> set[str]:
    """Paths of files that were parsed, told by a syntax error in each."""
    result = actinit_lint(*argv, "--output-format", "json", "--isolated")
    return {finding["path"] for finding in result.json["findings"] if finding["code"] == "ACT000"}


class TestAwkwardFiles:
    def test_a_syntax_error_is_a_finding_and_the_other_files_are_still_checked(self, tmp_path: Path) -> None:
        write(tmp_path, {"bad.py": BAD, "broken.py": BROKEN})
        result = actinit_lint(".", "--output-format", "json")
        assert [(f["code"], f["path"], f["line"]) for f in result.json["findings"]] == [
            ("ACT101", "bad.py", 9),
            ("ACT000", "broken.py", 3),
        ]
        assert result.code == 1

    def test_a_syntax_error_counts_in_a_file_that_mentions_no_framework(self, tmp_path: Path) -> None:
        write(tmp_path, {"broken.py": "def f(:\n"})
        assert actinit_lint("broken.py", "--output-format", "json").codes == ["ACT000"]

    def test_syntax_newer_than_the_interpreter_is_no_error(self, tmp_path: Path) -> None:
        write(tmp_path, {"new.py": "import torch\n\ndef first[T](items: list[T]) -> T:\n    return items[0]\n"})
        assert actinit_lint("new.py").code == 0

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + BAD.encode(), id="latin-1 with a coding line"),
            pytest.param(b"\xef\xbb\xbf# one\n# two\n" + BAD.encode(), id="a byte order mark"),
            pytest.param(b"#\r\n#\r\n" + BAD.replace("\n", "\r\n").encode(), id="CRLF line ends"),
            pytest.param(b"#\n#\n" + BAD.rstrip("\n").encode(), id="no line end at the end"),
            pytest.param(b"#!/usr/bin/python\n# coding: utf8\n" + BAD.encode(), id="a coding line in line 2"),
        ],
    )
    def test_the_finding_is_where_it_is_whatever_the_encoding(self, tmp_path: Path, content: bytes) -> None:
        write(tmp_path, {"net.py": content})
        result = actinit_lint("net.py", "--output-format", "json")
        (finding,) = result.json["findings"]
        assert (finding["code"], finding["line"], finding["column"], finding["end_column"]) == ("ACT101", 11, 9, 52)

    def test_bytes_that_are_no_text_are_a_finding_on_their_line(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": b"import torch\n# caf\xe9\n"})
        (finding,) = actinit_lint("net.py", "--output-format", "json").json["findings"]
        assert (finding["code"], finding["line"]) == ("ACT000", 2)
        assert "0xe9" in finding["message"]
        assert "coding line" in finding["message"]

    def test_an_unknown_encoding_is_a_finding(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": b"# coding: klingon\nimport torch\n"})
        (finding,) = actinit_lint("net.py", "--output-format", "json").json["findings"]
        assert finding["code"] == "ACT000"
        assert "klingon" in finding["message"]

    def test_null_bytes_are_a_finding(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": b"import torch\n\x00\n"})
        assert actinit_lint("net.py", "--output-format", "json").codes == ["ACT000"]

    def test_an_empty_file_is_clean(self, tmp_path: Path) -> None:
        write(tmp_path, {"empty.py": ""})
        result = actinit_lint("empty.py")
        assert result.code == 0
        assert result.out == "All checks passed: 1 file, 0 models, 0 layers followed.\n"

    def test_a_folder_without_python_warns_and_is_clean(self, tmp_path: Path) -> None:
        write(tmp_path, {"notes.txt": "torch"})
        result = actinit_lint(".")
        assert result.code == 0
        assert result.err == "warning: no Python files found\n"

    @pytest.mark.parametrize("argument", [".", "gone.py"])
    def test_a_broken_link_is_passed_over_with_a_warning(self, tmp_path: Path, argument: str) -> None:
        write(tmp_path, {"bad.py": BAD})
        (tmp_path / "gone.py").symlink_to("nowhere.py")
        result = actinit_lint(argument, "bad.py", "--output-format", "concise")
        assert result.err == "warning: gone.py: broken symbolic link, skipped\n"
        assert result.out.startswith("bad.py:9:9: ACT101 ")
        assert result.code == 1

    def test_a_path_that_does_not_exist_is_an_error(self, tmp_path: Path) -> None:
        write(tmp_path, {"bad.py": BAD})
        result = actinit_lint("bad.py", "nett.py")
        assert (result.code, result.out) == (2, "")
        assert result.err == "actinit-lint: error: nett.py: no such file or folder\n"

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unreadable for root")
    def test_an_unreadable_file_is_a_finding(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        (tmp_path / "net.py").chmod(0)
        (finding,) = actinit_lint("net.py", "--output-format", "json").json["findings"]
        assert (finding["code"], finding["message"]) == ("ACT000", "cannot be read: Permission denied")

    def test_a_file_that_takes_too_many_steps_is_left_and_said_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("actinit_lint.follow.roots.FILE_FUEL", 20)
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint("net.py", "--no-cache", "--show-unknown")
        assert result.code == 0
        assert "too large to be followed to the end" in result.out
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        assert actinit_lint("net.py", "--no-cache").code == 1

    def test_a_file_of_12000_lines_is_checked(self, tmp_path: Path) -> None:
        filler = "".join(f"def f{i}(x):\n    return [x, {i}]\n\n" for i in range(4000))
        write(tmp_path, {"long.py": BAD + "\n\n" + filler})
        assert actinit_lint("long.py", "--output-format", "json").codes == ["ACT101"]

    def test_a_file_over_the_size_limit_is_skipped_and_said_so(self, tmp_path: Path) -> None:
        write(tmp_path, {"huge.py": "import torch\n" + "x = 1  # padding\n" * 70_000, "bad.py": BAD})
        result = actinit_lint(".", "--output-format", "json")
        assert result.codes == ["ACT101"]
        (skipped,) = result.json["not_followed"]
        assert skipped["path"] == "huge.py"
        assert skipped["reason"] == "skipped, too large (1.2 MB, the limit is 1 MB)"
        assert "huge.py: skipped, too large" in result.err
        assert "1 file skipped." in actinit_lint(".").out


class TestFolders:
    def test_folders_are_read_to_the_bottom_in_order(self, tmp_path: Path) -> None:
        write(tmp_path, {"b/two.py": BROKEN, "a/deep/one.py": BROKEN, "c.py": BROKEN, "d.txt": BROKEN, "e.pyi": BROKEN})
        result = actinit_lint(".", "--output-format", "concise", "-q")
        assert [line.split(":")[0] for line in result.out.splitlines()] == ["a/deep/one.py", "b/two.py", "c.py"]

    def test_paths_are_shown_as_they_were_given(self, tmp_path: Path) -> None:
        write(tmp_path, {"src/net.py": BROKEN})
        assert read("./src") == {"src/net.py"}
        assert read(str(tmp_path / "src")) == {str(tmp_path / "src" / "net.py")}

    def test_a_file_reached_twice_is_read_once(self, tmp_path: Path) -> None:
        write(tmp_path, {"src/net.py": BROKEN})
        result = actinit_lint("src/net.py", "src", ".", "--output-format", "json")
        assert result.json["summary"]["files"] == 1

    @pytest.mark.parametrize("folder", [".venv", "node_modules", "site-packages", "__pycache__", ".git"])
    def test_folders_without_project_code_are_left_out(self, tmp_path: Path, folder: str) -> None:
        write(tmp_path, {f"{folder}/net.py": BROKEN, "net.py": BROKEN})
        assert read(".") == {"net.py"}

    def test_a_folder_that_is_named_is_read_even_so(self, tmp_path: Path) -> None:
        write(tmp_path, {"site-packages/timm/net.py": BROKEN})
        assert read("site-packages") == {"site-packages/timm/net.py"}

    def test_a_linked_folder_is_not_entered(self, tmp_path: Path) -> None:
        write(tmp_path, {"src/net.py": BROKEN})
        (tmp_path / "src" / "loop").symlink_to(tmp_path / "src", target_is_directory=True)
        assert read(".") == {"src/net.py"}


class TestExcludes:
    TREE = {"tests/test_net.py": BROKEN, "src/gen/net.py": BROKEN, "src/net.py": BROKEN}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("pattern", "left"),
        [
            ("tests", {"src/gen/net.py", "src/net.py"}),
            ("net.py", {"tests/test_net.py"}),
            ("src/gen", {"tests/test_net.py", "src/net.py"}),
            ("src/*.py", {"tests/test_net.py", "src/gen/net.py"}),
            ("test_*.py,gen", {"src/net.py"}),
        ],
    )
    def test_a_name_matches_anywhere_and_a_path_from_the_root(
        self, tmp_path: Path, pattern: str, left: set[str]
    ) -> None:
        write(tmp_path, self.TREE)
        assert read(".", "--extend-exclude", pattern) == left

    def test_exclude_replaces_the_defaults(self, tmp_path: Path) -> None:
        write(tmp_path, {"venv/net.py": BROKEN, "tests/net.py": BROKEN})
        assert read(".", "--exclude", "tests") == {"venv/net.py"}

    def test_a_named_file_is_read_in_spite_of_excludes(self, tmp_path: Path) -> None:
        write(tmp_path, self.TREE)
        assert read("tests/test_net.py", "--extend-exclude", "tests") == {"tests/test_net.py"}

    def test_unless_force_exclude_is_given(self, tmp_path: Path) -> None:
        write(tmp_path, self.TREE)
        result = actinit_lint("tests/test_net.py", "src/net.py", "--extend-exclude", "tests", "--force-exclude", "-q")
        assert "src/net.py" in result.out
        assert "tests/test_net.py" not in result.out


class TestGitignore:
    def test_ignored_files_are_left_out(self, tmp_path: Path) -> None:
        write(tmp_path, {".gitignore": "build/\n*.gen.py\n", "build/a.py": BROKEN, "b.gen.py": BROKEN, "c.py": BROKEN})
        assert read(".") == {"c.py"}

    def test_unless_asked_for(self, tmp_path: Path) -> None:
        write(tmp_path, {".gitignore": "a.py\n", "a.py": BROKEN})
        assert read(".", "--no-respect-gitignore") == {"a.py"}

    def test_the_files_of_outer_folders_hold_up_to_the_repository(self, tmp_path: Path) -> None:
        write(tmp_path, {".gitignore": "a.py\n", "repo/.git/HEAD": "", "repo/.gitignore": "/src/b.py\n"})
        write(tmp_path, {f"repo/src/{name}.py": BROKEN for name in "abc"})
        assert read("repo/src") == {"repo/src/a.py", "repo/src/c.py"}

    def test_an_inner_file_has_the_last_word(self, tmp_path: Path) -> None:
        write(tmp_path, {".git/HEAD": "", ".gitignore": "*.gen.py\n", "src/.gitignore": "!keep.gen.py\n"})
        write(tmp_path, {"src/keep.gen.py": BROKEN, "src/drop.gen.py": BROKEN})
        assert read(".") == {"src/keep.gen.py"}

    def test_the_repository_s_private_excludes_count(self, tmp_path: Path) -> None:
        write(tmp_path, {".git/info/exclude": "mine.py\n", "mine.py": BROKEN, "yours.py": BROKEN})
        assert read(".") == {"yours.py"}


class TestStdin:
    def test_standard_input_is_checked_under_the_name_it_is_given(self) -> None:
        result = actinit_lint("-", "--stdin-filename", "src/net.py", "--output-format", "json", stdin=BAD.encode())
        (finding,) = result.json["findings"]
        assert (finding["code"], finding["path"], finding["line"]) == ("ACT101", "src/net.py", 9)

    def test_its_source_is_in_the_full_report(self) -> None:
        result = actinit_lint("-", stdin=BAD.encode())
        assert "nn.init.xavier_uniform_(self.hidden.weight)" in result.out
        assert "<stdin>:9:9" in result.out

    def test_clean_standard_input_is_clean(self) -> None:
        assert actinit_lint("-", stdin=GOOD.encode()).code == 0

    def test_a_name_without_standard_input_is_refused(self) -> None:
        result = actinit_lint("--stdin-filename", "net.py")
        assert result.code == 2
        assert result.err == "actinit-lint: error: --stdin-filename is only for standard input: add - as path\n"


@pytest.mark.skipif(os.name == "nt", reason="file names are Unicode there")
@pytest.mark.parametrize("output_format", FORMATS)
def test_a_file_name_that_is_no_unicode_does_no_harm(tmp_path: Path, output_format: str) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/n\xe9t.py")).write_text(BROKEN)
    assert actinit_lint(".", "--output-format", output_format).code == 1
