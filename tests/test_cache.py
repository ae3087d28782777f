"""The cache: a second run says the same and does less, and whatever changes is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import BAD, GOOD, Result, actinit_lint, write
from test_promises import ROOT, loaded

FOLDER = Path(".actinit-lint-cache")


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(*argv: str) -> Result:
    return actinit_lint(*(argv or (".",)), "--output-format", "json", "--level", "info")


def entries(kind: str = "*") -> list[Path]:
    return sorted(path for path in FOLDER.rglob(f"{kind}/**/*") if path.is_file())


def age(days: float) -> None:
    """Make every file look as if it was written that long ago, so that its time can be trusted."""
    for file in Path().rglob("*"):
        if file.is_file():
            then = os.stat(file).st_mtime - days * 86400
            os.utime(file, (then, then))


class TestSameAnswer:
    NOTEBOOK = json.dumps(
        {"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": BAD}], "metadata": {}}
    )

    @pytest.mark.parametrize(
        "argv",
        [
            ["--output-format", "full"],
            ["--output-format", "json", "--level", "info"],
            ["--output-format", "sarif"],
            ["--show-unknown"],
            ["--statistics", "-v"],
            ["--baseline", "actinit-lint-baseline.json"],
            ["--fix", "--unsafe-fixes", "--diff"],
        ],
        ids=" ".join,
    )
    def test_a_second_run_writes_the_same(self, tmp_path: Path, argv: list[str]) -> None:
        huge = "import torch\n" + "x = 1  # padding\n" * 70_000
        unknown = GOOD.replace("self.hidden(x).relu()", "mystery(self.hidden(x))")
        write(tmp_path, {"net.py": BAD, "nb.ipynb": self.NOTEBOOK, "huge.py": huge, "broken.py": "import torch\n)"})
        write(tmp_path, {"unknown.py": "from elsewhere import mystery\n" + unknown, "plain.py": "x = 1\n"})
        actinit_lint("net.py", "--write-baseline")
        write(tmp_path, {"net.py": BAD.replace("Net", "Renamed")})
        results = [actinit_lint(".", *argv, "--no-cache"), actinit_lint(".", *argv), actinit_lint(".", *argv)]
        assert results == [results[0]] * 3
        age(1)
        assert actinit_lint(".", *argv) == actinit_lint(".", *argv) == results[0]

    def test_a_second_run_loads_no_parser_and_reads_no_file_again(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "other.py": GOOD})
        assert "libcst" in loaded(".", cwd=tmp_path)[1]
        code, modules = loaded(".", cwd=tmp_path)
        assert code == 1
        assert "libcst" not in modules

    def test_a_changed_file_alone_is_parsed_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import actinit_lint.disk

        parsed: list[str] = []
        parse = actinit_lint.disk.parse
        monkeypatch.setattr("actinit_lint.disk.parse", lambda text, path: [parsed.append(path), parse(text, path)][1])
        write(tmp_path, {"net.py": GOOD, "other.py": GOOD.replace("Net", "Other")})
        lint()
        write(tmp_path, {"other.py": BAD})
        assert lint().codes == ["ACT101"]
        assert parsed == ["net.py", "other.py", "other.py"]

    def test_every_field_of_an_outcome_is_kept(self) -> None:
        from actinit_lint.outcome import Outcome
        from actinit_lint.remembered import _Plain

        restored = {"findings", "texts", "baseline"}  # in ways of their own
        never = {"internal_error", "outside_change", "fixed", "fixed_files"}  # runs with these are not kept
        assert set(_Plain.__struct_fields__) == set(Outcome.__struct_fields__) - restored - never


class TestChanges:
    def test_a_change_of_a_file_is_seen(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        assert lint().codes == ["ACT101"]
        write(tmp_path, {"net.py": GOOD})
        assert lint().codes == []

    def test_a_change_within_one_tick_of_the_clock_is_seen(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        first = lint().json["findings"][0]
        before = os.stat("net.py")
        write(tmp_path, {"net.py": BAD.replace("hidden", "hiddem")})
        os.utime("net.py", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (first["layer"], lint().json["findings"][0]["layer"]) == ("hidden", "hiddem")

    BLOCK = BAD.replace("class Net(", "class Block(")
    USER = "import torch\nfrom block import Block\n\n\nclass Net(Block):\n    pass\n"

    def test_a_change_of_an_imported_file_is_seen(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": self.USER, "block.py": self.BLOCK})
        before = lint("net.py").json["summary"]
        assert lint("net.py").json["summary"] == before
        write(tmp_path, {"block.py": "import torch\n"})
        assert lint("net.py").json["summary"] != before

    def test_an_imported_file_that_comes_or_goes_is_seen(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": self.USER})
        without = lint("net.py").json["summary"]
        write(tmp_path, {"block.py": self.BLOCK})
        with_block = lint("net.py").json["summary"]
        assert with_block != without
        os.unlink("block.py")
        assert lint("net.py").json["summary"] == without

    def test_settings_and_options_count(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "actinit-lint.toml": ""})
        assert lint().codes == ["ACT101"]
        write(tmp_path, {"actinit-lint.toml": 'ignore = ["ACT101"]\n'})
        assert lint().codes == []
        assert lint(".", "--select", "ACT101").codes == ["ACT101"]

    def test_a_new_baseline_counts(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        actinit_lint("net.py", "--write-baseline", "--baseline", "b.json")
        assert actinit_lint("net.py", "--baseline", "b.json").code == 0
        write(tmp_path, {"b.json": '{"version": 1, "tool": "actinit-lint", "entries": []}'})
        assert actinit_lint("net.py", "--baseline", "b.json").code == 1

    def test_ignore_comments_are_judged_by_the_files_that_are_there(self, tmp_path: Path) -> None:
        write(tmp_path, {"block.py": GOOD + "y = 1  # actinit: ignore[ACT101]\n"})
        assert lint("block.py").codes == ["ACT001"]
        write(tmp_path, {"user.py": "from block import Net\n"})
        assert lint("block.py").codes == []


class TestFolder:
    def test_it_is_tagged_and_git_leaves_it_alone(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        lint()
        assert (FOLDER / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
        assert (FOLDER / ".gitignore").read_text() == "*\n"
        assert actinit_lint("clean").code == 0
        assert not FOLDER.exists()

    @pytest.mark.parametrize(
        ("files", "argv"),
        [({"net.py": BAD}, ["--no-cache"]), ({"net.py": BAD}, ["--config", "cache = false"]), ({"a.py": "x = 1"}, [])],
        ids=["switched off", "switched off by a setting", "no model to remember"],
    )
    def test_nothing_is_written_where(self, tmp_path: Path, files: dict[str, str | bytes], argv: list[str]) -> None:
        write(tmp_path, files)
        lint(".", *argv)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)

    def test_standard_input_is_not_remembered(self) -> None:
        assert lint("-").code == 0
        for text in (BAD, GOOD, BAD):
            result = actinit_lint("-", "--output-format", "json", stdin=text.encode())
            assert result.codes == (["ACT101"] if text == BAD else [])
        assert entries("runs") == []

    def test_it_lies_beside_the_settings_or_where_it_is_put(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, {"actinit-lint.toml": "", "sub/net.py": BAD})
        monkeypatch.chdir("sub")
        lint()
        lint(".", "--cache-dir", "mine")
        assert (tmp_path / FOLDER / "CACHEDIR.TAG").is_file()
        assert (tmp_path / "sub" / "mine" / "CACHEDIR.TAG").is_file()
        assert actinit_lint("clean", "--cache-dir", "mine").code == 0
        assert not (tmp_path / "sub" / "mine").exists()

    def test_a_folder_with_other_things_in_it_is_left_alone(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "src/mine.txt": "mine"})
        result = lint(".", "--cache-dir", "src")
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            "actinit-lint: error: --cache-dir: src holds other things than a cache; name a new folder\n"
        )
        write(tmp_path, {f"{FOLDER}/mine.txt": "mine"})
        assert lint("net.py").code == 1
        assert [path.name for path in FOLDER.iterdir()] == ["mine.txt"]

    def test_a_folder_that_cannot_be_made_does_no_harm(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD, "file": ""})
        assert lint("net.py", "--cache-dir", "file/below").code == 1

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda data: b"", id="empty"),
            pytest.param(lambda data: data[:-1], id="cut off"),
            pytest.param(lambda data: data[:20] + b"\x00" + data[21:], id="changed"),
            pytest.param(lambda data: b"x" * 500, id="something else"),
        ],
    )
    def test_broken_entries_are_passed_over(self, tmp_path: Path, damage: object) -> None:
        write(tmp_path, {"net.py": BAD})
        before = lint()
        assert len(entries()) > 1
        for entry in entries():
            entry.write_bytes(damage(entry.read_bytes()))  # type: ignore[operator]
        assert lint() == before
        assert lint() == before

    def test_an_entry_of_another_shape_is_passed_over(self, tmp_path: Path) -> None:
        from actinit_lint.cache_folder import digest

        write(tmp_path, {"net.py": BAD})
        before = lint()
        for entry in entries():
            content = b"\x93\x01\x02\x03"  # msgpack: [1, 2, 3]
            entry.write_bytes(digest(content) + content)
        assert lint() == before

    def test_what_nobody_asked_for_in_a_fortnight_goes(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        lint()
        old = set(entries("programs"))
        assert old
        age(15)
        write(tmp_path, {"net.py": GOOD})
        lint()
        assert not old & set(entries("programs"))
        assert entries("programs")

    def test_runs_at_the_same_time_do_not_disturb_each_other(self, tmp_path: Path) -> None:
        write(tmp_path, {f"net{i}.py": BAD.replace("Net", f"Net{i}") for i in range(8)})
        command = [sys.executable, "-m", "actinit_lint", ".", "--output-format", "json"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(4)]
        outputs = {run.communicate()[0] for run in runs}
        assert len(outputs) == 1
        assert len(json.loads(outputs.pop())["findings"]) == 8
        assert not list(FOLDER.rglob("*.tmp"))


class TestWorkers:
    @pytest.fixture(autouse=True)
    def small_shares(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("actinit_lint.disk.WORTHWHILE", 500)

    def project(self, folder: Path) -> None:
        models = {f"net{i}.py": BAD.replace("Net", f"Net{i}") for i in range(9)}
        write(folder, {**models, "broken.py": "import torch\n)" + "#" * 2000, "copy.py": BAD.replace("Net", "Net1")})

    @pytest.mark.parametrize("argv", [["--no-cache"], []], ids=["without the cache", "with the cache"])
    def test_any_number_of_jobs_finds_the_same(self, tmp_path: Path, argv: list[str]) -> None:
        self.project(tmp_path)
        alone = lint(".", "--no-cache", "-j", "1")
        assert alone.codes.count("ACT101") == 10
        assert "ACT000" in alone.codes
        for jobs in ("2", "3"):
            assert lint(".", *argv, "-j", jobs) == alone
            assert actinit_lint("clean").code == 0

    def test_a_worker_parses_its_share(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import actinit_lint.disk

        parsed: list[str] = []
        parse = actinit_lint.disk.parse
        monkeypatch.setattr("actinit_lint.disk.parse", lambda text, path: [parsed.append(path), parse(text, path)][1])
        self.project(tmp_path)
        lint(".", "-j", "2", "--no-cache")
        assert 0 < len(parsed) < 9

    def test_a_worker_loads_nothing_from_the_linted_folder(self, tmp_path: Path) -> None:
        self.project(tmp_path)
        trap = "open('executed', 'w')\n"
        write(tmp_path, {f"{name}.py": trap for name in ("json", "tokenize", "libcst", "msgspec", "sitecustomize")})
        assert lint(".", "-j", "2", "--no-cache").codes.count("ACT101") == 10
        assert not Path("executed").exists()

    def test_a_worker_that_dies_is_replaced_by_hand(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project(tmp_path)
        alone = lint(".", "--no-cache", "-j", "1")
        monkeypatch.setattr("actinit_lint.program.workers._SCRIPT", "raise SystemExit(3)")
        assert lint(".", "-j", "3", "--no-cache") == alone
