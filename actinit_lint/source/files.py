"""Which files a run looks at: arguments, folders, excludes, .gitignore."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from actinit_lint.problem import UserProblem

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

STDIN = "-"
#: Folders that hold no code of the project. Matched by name, below the folders that were asked for.
DEFAULT_EXCLUDE = (
    ".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d",
    ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode", "__pycache__",
    "__pypackages__", "_build", "buck-out", "dist", "node_modules", "site-packages", "venv",
)  # fmt: skip
KINDS: dict[str, Kind] = {".py": "python", ".ipynb": "notebook"}

Kind = Literal["python", "notebook"]
Matcher = Callable[[str, bool], bool]  # (absolute path, is a folder) -> excluded


class Found(Struct, frozen=True):
    """A file to read: as reports show it, as the system finds it, and what it holds."""

    path: str
    real: str
    kind: Kind = "python"


class Choice(Struct, frozen=True):
    """How to choose files below folders. `root` is what patterns with a slash are relative to."""

    root: str
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    respect_gitignore: bool = True


def warn(message: str) -> None:
    """One line on stderr."""
    print(f"warning: {message}", file=sys.stderr)


def discover(paths: Sequence[str], choice: Choice, say: Callable[[str], None] = warn) -> Iterator[Found]:
    """Every file once, in the order of the arguments and sorted within folders.

    Files that were named are taken whatever they are called, unless `force_exclude`; a path that does not exist is a
    `UserProblem`; broken links are told to `say` and passed over.
    """
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        raise UserProblem(f"{missing[0]}: no such file or folder")
    excluded = _matcher(choice)
    seen: set[str] = set()
    for path in paths:
        absolute = os.path.abspath(path)
        if choice.force_exclude and _some_parent(excluded, absolute, choice.root):
            continue
        if os.path.isdir(path):
            found: Iterator[Found] = _walk(shown(path), absolute, excluded, choice.respect_gitignore, say)
        elif os.path.exists(path):
            found = iter([Found(shown(path), absolute, kind_of(path))])
        else:
            say(f"{path}: broken symbolic link, skipped")
            continue
        for file in found:
            identity = os.path.realpath(file.real)
            if identity not in seen:
                seen.add(identity)
                yield file


def kind_of(path: str) -> Kind:
    """What a file that was named holds: Python, whatever it is called, unless it is called a notebook."""
    return KINDS.get(os.path.splitext(path)[1], "python")


def shown(path: str) -> str:
    """As given, without `./` and with forward slashes."""
    return os.path.normpath(path).replace(os.sep, "/")


def _walk(
    shown: str, absolute: str, excluded: Matcher, respect_gitignore: bool, say: Callable[[str], None]
) -> Iterator[Found]:
    ignores = GitIgnores.above(absolute) if respect_gitignore else None
    yield from _folder("" if shown == "." else shown.rstrip("/") + "/", absolute, excluded, ignores, say)


def _folder(
    prefix: str, absolute: str, excluded: Matcher, ignores: GitIgnores | None, say: Callable[[str], None]
) -> Iterator[Found]:
    try:
        with os.scandir(absolute) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        say(f"{prefix or absolute}: cannot be listed ({error.strerror}), skipped")
        return
    if ignores is not None and any(entry.name == ".gitignore" for entry in entries):
        ignores = ignores.below(absolute)
    for entry in entries:
        is_folder = entry.is_dir(follow_symlinks=False)
        kind = KINDS.get(os.path.splitext(entry.name)[1])
        if not is_folder and kind is None:
            continue
        if excluded(entry.path, is_folder) or (ignores is not None and ignores.match(entry.path, is_folder)):
            continue
        if is_folder:
            yield from _folder(f"{prefix}{entry.name}/", entry.path, excluded, ignores, say)
        elif kind is not None:
            if entry.is_file():
                yield Found(prefix + entry.name, entry.path, kind)
            elif entry.is_symlink() and not os.path.exists(entry.path):
                say(f"{prefix}{entry.name}: broken symbolic link, skipped")


def _matcher(choice: Choice) -> Matcher:
    """Excludes as a function. Plain names, the common case, need no pattern library."""
    patterns = (*choice.exclude, *choice.extend_exclude)
    names = {p.rstrip("/") for p in patterns if not set("*?[!/") & set(p.rstrip("/"))}
    globs = [p for p in patterns if p.rstrip("/") not in names]
    match_globs = paths_matching(globs, choice.root) if globs else None

    def excluded(path: str, is_folder: bool) -> bool:
        if os.path.basename(path) in names:
            return True
        return match_globs is not None and match_globs(path, is_folder)

    return excluded


def _some_parent(excluded: Matcher, absolute: str, root: str) -> bool:
    """Whether a named path is excluded, itself or through a folder between it and the root."""
    if excluded(absolute, os.path.isdir(absolute)):
        return True
    return any(
        excluded(str(parent), True)
        for parent in Path(absolute).parents
        if str(parent) != root and str(parent).startswith(root.rstrip(os.sep) + os.sep)
    )


def paths_matching(patterns: Sequence[str], root: str) -> Matcher:
    """Patterns as .gitignore writes them: a name matches anywhere, one with a slash from the root."""
    from pathspec import GitIgnoreSpec

    try:
        spec = GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise UserProblem(f"bad file pattern: {error}") from None

    def match(path: str, is_folder: bool) -> bool:
        relative = os.path.relpath(path, root).replace(os.sep, "/")
        return spec.match_file(relative + "/" if is_folder else relative)

    return match


class GitIgnores(Struct, frozen=True):
    """The .gitignore files that hold in a folder, outermost first: (folder, patterns)."""

    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    @classmethod
    def above(cls, folder: str) -> GitIgnores:
        """Those of the repository's folders above `folder`; none outside a repository."""
        chain = [Path(folder), *Path(folder).parents]
        top = next((i for i, parent in enumerate(chain) if (parent / ".git").exists()), 0)
        ignores = cls()
        if top or (chain[0] / ".git").exists():
            ignores = ignores._with(str(chain[top]), chain[top] / ".git" / "info" / "exclude")
        for parent in reversed(chain[1 : top + 1]):  # the folder itself is read when it is walked
            ignores = ignores.below(str(parent))
        return ignores

    def below(self, folder: str) -> GitIgnores:
        return self._with(folder, Path(folder) / ".gitignore")

    def match(self, path: str, is_folder: bool) -> bool:
        """Git's order: the innermost file that says anything decides."""
        for folder, spec in reversed(self.specs):
            relative = os.path.relpath(path, folder).replace(os.sep, "/")
            answer = spec.check_file(relative + "/" if is_folder else relative).include
            if answer is not None:
                return answer
        return False

    def _with(self, folder: str, file: Path) -> GitIgnores:
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return self
        from pathspec import GitIgnoreSpec

        usable = []
        for line in lines:
            try:
                GitIgnoreSpec.from_lines([line])
            except ValueError:
                continue  # git passes over patterns it cannot read, so do we
            usable.append(line)
        return GitIgnores((*self.specs, (folder, GitIgnoreSpec.from_lines(usable))))
