"""Ignore comments that do nothing are findings themselves, and `--add-ignore` writes comments that do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from command import BAD, GOOD, Result, actinit_lint, write

ABOUT = ("ACT001", "ACT002")
LINE = "nn.init.xavier_uniform_(self.hidden.weight)"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def about_comments(*argv: str | Path) -> list[tuple[str, int, str]]:
    """Code, line and message of what is said about comments."""
    report = actinit_lint(*(argv or ("net.py",)), "--output-format", "json").json
    return [
        (f["code"], f["line"], f["message"]) for f in report["findings"] if f["code"] in ABOUT and not f["suppressed"]
    ]


class TestUnused:
    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            pytest.param("784, 256)", "784, 256)  # actinit: ignore[ACT201] why", (7, "this comment"), id="its code"),
            pytest.param("784, 256)", "784, 256)  # actinit: ignore[zero-weights]", (7, "this comment"), id="its name"),
            pytest.param("__init__()", "__init__()  # actinit: ignore", (6, "this comment"), id="everything"),
            pytest.param(LINE, LINE + "  # actinit: ignore[ACT101, ACT102]", (9, "ACT102"), id="one of two codes"),
            pytest.param(LINE, LINE + "  # actinit: ignore[ACT2, ACT1]", (9, "ACT2"), id="one of two prefixes"),
            pytest.param("from", "# actinit: file-ignore[ACT5]\nfrom", (1, "this comment"), id="for the whole file"),
            pytest.param(
                LINE, f"# actinit: ignore[ACT2]\n        {LINE}", (9, "this comment"), id="on the line before"
            ),
            pytest.param(LINE, LINE + "  # noqa  # actinit: ignore[ACT2]", (9, "this comment"), id="beside a noqa"),
        ],
    )
    def test_a_comment_that_suppresses_nothing_is_reported(
        self, tmp_path: Path, old: str, new: str, said: tuple[int, str]
    ) -> None:
        write(tmp_path, {"net.py": BAD.replace(old, new)})
        line, what = said
        assert about_comments() == [("ACT001", line, f"unused ignore: {what} suppresses nothing here")]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(BAD.replace(LINE, LINE + "  # actinit: ignore[ACT101]"), id="it suppresses a finding"),
            pytest.param(BAD.replace("256)", "256)  # actinit: ignore[ACT1]", 1), id="it is on a related line"),
            pytest.param(BAD.replace(LINE, LINE + "  # noqa: ACT201"), id="it is a noqa"),
            pytest.param(GOOD + 'NOTE = "# actinit: ignore[ACT101]"\n', id="it is in a string"),
            pytest.param(GOOD + '"""\n# actinit: ignore[ACT101]\n"""\n', id="it is in a long string"),
            pytest.param(GOOD + "# actinit: ignored on purpose\n", id="it is another word"),
            pytest.param("import torch\nx = (  # actinit: ignore[ACT101]\n", id="the file does not parse"),
            pytest.param(GOOD + "y = 1  # actinit: ignore[ACT101, ACT001]\n", id="it is meant to stay"),
        ],
    )
    def test_nothing_is_said_where(self, tmp_path: Path, text: str) -> None:
        write(tmp_path, {"net.py": text})
        assert about_comments() == []

    @pytest.mark.parametrize(
        "argv",
        [["--select", "ACT001,ACT2"], ["--ignore", "ACT1"], ["--per-file-ignores", "net.py:ACT101"]],
        ids=" ".join,
    )
    def test_a_comment_for_a_rule_that_did_not_run_may_be_used(self, tmp_path: Path, argv: list[str]) -> None:
        write(tmp_path, {"net.py": GOOD + "y = 1  # actinit: ignore[ACT101]\nz = 1  # actinit: ignore\n"})
        assert about_comments("net.py", *argv) == []
        assert len(about_comments("net.py")) == 2

    def test_what_is_hidden_by_level_or_confidence_is_still_a_use(self, tmp_path: Path) -> None:
        rescued = BAD.replace("self.hidden(x).relu()", "self.norm(self.hidden(x)).relu()").replace(
            f"        {LINE}", f"        self.norm = nn.BatchNorm1d(256)\n        {LINE}  # actinit: ignore[ACT101]"
        )
        write(tmp_path, {"net.py": rescued})
        assert about_comments("net.py") == []
        write(tmp_path, {"net.py": BAD.replace(LINE, LINE + "  # actinit: ignore[ACT101]")})
        assert about_comments("net.py", "--level", "error") == []

    def test_nothing_is_said_in_a_class_that_was_not_followed(self, tmp_path: Path) -> None:
        unknown = GOOD.replace("self.hidden(x).relu())", "mystery(self.hidden(x)))  # actinit: ignore[ACT101]")
        write(tmp_path, {"net.py": "from elsewhere import mystery\n" + unknown})
        assert about_comments() == []
        write(tmp_path, {"net.py": f"from elsewhere import mystery\n{unknown}\n\ndef f():\n    1  # actinit: ignore\n"})
        assert [line for _, line, _ in about_comments()] == [17]

    def test_a_file_by_itself_is_not_judged_without_the_files_that_import_it(self, tmp_path: Path) -> None:
        block = GOOD.replace("256)", "256)  # actinit: ignore[ACT101]", 1)
        user = "from pkg.block import Net\nimport torch\n"
        write(tmp_path, {"pkg/__init__.py": "", "pkg/block.py": block, "pkg/sub/user.py": user})
        assert about_comments("pkg/block.py") == []
        assert len(about_comments("pkg/block.py", "pkg/sub/user.py")) == 1
        assert len(about_comments("pkg")) == 1

    def test_it_can_be_left_out_like_any_rule(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": GOOD + "y = 1  # actinit: ignore[ACT101]\n"})
        assert actinit_lint("net.py").code == 1
        assert actinit_lint("net.py", "--ignore", "unused-ignore").code == 0
        assert actinit_lint("net.py", "--config", 'levels.ACT001 = "info"').code == 0

    def test_in_a_notebook_it_is_reported_in_its_cell(self, tmp_path: Path) -> None:
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": GOOD + "y = 1  # actinit: ignore[ACT1]"}
        write(tmp_path, {"nb.ipynb": json.dumps({"cells": [cell], "metadata": {}})})
        (finding,) = actinit_lint("nb.ipynb", "--output-format", "json").json["findings"]
        assert (finding["code"], finding["cell"], finding["line"]) == ("ACT001", 1, 13)


class TestWhatWouldRemoveIt:
    @pytest.mark.parametrize(
        ("line", "left"),
        [
            ("y = 1  # actinit: ignore[ACT101] reason", "y = 1\n"),
            ("y = 1  # actinit: ignore[ACT101]  # type: ignore", "y = 1  # type: ignore\n"),
            ("y = 1  # type: ignore  # actinit: ignore[ACT101]", "y = 1  # type: ignore\n"),
            ("# actinit: ignore[ACT101] reason", ""),
            ("    # actinit: ignore[ACT101]  # fmt: skip", "    # fmt: skip\n"),
        ],
    )
    def test_the_edit_leaves_the_rest_of_the_line(self, line: str, left: str) -> None:
        from actinit_lint.source.comments import read_ignores

        text = f"x = 0\n{line}\nz = 0\n"
        (ignore,) = read_ignores(text, "a.py").own()
        assert _applied(text, ignore.without(["ACT101"])) == f"x = 0\n{left}z = 0\n"

    def test_a_rule_that_is_used_stays_in_the_comment(self) -> None:
        from actinit_lint.source.comments import read_ignores

        text = "x = 0  # actinit: ignore[ACT1,  ACT201 ACT3] reason\n"
        (ignore,) = read_ignores(text, "a.py").own()
        assert _applied(text, ignore.without(["ACT201"])) == "x = 0  # actinit: ignore[ACT1, ACT3] reason\n"


def _applied(text: str, rewrite: Any) -> str:
    lines = text.splitlines(keepends=True)
    span = rewrite.span
    before = "".join(lines[: span.line - 1]) + lines[span.line - 1][: span.column - 1]
    after = (lines[span.end_line - 1][span.end_column - 1 :] if span.end_line <= len(lines) else "") + "".join(
        lines[span.end_line :]
    )
    return before + rewrite.text + after


class TestUnknownWords:
    @pytest.mark.parametrize(
        ("comment", "said"),
        [
            ("ignore[ACT999]", 'unknown rule "ACT999" in an ignore comment'),
            ("ignore[xavier-before-rely]", 'unknown rule "xavier-before-rely" in an ignore comment (did you mean'),
            ("ignore[E501, ACT101]", 'unknown rule "E501" in an ignore comment'),
            ("ignore[]", "no rule is named in an ignore comment"),
            ("ignore[ACT101", "a bracket that is never closed in an ignore comment"),
            ("file-ignore[ALL]", 'unknown rule "ALL" in an ignore comment'),
        ],
    )
    def test_a_word_that_is_no_rule_is_reported(self, tmp_path: Path, comment: str, said: str) -> None:
        write(tmp_path, {"net.py": BAD.replace(LINE, f"{LINE}  # actinit: {comment}")})
        ((code, line, message),) = [found for found in about_comments() if found[0] == "ACT002"]
        assert (code, line) == ("ACT002", 9)
        assert message.startswith(said)

    def test_it_is_underlined_where_it_stands(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD.replace(LINE, f"{LINE}  # actinit: ignore[ACT101, ACT999]")})
        found = actinit_lint("net.py", "--output-format", "json").json["findings"]
        (finding,) = [f for f in found if f["code"] == "ACT002"]
        text = Path("net.py").read_text().splitlines()[8]
        assert text[finding["column"] - 1 : finding["end_column"] - 1] == "ACT999"

    def test_a_bracket_that_is_never_closed_suppresses_nothing(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD.replace(LINE, f"{LINE}  # actinit: ignore[ACT101")})
        assert "ACT101" in actinit_lint("net.py", "--output-format", "concise", "-q").out

    def test_codes_without_brackets_are_understood(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD.replace(LINE, f"{LINE}  # actinit: ignore ACT101")})
        assert actinit_lint("net.py").code == 0
        write(tmp_path, {"net.py": BAD.replace(LINE, f"{LINE}  # actinit: ignore: ACT201")})
        assert actinit_lint("net.py").code == 1


