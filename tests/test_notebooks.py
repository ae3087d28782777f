"""Notebooks as people write them: magics, outputs, models over several cells, broken cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actinit_lint.source.magics import without_magics
from actinit_lint.source.notebooks import NotANotebook, read_notebook
from tests.command import actinit_lint, write

IMPORTS = "import torch\nfrom torch import nn\nimport torch.nn.functional as F"
MODEL = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 256)
        self.head = nn.Linear(256, 10)
        nn.init.xavier_uniform_(self.hidden.weight)

    def forward(self, x):
        return self.head(F.relu(self.hidden(x)))"""


def code(source: str, **more: Any) -> dict[str, Any]:
    """A cell as Jupyter saves it: a list of lines that keep their ends, but for the last."""
    return {
        "cell_type": "code",
        "execution_count": 1,
        "id": "0a1b2c3d",
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
        **more,
    }


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "4e5f", "metadata": {}, "source": source.splitlines(keepends=True)}


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": kernel | metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def lint(folder: Path, content: str | bytes, *options: str) -> Any:
    write(folder, {"nb.ipynb": content})
    return actinit_lint("--output-format", "json", "--isolated", *options, folder / "nb.ipynb").json


def places(report: Any) -> list[tuple[str, int | None, int, int]]:
    return [(f["code"], f["cell"], f["line"], f["column"]) for f in report["findings"]]


