"""What a change touches: lines that differ from a commit of git, and files that git does not know.

Compared is the working tree with the point at which the branch left the commit, so that what others did there since
does not count as part of the change. git is started for `--diff-base` only, and runs no helper that a repository names.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from actinit_lint.finding import Finding, Span
from actinit_lint.problem import UserProblem
from actinit_lint.source.texts import Texts

if TYPE_CHECKING:
    from actinit_lint.source.notebooks import Notebook

#: About a whole file: reported when anything in it has changed.
WHOLE_FILE = ("ACT000",)
#: A failure of the tool itself is always reported.
ALWAYS = ("ACT900",)

_HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


@dataclass(frozen=True, slots=True)
class Change:
    """Changed lines of each changed file by real path. Files that git does not track have changed as a whole."""

    base: str  # as it was typed
    top: str  # real path of the repository's folder
    start: str  # the commit compared with
    lines: dict[str, set[int]]
    tracked: frozenset[str]
    before: dict[str, str]  # real path of a changed file -> its path in the commit
    notebooks: dict[str, set[int] | None] = field(default_factory=dict)

    def touches(self, finding: Finding, texts: Texts) -> bool:
        """Whether any span lies on a changed line. In a notebook spans must still be those of the joined program."""
        if finding.code in ALWAYS:
            return True
        spans = (finding.span, *(related.span for related in finding.related))
        return any(self._changed(span, texts, finding.code in WHOLE_FILE) for span in spans)

    def _changed(self, span: Span, texts: Texts, whole_file: bool) -> bool:
        real = os.path.realpath(texts.real(span.path))
        if real not in self.tracked:
            if os.path.commonpath([real, self.top]) != self.top:
                raise UserProblem(f"--diff-base: {span.path} lies outside the git repository {self.top}")
            return True
        if real not in self.lines:
            return False
        changed = self._of_notebook(real, span.path, texts) if texts.notebook(span.path) else self.lines[real]
        if changed is None or whole_file:
            return True
        return any(line in changed for line in range(span.line, span.end_line + 1))

    def once_edited(self, real: str, before: list[str], after: list[str]) -> Change:
        """The change when a file's lines are `after` in place of `before`: what was edited since counts too."""
        real = os.path.realpath(real)
        old = self.lines.get(real, set())
        new: set[int] = set()
        for tag, start, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if tag == "equal":
                new.update(line - start + first for line in range(start + 1, end + 1) if line in old)
            else:
                new.update(range(first + 1, last + 1))
        return replace(self, lines={**self.lines, real: new}, notebooks={})

    def _of_notebook(self, real: str, path: str, texts: Texts) -> set[int] | None:
        """Changed lines of a notebook's program, whatever became of its outputs; None: all of them."""
        if real not in self.notebooks:
            self.notebooks[real] = _notebook_lines(self, real, path, texts)
        return self.notebooks[real]


def change_since(ref: str, folder: str) -> Change:
    """The change since a commit, in the repository that a folder lies in; raises UserProblem."""
    top = _git(folder, "rev-parse", "--show-toplevel", problem="not in a git repository").decode().rstrip("\n")
    top = os.path.realpath(top)
    unknown = f'unknown git commit, branch or tag "{ref}"'
    if not ref or ref.startswith("-"):
        raise UserProblem(f"--diff-base: {unknown}")
    commit = _git(top, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", problem=unknown).decode().strip()
    start = _git(top, "merge-base", commit, "HEAD", fallback=commit.encode()).decode().strip()
    diff = _git(
        top, "diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames",
        "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules", start, "--",
        problem="git diff failed",
    )  # fmt: skip
    lines: dict[str, set[int]] = {}
    before: dict[str, str] = {}
    for old, new, changed in _files(diff.decode("utf-8", errors="surrogateescape")):
        real = os.path.join(top, *new.split("/"))
        lines[real] = changed
        before[real] = old
    listed = _git(top, "ls-files", "-z", problem="git ls-files failed")
    names = listed.decode("utf-8", errors="surrogateescape").split("\0")
    tracked = frozenset(os.path.join(top, *name.split("/")) for name in names if name)
    return Change(ref, top, start, lines, tracked, before)


def _files(diff: str) -> Iterator[tuple[str, str, set[int]]]:
    """(path before, path now, lines now) of each file in a diff without context. Deleted files are left out.

    Lines of the files themselves start with + or -; those that look like a header come after the headers of their file.
    """
    old = new = ""
    changed: set[int] = set()
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            if new:
                yield old, new, changed
            old, new, changed = "", "", set()
        elif line.startswith("--- ") and not new:
            old = _name(line[4:])
        elif line.startswith("+++ ") and not new:
            new = _name(line[4:])
        elif line.startswith("@@ "):
            hunk = _HUNK.match(line)
            if hunk:
                first, count = int(hunk.group(1)), int(hunk.group(2) or 1)
                changed.update(range(first, first + count))
    if new:
        yield old, new, changed


def _name(written: str) -> str:
    """A path of a diff header without its prefix; "" for /dev/null. git quotes unusual names as C does."""
    written = written.rstrip("\t\r")
    if written == "/dev/null":
        return ""
    if written.startswith('"'):
        written = _unquoted(written[1:-1])
    return written[2:]


def _unquoted(text: str) -> str:
    out = bytearray()
    position = 0
    while position < len(text):
        if text[position] != "\\":
            out += text[position].encode("utf-8", errors="surrogateescape")
            position += 1
        elif text[position + 1].isdigit():
            out.append(int(text[position + 1 : position + 4], 8))
            position += 4
        else:
            out.append(_ESCAPES[text[position + 1]])
            position += 2
    return out.decode("utf-8", errors="surrogateescape")


def _notebook_lines(change: Change, real: str, path: str, texts: Texts) -> set[int] | None:
    from difflib import SequenceMatcher

    from actinit_lint.source.notebooks import NotANotebook, OtherLanguage, read_notebook

    now = texts.notebook(path)
    old = change.before.get(real)
    if now is None or not old:
        return None
    try:
        data = _git(change.top, "show", "--no-textconv", f"{change.start}:{old}", problem="git show failed")
        then = read_notebook(data)
    except (UserProblem, NotANotebook, OtherLanguage):
        return None
    matcher = SequenceMatcher(None, _lines(then), _lines(now), autojunk=False)
    changed: set[int] = set()
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag != "equal":
            changed.update(range(first + 1, last + 1))
    return changed


def _lines(notebook: Notebook) -> list[str]:
    return [line for cell in notebook.cells for line in cell.lines]


def _git(folder: str, *command: str, problem: str = "", fallback: bytes | None = None) -> bytes:
    """What git prints; its failure is a UserProblem, or the fallback."""
    quiet = ["-c", "core.fsmonitor=false", "-c", "core.quotepath=true"]
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat"}
    try:
        run = subprocess.run(["git", *quiet, *command], cwd=folder, capture_output=True, env=environment, check=False)
    except OSError:
        raise UserProblem("--diff-base: git cannot be started; is it installed?") from None
    if run.returncode:
        if fallback is not None:
            return fallback
        raise UserProblem(f"--diff-base: {problem}{_said(run.stderr) if problem.endswith('failed') else ''}")
    return run.stdout


def _said(stderr: bytes) -> str:
    words = stderr.decode(errors="replace").split("\n")[0].strip()
    return f": {words}" if words else ""
