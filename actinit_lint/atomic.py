"""Files that are written whole or not at all: a new file beside the old one, then one rename."""

from __future__ import annotations

import contextlib
import os
import stat

from actinit_lint.problem import UserProblem


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Put `data` into a file; a link stays a link, permissions stay. Raises UserProblem where that is not possible."""
    try:
        _write(os.path.realpath(path), data)
    except OSError as error:
        raise UserProblem(f"{os.fspath(path)}: cannot be written: {error.strerror or error}") from None


def _write(target: str, data: bytes) -> None:
    mode = None
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(target)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            with open(target, "wb") as out:  # /dev/null, a pipe: there is nothing to replace
                out.write(data)
            return
        mode = stat.S_IMODE(status.st_mode)
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name[:100]}.{os.urandom(4).hex()}.tmp")
    try:
        with open(beside, "xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if mode is not None:
            os.chmod(beside, mode)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