class TestReading:
    def test_a_model_over_several_cells_is_one_program(self, tmp_path: Path) -> None:
        report = lint(tmp_path, notebook(text("# Digits"), code(IMPORTS), text("The model:"), code(MODEL)))
        assert places(report) == [("ACT101", 4, 6, 9)]

    def test_related_places_name_their_cells(self, tmp_path: Path) -> None:
        cells = (
            code(IMPORTS),
            code("fc = nn.Linear(784, 256)"),
            code("nn.init.xavier_uniform_(fc.weight)"),
            code("net = nn.Sequential(fc, nn.ReLU(), nn.Linear(256, 10))"),
        )
        (finding,) = lint(tmp_path, notebook(*cells))["findings"]
        assert (finding["cell"], finding["line"]) == (3, 1)
        assert {(r["cell"], r["line"], r["column"]) for r in finding["related"]} == {(2, 1, 6), (4, 1, 25)}

    def test_outputs_are_passed_over(self, tmp_path: Path) -> None:
        image = {"data": {"image/png": "iVBOR" * 300_000, "text/plain": ["def ("]}, "output_type": "display_data"}
        cells = (code(IMPORTS, outputs=[image]), code(MODEL, outputs=[{"output_type": "stream", "text": ["%%bash"]}]))
        assert places(lint(tmp_path, notebook(*cells))) == [("ACT101", 2, 6, 9)]

    def test_sources_of_one_text_are_read_like_lists_of_lines(self, tmp_path: Path) -> None:
        cells = (code("") | {"source": IMPORTS}, code("") | {"source": MODEL.replace("\n", "\r\n")})
        assert places(lint(tmp_path, notebook(*cells))) == [("ACT101", 2, 6, 9)]

    def test_empty_cells_and_raw_cells_count(self, tmp_path: Path) -> None:
        raw = {"cell_type": "raw", "metadata": {}, "source": ["class ("]}
        report = lint(tmp_path, notebook(code(""), code(IMPORTS), raw, code("\n\n"), code("\n" + MODEL)))
        assert places(report) == [("ACT101", 5, 7, 9)]

    def test_a_later_cell_that_defines_the_model_again_wins(self, tmp_path: Path) -> None:
        cells = (
            code(IMPORTS),
            code(MODEL),
            code(MODEL.replace("xavier_uniform_(self.hidden.weight)", "kaiming_normal_(self.hidden.weight)")),
            code("net = Net()"),
        )
        assert places(lint(tmp_path, notebook(*cells))) == []

    def test_columns_are_those_of_an_indented_cell(self, tmp_path: Path) -> None:
        indented = "\n".join("    " + line if line else "" for line in MODEL.splitlines())
        assert places(lint(tmp_path, notebook(code(IMPORTS), code(indented)))) == [("ACT101", 2, 6, 13)]

    def test_columns_count_code_points(self, tmp_path: Path) -> None:
        line = '"🙂 ü"; nn.init.xavier_uniform_(fc.weight)'
        cells = (
            code(IMPORTS + "\nfc = nn.Linear(784, 256)"),
            code(line),
            code("nn.Sequential(fc, nn.ReLU(), nn.Linear(256, 1))"),
        )
        assert places(lint(tmp_path, notebook(*cells))) == [("ACT101", 2, 1, 8)]

    def test_nbformat_3_keeps_its_cells_in_worksheets(self, tmp_path: Path) -> None:
        cells = [
            {"cell_type": "heading", "level": 1, "source": ["Digits"]},
            {"cell_type": "code", "input": [f"{line}\n" for line in IMPORTS.splitlines()], "outputs": []},
            {"cell_type": "code", "input": MODEL.splitlines(keepends=True), "outputs": []},
        ]
        content = json.dumps({"metadata": {"name": ""}, "nbformat": 3, "worksheets": [{"cells": cells}]})
        assert places(lint(tmp_path, content)) == [("ACT101", 3, 6, 9)]

    def test_a_byte_order_mark_is_passed_over(self, tmp_path: Path) -> None:
        content = b"\xef\xbb\xbf" + notebook(code(IMPORTS), code(MODEL)).encode()
        assert places(lint(tmp_path, content)) == [("ACT101", 2, 6, 9)]

    def test_half_a_surrogate_pair_does_no_harm(self, tmp_path: Path) -> None:
        report = lint(tmp_path, notebook(code(IMPORTS + "\nface = '\ud83d'"), code(MODEL)))
        assert places(report) == [("ACT101", 2, 6, 9)]

    def test_a_notebook_in_another_language_is_skipped_and_counted(self, tmp_path: Path) -> None:
        content = notebook(code("library(torch)"), language_info={"name": "R"})
        write(tmp_path, {"nb.ipynb": content})
        result = actinit_lint(tmp_path, "--isolated")
        assert result.code == 0
        assert "nb.ipynb: skipped, a notebook in R" in result.err
        assert "1 file skipped" in result.out

    def test_a_cell_in_another_language_is_passed_over(self, tmp_path: Path) -> None:
        shell = code("pip install torch", metadata={"vscode": {"languageId": "shellscript"}})
        assert places(lint(tmp_path, notebook(shell, code(IMPORTS), code(MODEL)))) == [("ACT101", 3, 6, 9)]

    def test_folders_are_searched_for_notebooks(self, tmp_path: Path) -> None:
        content = notebook(code(IMPORTS), code(MODEL))
        write(tmp_path, {"work/nb.ipynb": content, "work/.ipynb_checkpoints/nb-checkpoint.ipynb": content})
        result = actinit_lint(tmp_path, "--output-format", "json", "--isolated")
        assert [(f["path"], f["cell"]) for f in result.json["findings"]] == [
            (f"{tmp_path.as_posix()}/work/nb.ipynb", 2)
        ]

    def test_standard_input_under_a_notebook_s_name_is_one(self) -> None:
        content = notebook(code(IMPORTS), code(MODEL))
        options = ("--stdin-filename", "nb.ipynb", "--output-format", "json", "--isolated", "-")
        assert places(actinit_lint(*options, stdin=content.encode()).json) == [("ACT101", 2, 6, 9)]

    def test_what_was_not_followed_names_its_cell(self, tmp_path: Path) -> None:
        report = lint(
            tmp_path,
            notebook(text("#"), code(IMPORTS), code("\nif nn:\n    def f(a):\n        return nn.Linear(a, 2)")),
        )
        assert [(u["cell"], u["line"]) for u in report["not_followed"]] == [(3, 4)]


