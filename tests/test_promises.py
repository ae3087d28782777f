"""What the project promises: light start-up, nothing executed, everything in the wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command import BAD, actinit_lint, write

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"libcst", "rich", "torch", "keras", "tensorflow", "numpy"}

#: Runs the command line in argv, then prints the top-level modules that are loaded.
PROBE = """\
import sys
from actinit_lint.cli import main
code = main(sys.argv[1:])
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def loaded(*argv: str | Path, cwd: Path = ROOT) -> tuple[int, set[str]]:
    """Exit code and top-level modules of a fresh interpreter after a command line."""
    command = [sys.executable, "-c", PROBE, *map(str, argv)]
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("loaded:")]
    return run.returncode, set(line.split()[1:])


class TestStartUp:
    def test_version_imports_nothing_heavy_and_no_library_at_all(self) -> None:
        code, modules = loaded("--version")
        assert code == 0
        assert not modules & (HEAVY | {"msgspec", "pathspec", "argparse", "tomllib"})

    @pytest.mark.parametrize("argv", [["plain.py"], ["."], ["--output-format", "json", "."]])
    def test_a_run_without_a_model_file_imports_nothing_heavy(self, tmp_path: Path, argv: list[str]) -> None:
        write(tmp_path, {"plain.py": "import os\n\n\ndef f(x):\n    return x\n"})
        code, modules = loaded(*argv, cwd=tmp_path)
        assert code == 0
        assert not modules & HEAVY

    @pytest.mark.parametrize("argv", [["check", "."], ["show", "net.py"]])
    def test_reading_a_model_imports_no_framework(self, tmp_path: Path, argv: list[str]) -> None:
        write(tmp_path, {"net.py": BAD, "k.py": "import keras\nimport tensorflow\n\nm = keras.Sequential()\n"})
        _, modules = loaded(*argv, cwd=tmp_path)
        assert "libcst" in modules
        assert not modules & {"torch", "keras", "tensorflow", "numpy"}

    def test_a_clean_run_loads_no_drawing_library(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": "import torch\n"})
        code, modules = loaded("net.py", cwd=tmp_path)
        assert code == 0
        assert "rich" not in modules


#: Notes every attempt to run, compile for running or import what lies in the linted folder.
AUDIT = """\
import os
import sys

folder = os.getcwd()
seen = []

def hook(event, arguments):
    if event == "exec" and getattr(arguments[0], "co_filename", "").startswith((folder, "<source>")):
        seen.append(("exec", arguments[0].co_filename))
    elif event == "import" and arguments[0].partition(".")[0] in ("evil", "torch", "keras", "helper"):
        seen.append(("import", arguments[0]))
    elif event in ("os.system", "subprocess.Popen", "os.exec", "os.fork", "socket.connect"):
        seen.append((event,))
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append(("open for writing", str(arguments[0])))

sys.addaudithook(hook)
from actinit_lint.cli import main
code = main(["check", "--no-cache", "--output-format", "json", "--level", "info", "."])
print("seen:", seen, file=sys.stderr)
sys.exit(code)
"""

MARKER = """\
import pathlib
import torch
from helper import Block

pathlib.Path("executed").write_text("module")


def decorator(f):
    pathlib.Path("executed").write_text("decorator")
    return f


class Meta(type):
    def __new__(cls, *args):
        pathlib.Path("executed").write_text("metaclass")
        return super().__new__(cls, *args)


class Net(torch.nn.Module, metaclass=Meta):
    width = pathlib.Path("executed").write_text("class body")

    @decorator
    def __init__(self, default=pathlib.Path("executed").write_text("default")):
        super().__init__()
        self.hidden = torch.nn.Linear(eval("open('executed', 'w').write('eval')"), 2)
        self.block = Block()

    def forward(self, x):
        exec("open('executed', 'w')")
        return self.block(self.hidden(x).relu())


Net()
"""


def test_nothing_that_is_read_is_executed_imported_or_written(tmp_path: Path) -> None:
    write(tmp_path, {"evil.py": MARKER, "helper.py": MARKER.replace("Net", "Block"), "conftest.py": MARKER})
    write(tmp_path, {"torch.py": "open('executed', 'w')\n", "sitecustomize.txt": ""})
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    # -P: the folder itself must not be on the path of the interpreter that runs the test
    command = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else []), "-c", AUDIT]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert run.returncode in (0, 1), run.stderr
    assert run.stderr.splitlines()[-1] == "seen: []"
    assert not (tmp_path / "executed").exists()


