"""Starts the child in a Python that has the framework, and talks to it. Lives in the linter."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import Any

from actinit_lint.probe.subject import RunOptions

JSON = dict[str, Any]
#: Finds this very package in an interpreter that may not have it, without showing it the packages installed beside it.
_BOOTSTRAP = """
import importlib.util, json, sys
sys.path[:] = [folder for folder in sys.path if folder]
package, options = sys.argv[1], json.loads(sys.argv[2])
spec = importlib.util.spec_from_file_location(
    "actinit_lint", package + "/__init__.py", submodule_search_locations=[package])
sys.modules["actinit_lint"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from actinit_lint.probe.child import main
main(options)
"""
_ASK = (
    "import importlib.util as u, json, sys; print(json.dumps([sys.version_info[:2], u.find_spec('torch') is not None]))"
)
START_SECONDS = 120  # for the framework's import on a loaded machine
GRACE = 5.0  # seconds beyond a model's limit before the child itself is taken to be stuck


class ChildGone(Exception):
    """The child ended, or did not answer in time; the text says which."""


def available(python: str | None = None) -> str | None:
    """Why no probe is possible with this interpreter, in one line; None when one is. Imports no framework."""
    name = python or sys.executable
    command = [name, "-c", _ASK]
    try:
        answer = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=True)
        version, has_torch = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return f"{name} is no Python that can be started; name another with --probe-python"
    if tuple(version) < (3, 10):
        return f"{name} is Python {version[0]}.{version[1]}; the probe needs 3.10 or newer (--probe-python)"
    if not has_torch:
        return (
            f"PyTorch is not installed in this Python ({name}); install it or name another Python with --probe-python"
        )
    return None


def environment() -> dict[str, str]:
    """The child's environment: no accelerator, no network of the usual hubs, one thread, Keras on torch."""
    changed = dict(os.environ)
    changed.update(
        CUDA_VISIBLE_DEVICES="",
        KERAS_BACKEND="torch",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        WANDB_MODE="disabled",
        MPLBACKEND="Agg",
        OMP_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONIOENCODING="utf-8",
        TOKENIZERS_PARALLELISM="false",
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    changed.pop("PYTHONSTARTUP", None)
    return changed


def forks_well() -> bool:
    """Forking a process that has a framework loaded is safe on Linux alone."""
    return sys.platform == "linux"


class Child:
    """The child process, its folder, and the line that its answers come through."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.forks = forks_well() if options.fork is None else options.fork
        self.folder = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Start it and wait until the framework is loaded. Raises ChildGone."""
        self.close()
        self.folder = tempfile.mkdtemp(prefix="actinit-probe-")
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        settings = {"folder": self.folder, "fork": self.forks, "network": self.options.network}
        self._answers = queue.SimpleQueue()
        try:
            self._process = subprocess.Popen(
                [self.options.python or sys.executable, "-B", "-c", _BOOTSTRAP, package, json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                start_new_session=True,  # an interrupt at the terminal reaches the linter, which ends the child
            )
        except OSError as error:
            self.close()
            raise ChildGone(f"{self.options.python} cannot be started: {error.strerror or error}") from None
        threading.Thread(target=_forward, args=(self._process.stdout, self._answers), daemon=True).start()
        problem = self._receive(START_SECONDS).get("problem")
        if problem is not None:
            self.close()
            raise ChildGone(str(problem))

    def ask(self, request: Mapping[str, Any], seconds: float) -> JSON:
        """One request's answer; starts the child if need be. Raises ChildGone."""
        if self._process is None:
            self.start()
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self.close()
            raise ChildGone("the probe process ended") from None
        return self._receive(seconds + GRACE)

    def _receive(self, seconds: float) -> JSON:
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.close()
            raise ChildGone(f"no result after {seconds - GRACE:g} s") from None
        if line is None:
            how = self._ended()
            self.close()
            raise ChildGone(f"the probe process ended{how}")
        answer: JSON = json.loads(line)
        return answer

    def _ended(self) -> str:
        """` with SIGSEGV`, where the system says so."""
        import signal

        assert self._process is not None
        try:
            code = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return ""
        with contextlib.suppress(ValueError):
            return f" with {signal.Signals(-code).name}" if code < 0 else f" with exit code {code}"
        return ""

    def close(self) -> None:
        """End the child and all it started, and remove its folder."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()  # the child ends its own children when its input ends
            try:
                process.wait(timeout=0.2 if not self.forks else 6)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = ""


def _forward(source: Any, answers: queue.SimpleQueue[bytes | None]) -> None:
    """Pass lines on; None at the end."""
    with contextlib.suppress(OSError, ValueError):
        for line in source:
            answers.put(line)
    answers.put(None)