class TestBroken:
    @pytest.mark.parametrize(
        ("content", "problem", "line"),
        [
            (b"", "not a notebook: the file is empty", 1),
            (b'{\n "cells": [\n', "not a notebook: invalid JSON, expecting value", 3),
            (b"import torch\n", "not a notebook: invalid JSON, expecting value", 1),
            (b"[1]", "not a notebook: expected a JSON object, found a list", 1),
            (b"{}", 'not a notebook: it has no "cells"', 1),
            (b'{"cells": {"a": 1}}', 'not a notebook: expected a list of "cells", found an object', 1),
            (b'{"cells": [null]}', "not a notebook: expected cell 1 to be an object, found null", 1),
            (
                b'{"cells": [{"cell_type": "code", "source": 3}]}',
                "not a notebook: expected the source of cell 1 to be text, found a number",
                1,
            ),
            (b'{"cells":\n"\xff"}', "not a notebook: byte 0xff is not valid utf-8", 2),
            (b"[" * 100_000, "not a notebook: JSON that cannot be read", 1),
        ],
    )
    def test_a_file_that_is_no_notebook_is_one_finding(
        self, tmp_path: Path, content: bytes, problem: str, line: int
    ) -> None:
        (finding,) = lint(tmp_path, content)["findings"]
        assert (finding["code"], finding["message"], finding["cell"], finding["line"]) == (
            "ACT000",
            problem,
            None,
            line,
        )

    def test_a_broken_cell_is_reported_and_the_others_are_checked(self, tmp_path: Path) -> None:
        cells = (code(IMPORTS), text("Not finished:"), code("x = 1\ndef half(:\n    ..."), code(MODEL))
        report = lint(tmp_path, notebook(*cells))
        assert [place[:3] for place in places(report)] == [("ACT000", 3, 2), ("ACT101", 4, 6)]

    def test_an_open_bracket_is_blamed_on_its_own_cell(self, tmp_path: Path) -> None:
        cells = (code(IMPORTS), code("net = nn.Sequential(\n    nn.Linear(2, 3),"), code(MODEL), code("y = )"))
        report = lint(tmp_path, notebook(*cells))
        assert [place[:2] for place in places(report)] == [("ACT000", 2), ("ACT101", 3), ("ACT000", 4)]

    def test_a_broken_cell_is_shown_as_it_was_written(self, tmp_path: Path) -> None:
        write(tmp_path, {"nb.ipynb": notebook(code(IMPORTS), code("!ls\n  x = = 1"))})
        out = actinit_lint(tmp_path / "nb.ipynb", "--isolated").out
        assert "nb.ipynb:cell 2:2:" in out
        assert "2 |   x = = 1" in out


class TestReports:
    def finding(self, folder: Path, *options: str) -> str:
        write(folder, {"nb.ipynb": notebook(text("# Digits"), code(IMPORTS), code(f"%%time\n{MODEL}"))})
        return actinit_lint(folder / "nb.ipynb", "--isolated", *options).out

    def test_concise_names_cell_line_and_column(self, tmp_path: Path) -> None:
        assert "nb.ipynb:cell 3:7:9: ACT101 " in self.finding(tmp_path, "--output-format", "concise")

    def test_grouped_names_cell_line_and_column(self, tmp_path: Path) -> None:
        assert "  cell 3:7:9  ACT101 " in self.finding(tmp_path, "--output-format", "grouped")

    def test_full_shows_the_cell_s_lines(self, tmp_path: Path) -> None:
        out = self.finding(tmp_path)
        assert "nb.ipynb:cell 3:7:9\n" in out
        assert "7 |         nn.init.xavier_uniform_(self.hidden.weight)\n" in out
        assert "5 |         self.hidden = nn.Linear(784, 256)\n" in out

    def test_github_names_the_cell_in_words(self, tmp_path: Path) -> None:
        out = self.finding(tmp_path, "--output-format", "github")
        assert "nb.ipynb,title=ACT101 xavier-before-relu::cell 3, line 7: " in out

    def test_show_names_the_cell(self, tmp_path: Path) -> None:
        write(tmp_path, {"nb.ipynb": notebook(text("# Digits"), code(IMPORTS), code(MODEL))})
        out = actinit_lint("show", tmp_path / "nb.ipynb").out
        assert "cell 3 line 6" in out
        assert "relu (cell 3 line 9)" in out

    def test_fingerprints_do_not_depend_on_cells_in_front(self, tmp_path: Path) -> None:
        first = lint(tmp_path, notebook(code(IMPORTS), code(MODEL)))
        second = lint(tmp_path, notebook(text("# Digits"), code(IMPORTS), code("x = 1\ny = 2"), code(MODEL)))
        assert [f["fingerprint"] for f in first["findings"]] == [f["fingerprint"] for f in second["findings"]]


