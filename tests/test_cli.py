"""The command as people type it: verbs, exit codes, outputs, suppression."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

import pytest
from command import BAD, GOOD, actinit_lint, write

from actinit_lint.cli import main

#: Xavier before ReLU, but a normalisation between makes it harmless: info.
RESCUED = BAD.replace("self.hidden(x).relu()", "self.norm(self.hidden(x)).relu()").replace(
    "        nn.init", "        self.norm = nn.BatchNorm1d(256)\n        nn.init"
)


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestVerbs:
    def test_check_is_implied_and_the_path_defaults_to_here(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        results = [actinit_lint(*argv) for argv in (["check", "net.py"], ["net.py"], ["."], ["check"], [])]
        assert results == [results[0]] * 5
        assert results[0].code == 1

    def test_options_and_paths_can_be_mixed(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.py": GOOD, "b.py": GOOD})
        result = actinit_lint("a.py", "--level", "info", "b.py")
        assert result.out.startswith("All checks passed: 2 files, ")

    def test_version_is_one_line(self) -> None:
        from actinit_lint import __version__

        for argv in (["--version"], ["check", "--version"], ["rule", "--version"]):
            assert actinit_lint(*argv).out == f"actinit-lint {__version__}\n"

    def test_help_names_verbs_and_exit_codes(self) -> None:
        result = actinit_lint("--help")
        assert result.code == 0
        for word in ("check", "rule", "show", "config", "clean", "exit codes", "--fail-on"):
            assert word in result.out

    def test_a_verb_of_later_versions_says_so(self) -> None:
        result = actinit_lint("server", "net.py")
        assert (result.code, result.err) == (2, "actinit-lint: error: server: not available in this version\n")

    def test_clean_removes_only_what_is_a_cache(self, tmp_path: Path) -> None:
        assert actinit_lint("clean").out == "There is no cache.\n"
        write(tmp_path, {".actinit-lint-cache/photo.jpg": ""})
        assert actinit_lint("clean").code == 2
        assert (tmp_path / ".actinit-lint-cache" / "photo.jpg").exists()
        write(tmp_path, {".actinit-lint-cache/CACHEDIR.TAG": "of another tool"})
        assert actinit_lint("clean").code == 2
        write(tmp_path, {".actinit-lint-cache/CACHEDIR.TAG": "A cache of actinit-lint"})
        assert actinit_lint("clean").code == 0
        assert not (tmp_path / ".actinit-lint-cache").exists()


class TestRuleVerb:
    def test_without_argument_every_rule_is_listed(self) -> None:
        result = actinit_lint("rule")
        assert result.code == 0
        codes = [line.split()[0] for line in result.out.splitlines() if line.strip().startswith("ACT")]
        assert codes == sorted(codes)
        assert {"ACT000", "ACT101", "ACT900"} <= set(codes)

    @pytest.mark.parametrize("word", ["ACT101", "act101", "xavier-before-relu"])
    def test_a_code_or_a_name_prints_its_page(self, word: str) -> None:
        result = actinit_lint("rule", word)
        assert result.code == 0
        assert result.out.startswith("# xavier-before-relu (ACT101)\n")
        assert "## Why is this bad?" in result.out

    def test_json_holds_front_matter_and_page(self) -> None:
        rule = json.loads(actinit_lint("rule", "ACT101", "--output-format", "json").out)
        assert (rule["code"], rule["name"], rule["level"]) == ("ACT101", "xavier-before-relu", "warning")
        assert "## What it does" in rule["page"]
        every = json.loads(actinit_lint("rule", "--output-format", "json").out)
        assert rule in every

    def test_an_unknown_rule_is_an_error_with_the_nearest_one(self) -> None:
        result = actinit_lint("rule", "xavier-before-rely")
        assert result.code == 2
        assert '(did you mean "xavier-before-relu"?)' in result.err

    @pytest.mark.parametrize(
        "new", [("ACT101", "other-name"), ("ACT198", "xavier-before-relu"), ("X1", "a"), ("ACT198", "Bad_Name")]
    )
    def test_a_new_rule_needs_a_free_code_and_a_proper_name(self, new: tuple[str, str]) -> None:
        result = actinit_lint("rule", "--new", *new)
        assert result.code == 2
        assert result.err.count("\n") == 1


class TestExitCodes:
    @pytest.mark.parametrize(
        ("content", "argv", "code"),
        [
            ("good", [], 0),
            ("bad", [], 1),
            ("bad", ["--exit-zero"], 0),
            ("bad", ["-e"], 0),
            ("bad", ["--fail-on", "error"], 0),
            ("bad", ["--fail-on", "info"], 1),
            ("bad", ["--fail-on", "never"], 0),
            ("bad", ["--level", "error"], 0),
            ("rescued", [], 0),
            ("rescued", ["--level", "info"], 0),
            ("rescued", ["--fail-on", "info"], 1),
            ("unparsed", [], 1),
            ("unparsed", ["--exit-zero"], 0),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
    )
    def test_the_exit_code_is_the_same_in_every_format(
        self, tmp_path: Path, content: str, argv: list[str], code: int
    ) -> None:
        texts = {"good": GOOD, "bad": BAD, "rescued": RESCUED, "unparsed": "import torch\n)"}
        write(tmp_path, {"net.py": texts[content]})
        from actinit_lint.report.choose import FORMATS as formats

        codes = {actinit_lint("net.py", *argv, "--output-format", output_format).code for output_format in formats}
        assert codes == {code}

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            (["--selct", "ACT1"], 'unknown option --selct (did you mean "--select"?); --help lists them'),
            (["--select", "ACT1O1"], 'unknown rule "ACT1O1" (did you mean "ACT101"?); `actinit-lint rule` lists them'),
            (["--output-format", "jason"], 'unknown output format "jason" (did you mean "json"?); one of '),
            (["--output-format", "html"], 'output format "html" is not available in this version'),
            (["--level", "loud"], "argument --level: invalid choice: 'loud'"),
            (["--per-file-ignores", "ACT1"], '--per-file-ignores: expected PATTERN:RULES, got "ACT1"'),
            (["-j", "many"], "argument -j/--jobs: expected a whole number, got 'many'"),
            (["--output-file", "no/such/folder/a"], "no/such/folder/a: cannot be written: No such file or directory"),
            (["--output-format", "json", "--output-format", "full"], "formats json and full would both go to "),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )  # fmt: skip
    def test_a_mistake_is_one_line_and_exit_code_2(self, tmp_path: Path, argv: list[str], said: str) -> None:
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint("net.py", *argv)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"actinit-lint: error: {said}")
        assert result.err.count("\n") == 1


class TestOutput:
    def test_the_full_report_is_the_default(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        lines = actinit_lint("net.py").out.splitlines()
        assert lines[0].startswith("ACT101 xavier-before-relu: ")
        assert lines[1] == "  --> net.py:9:9"
        assert any(line.endswith("nn.init.xavier_uniform_(self.hidden.weight)") for line in lines)
        assert lines[-2].startswith("1 warning in 1 file. 1 model, 2 layers followed")
        assert lines[-1] == "[*] 1 fixable with --fix --unsafe-fixes."

    def test_each_format_can_go_to_its_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint("net.py", "--output-format", "concise", "--output-format", "json:out.json")
        assert result.out.startswith("net.py:9:9: ACT101 ")
        assert json.loads((tmp_path / "out.json").read_text())["findings"][0]["code"] == "ACT101"

    def test_output_file_takes_the_report(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint("net.py", "--output-file", "report.txt", "--color", "always")
        assert (result.code, result.out) == (1, "")
        report = (tmp_path / "report.txt").read_text()
        assert report.startswith("ACT101 ")
        assert "\x1b" not in report

    def test_colour_can_be_forced_and_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, {"net.py": BAD})
        assert "\x1b[" not in actinit_lint("net.py").out
        assert "\x1b[" in actinit_lint("net.py", "--color", "always").out
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert "\x1b[" in actinit_lint("net.py").out
        assert "\x1b[" not in actinit_lint("net.py", "--color", "never").out
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[" not in actinit_lint("net.py").out

    @pytest.mark.parametrize("argv", [["net.py"], ["rule"], ["rule", "ACT101"], ["config"], ["show", "net.py"]])
    def test_an_ascii_output_gets_ascii(self, tmp_path: Path, argv: list[str]) -> None:
        write(tmp_path, {"net.py": BAD})
        assert actinit_lint(*argv, encoding="ascii").out.isascii()

    def test_quiet_prints_findings_only(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint("-q", "net.py", "--output-format", "concise")
        assert (len(result.out.splitlines()), result.err) == (1, "")
        assert actinit_lint("-q", "net.py", "--ignore", "ALL").out == ""

    def test_verbose_names_the_settings_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": GOOD, "actinit-lint.toml": 'level = "info"\n'})
        assert "settings: actinit-lint.toml\n" in actinit_lint("-v", "net.py").err

    def test_hidden_info_is_counted_and_shown_on_request(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": RESCUED})
        assert actinit_lint("net.py").out.endswith("1 info hidden (--level info).\n")
        shown = actinit_lint("net.py", "--level", "info", "--output-format", "json").json
        assert [f["severity"] for f in shown["findings"]] == ["info"]
        assert shown["summary"]["by_severity"] == {"error": 0, "warning": 0, "info": 1}

    def test_what_was_not_followed_is_counted_and_listed_on_request(self, tmp_path: Path) -> None:
        unknown = GOOD.replace("self.hidden(x).relu()", "mystery(self.hidden(x))").replace("class", "\nclass")
        unknown = "from elsewhere import mystery\n" + unknown
        write(tmp_path, {"net.py": unknown})
        result = actinit_lint("net.py")
        assert "not followed (--show-unknown)" in result.out
        assert "Not followed:" not in result.out
        listed = actinit_lint("net.py", "--show-unknown").out
        assert "Not followed:" in listed
        assert "    net.py:" in listed


class TestSuppression:
    LINE = "nn.init.xavier_uniform_(self.hidden.weight)"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param(LINE, LINE + "  # actinit: ignore[ACT101] measured, it is fine", id="its code and a reason"),
            pytest.param(LINE, LINE + "  # actinit: ignore[xavier-before-relu]", id="its name"),
            pytest.param(LINE, LINE + "  # actinit: ignore[ACT1]", id="a prefix"),
            pytest.param(LINE, LINE + "  # actinit: ignore", id="everything"),
            pytest.param(LINE, LINE + "  # noqa", id="a bare noqa"),
            pytest.param(LINE, LINE + "  # noqa: E501, ACT101", id="noqa with its code"),
            pytest.param(LINE, "# actinit: ignore[ACT101]\n        " + LINE, id="alone on the line before"),
            pytest.param("784, 256)", "784, 256)  # actinit: ignore[ACT101]", id="on a related line"),
            pytest.param("(self.hidden.weight)", "(\n  self.hidden.weight  # noqa\n        )", id="within a long call"),
            pytest.param("from torch", "# actinit: file-ignore[ACT1]\nfrom torch", id="for the whole file"),
        ],
    )
    def test_a_comment_on_any_span_suppresses(self, tmp_path: Path, old: str, new: str) -> None:
        write(tmp_path, {"net.py": BAD.replace(old, new)})
        result = actinit_lint("net.py")
        assert result.code == 0
        assert result.out.endswith("1 suppressed.\n")
        (finding,) = actinit_lint("net.py", "--output-format", "json").json["findings"]
        assert finding["suppressed"]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param(LINE, LINE + "  # actinit: ignore[ACT102]", id="another code"),
            pytest.param(LINE, LINE + "  # noqa: E501", id="noqa with another code"),
            pytest.param("__init__()", "__init__()  # actinit: ignore[ACT101]", id="a line that is no span"),
            pytest.param(LINE, LINE + '; note = "# actinit: ignore[ACT101]"', id="a string"),
        ],
    )
    def test_other_codes_other_lines_and_strings_do_not(self, tmp_path: Path, old: str, new: str) -> None:
        write(tmp_path, {"net.py": BAD.replace(old, new)})
        assert actinit_lint("net.py").code == 1

    def test_a_syntax_error_cannot_be_suppressed(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": "# actinit: file-ignore\nimport torch\n)  # noqa\n"})
        assert actinit_lint("net.py").code == 1


class TestShow:
    def test_a_model_s_layers_are_listed_with_initialiser_and_activation(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint("show", "net.py")
        assert result.code == 0
        assert "net.py::Net" in result.out
        (row,) = [line for line in result.out.splitlines() if line.strip().startswith("hidden")]
        for word in ("Linear", "256 x 784", "xavier_uniform", "line 9", "relu (line 12)"):
            assert word in row

    def test_json_says_the_same(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        document = json.loads(actinit_lint("show", "net.py::Net", "--output-format", "json").out)
        (model,) = document["files"][0]["models"]
        hidden, head = model["layers"]
        assert (hidden["path"], head["path"]) == ("hidden", "head")
        assert hidden["activation"]["name"] == "relu"
        assert (hidden["weights"][0]["initializer"], hidden["weights"][0]["line"]) == ("xavier_uniform", 9)

    def test_an_unknown_model_is_an_error_with_the_nearest_one(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint("show", "net.py::Nett")
        assert result.code == 2
        assert result.err == 'actinit-lint: error: no model "Nett" was followed there (did you mean "Net"?)\n'


class TestOneMistakeOneFinding:
    LOOP = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(64, 64)
        self.two = nn.Linear(64, 64)
        self.norm = nn.BatchNorm1d(64)
        self.head = nn.Linear(64, 10)
        for layer in (self.one, self.two):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x):
        x = self.norm(self.one(x)).relu()
        x = self.two(x).relu()
        return self.head(x)
"""

    def test_a_call_that_reaches_several_layers_is_one_finding_at_its_gravest_level(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": self.LOOP})
        (finding,) = actinit_lint("net.py", "--output-format", "json", "--level", "info").json["findings"]
        assert (finding["code"], finding["line"], finding["severity"]) == ("ACT101", 12, "warning")
        assert finding["layer"] == "two"
        assert {7, 8, 15, 16} <= {related["line"] for related in finding["related"]}

    def test_machines_get_every_related_place_and_people_the_first_eight(self, tmp_path: Path) -> None:
        layers = "\n".join(f"        self.l{i} = nn.Linear(64, 64)" for i in range(12))
        calls = "\n".join(f"        x = self.l{i}(x).relu()" for i in range(12))
        names = ", ".join(f"self.l{i}" for i in range(12))
        text = self.LOOP.replace("        self.one = nn.Linear(64, 64)\n        self.two = nn.Linear(64, 64)", layers)
        text = text.replace("(self.one, self.two)", f"({names})").replace("        x = self.two(x).relu()", calls)
        write(tmp_path, {"net.py": text.replace("        x = self.norm(self.one(x)).relu()\n", "")})
        (finding,) = actinit_lint("net.py", "--output-format", "json").json["findings"]
        assert sum(related["message"] == "this layer" for related in finding["related"]) == 12
        assert actinit_lint("net.py").out.count("this layer") <= 8


class TestInternalErrors:
    def test_a_failing_follower_is_a_finding_and_exit_code_2(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*arguments: object) -> None:
            raise ValueError("two\nlines")

        monkeypatch.setattr("actinit_lint.follow.follow", fail)
        write(tmp_path, {"net.py": BAD, "broken.py": "import torch\n)"})
        result = actinit_lint(".", "--output-format", "concise", "--exit-zero", "--ignore", "ALL")
        assert result.code == 2
        assert "ACT900 internal-rule-error following failed on this file: ValueError: two lines\n" in result.out
        assert "Traceback" not in result.err

    def test_faults_that_the_follower_noted_count_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from actinit_lint.model import FileFacts

        monkeypatch.setattr("actinit_lint.follow.follow", lambda *_: [FileFacts("net.py", errors=["KeyError: 1", "x"])])
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint(".", "--output-format", "concise")
        assert result.code == 2
        assert (
            "net.py:1:1: ACT900 internal-rule-error following failed on this file: KeyError: 1 (and 1 more)"
            in result.out
        )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
class TestProgress:
    def written(self, *argv: str, monkeypatch: pytest.MonkeyPatch) -> str:
        """What a terminal on stderr gets during a run that is made to outlast anybody's patience."""
        import pty

        monkeypatch.setattr("actinit_lint.progress.PATIENCE", 0.0)
        inner, outer = pty.openpty()
        with os.fdopen(outer, "w") as terminal:
            monkeypatch.setattr(sys, "stderr", terminal)
            with contextlib.redirect_stdout(io.StringIO()):
                main(list(argv))
            terminal.write("end\n")
            terminal.flush()
            text = b""
            while b"end" not in text:
                text += os.read(inner, 4096)
        os.close(inner)
        return text.decode()

    def test_a_waiting_terminal_sees_the_stages_and_the_line_is_taken_away(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, {"net.py": BAD})
        written = self.written("net.py", monkeypatch=monkeypatch)
        assert "following ..." in written
        assert written.endswith("\r\x1b[Kend\r\n")

    @pytest.mark.parametrize("option", ["--no-progress", "--quiet"])
    def test_it_can_be_switched_off(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
        write(tmp_path, {"net.py": BAD})
        assert self.written("net.py", option, monkeypatch=monkeypatch) == "end\r\n"

    def test_a_pipe_gets_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("actinit_lint.progress.PATIENCE", 0.0)
        write(tmp_path, {"net.py": BAD})
        assert actinit_lint("net.py").err == ""
