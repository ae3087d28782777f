"""Writing a file so that it is never half written: whoever looks, at any moment, sees the old content or the new."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

from actinit_lint.problem import UserProblem


def replace(path: str, real: str, before: bytes, after: bytes) -> None:
    """Put `after` in the place of `before`. Raises UserProblem and leaves the file as it is where that cannot be done.

    The new content is written to a file beside the old one, flushed to disk, given its mode and owner, and renamed
    over it. A link stays a link: what it points at is replaced.
    """
    target = os.path.realpath(real)
    try:
        now = os.stat(target)
        _refuse(path, target, now, before)
        _swap(path, target, now, after)
    except OSError as error:
        raise UserProblem(f"{path}: not fixed: {error.strerror or error}") from None


def _refuse(path: str, target: str, now: os.stat_result, before: bytes) -> None:
    if not now.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(target, os.W_OK):
        raise UserProblem(f"{path}: not fixed: the file is read-only")
    with open(target, "rb") as file:
        if file.read() != before:
            raise UserProblem(f"{path}: not fixed: the file changed while it was looked at; run again")


def _swap(path: str, target: str, now: os.stat_result, after: bytes) -> None:
    folder, name = os.path.split(target)
    handle, beside = tempfile.mkstemp(prefix=f".{name}.", suffix=".actinit-tmp", dir=folder)
    try:
        with open(handle, "wb") as file:
            file.write(after)
            file.flush()
            _like(file.fileno(), now)
            os.fsync(file.fileno())
        if _identity(os.stat(target)) != _identity(now):
            raise UserProblem(f"{path}: not fixed: the file changed while it was looked at; run again")
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    _flush_folder(folder)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _like(handle: int, now: os.stat_result) -> None:
    """Owner and mode of the file that is replaced. Changing the owner clears bits of the mode, so it comes first."""
    if hasattr(os, "fchown"):
        made = os.fstat(handle)
        if (made.st_uid, made.st_gid) != (now.st_uid, now.st_gid):
            os.fchown(handle, now.st_uid, now.st_gid)
        os.fchmod(handle, stat.S_IMODE(now.st_mode))


def _flush_folder(folder: str) -> None:
    """The rename itself to disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