class TestSuppression:
    def test_a_comment_on_the_line_suppresses(self, tmp_path: Path) -> None:
        ignored = MODEL.replace("hidden.weight)", "hidden.weight)  # actinit: ignore[ACT101] as in the paper")
        (finding,) = lint(tmp_path, notebook(text("#"), code(IMPORTS), code(ignored)))["findings"]
        assert finding["suppressed"] == "actinit: ignore[ACT101] as in the paper"

    def test_a_comment_on_the_line_before_suppresses(self, tmp_path: Path) -> None:
        ignored = MODEL.replace("        nn.init", "        # actinit: ignore[ACT101]\n        nn.init")
        (finding,) = lint(tmp_path, notebook(code(IMPORTS), code(ignored)))["findings"]
        assert finding["suppressed"] == "actinit: ignore[ACT101]"

    def test_a_comment_for_the_file_counts_in_any_cell(self, tmp_path: Path) -> None:
        cells = (code(IMPORTS), code(MODEL), code("# actinit: file-ignore[ACT101]"))
        (finding,) = lint(tmp_path, notebook(*cells))["findings"]
        assert finding["suppressed"] == "actinit: file-ignore[ACT101]"

    def test_magics_before_do_not_hide_comments(self, tmp_path: Path) -> None:
        ignored = MODEL.replace("hidden.weight)", "hidden.weight)  # noqa: ACT101")
        cells = (code('!echo "not closed'), code(IMPORTS), code(f"%matplotlib inline\n{ignored}"))
        (finding,) = lint(tmp_path, notebook(*cells))["findings"]
        assert finding["suppressed"] == "noqa: ACT101"


#: What IPython adds, and the Python that is left.
MAGICS = [
    ("%matplotlib inline", "pass"),
    ("if colab:\n    !pip install -q timm\nx = 1", "if colab:\n    pass\nx = 1"),
    ("!pip install a \\\n  b \\\n  c\nx = 1", "pass\n\n\nx = 1"),
    ("!echo \"it's", "pass"),
    ("?nn.Linear", "pass"),
    ("nn.Linear?", "pass"),
    ("net.layers[0]??", "pass"),
    ("%timeit?", "pass"),
    ("files = !ls", "files = ..."),
    ("gpu = %env CUDA_VISIBLE_DEVICES", "gpu = ..."),
    ("a, b = !cat x \\\n  y\nz = 1", "a, b = ...\n\nz = 1"),
    ("    y = !ls", "    y = ..."),
    ("%time net = build()", "0;    net = build()"),
    ("if x:\n  %time net.fit(a, b)", "if x:\n  0;    net.fit(a, b)"),
    ("%time for x in y: f(x)", "pass"),
    ("%time !ls", "pass"),
    ("%timeit -n 3 f()", "pass"),
    ("pip install torch", "pass"),
    ("cd ../work", "pass"),
    ("ls -l", "pass"),
    (",call a b", "pass"),
    ("/call a", "pass"),
    ("%%bash\nfor i in *; do\n  echo $i\ndone", "pass\n\n\n"),
    ("\n# comment\n%%html\n<b>\n", "\n# comment\npass\n\n"),
    ("%%time\n%matplotlib inline\nx = 1", "pass\npass\nx = 1"),
    ("%%time\n%%capture out\nx = 1", "pass\npass\nx = 1"),
    ("%%capture\n%%javascript\nalert(", "pass\npass\n"),
    ("%%writefile net/model.py\nimport torch", "pass\nimport torch"),
    ("%%writefile requirements.txt\ntorch", "pass\n"),
]

#: Python that looks like it.
PYTHON = [
    'x = ("%d"\n     % y)',
    "x = y \\\n  % z",
    '"""\n%matplotlib inline\n!ls\nx = !ls\nwhat?\n"""',
    "'''\n\"\n!ls\n'''",
    "f(\n  ')',\n  # %magic (\n  a=1,\n)\nb = 2",
    "text = f'{x=!r}'",
    "x = y % z; w = a != b",
    "x = '= !ls'",
    "# what?",
    "print('what?')",
    "x = 'a\\\n%b'",
    "x = r'\\'\ny = '''\n!ls\n'''",
    "cat = 3\nls = [1]\ncp.zeros(3)",
    "assert x in y, f(\n    1)",
    "@jit\ndef f(): ...",
]


