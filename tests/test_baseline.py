"""The baseline: what is in it, what it recognises, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import BAD, GOOD, Result, actinit_lint, write

FILE = "actinit-lint-baseline.json"
OTHER = BAD.replace("Net", "Other").replace("hidden", "body")


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(*argv: str) -> Result:
    result = actinit_lint(*(argv or (".",)), "--write-baseline")
    assert result.code == 0, result
    return result


def lint(*argv: str) -> Result:
    return actinit_lint(*(argv or (".",)), "--baseline", FILE)


def entries(file: str = FILE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(file).read_text())["entries"]
    return found


def fingerprints(text: str, folder: Path) -> list[str]:
    write(folder, {"any.py": text})
    report = actinit_lint(folder / "any.py", "--isolated", "--level", "info", "--output-format", "json").json
    return [finding["fingerprint"] for finding in report["findings"]]


class TestAdoption:
    def test_what_is_there_is_recorded_and_then_passes(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "other.py": OTHER})
        assert lint("--write-baseline", ".").err == f"baseline {FILE}: 2 findings written (2 new, 0 gone)\n"
        result = lint()
        assert result.code == 0
        assert result.out.endswith("2 in the baseline.\n")

    def test_a_new_finding_still_fails(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        write(tmp_path, {"other.py": OTHER})
        result = actinit_lint(".", "--baseline", FILE, "--output-format", "concise", "-q")
        assert result.code == 1
        assert [line.split(":")[0] for line in result.out.splitlines()] == ["other.py"]

    def test_baselined_findings_stay_in_json_and_sarif_marked(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        report = actinit_lint(".", "--baseline", FILE, "--output-format", "json").json
        assert [finding["baselined"] for finding in report["findings"]] == [True]
        assert report["summary"]["by_severity"]["warning"] == 0
        (run,) = actinit_lint(".", "--baseline", FILE, "--output-format", "sarif").json["runs"]
        assert [result["baselineState"] for result in run["results"]] == ["unchanged"]
        assert run["results"][0]["suppressions"][0]["kind"] == "external"

    def test_the_settings_can_name_it_relative_to_their_file(self, tmp_path: Path, monkeypatch: Any) -> None:
        write(tmp_path, {"src/net.py": BAD, "pyproject.toml": f'[tool.actinit-lint]\nbaseline = "{FILE}"\n'})
        record()
        assert (tmp_path / FILE).is_file()
        monkeypatch.chdir(tmp_path / "src")
        assert actinit_lint(".").code == 0

    def test_suppressed_findings_are_not_recorded(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD.replace("hidden.weight)", "hidden.weight)  # actinit: ignore[ACT101]")})
        record()
        assert entries() == []

    def test_a_file_that_does_not_parse_can_be_recorded(self, tmp_path: Path) -> None:
        write(tmp_path, {"old.py": "import torch\nprint 'hello'\n"})
        record()
        assert lint().code == 0

    def test_the_file_is_the_same_on_every_write(self, tmp_path: Path) -> None:
        write(tmp_path, {"b.py": BAD, "a.py": OTHER})
        record()
        before = (tmp_path / FILE).read_bytes()
        record()
        assert (tmp_path / FILE).read_bytes() == before
        assert [entry["path"] for entry in entries()] == ["a.py", "b.py"]


class TestPruning:
    def test_what_no_longer_occurs_is_said_and_dropped_by_the_next_write(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "other.py": OTHER})
        record()
        write(tmp_path, {"net.py": GOOD})
        result = lint()
        assert result.code == 0
        assert result.err == (
            f"warning: baseline {FILE}: 1 finding no longer occurs; --write-baseline drops what is gone\n"
        )
        assert "0 new, 1 gone" in record().err
        assert [entry["path"] for entry in entries()] == ["other.py"]

    def test_a_run_over_some_files_keeps_the_entries_of_the_others(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "other.py": OTHER})
        record()
        assert lint("net.py").err == ""
        record("net.py")
        assert len(entries()) == 2

    def test_a_run_of_some_rules_keeps_the_entries_of_the_others(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        assert lint(".", "--select", "ACT2").err == ""
        record(".", "--select", "ACT2")
        assert [entry["code"] for entry in entries()] == ["ACT101"]

    def test_a_run_without_the_probe_keeps_what_the_probe_has_found(self, tmp_path: Path) -> None:
        entry = {"path": "net.py", "code": "ACT701", "fingerprint": "00", "count": 1, "message": ""}
        content = json.dumps({"version": 1, "tool": "actinit-lint", "entries": [entry]})
        write(tmp_path, {"net.py": BAD, FILE: content})
        assert lint(".", "--exit-zero").err == ""
        record()
        assert [entry["code"] for entry in entries()] == ["ACT101", "ACT701"]

    def test_a_file_that_no_longer_parses_keeps_its_entries(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        write(tmp_path, {"net.py": BAD + ")"})
        assert lint().err == ""
        record()
        assert {entry["code"] for entry in entries()} == {"ACT000", "ACT101"}

    def test_entries_of_a_file_that_is_gone_are_dropped(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "other.py": OTHER})
        record()
        (tmp_path / "net.py").unlink()
        record()
        assert [entry["path"] for entry in entries()] == ["other.py"]

    def test_a_project_without_models_has_none_left(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        write(tmp_path, {"net.py": "x = 1\n"})
        assert "1 finding no longer occurs" in lint().err


def with_loops(number: int) -> str:
    """A model whose layers are initialised by loops with one and the same body."""
    layers = "".join(f"        self.l{i} = nn.Linear(64, 64)\n" for i in range(number))
    loops = "".join(
        f"        for layer in [self.l{i}]:\n            nn.init.xavier_uniform_(layer.weight)\n" for i in range(number)
    )
    calls = "".join(f"        x = self.l{i}(x).relu()\n" for i in range(number))
    head = BAD.partition("        self.hidden")[0]
    head += "        self.head = nn.Linear(64, 10)\n"
    return f"{head}{layers}{loops}\n    def forward(self, x):\n{calls}        return self.head(x)\n"


class TestDuplicates:
    def test_equal_findings_are_counted(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": with_loops(2)})
        record()
        assert [entry["count"] for entry in entries()] == [2]
        assert lint().code == 0
        write(tmp_path, {"net.py": with_loops(3)})
        report = actinit_lint(".", "--baseline", FILE, "--output-format", "json").json
        assert sorted(finding["baselined"] for finding in report["findings"]) == [False, True, True]

    def test_a_copy_in_another_file_is_new(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        write(tmp_path, {"a_copy.py": BAD})
        report = actinit_lint(".", "--baseline", FILE, "--output-format", "json").json
        assert [(f["path"], f["baselined"]) for f in report["findings"]] == [("a_copy.py", False), ("net.py", True)]

    def test_a_copy_is_new_also_where_the_recorded_file_was_not_read(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        write(tmp_path, {"a_copy.py": BAD})
        assert lint("a_copy.py").code == 1


#: How a formatter at another line length, and with other habits, writes the same call.
LONG = "nn.init.xavier_uniform_(self.hidden.weight, gain=nn.init.calculate_gain('linear'))"
REFORMATTED = """nn.init.xavier_uniform_(
            self.hidden.weight,  # the first
            gain=(
                nn.init.calculate_gain(
                    "linear",
                )
            ),
        )"""


class TestFingerprints:
    PLAIN = BAD.replace("nn.init.xavier_uniform_(self.hidden.weight)", LONG)

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param("import os\n\n\n# moved\n" + PLAIN, id="the code moves down"),
            pytest.param(PLAIN.replace(LONG, REFORMATTED), id="a formatter breaks the call into lines"),
            pytest.param(PLAIN.replace("    ", "\t"), id="tabs instead of blanks"),
            pytest.param(PLAIN.replace("\n", "\r\n"), id="other line ends"),
            pytest.param(PLAIN.replace(LONG, LONG + "  # why?"), id="a comment behind it"),
            pytest.param(PLAIN.replace("784", "1024"), id="a layer elsewhere gets another size"),
        ],
    )
    def test_the_fingerprint_stays_when(self, tmp_path: Path, changed: str) -> None:
        assert fingerprints(changed, tmp_path) == fingerprints(self.PLAIN, tmp_path) != []

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param(PLAIN.replace("class Net", "class Other"), id="in another class"),
            pytest.param(PLAIN.replace("hidden", "body"), id="on another layer"),
            pytest.param(PLAIN.replace("xavier_uniform_", "xavier_normal_"), id="by another initialiser"),
        ],
    )
    def test_the_fingerprint_differs(self, tmp_path: Path, changed: str) -> None:
        assert set(fingerprints(changed, tmp_path)).isdisjoint(fingerprints(self.PLAIN, tmp_path))

    def test_a_renamed_file_keeps_its_findings(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        (tmp_path / "pkg").mkdir()
        (tmp_path / "net.py").rename(tmp_path / "pkg" / "model.py")
        assert lint().code == 0
        record()
        assert [entry["path"] for entry in entries()] == ["pkg/model.py"]

    def test_code_that_moves_to_another_file_keeps_its_findings(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        write(tmp_path, {"net.py": GOOD.replace("Net", "Rest"), "moved.py": BAD})
        assert lint().code == 0

    def test_the_file_holds_neither_lines_nor_code(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        record()
        (entry,) = entries()
        assert set(entry) == {"path", "code", "fingerprint", "count", "message"}
        assert "xavier_uniform_(" not in Path(FILE).read_text()


class TestMistakes:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, "no such file; --write-baseline writes one"),
            ("{", "is not a baseline: input data was truncated"),
            ("[]", "is not a baseline: expected `object`, got `array`"),
            ('{"version": 2, "tool": "actinit-lint", "entries": []}', "is not a baseline of this version (version 2)"),
            ('{"version": 1, "tool": "actinit-lint", "entries": [{"path": 1}]}', "is not a baseline: "),
        ],
    )
    def test_an_unreadable_baseline_is_one_line_and_exit_code_2(
        self, tmp_path: Path, content: str | None, said: str
    ) -> None:
        write(tmp_path, {"net.py": BAD} if content is None else {"net.py": BAD, FILE: content})
        result = lint()
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"actinit-lint: error: baseline {FILE}: {said}")
        assert result.err.count("\n") == 1

    def test_a_file_that_is_no_baseline_is_never_overwritten(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "notes.json": '{"mine": 1}'})
        assert actinit_lint("net.py", "--baseline", "notes.json", "--write-baseline").code == 2
        assert Path("notes.json").read_text() == '{"mine": 1}'

    @pytest.mark.parametrize("argv", [["-"], [".", "--diff-base", "HEAD"], [".", "--add-ignore"]])
    def test_writing_needs_the_whole_picture(self, argv: list[str]) -> None:
        result = actinit_lint(*argv, "--write-baseline")
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert not Path(FILE).exists()
