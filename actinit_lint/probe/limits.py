"""What a process does to itself before it runs a stranger's model: limits, no network, no writing outside its folder.

This contains accidents: an endless loop, a constructor that downloads weights, a script that clears its output folder.
It is no security sandbox: code that wants out gets out.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from actinit_lint.probe.subject import Limits

#: Memory beyond the limit that an allocation may ask for before it fails politely; the watcher ends the process sooner.
HEADROOM_MB = 1024
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # unshare(2)
_NETWORK_EVENTS = frozenset(
    ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg", "socket.gethostbyname")
)
#: Audit events that change the file system, and which of their arguments are paths.
_WRITE_EVENTS = {
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.truncate": (0,),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.chmod": (0,),
    "os.utime": (0,),
    "shutil.rmtree": (0,),
}


class Wants:
    """What the code asked for and did not get, whatever became of the error it was told."""

    network: str | None = None
    written: str | None = None


def enter(limits: Limits, folder: str, network: bool) -> Wants:
    """Put this process under the limits, with `folder` as its working folder, home and place for temporary files."""
    _resources(limits)
    move_into(folder)
    if not network:
        _leave_network()
    return guard(folder, network)


def move_into(folder: str) -> None:
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder, TEMP=folder, TMP=folder)
    tempfile.tempdir = None


def _resources(limits: Limits) -> None:
    import resource

    def lower(what: int, value: int) -> None:
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (value, value))

    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, limits.file_mb << 20)
    # not RLIMIT_AS: frameworks reserve address space they never touch
    lower(resource.RLIMIT_DATA, (limits.memory_mb + HEADROOM_MB) << 20)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # if memory runs out all the same, this process goes first


def _leave_network() -> None:
    """An empty network of our own, for subprocesses too, where the system lets unprivileged processes have one."""
    user, group = os.getuid(), os.getgid()
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK) != 0:
            return
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")  # or every user looks like nobody
        _write("/proc/self/gid_map", f"{group} {group} 1")
    except (OSError, AttributeError):
        return


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def guard(folder: str, network: bool) -> Wants:
    """Refuse, from now on, network use and changes to files outside `folder` that go through Python."""
    wants = Wants()
    own = os.path.realpath(folder)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def allowed(path: object) -> bool:
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, (str, os.PathLike)):
            return True  # a file that is open already
        real = os.path.realpath(path)
        return real == own or real.startswith((own + os.sep, "/dev/", "/proc/self/")) or real == os.devnull

    def refuse(path: object) -> None:
        wants.written = wants.written or str(path)
        raise PermissionError(f"the probe lets models write no files: {path}")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags is not None and flags & writing and not allowed(path):
                refuse(path)
        elif event in _WRITE_EVENTS:
            for index in _WRITE_EVENTS[event]:
                if index < len(arguments) and not allowed(arguments[index]):
                    refuse(arguments[index])
        elif event in _NETWORK_EVENTS and not network and not _local(event, arguments):
            wants.network = wants.network or _address(event, arguments)
            raise PermissionError("the probe has no network")

    sys.addaudithook(hook)
    return wants


def _local(event: str, arguments: tuple[Any, ...]) -> bool:
    """A socket of the file system or a pair made for this process alone."""
    return event in ("socket.connect", "socket.bind") and isinstance(arguments[-1], (str, bytes))


def _address(event: str, arguments: tuple[Any, ...]) -> str:
    """The host and port an event is about, as text."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return ":".join(str(part) for part in arguments[:2] if part)
    address = arguments[-1]
    return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address)


def silence(sink: int) -> None:
    """Let nothing be read from the terminal, and everything printed go to `sink`."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(empty)


Work = Callable[[Wants], Any]
