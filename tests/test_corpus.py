"""The corpus command, on a small package that lies unpacked already."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.command import BAD, GOOD, write

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "corpus.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the benchmarks are in the repository alone")
UNKNOWN = "import torch.nn as nn\n\n\ndef build(f):\n    return f(nn.Linear(3, 4)), [f(nn.Linear(4, 5)(f))]\n"


@pytest.fixture(scope="module")
def corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["corpus"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def run(corpus: ModuleType, folder: Path, *more: str | Path) -> int:
    options = ("--cache", folder, "--packages", folder / "list.txt", *more)
    return corpus.main([str(option) for option in options])


def test_a_package_is_linted_whole(corpus: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"list.txt": "# some\nsmall==1.0\n", "small-1.0/net.py": BAD, "small-1.0/sub/other.py": UNKNOWN})
    assert run(corpus, tmp_path) == 0
    out = capsys.readouterr().out
    assert out.startswith("small 1.0: 2 files, ")
    assert "  loud: ACT101 1\n" in out
    assert "  internal errors" not in out


def test_the_difference_from_a_stored_run_is_told(
    corpus: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"list.txt": "small==1.0\n", "small-1.0/net.py": BAD, "small-1.0/other.py": GOOD})
    assert run(corpus, tmp_path, "--save", tmp_path / "before.json") == 0
    assert run(corpus, tmp_path, "--compare", tmp_path / "before.json") == 0
    assert "  compared: equal\n" in capsys.readouterr().out
    write(tmp_path, {"small-1.0/net.py": GOOD, "small-1.0/other.py": "\n" + BAD})
    assert run(corpus, tmp_path, "--compare", tmp_path / "before.json") == 0
    changes = capsys.readouterr().out.partition("  compared:\n")[2]
    assert "    - net.py:9:ACT101 " in changes
    assert "    + other.py:10:ACT101 " in changes


def test_an_unknown_package_is_named(corpus: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, {"list.txt": "small==1.0\n"})
    with pytest.raises(SystemExit, match=r"not in list\.txt: large"):
        run(corpus, tmp_path, "--only", "large")


def test_a_stored_run_that_is_none_is_named(corpus: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, {"list.txt": "small==1.0\n", "before.json": "[]"})
    with pytest.raises(SystemExit, match="cannot be read as a stored run"):
        run(corpus, tmp_path, "--compare", tmp_path / "before.json")


def test_a_linter_that_gives_no_answer_fails_the_run(
    corpus: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"list.txt": "small==1.0\n", "small-1.0/net.py": GOOD})
    assert run(corpus, tmp_path, "--command", f'"{sys.executable}" -c "raise SystemExit(3)"') == 1
    assert "small 1.0: no answer, exit code 3" in capsys.readouterr().out


def test_reasons_are_counted_without_their_details(corpus: ModuleType) -> None:
    grouped = corpus.grouped({"lost (a)": 2, "lost (b)": 3, "other": 4})
    assert grouped == [("lost", 5, [("b", 3), ("a", 2)]), ("other", 4, [])]


def test_every_package_has_one_version(corpus: ModuleType) -> None:
    found = corpus.packages(corpus.HERE / "corpus-packages.txt", [])
    names = [package.name for package in found]
    assert names == sorted(set(names))
    assert all(package.version[0].isdigit() for package in found)