class TestMagics:
    @pytest.mark.parametrize(("written", "left"), MAGICS, ids=[case[0] for case in MAGICS])
    def test_a_magic_becomes_neutral(self, written: str, left: str) -> None:
        assert "\n".join(without_magics(written.split("\n"))) == left

    @pytest.mark.parametrize("written", PYTHON)
    def test_python_stays_as_it_is(self, written: str) -> None:
        assert "\n".join(without_magics(written.split("\n"))) == written

    def test_what_a_magic_gives_to_a_variable_is_not_known(self, tmp_path: Path) -> None:
        cells = (code(IMPORTS), code("n = %env WIDTH\nfc = nn.Linear(4, int(n))\nnn.init.zeros_(fc.bias)"))
        assert lint(tmp_path, notebook(*cells))["findings"] == []

    def test_a_notebook_with_magics_everywhere_is_followed(self, tmp_path: Path) -> None:
        cells = (
            code("%%capture\n!pip install torch\n%load_ext autoreload\n%autoreload 2"),
            code(f"%matplotlib inline\n{IMPORTS}\n!nvidia-smi"),
            code("%%bash\nif [ -d data ]; then\n  ls"),
            code(f"# model\n{MODEL}\n\nnn.Linear?"),
            code("%time net = Net()\n%time out = net(torch.rand(1, 784))"),
        )
        assert places(lint(tmp_path, notebook(*cells))) == [("ACT101", 4, 7, 9)]


class TestJoining:
    def test_every_line_of_the_program_leads_back_to_its_cell(self) -> None:
        book = read_notebook(notebook(text("a"), code("x = 1\ny = 2\n\n"), code(""), code("z = 3")).encode())
        assert book.text == "x = 1\ny = 2\nz = 3\n"
        assert [(p.cell, p.line) for p in (book.position(n, 1) for n in (1, 2, 3))] == [
            (2, 1),
            (2, 2),
            (4, 1),
        ]

    def test_a_notebook_without_code_is_empty(self) -> None:
        assert read_notebook(notebook(text("a"), code("")).encode()).text == ""

    def test_problems_carry_line_and_column(self) -> None:
        with pytest.raises(NotANotebook) as caught:
            read_notebook(b'{"a": 1,\n   b}')
        assert (caught.value.line, caught.value.column) == (2, 4)


