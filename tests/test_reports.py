"""What the reports write for a run that is given to them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

import msgspec
import pytest

from actinit_lint.finding import Finding, Related, Span
from actinit_lint.outcome import Outcome, Summary, Unknown
from actinit_lint.report import concise, full, github, grouped
from actinit_lint.report import json as json_report
from actinit_lint.report.look import Look
from actinit_lint.source.texts import Texts

SOURCE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        nn.init.xavier_uniform_(self.fc1.weight)
        self.body = nn.Sequential(
            nn.Linear(1, 2),
            nn.ReLU(),
        )











    def forward(self, x):
        x = F.relu(self.fc1(x))
"""
OTHER = "def act(x):\n\treturn relu(x)  # \u6f22\u5b57\n"

Render = Callable[[Outcome, TextIO, Look], None]


def span(text: str, line: int, words: str, path: str = "src/net.py") -> Span:
    """The span of the words in a line."""
    column = text.split("\n")[line - 1].index(words) + 1
    return Span(path, line, column, line, column + len(words))


def finding(**changes: object) -> Finding:
    made = Finding(
        code="ACT101",
        name="xavier-before-relu",
        level="warning",
        confidence="high",
        message="Xavier gain 1 in front of ReLU, which needs √2",
        help='nn.init.kaiming_uniform_(self.fc1.weight, nonlinearity="relu")',
        span=span(SOURCE, 8, "nn.init.xavier_uniform_(self.fc1.weight)"),
        caption="std 0.044; ReLU wants 0.051",
        related=[
            Related(span(SOURCE, 25, "F.relu"), "meets ReLU here"),
            Related(span(SOURCE, 7, "nn.Linear(784, 256)"), "this layer"),
        ],
        model="Net",
        layer="fc1",
        initializer="xavier_uniform",
        activation="relu",
        numbers={"gain": 1.0, "ratio": float("inf")},
        fingerprint="abc",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def outcome(*findings: Finding, **changes: object) -> Outcome:
    texts = Texts({"src/net.py": SOURCE, "src/act.py": OTHER})
    made = Outcome(list(findings), Summary(14, 0, 9, 87, 4), [], texts)
    for found in findings:
        made.by_severity[found.level] += 1
    return msgspec.structs.replace(made, **changes)


def text(render: Render, run: Outcome, **look: object) -> str:
    out = io.StringIO()
    render(run, out, Look(**look))  # type: ignore[arg-type]
    return out.getvalue()


PIPE = """\
ACT101 xavier-before-relu: Xavier gain 1 in front of ReLU, which needs √2
  --> src/net.py:8:9
   |
 7 |         self.fc1 = nn.Linear(784, 256)
   |                    ------------------- this layer
 8 |         nn.init.xavier_uniform_(self.fc1.weight)
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ std 0.044; ReLU wants 0.051
...
25 |         x = F.relu(self.fc1(x))
   |             ------ meets ReLU here
   |
   = help: nn.init.kaiming_uniform_(self.fc1.weight, nonlinearity="relu")

1 warning in 14 files. 9 models, 87 layers followed, 4 not followed (--show-unknown).
"""

NARROW = """\
ACT101 xavier-before-relu: Xavier gain 1 in front of ReLU,
  which needs √2
  --> src/net.py:8:9
   |
 7 |         self.fc1 = nn.Linear(784, 256)
   |                    ------------------- this layer
 8 |         nn.init.xavier_uniform_(self.fc1.weight)
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |         std 0.044; ReLU wants 0.051
...
25 |         x = F.relu(self.fc1(x))
   |             ------ meets ReLU here
   |
   = help: nn.init.kaiming_uniform_(self.fc1.weight,
           nonlinearity="relu")

1 warning in 14 files. 9 models, 87 layers followed, 4 not
followed (--show-unknown).
"""


class TestFull:
    def test_all_spans_are_shown_in_line_order_with_their_source(self) -> None:
        assert text(full.render, outcome(finding())) == PIPE

    def test_140_columns_look_like_a_pipe(self) -> None:
        assert text(full.render, outcome(finding()), width=140) == PIPE

    def test_what_becomes_of_the_signal_is_said_over_the_help(self) -> None:
        chain = {"layers": 6, "signal_ratio": 0.5**5, "gradient_ratio": 4.0**5}
        shown = text(full.render, outcome(finding(numbers=chain))).splitlines()
        assert shown[-4] == (
            "   = signal: ×0.5 per layer, 0.031 of it left after the 6 layers of Net;"
            " gradient ×4 per layer, 1,024 times left"
        )
        assert shown[-3].startswith("   = help: ")
        assert "= signal" not in text(full.render, outcome(finding(numbers={**chain, "layers": 1})))
        same = text(full.render, outcome(finding(numbers={**chain, "gradient_ratio": 1.0})))
        assert "after the 6 layers of Net\n" in same

    def test_60_columns_wrap_words_and_captions(self) -> None:
        assert text(full.render, outcome(finding()), width=60) == NARROW

    @pytest.mark.parametrize("width", [60, 80, 140])
    def test_no_line_is_wider_than_the_terminal(self, width: int) -> None:
        source = "x = 1; " * 40 + "nn.init.zeros_(weight)" + "; y = 2" * 40
        run = outcome(
            finding(span=span(source, 1, "nn.init.zeros_(weight)", "wide.py"), related=[], help="words " * 40)
        )
        run.texts = Texts({"wide.py": source})
        written = text(full.render, run, width=width)
        assert "nn.init.zeros_(weight)" in written
        assert max(len(line) for line in written.splitlines()) <= width

    def test_a_long_line_is_cut_around_its_span(self) -> None:
        source = "x = 1; " * 40 + "nn.init.zeros_(weight)" + "; y = 2" * 40
        run = outcome(finding(span=span(source, 1, "nn.init.zeros_(weight)", "wide.py"), related=[], caption="here"))
        run.texts = Texts({"wide.py": source})
        lines = text(full.render, run, width=60).splitlines()
        row = next(i for i, line in enumerate(lines) if "zeros_" in line)
        assert lines[row].startswith("1 | …") and lines[row].endswith("…")
        start = lines[row].index("nn.init")
        assert lines[row + 1].index("^") == start
        assert lines[row + 1].count("^") == len("nn.init.zeros_(weight)")

    def test_no_line_ends_in_blanks(self) -> None:
        written = text(full.render, outcome(finding()), width=80)
        assert [line for line in written.splitlines() if line != line.rstrip()] == []

    def test_colour_changes_nothing_but_the_colours(self) -> None:
        from rich.text import Text

        colored = text(full.render, outcome(finding()), color=True)
        assert "\x1b[" in colored
        lines = [line.rstrip() for line in Text.from_ansi(colored).plain.splitlines()]
        assert lines == PIPE.splitlines()

    def test_without_colour_there_are_no_escapes(self) -> None:
        assert "\x1b" not in text(full.render, outcome(finding()))

    def test_an_output_that_is_not_unicode_gets_ascii(self) -> None:
        written = text(full.render, outcome(finding()), unicode=False)
        assert written.isascii()
        assert "needs sqrt 2" in written

    def test_spans_in_other_files_get_their_own_header(self) -> None:
        elsewhere = Related(span(OTHER, 2, "relu(x)", "src/act.py"), "applied here")
        lines = text(full.render, outcome(finding(related=[elsewhere]))).splitlines()
        start = lines.index(" ::: src/act.py:2:9")
        assert lines[start + 1 : start + 5] == [
            "  |",
            "2 |     return relu(x)  # 漢字",  # the tab is four cells wide
            "  |            ------- applied here",
            "  |",
        ]

    def test_wide_characters_and_tabs_keep_the_marks_in_place(self) -> None:
        source = "\tself.漢字 = nn.Linear(1, 2)"
        run = outcome(finding(span=span(source, 1, "nn.Linear(1, 2)", "w.py"), related=[], caption=""))
        run.texts = Texts({"w.py": source})
        assert "  |" + " " * (1 + 4 + len("self.") + 4 + len(" = ")) + "^" * 15 + "\n" in text(full.render, run)

    def test_a_span_of_a_few_lines_is_shown_whole(self) -> None:
        run = outcome(finding(span=Span("src/net.py", 9, 21, 12, 10), related=[], caption="all of it"))
        assert text(full.render, run).splitlines()[3:11] == [
            " 9 |         self.body = nn.Sequential(",
            "   |                     ^^^^^^^^^^^^^^",
            "10 |             nn.Linear(1, 2),",
            "   |             ^^^^^^^^^^^^^^^^",
            "11 |             nn.ReLU(),",
            "   |             ^^^^^^^^^^",
            "12 |         )",
            "   |         ^ all of it",
        ]

    def test_a_long_span_is_shown_by_its_first_line(self) -> None:
        run = outcome(finding(span=Span("src/net.py", 4, 1, 25, 10), related=[], caption="the class"))
        lines = text(full.render, run).splitlines()
        assert lines[3:5] == ["4 | class Net(nn.Module):", "  | ^^^^^^^^^^^^^^^^^^^^^ the class (up to line 25)"]

    def test_two_spans_on_one_line_get_a_row_each(self) -> None:
        other = Related(span(SOURCE, 8, "self.fc1.weight"), "this weight")
        lines = text(full.render, outcome(finding(related=[other], caption="the call"))).splitlines()
        assert lines[3:6] == [
            "8 |         nn.init.xavier_uniform_(self.fc1.weight)",
            "  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the call",
            "  |                                 --------------- this weight",
        ]

    def test_source_cannot_steer_the_terminal(self) -> None:
        run = outcome(finding(span=Span("e.py", 1, 1, 1, 4), related=[], message="bad \x1b[2J name"))
        run.texts = Texts({"e.py": "x = '\x1b[2J\x07'"})
        assert "\x1b" not in text(full.render, run)
        assert "\x07" not in text(full.render, run)

    def test_a_file_that_has_changed_since_does_no_harm(self) -> None:
        run = outcome(finding(span=Span("gone.py", 90, 1, 91, 5), related=[]))
        run.texts = Texts({"gone.py": "short"})
        assert "--> gone.py:90:1" in text(full.render, run)

    def test_suppressed_findings_are_counted_only(self) -> None:
        written = text(full.render, outcome(finding(suppressed="noqa"), suppressed=1))
        assert written == (
            "All checks passed: 14 files, 9 models, 87 layers followed, 4 not followed (--show-unknown). "
            "1 suppressed.\n"
        )


class TestSummary:
    def line(self, run: Outcome, **look: object) -> str:
        return text(concise.render, run, **look).splitlines()[-1]

    def test_one_of_each_is_singular(self) -> None:
        run = outcome(finding(), summary=Summary(1, 0, 1, 1, 0))
        assert self.line(run) == "1 warning in 1 file. 1 model, 1 layer followed."

    def test_several_levels_are_counted_gravest_first(self) -> None:
        run = outcome(finding(), finding(level="info"), finding(level="error"), finding(level="error"))
        assert self.line(run).startswith("2 errors, 1 warning, 1 info in 14 files. ")

    def test_what_is_hidden_is_said_with_the_option_that_shows_it(self) -> None:
        run = outcome(hidden_by_level={"error": 0, "warning": 1, "info": 6}, hidden_by_confidence=2)
        assert self.line(run).endswith(
            "1 warning hidden (--level warning). 6 info hidden (--level info). "
            "2 less certain hidden (--min-confidence low)."
        )

    def test_a_clean_run_says_what_was_understood(self) -> None:
        run = outcome(summary=Summary(14, 0, 9, 87, 0))
        assert self.line(run) == "All checks passed: 14 files, 9 models, 87 layers followed."

    def test_quiet_leaves_it_out(self) -> None:
        assert text(full.render, outcome(), quiet=True) == ""
        assert len(text(concise.render, outcome(finding()), quiet=True).splitlines()) == 1

    def test_what_was_not_followed_is_listed_by_reason_on_request(self) -> None:
        unknown = [Unknown("a.py", 3, "a loop"), Unknown("b.py", 1, "a call"), Unknown("c.py", 2, "a call")]
        written = text(concise.render, outcome(not_followed=unknown), show_unknown=True)
        assert written.splitlines()[:-1] == [
            "Not followed:",
            "  a call (2)",
            "    b.py:1",
            "    c.py:2",
            "  a loop (1)",
            "    a.py:3",
            "",
        ]

    def test_statistics_count_rules_instead_of_listing_findings(self) -> None:
        run = outcome(finding(), finding(), finding(code="ACT201", name="zero-weights"))
        for render in (full.render, concise.render, grouped.render):
            written = text(render, run, statistics=True)
            assert written.splitlines()[:2] == ["2  ACT101 xavier-before-relu", "1  ACT201 zero-weights"]


class TestConcise:
    def test_a_finding_is_one_line(self) -> None:
        written = text(concise.render, outcome(finding(message="two\nlines")), quiet=True)
        assert written == "src/net.py:8:9: ACT101 xavier-before-relu two lines\n"

    def test_a_notebook_s_cell_is_named(self) -> None:
        written = text(concise.render, outcome(finding(span=Span("n.ipynb", 2, 1, 2, 5, cell=3))), quiet=True)
        assert written.startswith("n.ipynb:cell 3:2:1: ACT101 ")


class TestGrouped:
    def test_findings_stand_under_their_file_in_columns(self) -> None:
        run = outcome(
            finding(message="a"),
            finding(code="ACT201", name="zero-weights", message="b", span=Span("src/net.py", 12, 1, 12, 2)),
            finding(message="c", span=Span("src/zoo.py", 1, 1, 1, 2)),
        )
        assert text(grouped.render, run, quiet=True).splitlines() == [
            "src/net.py",
            "   8:9  ACT101 xavier-before-relu  a",
            "  12:1  ACT201 zero-weights        b",
            "",
            "src/zoo.py",
            "  1:1  ACT101 xavier-before-relu  c",
            "",
        ]


class TestJson:
    def test_every_field_of_the_interface_is_there(self) -> None:
        run = outcome(finding(), not_followed=[Unknown("src/net.py", 5, "a loop")])
        run.by_severity["info"] = 6
        document = json.loads(text(json_report.render, run))
        assert document["version"] == 1
        assert document["tool"]["name"] == "actinit-lint"
        assert document["findings"] == [
            {
                "code": "ACT101",
                "name": "xavier-before-relu",
                "severity": "warning",
                "confidence": "high",
                "message": "Xavier gain 1 in front of ReLU, which needs √2",
                "help": 'nn.init.kaiming_uniform_(self.fc1.weight, nonlinearity="relu")',
                "path": "src/net.py",
                "cell": None,
                "line": 8,
                "column": 9,
                "end_line": 8,
                "end_column": 49,
                "model": "Net",
                "layer": "fc1",
                "initializer": "xavier_uniform",
                "activation": "relu",
                "numbers": {"gain": 1.0, "ratio": None},
                "related": [
                    {"path": "src/net.py", "line": 25, "column": 13, "end_line": 25, "end_column": 19}
                    | {"message": "meets ReLU here"},
                    {"path": "src/net.py", "line": 7, "column": 20, "end_line": 7, "end_column": 39}
                    | {"message": "this layer"},
                ],
                "fix": None,
                "fingerprint": "abc",
                "suppressed": None,
                "baselined": False,
                "probe": None,
            }
        ]  # fmt: skip
        assert document["summary"] == {
            "files": 14,
            "models": 9,
            "layers_followed": 87,
            "layers_not_followed": 4,
            "by_severity": {"error": 0, "warning": 1, "info": 6},
        }
        assert document["not_followed"] == [{"path": "src/net.py", "line": 5, "reason": "a loop"}]

    def test_suppressed_findings_stay_in_marked(self) -> None:
        document = json.loads(
            text(json_report.render, outcome(finding(suppressed="actinit: ignore[ACT101] on purpose")))
        )
        assert document["findings"][0]["suppressed"] == "actinit: ignore[ACT101] on purpose"

    def test_an_output_that_is_not_unicode_gets_escapes(self) -> None:
        written = text(json_report.render, outcome(finding()), unicode=False)
        assert written.isascii()
        assert json.loads(written)["findings"][0]["message"].endswith("√2")

    def test_json_lines_are_one_finding_each(self) -> None:
        lines = text(json_report.render_lines, outcome(finding(), finding(code="ACT201"))).splitlines()
        assert [json.loads(line)["code"] for line in lines] == ["ACT101", "ACT201"]


class TestGithub:
    def test_a_finding_is_an_annotation(self) -> None:
        assert text(github.render, outcome(finding(help=None))) == (
            "::warning file=src/net.py,line=8,endLine=8,col=9,endColumn=49,title=ACT101 xavier-before-relu"
            "::Xavier gain 1 in front of ReLU, which needs √2\n"
        )

    @pytest.mark.parametrize(("level", "command"), [("error", "error"), ("warning", "warning"), ("info", "notice")])
    def test_levels_have_their_commands(self, level: str, command: str) -> None:
        assert text(github.render, outcome(finding(level=level))).startswith(f"::{command} ")

    def test_what_would_end_the_command_is_escaped(self) -> None:
        run = outcome(finding(message="50%\nof::it", help=None, span=Span("a,b:c%.py", 1, 1, 1, 2)))
        assert text(github.render, run) == (
            "::warning file=a%2Cb%3Ac%25.py,line=1,endLine=1,col=1,endColumn=2,title=ACT101 xavier-before-relu"
            "::50%25%0Aof::it\n"
        )

    def test_columns_are_left_out_over_several_lines(self) -> None:
        assert "col" not in text(github.render, outcome(finding(span=Span("a.py", 1, 5, 3, 2), help=None, message="m")))
