"""Runs a piece of work in a forked process under limits, watches it, and says in one word how it ended.

The process gets its own session, result pipe, output pipe (drained, the end of it kept) and folder. Whatever happens,
when `run` returns nothing of it is left: every descendant is dead and collected. Linux; no security sandbox.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import select
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from actinit_lint.probe import processes
from actinit_lint.probe.limits import Wants, Work, enter, silence
from actinit_lint.probe.subject import Limits

PAUSE = 0.05  # seconds between two looks at memory and processes
KEPT_OUTPUT = 1 << 14  # bytes of what the code printed
UNANSWERED = 113  # exit code of a process that could not write its answer
_LOCATE = getattr(signal, "SIGUSR1", None)

End = Literal["done", "raised", "time", "memory", "processes", "signal", "exit", "abandoned"]


@dataclass(slots=True)
class Ended:
    """How a piece of work ended. `frames` are (file, line, function), innermost first, where it was cut short."""

    how: End
    value: Any = None  # of the work, with "done"; the error's text with "raised", the signal's name, the exit code
    frames: list[tuple[str, int, str]] = field(default_factory=list)
    printed: str = ""


def run(work: Work, limits: Limits, folder: str, network: bool = False, master: int | None = None) -> Ended:
    """Do `work` in a process of its own. `master`: a pipe whose end means that nobody waits any more."""
    answer, answering = os.pipe()
    output, printing = os.pipe()
    with tempfile.TemporaryFile() as trace:
        process = os.fork()
        if process == 0:
            _inside(work, limits, folder, network, answering, printing, trace.fileno())
        os.close(answering)
        os.close(printing)
        try:
            how, data, printed = _watch(process, limits, answer, output, master)
            if how == "time":
                _locate(process, trace.fileno())
            elif how == "done" and not data:
                _let_end(process)
            status = processes.end_all(process)
        finally:
            os.close(answer)
            os.close(output)
        trace.seek(0)
        ended = _judge(how, data, status)
        if ended.how not in ("done", "raised"):
            ended.frames = frames_of(trace.read().decode(errors="replace"))
        ended.printed = printed.decode(errors="replace")
        return ended


def _inside(work: Work, limits: Limits, folder: str, network: bool, answering: int, printing: int, trace: int) -> None:
    """The forked process: never returns."""
    try:
        os.setsid()
        processes.die_with_parent()
        silence(printing)
        _close_all_but(answering, printing, trace)
        faulthandler.enable(trace)
        if _LOCATE is not None:
            faulthandler.register(_LOCATE, trace, all_threads=False)
        wants = enter(limits, folder, network)
        answer = _attempt(work, wants)
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        _write_all(answering, json.dumps(answer, default=str).encode() + b"\n")
        os._exit(0)
    finally:
        os._exit(UNANSWERED)


def _attempt(work: Work, wants: Wants) -> dict[str, Any]:
    try:
        return {"value": work(wants)}
    except BaseException as error:
        return {"raised": f"{type(error).__name__}: {error}"}


def _close_all_but(*kept: int) -> None:
    """Close what the parent had open: the pipes to its own master above all."""
    last = 2
    for descriptor in sorted(kept):
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, 1024)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _watch(process: int, limits: Limits, answer: int, output: int, master: int | None) -> tuple[End, bytes, bytes]:
    """Wait for the answer or for a limit; (how, the answer's bytes, the end of what was printed)."""
    until = time.monotonic() + limits.seconds
    next_look = time.monotonic() + PAUSE
    data = bytearray()
    printed = bytearray()
    sources = [answer, output] if master is None else [answer, output, master]
    while True:
        ready, _, _ = select.select(sources, [], [], PAUSE)
        if output in ready:
            chunk = os.read(output, 1 << 16)
            printed = (printed + chunk)[-KEPT_OUTPUT:]
            if not chunk:
                sources.remove(output)
        if answer in ready:
            chunk = os.read(answer, 1 << 16)
            data += chunk
            if not chunk or data.endswith(b"\n"):
                return "done", bytes(data), bytes(printed)
        if master is not None and master in ready:
            return "abandoned", b"", bytes(printed)
        now = time.monotonic()
        if now > until:
            return "time", b"", bytes(printed)
        if now > next_look:
            below = processes.descendants()
            if len(below) > limits.processes:
                return "processes", b"", bytes(printed)
            if processes.memory_of(below) > limits.memory_mb << 20:
                return "memory", b"", bytes(printed)
            next_look = time.monotonic() + PAUSE


def _locate(process: int, trace: int) -> None:
    """Have the process write where it is."""
    if _LOCATE is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, _LOCATE)
        for _ in range(20):
            time.sleep(0.01)
            if os.fstat(trace).st_size:
                return


def _let_end(process: int) -> None:
    """Give a process that closed its pipe a moment to end, so that its own end is the one reported."""
    for _ in range(100):
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.01)


def _judge(how: End, data: bytes, status: int | None) -> Ended:
    if how != "done":
        return Ended(how)
    if data.endswith(b"\n"):
        answer = json.loads(data)
        return Ended("done", answer["value"]) if "value" in answer else Ended("raised", answer["raised"])
    if status is not None and os.WIFSIGNALED(status):
        return Ended("signal", signal.Signals(os.WTERMSIG(status)).name)
    return Ended("exit", os.WEXITSTATUS(status) if status is not None else None)


def frames_of(trace: str) -> list[tuple[str, int, str]]:
    """The frames that `faulthandler` wrote, innermost first."""
    return [(file, int(line), name) for file, line, name in re.findall(r'File "(.*?)", line (\d+) in (.*)', trace)]