class TestPackage:
    def test_the_pre_commit_manifests_are_equal_regular_files(self) -> None:
        dotted, plain = ROOT / ".pre-commit-hooks.yaml", ROOT / "pre-commit-hooks.yaml"
        assert dotted.read_bytes() == plain.read_bytes()
        assert not dotted.is_symlink() and not plain.is_symlink()
        assert b"id: actinit-lint" in dotted.read_bytes()

    def test_the_wheel_carries_package_pages_and_example(self, tmp_path: Path) -> None:
        copy = shutil.copytree(
            ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__")
        )
        build = (
            "import sys; from hatchling.builders.wheel import WheelBuilder; "
            "print(*WheelBuilder(sys.argv[1]).build(directory=sys.argv[2]))"
        )
        command = [sys.executable, "-c", build, str(copy), str(tmp_path / "dist")]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
        (wheel,) = (tmp_path / "dist").glob("*.whl")
        names = set(zipfile.ZipFile(wheel).namelist())
        pages = {f"actinit_lint/_rules/{page.name}" for page in (ROOT / "rules").glob("ACT*.md")}
        modules = {
            f"actinit_lint/{file.relative_to(ROOT / 'actinit_lint').as_posix()}"
            for file in (ROOT / "actinit_lint").rglob("*.py")
        }
        assert pages | modules | {"actinit_lint/py.typed", "actinit_lint/_examples/first_model.py"} <= names
        assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "rules/"))]

        # what was unpacked works without the checkout
        unpacked = tmp_path / "unpacked"
        zipfile.ZipFile(wheel).extractall(unpacked)
        run = subprocess.run(
            [sys.executable, "-m", "actinit_lint", "rule", "ACT101"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
        )
        assert run.stdout.startswith("# xavier-before-relu (ACT101)")

    def test_the_readme_s_commands_are_there_for_ci(self) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        (tests,) = re.findall(r"<!-- tests -->\n```(?:sh|bash|console)\n(.*)\n```", readme)
        assert tests.endswith("python -m pytest")
        (first,) = re.findall(r"<!-- first run -->\n```(?:sh|bash|console)\n(.*)\n```", readme)
        assert first.endswith("examples")


class TestRulesAndPages:
    def checkout(self, tmp_path: Path) -> Path:
        copy = tmp_path / "checkout"
        for folder in ("actinit_lint", "rules"):
            shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
        return copy

    def run(self, checkout: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        command = [sys.executable, "-m", "actinit_lint", *argv]
        return subprocess.run(command, cwd=checkout.parent, env=environment, capture_output=True, text=True)

    def test_a_new_rule_is_two_new_files_and_no_other_change(self, tmp_path: Path) -> None:
        checkout = self.checkout(tmp_path)
        before = {file: file.read_bytes() for file in checkout.rglob("*") if file.is_file()}
        made = self.run(checkout, "rule", "--new", "ACT198", "house-rule")
        assert made.returncode == 0, made.stderr
        page, check = (
            checkout / "rules" / "ACT198-house-rule.md",
            checkout / "actinit_lint" / "checks" / "house_rule.py",
        )
        after = {file for file in checkout.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
        assert after - set(before) == {page, check}
        assert all(file.read_bytes() == content for file, content in before.items())

        check.write_text(check.read_text().replace('!= "the one that is wrong"', '!= "xavier_uniform"'))
        write(tmp_path, {"net.py": BAD})
        result = self.run(checkout, "net.py", "--select", "house-rule", "--output-format", "concise")
        assert result.stdout.startswith("net.py:9:9: ACT198 house-rule hidden meets relu: ")
        assert result.returncode == 1

    def test_a_new_rule_never_overwrites(self, tmp_path: Path) -> None:
        checkout = self.checkout(tmp_path)
        check = write(checkout, {"actinit_lint/checks/house_rule.py": "mine"}) / "actinit_lint/checks/house_rule.py"
        assert self.run(checkout, "rule", "--new", "ACT198", "house-rule").returncode == 2
        assert check.read_text() == "mine"
        assert not (checkout / "rules" / "ACT198-house-rule.md").exists()

    @pytest.mark.parametrize(
        "broken",
        [
            pytest.param("    raise ValueError('two\\nlines')\n    yield", id="a check that raises"),
            pytest.param("    yield Hit(at=link.layer.place, fields=link)", id="a hit that does not fit its page"),
        ],
    )
    def test_a_rule_that_fails_is_a_finding_and_the_others_go_on(self, tmp_path: Path, broken: str) -> None:
        checkout = self.checkout(tmp_path)
        self.run(checkout, "rule", "--new", "ACT198", "house-rule")
        check = checkout / "actinit_lint" / "checks" / "house_rule.py"
        check.write_text(check.read_text().partition("    if not link.hidden")[0] + broken + "\n")
        write(tmp_path, {"net.py": BAD, "other.py": BAD})
        result = self.run(checkout, ".", "--output-format", "concise", "--exclude", "checkout", "-q", "--exit-zero")
        assert result.returncode == 2
        lines = [line.split(" ", 2)[:2] for line in result.stdout.splitlines()]
        assert sorted(lines) == [
            ["net.py:1:1:", "ACT900"],
            ["net.py:9:9:", "ACT101"],
            ["other.py:1:1:", "ACT900"],
            ["other.py:9:9:", "ACT101"],
        ]
        assert "Traceback" not in result.stderr

    def test_pages_open_without_trouble_and_match_their_checks(self) -> None:
        from actinit_lint.checking import has_check
        from actinit_lint.pages import HEADINGS, pages

        stems = {file.stem for file in (ROOT / "actinit_lint" / "checks").glob("[a-z]*.py")}
        assert stems == {page.stem for page in pages().values() if page.matter.check}
        for page in pages().values():
            assert has_check(page) == page.matter.check
            assert tuple(re.findall(r"^## (.+)$", page.body, flags=re.MULTILINE)) == HEADINGS, page.code
            assert page.body.startswith(f"# {page.name} ({page.code})\n")

    def test_the_readme_s_table_says_what_the_pages_say(self) -> None:
        from actinit_lint.pages import pages

        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| \[(ACT\d{3})\]\((\S+)\) \| ([a-z0-9-]+) \| (\w+) \|", readme, flags=re.MULTILINE)
        assert len(rows) > 15
        for code, link, name, level in rows:
            page = pages()[code]
            assert (link, name, level) == (f"rules/{page.file.name}", page.name, page.matter.level)


def test_the_example_is_linted_with_findings() -> None:
    result = actinit_lint(ROOT / "examples", "--isolated", "--output-format", "json")
    assert result.code == 1
    assert {"ACT101", "ACT102", "ACT201", "ACT301", "ACT504", "ACT601"} <= set(result.codes)