class TestAddIgnore:
    def add(self, *argv: str) -> Result:
        result = actinit_lint(*argv, "--add-ignore")
        assert actinit_lint(*argv).code == 0
        return result

    def test_every_finding_gets_a_comment_and_passes(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "other.py": BAD.replace("Net", "Other")})
        result = self.add(".")
        assert (result.code, result.err) == (0, "2 ignore comments added\n")
        assert Path("net.py").read_text() == BAD.replace(LINE, f"{LINE}  # actinit: ignore[ACT101]")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param(LINE + "  # fine", LINE + "  # fine  # actinit: ignore[ACT101]", id="behind a comment"),
            pytest.param(
                LINE + "  # actinit: ignore[ACT603] old",
                LINE + "  # actinit: ignore[ACT603, ACT101] old",
                id="into the list that is there",
            ),
            pytest.param(
                "nn.init.xavier_uniform_(\n            self.hidden.weight\n        )",
                "nn.init.xavier_uniform_(  # actinit: ignore[ACT101]\n            self.hidden.weight\n        )",
                id="on the first of several lines",
            ),
            pytest.param(
                "nn.init.xavier_uniform_(\\\n            self.hidden.weight)",
                "nn.init.xavier_uniform_(\\\n            self.hidden.weight)  # actinit: ignore[ACT101]",
                id="after a continued line",
            ),
        ],
    )
    def test_the_comment_stands(self, tmp_path: Path, old: str, new: str) -> None:
        write(tmp_path, {"net.py": BAD.replace(LINE, old)})
        actinit_lint("net.py", "--add-ignore", "--ignore", "ACT001")
        assert Path("net.py").read_text() == BAD.replace(LINE, new)
        assert actinit_lint("net.py", "--ignore", "ACT001").code == 0

    def test_a_line_that_ends_within_a_string_is_left_and_said_so(self, tmp_path: Path) -> None:
        text = BAD.replace(LINE, LINE + '; note = """\n        text"""')
        write(tmp_path, {"net.py": text})
        result = actinit_lint("net.py", "--add-ignore")
        assert result.code == 1
        assert result.err == "net.py:9: ACT101 has no line that can take a comment\n0 ignore comments added\n"
        assert Path("net.py").read_text() == text

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"\xef\xbb\xbf" + BAD.encode(), id="a byte order mark"),
            pytest.param(BAD.replace("\n", "\r\n").encode(), id="CRLF line ends"),
            pytest.param(b"# coding: latin-1\n# caf\xe9\n" + BAD.encode(), id="another encoding"),
            pytest.param(BAD.rstrip("\n").encode(), id="no line end at the end"),
        ],
    )
    def test_every_other_byte_stays(self, tmp_path: Path, content: bytes) -> None:
        write(tmp_path, {"net.py": content})
        self.add("net.py")
        expected = content.replace(LINE.encode(), f"{LINE}  # actinit: ignore[ACT101]".encode())
        assert Path("net.py").read_bytes() == expected

    def test_permissions_and_links_stay(self, tmp_path: Path) -> None:
        write(tmp_path, {"real/net.py": BAD})
        (tmp_path / "real" / "net.py").chmod(0o640)
        os.symlink(tmp_path / "real" / "net.py", "link.py")
        self.add("link.py")
        assert Path("link.py").is_symlink()
        assert (tmp_path / "real" / "net.py").stat().st_mode & 0o777 == 0o640
        assert sorted(os.listdir("real")) == ["net.py"]

    @pytest.mark.parametrize("indent", [1, 2, None])
    def test_in_a_notebook_the_cell_changes_and_nothing_else(self, tmp_path: Path, indent: int | None) -> None:
        source = ("%matplotlib inline\n" + BAD).rstrip("\n").splitlines(keepends=True)
        text = {"cell_type": "markdown", "metadata": {}, "source": ["é\n", "two"]}
        code = {"cell_type": "code", "metadata": {}, "outputs": [{"text": ["1.0\n"]}], "source": source}
        before = json.dumps({"cells": [text, code], "metadata": {}}, indent=indent, ensure_ascii=False) + "\n"
        write(tmp_path, {"nb.ipynb": before})
        self.add("nb.ipynb")
        expected = before.replace("(self.hidden.weight)", "(self.hidden.weight)  # actinit: ignore[ACT101]")
        assert Path("nb.ipynb").read_text() == expected

    def test_the_layout_of_a_notebooks_json_stays(self, tmp_path: Path) -> None:
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": BAD}
        before = json.dumps({"cells": [cell], "metadata": {}}).replace('"cells": ', '"cells":    ')
        write(tmp_path, {"nb.ipynb": before})
        self.add("nb.ipynb")
        expected = before.replace("(self.hidden.weight)", "(self.hidden.weight)  # actinit: ignore[ACT101]")
        assert Path("nb.ipynb").read_text() == expected

    def test_a_syntax_error_is_no_matter_for_a_comment(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": "import torch\n)"})
        assert actinit_lint("net.py", "--add-ignore").code == 1
        assert Path("net.py").read_text() == "import torch\n)"
