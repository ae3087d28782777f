"""`--fix`, `--unsafe-fixes` and `--diff`: what is written, what is only shown, and what the exit code says."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from command import BAD, GOOD, Result, actinit_lint, write

from actinit_lint import atomic
from actinit_lint.problem import UserProblem

ROOT = Path(__file__).resolve().parent.parent
FIX = ("--isolated", "--no-cache", "--fix", "--unsafe-fixes")
#: With two old spellings, and one initialiser that does not fit.
OLD = BAD.replace("xavier_uniform_(", "xavier_uniform(").replace(
    "nn.init", "nn.init.constant(self.head.bias, 0.1)\n        nn.init", 1
)


def plain(*argv: str | Path, stdin: bytes = b"") -> Result:
    return actinit_lint("--isolated", "--no-cache", *argv, stdin=stdin)


class TestFix:
    def test_a_fixed_file_leaves_nothing_to_report(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = actinit_lint(*FIX, tmp_path)
        assert result.code == 0
        assert (tmp_path / "net.py").read_text() == GOOD
        assert result.out == "All checks passed: 1 file, 1 model, 2 layers followed. 1 fixed in 1 file.\n"

    def test_only_safe_fixes_are_made_unless_more_is_asked_for(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": OLD})
        result = plain("--fix", "--output-format", "concise", tmp_path)
        assert result.code == 1
        assert (tmp_path / "net.py").read_text() == OLD.replace("constant(", "constant_(").replace(
            "uniform(", "uniform_("
        )
        assert [line.split(": ")[1][:6] for line in result.out.splitlines()[:-2]] == ["ACT101"]

    def test_unsafe_fixes_without_fix_change_nothing(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        assert plain("--unsafe-fixes", tmp_path).code == 1
        assert (tmp_path / "net.py").read_text() == BAD

    def test_what_has_no_fix_is_left_and_fails_the_run(self, tmp_path: Path) -> None:
        parts = "parts = [nn.Linear(300, 30), nn.SELU()]\n"
        sequence = f"from torch import nn\n\n{parts}net = nn.Sequential(*parts, nn.Linear(30, 1))\n"
        write(tmp_path, {"a.py": BAD, "b.py": sequence})
        result = actinit_lint(*FIX, "--output-format", "json", tmp_path)
        assert result.code == 1
        assert result.codes == ["ACT104"]
        assert (tmp_path / "a.py").read_text() == GOOD
        assert (tmp_path / "b.py").read_text() == sequence

    def test_several_files_and_several_findings_in_each(self, tmp_path: Path) -> None:
        write(tmp_path, {f"net{number}.py": OLD for number in range(3)})
        result = actinit_lint(*FIX, tmp_path)
        assert result.code == 0
        assert "fixed in 3 files" in result.out
        assert len({(tmp_path / f"net{number}.py").read_text() for number in range(3)}) == 1

    def test_fixing_twice_changes_nothing_more(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": OLD})
        actinit_lint(*FIX, tmp_path)
        once = (tmp_path / "net.py").read_bytes()
        stamp = os.stat(tmp_path / "net.py").st_mtime_ns
        assert actinit_lint(*FIX, tmp_path).code == 0
        assert (tmp_path / "net.py").read_bytes() == once
        assert os.stat(tmp_path / "net.py").st_mtime_ns == stamp

    def test_a_suppressed_finding_is_left_alone(self, tmp_path: Path) -> None:
        ignored = BAD.replace("self.hidden.weight)", "self.hidden.weight)  # actinit: ignore[ACT101] as in the paper")
        write(tmp_path, {"net.py": ignored})
        assert actinit_lint(*FIX, tmp_path).code == 0
        assert (tmp_path / "net.py").read_text() == ignored

    def test_a_rule_that_was_not_asked_for_fixes_nothing(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        assert actinit_lint(*FIX, "--ignore", "ACT101", tmp_path).code == 0
        assert (tmp_path / "net.py").read_text() == BAD

    def test_a_settings_file_can_ask_for_fixes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, {"net.py": BAD, "actinit-lint.toml": "fix = true\nunsafe-fixes = true\n"})
        monkeypatch.chdir(tmp_path)
        assert actinit_lint("--no-cache").code == 0
        assert (tmp_path / "net.py").read_text() == GOOD


class TestProjects:
    """Of a large project only the files that can see a change are tried again."""

    NET = GOOD.replace('        nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity="relu")\n', "") + (
        "\n    def draw(self):\n        nn.init.xavier_uniform_(self.hidden.weight)\n"
    )
    MAIN = "import torch\nfrom {module} import Net\n\nnet = Net()\nnet.draw()\nnet(torch.zeros(1, 784))\n"

    def project(self, folder: Path, files: dict[str, str | bytes]) -> Path:
        fillers: dict[str, str | bytes] = {f"filler{number}.py": "import torch\n" for number in range(30)}
        return write(folder, {**fillers, **files})

    def test_a_finding_that_another_file_brings_about_is_fixed(self, tmp_path: Path) -> None:
        files: dict[str, str | bytes] = {
            "pkg/__init__.py": "import torch\nfrom .net import Net\n",
            "pkg/net.py": self.NET,
            "main.py": self.MAIN.format(module="pkg"),
        }
        self.project(tmp_path, files)
        result = actinit_lint(*FIX, tmp_path)
        assert result.code == 0, result.out
        assert 'kaiming_uniform_(self.hidden.weight, nonlinearity="relu")' in (tmp_path / "pkg/net.py").read_text()

    def test_a_fix_that_would_bring_a_finding_in_another_file_is_given_up(self, tmp_path: Path) -> None:
        files: dict[str, str | bytes] = {
            "base.py": self.NET,
            "other.py": "import torch\nfrom base import Net\n\n\nclass Other(Net):\n"
            "    def forward(self, x):\n        return self.head(torch.tanh(self.hidden(x)))\n",
            "main.py": self.MAIN.format(module="base"),
            "second.py": self.MAIN.format(module="other").replace("Net", "Other"),
        }
        self.project(tmp_path, files)
        result = actinit_lint(*FIX, "--output-format", "json", tmp_path)
        assert result.codes == ["ACT101"]
        assert (tmp_path / "base.py").read_text() == self.NET


class TestDiff:
    def test_the_diff_is_shown_and_nothing_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, {"net.py": BAD})
        monkeypatch.chdir(tmp_path)
        result = plain("--diff", "--unsafe-fixes", "net.py")
        assert result.code == 1
        lines = result.out.splitlines()
        assert lines[:2] == ["--- net.py", "+++ net.py"]
        assert [line for line in lines[2:] if line.startswith(("-", "+"))] == [
            "-        nn.init.xavier_uniform_(self.hidden.weight)",
            '+        nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity="relu")',
        ]
        assert result.err == "Would fix 1 finding in 1 file.\n"
        assert (tmp_path / "net.py").read_text() == BAD

    def test_without_a_change_the_exit_code_is_0(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        result = plain("--diff", tmp_path)  # the only fix is unsafe
        assert (result.code, result.out, result.err) == (0, "", "")

    def test_patch_makes_of_the_diff_what_fix_makes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write(tmp_path, {"net.py": OLD.rstrip("\n"), "other.py": BAD})
        difference = plain("--diff", "--unsafe-fixes", ".").out
        actinit_lint(*FIX, ".")
        wanted = {name: (tmp_path / name).read_bytes() for name in ("net.py", "other.py")}
        write(tmp_path, {"net.py": OLD.rstrip("\n"), "other.py": BAD})
        subprocess.run(["patch", "-p0", "--quiet"], input=difference.encode(), cwd=tmp_path, check=True)
        assert {name: (tmp_path / name).read_bytes() for name in wanted} == wanted


CONTRADICTIONS = {
    "--watch only reports": ("--watch", "--fix"),
    "--diff changes nothing: it does not go with --write-baseline or --add-ignore": ("--diff", "--add-ignore"),
}


@pytest.mark.parametrize(("message", "options"), CONTRADICTIONS.items())
def test_options_that_contradict_each_other_are_refused(message: str, options: tuple[str, ...], tmp_path: Path) -> None:
    result = plain(*options, tmp_path)
    assert result.code == 2
    assert message in result.err


class TestStandardInput:
    def test_the_fixed_text_goes_to_standard_output_and_the_report_beside_it(self) -> None:
        result = plain("--fix", "--unsafe-fixes", "--stdin-filename", "net.py", "-", stdin=BAD.encode())
        assert (result.code, result.out) == (0, GOOD)
        assert result.err.startswith("All checks passed")

    def test_a_text_without_a_fix_comes_back_as_it_was(self) -> None:
        for text in (BAD, "import os\n", ""):
            result = plain("--fix", "-", stdin=text.encode())
            assert result.out == text
        assert "ACT101" in plain("--fix", "-", stdin=BAD.encode()).err

    def test_the_diff_of_standard_input(self) -> None:
        result = plain("--diff", "--unsafe-fixes", "-", stdin=BAD.encode())
        assert result.code == 1
        assert result.out.startswith("--- <stdin>\n+++ <stdin>\n")


class TestMarks:
    @pytest.mark.parametrize("form", ["full", "concise", "grouped"])
    def test_a_finding_with_a_fix_is_marked_and_counted(self, form: str, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        out = plain("--output-format", form, tmp_path).out
        assert out.count("[*]") == 2
        assert out.splitlines()[-1] == "[*] 1 fixable with --fix --unsafe-fixes."

    def test_safe_and_unsafe_fixes_are_counted_apart(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": OLD})
        assert plain(tmp_path).out.splitlines()[-1] == ("[*] 2 fixable with --fix, 1 more with --fix --unsafe-fixes.")

    def test_the_full_report_says_what_the_fix_does_where_there_is_no_help(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": OLD})
        assert "= fix: Spell it nn.init.constant_   [*]\n" in plain(tmp_path).out

    def test_nothing_is_marked_where_nothing_can_be_fixed(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": GOOD})
        assert "[*]" not in plain(tmp_path).out


class TestWriting:
    def test_mode_owner_and_links_are_kept(self, tmp_path: Path) -> None:
        write(tmp_path, {"real/net.py": BAD})
        real, link = tmp_path / "real" / "net.py", tmp_path / "link.py"
        real.chmod(0o751)
        link.symlink_to(real)
        before = real.stat()
        assert actinit_lint(*FIX, link).code == 0
        after = real.stat()
        assert real.read_text() == GOOD
        assert link.is_symlink()
        assert stat.S_IMODE(after.st_mode) == 0o751
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
        assert sorted(os.listdir(tmp_path / "real")) == ["net.py"]

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
    def test_somebody_elses_file_stays_theirs(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": BAD})
        os.chown(tmp_path / "net.py", 12345, 54321)
        assert actinit_lint(*FIX, tmp_path).code == 0
        after = (tmp_path / "net.py").stat()
        assert (after.st_uid, after.st_gid) == (12345, 54321)

    def test_a_read_only_file_is_left_as_it_is_and_the_others_are_fixed(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.py": BAD, "b.py": BAD})
        (tmp_path / "a.py").chmod(0o444)
        result = actinit_lint(*FIX, tmp_path)
        assert result.code == 2
        assert result.err == f"actinit-lint: error: {tmp_path / 'a.py'}: left as it was: the file is read-only\n"
        assert (tmp_path / "a.py").read_text() == BAD
        assert (tmp_path / "b.py").read_text() == GOOD

    def test_a_file_that_changed_since_it_was_read_is_left_as_it_is(self, tmp_path: Path) -> None:
        target = tmp_path / "net.py"
        target.write_bytes(b"old")
        with pytest.raises(UserProblem, match="changed while it was looked at"):
            atomic.replace_file("net.py", str(target), b"something else", b"new")
        assert target.read_bytes() == b"old"

    def test_a_change_at_the_last_moment_is_noticed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        target = tmp_path / "net.py"
        target.write_bytes(b"old")
        flush = os.fsync

        def meddle(handle: int) -> None:
            flush(handle)
            target.write_bytes(b"somebody else's")

        monkeypatch.setattr(atomic.os, "fsync", meddle)
        with pytest.raises(UserProblem, match="changed while it was looked at"):
            atomic.replace_file("net.py", str(target), b"old", b"new")
        assert target.read_bytes() == b"somebody else's"
        assert os.listdir(tmp_path) == ["net.py"]

    def test_a_folder_that_takes_no_new_file_is_a_one_line_error(self, tmp_path: Path) -> None:
        missing = tmp_path / "gone" / "net.py"
        with pytest.raises(UserProblem, match=r"net\.py: left as it was: No such file"):
            atomic.replace_file("net.py", str(missing), b"old", b"new")


#: Replaces a file and kills itself at the system call whose number it was given: before the call, or half-way
#: through a write.
KILLED = """\
import os, signal, sys, tempfile
from actinit_lint import atomic

