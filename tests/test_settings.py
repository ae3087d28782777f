"""Settings: where they come from, which wins, and what is said about mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import BAD, Result, actinit_lint, write


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(*argv: str | Path) -> dict[str, dict[str, Any]]:
    result = actinit_lint("config", "--output-format", "json", *argv)
    assert (result.code, result.err) == (0, "")
    table: dict[str, dict[str, Any]] = json.loads(result.out)["settings"]
    return table


def table(content: str) -> str:
    return f"[tool.actinit-lint]\n{content}\n"


def lint(*argv: str | Path) -> Result:
    return actinit_lint("net.py", "--output-format", "json", *argv)


class TestOrder:
    def test_defaults_hold_where_nothing_is_set(self) -> None:
        assert settings()["level"] == {"value": "warning", "origin": "default"}

    def test_the_nearest_file_wins_over_one_further_up(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('level = "info"'), "sub/pyproject.toml": table('level = "error"')})
        assert settings("sub")["level"] == {"value": "error", "origin": "sub/pyproject.toml"}

    def test_a_pyproject_without_our_table_is_passed_over(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('level = "info"'), "sub/pyproject.toml": "[tool.other]\n"})
        write(tmp_path, {"sub/a/pyproject.toml": '# actinit-lint\n[project]\nname = "a"\n'})
        assert settings("sub/a")["level"] == {"value": "info", "origin": "pyproject.toml"}

    def test_actinit_lint_toml_needs_no_table_and_wins_over_pyproject(self, tmp_path: Path) -> None:
        write(tmp_path, {"actinit-lint.toml": 'level = "error"\n', "pyproject.toml": table('level = "info"')})
        assert settings()["level"] == {"value": "error", "origin": "actinit-lint.toml"}

    def test_config_wins_over_the_file_and_the_command_line_over_both(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('level = "info"\nfail-on = "error"\nmin-confidence = "low"')})
        found = settings("--config", 'level = "error"', "--config", 'fail-on = "never"', "--level", "warning")
        assert found["level"] == {"value": "warning", "origin": "command line"}
        assert found["fail-on"] == {"value": "never", "origin": "--config"}
        assert found["min-confidence"] == {"value": "low", "origin": "pyproject.toml"}

    def test_config_names_a_file_too(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('level = "info"'), "other.toml": 'level = "error"\n'})
        assert settings("--config", "other.toml")["level"] == {"value": "error", "origin": "other.toml"}

    def test_isolated_reads_no_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('level = "info"')})
        assert settings("--isolated")["level"] == {"value": "warning", "origin": "default"}

    def test_extending_lists_adds_and_other_lists_replace(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('ignore = ["ACT101"]\nextend-exclude = ["a"]')})
        found = settings("--ignore", "ACT102", "--extend-exclude", "b")
        assert found["ignore"]["value"] == ["ACT102"]
        assert found["extend-exclude"]["value"] == ["a", "b"]

    def test_tables_are_joined_key_by_key(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('levels = {ACT1 = "info", ACT2 = "info"}')})
        found = settings("--config", 'levels.ACT2 = "error"')
        assert found["levels"]["value"] == {"ACT1": "info", "ACT2": "error"}

    def test_the_text_form_lists_every_setting_with_its_origin(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('level = "info"')})
        lines = actinit_lint("config").out.splitlines()
        assert [line.split() for line in lines if line.split()[:1] == ["level"]] == [
            ["level", '"info"', "pyproject.toml"]
        ]
        assert {line.split()[0] for line in lines if line.strip()} >= set(settings())

    def test_house_layers_are_accepted_with_what_they_stand_for(self, tmp_path: Path) -> None:
        wrapper = '"mylib.ConvBNAct" = {like = "torch.nn.Conv2d", activation = "relu", normalised = true}'
        write(tmp_path, {"pyproject.toml": f"[tool.actinit-lint.wrappers]\n{wrapper}\n", "net.py": BAD})
        assert settings()["wrappers"]["value"] == {
            "mylib.ConvBNAct": {"like": "torch.nn.Conv2d", "activation": "relu", "normalised": True}
        }
        assert lint().codes == ["ACT101"]

    def test_an_empty_baseline_on_the_command_line_is_none(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('baseline = "gone.json"'), "net.py": BAD})
        assert lint().code == 2
        assert lint("--baseline", "").code == 1


class TestMistakes:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ('selct = ["ACT1"]', 'unknown setting "selct" (did you mean "select"?)'),
            ("per_file_ignores = {}", 'unknown setting "per_file_ignores" (did you mean "per-file-ignores"?)'),
            ('level = "loud"', 'level: "loud" is not one of error, warning, info'),
            ('select = "ACT1"', "select: expected a list, got a string"),
            ("exit-zero = 1", "exit-zero: expected true or false, got a whole number"),
            ('wrappers = {"a.B" = {likes = "c.D"}}', 'unknown setting "wrappers[...].likes" (did you mean "like"?)'),
            (
                "rules.xavier-before-rely.x = 1",
                'rules.xavier-before-rely: unknown rule (did you mean "xavier-before-relu"?)',
            ),
            ("rules.invalid-syntax.x = 1", 'rules.invalid-syntax: unknown option "x"; the rule has no options'),
        ],
    )
    def test_a_mistake_is_one_line_that_names_the_file(self, tmp_path: Path, content: str, said: str) -> None:
        write(tmp_path, {"pyproject.toml": table(content), "net.py": BAD})
        result = lint()
        assert (result.code, result.out) == (2, "")
        assert result.err == f"actinit-lint: error: pyproject.toml: {said}\n"

    def test_an_unknown_rule_is_named_with_the_nearest_one(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('select = ["xavier-before-rely"]'), "net.py": BAD})
        assert lint().err == (
            'actinit-lint: error: unknown rule "xavier-before-rely" (did you mean "xavier-before-relu"?);'
            " `actinit-lint rule` lists them\n"
        )

    @pytest.mark.parametrize("content", ["[tool.actinit-lint", "\xff"])
    def test_a_file_that_is_no_toml_is_one_line(self, tmp_path: Path, content: str) -> None:
        write(tmp_path, {"actinit-lint.toml": content.encode("latin-1"), "net.py": BAD})
        result = lint()
        assert result.code == 2
        assert result.err.startswith("actinit-lint: error: actinit-lint.toml: not valid TOML: ")
        assert result.err.count("\n") == 1

    def test_a_config_value_that_is_neither_file_nor_toml_is_one_line(self) -> None:
        result = actinit_lint("--config", "level = ")
        assert result.code == 2
        assert result.err.startswith("actinit-lint: error: --config 'level = ': neither a file nor a TOML assignment")


class TestSelection:
    @pytest.mark.parametrize(
        ("argv", "reported"),
        [
            ([], True),
            (["--select", "ACT1"], True),
            (["--select", "xavier-before-relu"], True),
            (["--select", "act101"], True),
            (["--select", "ACT2"], False),
            (["--select", "ACT2,ACT101"], True),
            (["--select", "ACT2", "--extend-select", "ACT101"], True),
            (["--ignore", "ACT1"], False),
            (["--ignore", "xavier-before-relu"], False),
            (["--extend-ignore", "ACT101"], False),
            (["--select", "ACT101", "--ignore", "ACT1"], True),
            (["--select", "ACT1", "--ignore", "ACT101"], False),
            (["--select", "ACT101", "--ignore", "ACT101"], False),
            (["--select", "ALL", "--ignore", "ALL"], False),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
    )
    def test_the_longest_selector_decides_and_ignore_wins_a_tie(
        self, tmp_path: Path, argv: list[str], reported: bool
    ) -> None:
        write(tmp_path, {"net.py": BAD})
        assert lint(*argv).codes == (["ACT101"] if reported else [])

    def test_selecting_on_the_command_line_wins_over_ignoring_in_the_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": table('ignore = ["ACT101"]'), "net.py": BAD})
        assert lint().codes == []
        assert lint("--select", "ACT101").codes == ["ACT101"]

    def test_rules_can_be_left_out_per_file(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {"net.py": BAD, "tests/net.py": BAD, "pyproject.toml": table('per-file-ignores."tests/*" = ["ACT1"]')},
        )
        found = actinit_lint(".", "--output-format", "json").json["findings"]
        assert [finding["path"] for finding in found] == ["net.py"]

    def test_rules_can_be_left_out_per_file_on_the_command_line(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "other.py": BAD})
        argv = (".", "--output-format", "json", "--per-file-ignores", "other.py:ACT2,ACT101,net.py:ACT2")
        assert [finding["path"] for finding in actinit_lint(*argv).json["findings"]] == ["net.py"]

    def test_an_unparsed_file_is_reported_whatever_is_selected(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": "import torch\n)"})
        assert lint("--select", "ACT101").codes == ["ACT000"]
        assert lint("--ignore", "ACT000").codes == []

    def test_a_rule_s_level_can_be_set(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        (finding,) = lint("--config", 'levels.ACT1 = "error"', "--config", 'levels.ACT2 = "info"').json["findings"]
        assert finding["severity"] == "error"
        hidden = lint("--config", 'levels.ACT1 = "error"', "--config", 'levels.xavier-before-relu = "info"')
        assert (hidden.code, hidden.codes) == (0, [])

    def test_a_page_s_option_reaches_its_check(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        assert lint("--config", "rules.xavier-before-relu.gain-ratio = 100").codes == []

    def test_an_option_of_the_wrong_type_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = lint("--config", 'rules.xavier-before-relu.gain-ratio = "high"')
        assert result.code == 2
        assert result.err == (
            "actinit-lint: error: --config: rules.xavier-before-relu.gain-ratio: expected float, got str\n"
        )
