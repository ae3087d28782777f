"""The folder of the cache: small entries by name, each whole or not there, read only when its checksum fits.

Any number of runs may use it at once: an entry is written beside its place and renamed into it. What cannot be read is
not there, and what cannot be written is left out: a cache never changes what a run says.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from actinit_lint import __version__
from actinit_lint.problem import UserProblem
from actinit_lint.settings import Configuration

#: See https://bford.info/cachedir/.
TAG = "CACHEDIR.TAG"
_SIGNATURE = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n# A cache of actinit-lint: `actinit-lint clean` removes it.\n"
)
_CHECKSUM = 16  # bytes
DAY = 86400.0  # seconds
KEPT = 14 * DAY  # an entry that nobody has asked for in that time is removed


def digest(*parts: bytes) -> bytes:
    """A checksum of byte strings, kept apart from each other."""
    found = hashlib.blake2b(digest_size=_CHECKSUM)
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.digest()


class CacheFolder:
    """`path` is the folder, in which every version of the tool and of Python has its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._own = os.path.join(path, _version())
        self._ready = False

    def read(self, name: str) -> bytes | None:
        """The content of an entry; None where there is none, or a broken one."""
        file = os.path.join(self._own, name)
        try:
            with open(file, "rb") as entry:
                data = entry.read()
                stale = time.time() - os.fstat(entry.fileno()).st_mtime > DAY
            if stale:
                os.utime(file)  # it is in use
        except OSError:
            return None
        content = data[_CHECKSUM:]
        return content if digest(content) == data[:_CHECKSUM] else None

    def has(self, name: str) -> bool:
        return os.path.isfile(os.path.join(self._own, name))

    def write(self, name: str, content: bytes) -> None:
        """Keep an entry, if that is possible."""
        file = os.path.join(self._own, name)
        beside = f"{file}.{os.urandom(4).hex()}.tmp"
        try:
            self._prepare()
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(beside, "xb") as entry:
                entry.write(digest(content) + content)
            os.replace(beside, file)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(beside)

    def _prepare(self) -> None:
        """The folder with its tag and its own .gitignore; what is too old goes, once a day."""
        if self._ready:
            return
        self._ready = True
        os.makedirs(self._own, exist_ok=True)
        for name, content in ((TAG, _SIGNATURE), (".gitignore", b"*\n")):
            with contextlib.suppress(FileExistsError), open(os.path.join(self.path, name), "xb") as file:
                file.write(content)
        stamp = Path(self._own, "pruned")
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > DAY:
            stamp.touch()
            for old in list(self._old_entries()):
                with contextlib.suppress(OSError):
                    os.unlink(old)

    def _old_entries(self) -> Iterator[str]:
        """Entries of every version that nobody has read for long. Only what a cache of ours would hold."""
        for version in os.scandir(self.path):
            if version.is_dir(follow_symlinks=False) and version.name.startswith("v"):
                for folder, _, files in os.walk(version.path):
                    for file in files:
                        path = os.path.join(folder, file)
                        if time.time() - os.stat(path).st_mtime > KEPT:
                            yield path


def cache_folder(configuration: Configuration) -> CacheFolder | None:
    """The cache that the settings ask for. A folder that holds something else is never written to."""
    path = configuration.path("cache-dir")
    if not configuration.settings.cache or path is None:
        return None
    if os.path.lexists(path) and not is_cache(path) and not _empty_folder(path):
        if configuration.origins["cache-dir"] == "default":
            return None
        raise UserProblem(f"--cache-dir: {path} holds other things than a cache; name a new folder")
    return CacheFolder(os.path.abspath(path))


def is_cache(path: str) -> bool:
    """Whether a folder is a cache of ours: its tag says so."""
    try:
        with open(os.path.join(path, TAG), "rb") as tag:
            return b"actinit-lint" in tag.read(1000)
    except OSError:
        return False


def _empty_folder(path: str) -> bool:
    try:
        return not os.listdir(path)
    except OSError:
        return False


@cache
def _version() -> str:
    """A folder name that changes with the tool, its rules, the parser and Python."""
    from importlib.util import find_spec

    from actinit_lint.pages import rules_folder

    package = os.path.dirname(os.path.abspath(__file__))
    parser = find_spec("libcst")
    files = [*_files(package, ".py"), *_files(str(rules_folder()), ".md")]
    if parser is not None and parser.origin:
        files.append(parser.origin)
    states = []
    for file in sorted(files):
        status = os.stat(file)
        states.append(f"{file}\0{status.st_size}\0{status.st_mtime_ns}".encode(errors="surrogateescape"))
    return f"v{__version__}-{sys.implementation.cache_tag}-{digest(*states).hex()[:12]}"


def _files(folder: str, suffix: str) -> Iterator[str]:
    for found in os.scandir(folder):
        if found.is_dir(follow_symlinks=False) and found.name != "__pycache__":
            yield from _files(found.path, suffix)
        elif found.name.endswith(suffix):
            yield found.path