path, point = sys.argv[1], int(sys.argv[2])
calls = 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def counted(function, half=None):
    def call(*arguments, **more):
        global calls
        calls += 1
        if calls == point:
            if half is not None:
                half(*arguments)
            die()
        result = function(*arguments, **more)
        calls += 1
        if calls == point:
            die()
        return result
    return call

for name in ("open", "close", "fsync", "replace", "fchmod", "fchown", "stat", "unlink", "fstat", "access"):
    setattr(os, name, counted(getattr(os, name)))
tempfile.mkstemp = counted(tempfile.mkstemp)

class Slow:
    "A file that writes byte by byte."
    def __init__(self, file):
        self.file = file
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def write(self, data):
        for index in range(len(data)):
            counted(os.write)(self.file.fileno(), data[index : index + 1])
    def __getattr__(self, name):
        return getattr(self.file, name)

built_in = open
atomic.open = lambda *arguments: Slow(built_in(*arguments)) if "wb" in arguments else built_in(*arguments)
atomic.replace_file("net.py", path, b"OLD" * 5, b"NEW" * 5)
print("done", calls)
"""


def test_a_process_killed_at_any_moment_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    old, new = b"OLD" * 5, b"NEW" * 5
    seen = []
    for point in range(1, 200):
        folder = tmp_path / str(point)
        folder.mkdir()
        (folder / "net.py").write_bytes(old)
        run = subprocess.run(
            [sys.executable, "-c", KILLED, folder / "net.py", str(point)],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        content = (folder / "net.py").read_bytes()
        assert content in (old, new)
        seen.append(content)
        assert all(name == "net.py" or not name.endswith((".py", ".ipynb")) for name in os.listdir(folder))
        if run.returncode == 0:
            break
        assert run.returncode == -signal.SIGKILL, run.stderr
    assert run.returncode == 0
    assert seen[-1] == new
    assert len(seen) > 40  # many moments, on both sides of the one that counts
    assert seen == sorted(seen, reverse=True)
    assert new in seen[:-1]