class TestFixes:
    """Only the lines that change are written anew."""

    FIX = ("--isolated", "--no-cache", "--fix", "--unsafe-fixes")
    OLD = "nn.init.xavier_uniform_(self.hidden.weight)"
    NEW = 'nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity=\\"relu\\")'  # as JSON has it

    def fixed(self, content: str | bytes, folder: Path) -> bytes:
        write(folder, {"nb.ipynb": content})
        result = actinit_lint(*self.FIX, folder / "nb.ipynb")
        assert result.code == 0, result.out + result.err
        return (folder / "nb.ipynb").read_bytes()

    def cells(self) -> tuple[dict[str, Any], ...]:
        output = {"output_type": "stream", "name": "stdout", "text": [self.OLD, "é\u2028"]}
        return text(f"# é {self.OLD}"), code(IMPORTS), code(MODEL, outputs=[output], execution_count=7), code("x = 1")

    @pytest.mark.parametrize("indent", [None, 1, 4, "\t"], ids=["on one line", "by 1", "by 4", "by tabs"])
    @pytest.mark.parametrize("ascii_only", [True, False], ids=["with escapes", "without escapes"])
    def test_every_other_byte_stays(self, indent: Any, ascii_only: bool, tmp_path: Path) -> None:
        before = json.dumps(json.loads(notebook(*self.cells())), indent=indent, ensure_ascii=ascii_only) + "\n\n"
        head, tail = before.rsplit(f'        {self.OLD}\\n"', 1)
        assert self.fixed(before, tmp_path).decode() == f'{head}        {self.NEW}\\n"{tail}'

    def test_a_source_that_is_one_string_stays_one(self, tmp_path: Path) -> None:
        before = notebook(code(IMPORTS), {**code(""), "source": MODEL + "\n# é"})
        assert self.fixed(before, tmp_path).decode() == before.replace(self.OLD, self.NEW)

    def test_byte_order_mark_and_line_ends_of_windows_stay(self, tmp_path: Path) -> None:
        mark = b"\xef\xbb\xbf"
        before = notebook(code(IMPORTS), {**code(""), "source": MODEL.replace("\n", "\r\n")}).replace("\n", "\r\n")
        after = self.fixed(mark + before.encode(), tmp_path)
        assert after == mark + before.replace(self.OLD, self.NEW).encode()

    def test_an_added_line_is_a_string_of_its_own(self, tmp_path: Path) -> None:
        model = MODEL.replace(f"        {self.OLD}\n", "").replace("F.relu", "F.selu")
        before = notebook(code(IMPORTS), code(model))
        line = '        nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity=\\"linear\\")\\n'
        layer = '"        self.hidden = nn.Linear(784, 256)\\n",\n    '
        assert self.fixed(before, tmp_path).decode() == before.replace(layer, f'{layer}"{line}",\n    ')

    def test_a_line_is_added_at_the_end_of_a_cell(self, tmp_path: Path) -> None:
        cells = (
            code(IMPORTS),
            code("fc = nn.Linear(784, 256)"),
            code("net = nn.Sequential(fc, nn.SELU(), nn.Linear(256, 10))"),
        )
        after = json.loads(self.fixed(notebook(*cells), tmp_path))
        assert after["cells"][1]["source"] == [
            "fc = nn.Linear(784, 256)\n",
            'nn.init.kaiming_uniform_(fc.weight, nonlinearity="linear")',
        ]

    def test_several_cells_change(self, tmp_path: Path) -> None:
        cells = (
            code(f"from torch.nn.init import xavier_uniform_  # é\n{IMPORTS}"),
            code(MODEL.replace("nn.init.", "")),
        )
        after = json.loads(self.fixed(notebook(*cells), tmp_path))
        assert after["cells"][0]["source"][0] == "from torch.nn.init import kaiming_uniform_  # é\n"
        assert 'kaiming_uniform_(self.hidden.weight, nonlinearity="relu")' in "".join(after["cells"][1]["source"])

    def test_an_indented_cell_keeps_its_indent(self, tmp_path: Path) -> None:
        model = MODEL.replace(f"        {self.OLD}\n", "").replace("F.relu", "F.selu")
        indented = "\n".join(f"  {line}" for line in model.split("\n"))
        after = json.loads(self.fixed(notebook(code(IMPORTS), code(indented)), tmp_path))
        assert (
            '          nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity="linear")\n'
            in (after["cells"][1]["source"])
        )

    def test_a_line_with_a_magic_is_left_alone(self, tmp_path: Path) -> None:
        cells = (
            code(IMPORTS),
            code("fc = nn.Linear(784, 256)"),
            code("%time nn.init.xavier_uniform_(fc.weight)"),
            code("net = nn.Sequential(fc, nn.ReLU(), nn.Linear(256, 10))"),
        )
        before = notebook(*cells)
        write(tmp_path, {"nb.ipynb": before})
        actinit_lint(*self.FIX, tmp_path / "nb.ipynb")
        assert (tmp_path / "nb.ipynb").read_text() == before

    def test_worksheets_of_old_notebooks(self, tmp_path: Path) -> None:
        cells = [{"cell_type": "code", "language": "python", "input": part, "outputs": []} for part in (IMPORTS, MODEL)]
        before = json.dumps({"metadata": {"name": ""}, "nbformat": 3, "worksheets": [{"cells": cells}]})
        assert self.fixed(before, tmp_path).decode() == before.replace(self.OLD, self.NEW)

    def test_the_report_gives_the_edit_in_its_cell(self, tmp_path: Path) -> None:
        report = lint(tmp_path, notebook(*self.cells()))
        (edit, *_) = report["findings"][0]["fix"]["edits"]
        assert (edit["cell"], edit["line"], edit["column"], edit["text"]) == (3, 6, 17, "kaiming_uniform_")

    def test_the_diff_is_shown_by_cell(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write(tmp_path, {"nb.ipynb": notebook(*self.cells())})
        result = actinit_lint("--isolated", "--no-cache", "--diff", "--unsafe-fixes", "nb.ipynb")
        assert result.code == 1
        assert result.out.startswith("--- nb.ipynb:cell 3\n+++ nb.ipynb:cell 3\n")

    def test_a_notebook_on_standard_input_comes_back_fixed(self) -> None:
        before = notebook(*self.cells())
        head, tail = before.rsplit(self.OLD, 1)
        argv = (*self.FIX, "--stdin-filename", "nb.ipynb", "-")
        assert actinit_lint(*argv, stdin=before.encode()).out == f"{head}{self.NEW}{tail}"


def stream(*lines: str) -> dict[str, Any]:
    return {"name": "stdout", "output_type": "stream", "text": [f"{line}\n" for line in lines]}


PICTURE = {
    "data": {"image/png": "iVBORw0KGgoAAAANSUhEUg==\n", "text/plain": ["<Figure size 640x480 with 1 Axes>"]},
    "metadata": {"needs_background": "light"},
    "output_type": "display_data",
}

#: A lesson: magics, shell lines, progress and a picture among the outputs.
LESSON = (
    text("# Digits\n\nWe train `nn.init.xavier_uniform_(self.hidden.weight)` first."),
    code("!pip install -q torch torchvision\n%matplotlib inline", outputs=[stream("\x1b[2K done")], execution_count=1),
    code(IMPORTS, execution_count=2),
    code(f"%%time\n{MODEL}", outputs=[stream("CPU times: user 3 µs", "Wall time: 5 µs")], execution_count=3),
    code("model = Net()\nmodel(torch.rand(1, 784))", outputs=[PICTURE], execution_count=4),
)
#: One model over several cells: a helper, the class that calls it, and a script below.
SCATTERED = (
    code(f"{IMPORTS}\n\nSIZES = [64, 128, 10]", execution_count=12),
    code("def init(module):\n    if isinstance(module, nn.Linear):\n        nn.init.xavier_normal_(module.weight)"),
    text("Now the model."),
    code(
        "class MLP(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(SIZES, SIZES[1:])])\n"
        "        self.head = nn.Linear(10, 2)\n\n"
        "    def forward(self, x):\n        for layer in self.layers:\n            x = F.relu(layer(x))\n"
        "        return self.head(x)"
    ),
    code("net = MLP()\nnet.apply(init);", outputs=[stream("MLP(", "  (layers): ModuleList()", ")")]),
)
#: Written in a hurry: a cell that is not finished, one that was never run, an error among the outputs.
HURRIED = (
    code(IMPORTS),
    code(MODEL),
    code("for epoch in range(10:\n    train(", execution_count=None),
    code(
        "Net()(torch.rand(3))",
        outputs=[{"ename": "RuntimeError", "evalue": "mat1", "output_type": "error", "traceback": ["\x1b[0;31mRun"]}],
    ),
)


class TestWholeNotebooks:
    """As people write them: linted and fixed, and every output, count and metadata as it was."""

    @pytest.mark.parametrize(
        ("cells", "found", "old", "new"),
        [
            pytest.param(
                LESSON,
                [("ACT101", 4, 7)],
                "nn.init.xavier_uniform_(self.hidden.weight)",
                'nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity="relu")',
                id="a lesson with magics and outputs",
            ),
            pytest.param(
                SCATTERED,
                [("ACT101", 2, 3)],
                "nn.init.xavier_normal_(module.weight)",
                'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
                id="a model over several cells",
            ),
            pytest.param(
                HURRIED,
                [("ACT101", 2, 6), ("ACT000", 3, 1)],
                "nn.init.xavier_uniform_(self.hidden.weight)",
                'nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity="relu")',
                id="a cell with a syntax error",
            ),
        ],
    )
    def test_they_are_linted_and_fixed_and_keep_their_outputs(
        self, cells: tuple[dict[str, Any], ...], found: list[tuple[str, int, int]], old: str, new: str, tmp_path: Path
    ) -> None:
        before = notebook(*cells)
        file = write(tmp_path, {"nb.ipynb": before}) / "nb.ipynb"
        reported = actinit_lint(file, "--isolated", "--output-format", "json").json["findings"]
        assert [(one["code"], one["cell"], one["line"]) for one in reported] == found
        actinit_lint(*TestFixes.FIX, file)
        after = file.read_bytes().decode()
        number = next(cell for code_, cell, _ in found if code_ == "ACT101") - 1
        assert after == notebook(
            *cells[:number],
            {**cells[number], "source": [line.replace(old, new) for line in cells[number]["source"]]},
            *cells[number + 1 :],
        )
        left = actinit_lint(file, "--isolated", "--output-format", "json").json["findings"]
        assert [one["code"] for one in left] == [code_ for code_, _, _ in found if code_ != "ACT101"]
