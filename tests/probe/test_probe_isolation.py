"""Misbehaving models are contained and named, and the run goes on."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hostile import CASES, model

from actinit_lint.probe.subject import Job, Limits, Override, Result, RunOptions
from actinit_lint.probe.supervisor import available, run

pytest.importorskip("torch")
if sys.platform != "linux":
    pytest.skip("processes are contained by fork on Linux alone", allow_module_level=True)

MEASURE = str(Path(__file__).parent / "forward_backward.py")
LIMITS = Limits(seconds=3, run_seconds=600, memory_mb=700, file_mb=8, processes=16)


def probe(*paths: Path, limits: Limits = LIMITS, **options: object) -> list[Result]:
    return list(run([Job(str(path)) for path in paths], RunOptions(limits=limits, measure=MEASURE, **options)))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """Every hostile file, a well-behaved one after each; nothing is left in the folder. Those that never end come in a
    run with a short limit."""
    folder = tmp_path_factory.mktemp("hostile")
    jobs: dict[bool, list[Job]] = {True: [], False: []}
    for number, (source, expected) in enumerate(CASES.values()):
        endless = expected is not None and expected.startswith("no result after")
        for name, text in (("net.py", source), ("good.py", model())):
            file = folder / str(number) / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            jobs[endless].append(Job(str(file)))
    results = list(run(jobs[True], RunOptions(limits=LIMITS, measure=MEASURE)))
    patient = dataclasses.replace(LIMITS, seconds=60)
    results += run(jobs[False], RunOptions(limits=patient, measure=MEASURE))
    found = {}
    for number, name in enumerate(CASES):
        (found[name],) = [r for r in results if Path(r.path) == folder / str(number) / "net.py"]
        (found[name + " (after)"],) = [r for r in results if Path(r.path) == folder / str(number) / "good.py"]
    left = sorted(p.name for p in folder.rglob("*") if p.is_file())
    assert left == sorted(["net.py", "good.py"] * len(CASES)), "the models left files behind"
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_misbehaving_model_is_contained_and_named(name: str, outcomes: dict[str, Result]) -> None:
    expected = CASES[name][1]
    result = outcomes[name]
    if expected is None:
        assert result.not_probed is None
        assert result.measurement["runs"][0]["gradients"] == 2
    else:
        assert result.not_probed is not None
        assert expected in result.not_probed
        assert "\n" not in result.not_probed
    assert outcomes[name + " (after)"].not_probed is None, "the run went on"


def test_no_process_outlives_a_run(outcomes: dict[str, Result]) -> None:
    assert not [line for line in _processes() if "actinit-probe" in line or "time.sleep(60)" in line]


def _processes() -> list[str]:
    return subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_run_has_a_time_limit_of_its_own(tmp_path: Path) -> None:
    slow = [tmp_path / f"slow{number}.py" for number in range(3)]
    for file in slow:
        file.write_text(model(forward="time.sleep(60)"))
    started = time.monotonic()
    results = probe(*slow, limits=Limits(seconds=3, run_seconds=4))
    assert time.monotonic() - started < 30
    assert len(results) == 3
    assert all(result.not_probed is not None for result in results)
    assert "the time for the whole run was over; --probe-run-seconds raises it" in str(results[-1].not_probed)


def test_closing_the_iterator_ends_the_model_in_work(tmp_path: Path) -> None:
    mark = tmp_path / "quick.py"
    mark.write_text(model())
    slow = tmp_path / "slow.py"
    slow.write_text(model(forward="os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(61)'])"))
    results = run([Job(str(mark)), Job(str(slow))], RunOptions(limits=LIMITS, measure=MEASURE))
    assert next(results).not_probed is None
    results.close()
    assert not [line for line in _processes() if "time.sleep(61)" in line]


def test_a_models_files_go_to_a_folder_that_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        model("open('kept.txt', 'w').write('x'); os.makedirs(os.path.expanduser('~/.cache/a'), exist_ok=True)")
    )
    (result,) = probe(file)
    assert result.not_probed is None
    assert [p.name for p in tmp_path.iterdir()] == ["net.py"]


def test_the_users_files_cannot_be_changed_from_python(tmp_path: Path) -> None:
    precious = tmp_path / "data" / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    actions = (
        f"open({str(precious)!r}, 'w').write('gone')",
        f"os.remove({str(precious)!r})",
        f"os.rename({str(precious)!r}, {str(precious) + '.bak'!r})",
        f"__import__('shutil').rmtree({str(precious.parent)!r})",
        f"__import__('pathlib').Path({str(precious)!r}).write_text('gone')",
    )
    for number, action in enumerate(actions):
        (tmp_path / f"net{number}.py").write_text(model(action))
    results = probe(*sorted(tmp_path.glob("*.py")))
    assert len(results) == len(actions)
    assert all("the probe lets models write no files" in str(result.not_probed) for result in results)
    assert precious.read_text() == "mine"


def test_a_subprocess_has_no_network(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True).returncode:
        pytest.skip("the system lets unprivileged processes have no network of their own")
    code = "import socket; socket.create_connection((chr(49) + '92.0.2.1', 80), 2)"
    file = tmp_path / "net.py"
    file.write_text(model(f"subprocess.run([sys.executable, '-c', {code!r}], check=True, capture_output=True)"))
    started = time.monotonic()
    (result,) = probe(file)
    assert "CalledProcessError" in str(result.not_probed)
    assert time.monotonic() - started < 30


def test_a_script_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran.txt"
    file = tmp_path / "train.py"
    file.write_text(
        model()
        + f"""
open({str(mark)!r}, "w").write("ran")
os.system("touch {mark}")
for epoch in range(10):
    os.system("touch {mark}")
with open("x", "w") as out:
    out.write("y")
if __name__ == "__main__":
    os.system("touch {mark}")
"""
    )
    (result,) = probe(file)
    assert result.not_probed is None
    assert [p.name for p in tmp_path.iterdir()] == ["train.py"]


def test_without_fork_each_file_gets_a_process_of_its_own(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.py" for name in ("first", "second", "third"))
    first.write_text(model(head="import builtins; setattr(builtins, 'leak', 1)"))
    second.write_text(model("os._exit(9)"))
    third.write_text(model("assert not hasattr(__import__('builtins'), 'leak')"))
    results = probe(first, second, third, fork=False)
    assert [result.not_probed for result in results] == [None, "the probe process ended with exit code 9", None]


def test_without_fork_a_model_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    slow, good = tmp_path / "a.py", tmp_path / "b.py"
    slow.write_text(model(forward="while True: pass"))
    good.write_text(model())
    results = probe(slow, good, fork=False)
    assert ["no result after 3 s" in str(result.not_probed) for result in results] == [True, False]
    assert results[1].not_probed is None


def test_the_linter_imports_no_framework() -> None:
    code = "import sys, actinit_lint.probe.supervisor; sys.exit(bool({'torch', 'keras', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ}).returncode == 0


def test_a_python_that_does_not_exist_is_named() -> None:
    assert available("/no/such/python") == (
        "/no/such/python is no Python that can be started; name another with --probe-python"
    )
    assert available() is None


def test_an_override_names_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(model())
    job = Job(str(file), "Net", {"Net": Override(input=["flot32[8, 8]"])})
    (result,) = run([job], RunOptions(limits=LIMITS, measure=MEASURE))
    assert (
        result.not_probed
        == "settings: 'flot32[8, 8]': unknown type flot32; one of float32, float, int64, int, int32, bool"
    )
