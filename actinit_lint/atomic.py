"""Files that are written whole or not at all: whoever looks, at any moment, sees the old content or the new."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable

from actinit_lint.problem import UserProblem


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Put `data` into a file, new or old; a link stays a link, mode and owner stay. Raises UserProblem."""
    target = os.path.realpath(path)
    try:
        try:
            now = os.stat(target)
        except FileNotFoundError:
            now = None
        if now is not None and not stat.S_ISREG(now.st_mode) and not stat.S_ISDIR(now.st_mode):
            with open(target, "wb") as out:  # /dev/null, a pipe: there is nothing to replace
                out.write(data)
        else:
            _swap(target, now, data)
    except OSError as error:
        raise UserProblem(f"{os.fspath(path)}: cannot be written: {error.strerror or error}") from None


def replace_file(path: str, real: str, before: bytes, after: bytes) -> None:
    """Put `after` in the place of `before`. Raises UserProblem and leaves the file as it is where that cannot be done.

    A link stays a link: what it points at is replaced. A read-only file, and one that no longer holds `before`, is left
    alone.
    """
    target = os.path.realpath(real)
    changed = UserProblem(f"{path}: left as it was: the file changed while it was looked at; run again")
    try:
        now = os.stat(target)
        if not now.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(target, os.W_OK):
            raise UserProblem(f"{path}: left as it was: the file is read-only")
        with open(target, "rb") as file:
            if file.read() != before:
                raise changed

        def untouched() -> None:
            if _identity(os.stat(target)) != _identity(now):
                raise changed

        _swap(target, now, after, untouched)
    except OSError as error:
        raise UserProblem(f"{path}: left as it was: {error.strerror or error}") from None


def _swap(target: str, now: os.stat_result | None, after: bytes, check: Callable[[], None] | None = None) -> None:
    """A file beside the old one is written, flushed to disk, given its mode and owner, and renamed over it."""
    folder, name = os.path.split(target)
    handle, beside = tempfile.mkstemp(prefix=f".{name[:100]}.", suffix=".actinit-tmp", dir=folder or ".")
    try:
        with open(handle, "wb") as file:
            file.write(after)
            file.flush()
            _like(file.fileno(), now)
            os.fsync(file.fileno())
        if check is not None:
            check()
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    _flush_folder(folder)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _like(handle: int, now: os.stat_result | None) -> None:
    """Owner and mode of the file that is replaced, or the mode that a new file gets.

    Changing the owner clears bits of the mode, so it comes first.
    """
    if not hasattr(os, "fchown"):
        return
    made = os.fstat(handle)
    if now is not None and (made.st_uid, made.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(handle, now.st_uid, now.st_gid)
    os.fchmod(handle, 0o666 & ~_umask() if now is None else stat.S_IMODE(now.st_mode))


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _flush_folder(folder: str) -> None:
    """The rename itself to disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
