"""What crosses the probe's borders: the job sent to the child, the subject it builds there, the result that comes back.

Standard library only: the child may run in an interpreter that has a framework and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Framework = Literal["torch", "keras"]
#: How float inputs are drawn: N(0, 1) or U(0, 1).
Distribution = Literal["normal", "uniform"]


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that was inferred, for the report."""

    what: Literal["args", "input", "global", "stub"]
    text: str  # "Net(784, 256)", "x: float32[N, 3, 32, 32]", "n_actions = 10", "torchvision"
    origin: str  # "train.py:42", "default", "annotation", "assumed", "settings"


@dataclass(slots=True)
class Subject:
    """A model that can be built again and again, and fed. Lives in the child only.

    `build` returns a fresh model, its weights drawn anew; `inputs(batch, distribution)` returns fresh `(args, kwargs)`
    for calling it. Both draw from the framework's global generators, which the caller seeds first. Integer inputs,
    masks and the like are valid ones whatever the distribution. Neither touches the modes: a model comes as its
    constructor leaves it.
    """

    name: str
    path: str  # absolute; frames of the user's code carry the same `co_filename`
    line: int
    framework: Framework
    build: Callable[[], Any]
    inputs: Callable[[int, Distribution], tuple[tuple[Any, ...], dict[str, Any]]]
    assumptions: list[Assumption] = field(default_factory=list)
    depth_assumed: bool = False  # a number of layers or blocks was guessed: gradient verdicts are weak
    trains: bool = True  # forward works in train mode (torch) or with training=True (keras); else in eval mode only
    batch: int | None = None  # the one batch size that works, None where any does
    least_batch: int = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What one model, and one run, may use."""

    seconds: float = 20  # a model
    run_seconds: float = 120  # a run, framework import included
    memory_mb: int = 2048
    processes: int = 32
    file_mb: int = 64
    parameters: int = 100_000_000
    tries: int = 40
    search_seconds: float = 4


#: The options that raise a limit, named in the messages about it.
LIMIT_OPTIONS = {
    "seconds": "--probe-seconds",
    "run_seconds": "--probe-run-seconds",
    "memory_mb": "--probe-memory",
    "processes": "--probe-processes",
    "file_mb": "--probe-file-size",
    "parameters": "--probe-parameters",
}


@dataclass(frozen=True, slots=True)
class Override:
    """What the settings say about one model: `[tool.actinit-lint.probe."models.py::Net"]`.

    `args` and `kwargs` are TOML values; `input` lists `dtype[dims]`; `factory` names a callable without arguments in
    the same file, or `module:callable`.
    """

    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    input: list[str] | None = None
    factory: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One file to probe: all its models, or the one called `name`. `task` (JSON data) is handed to `measure`."""

    path: str
    name: str | None = None
    overrides: dict[str, Override] = field(default_factory=dict)  # by model name
    task: Any = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one model. `measurement` is what `measure` returned, `not_probed` why there is none, in one line.

    `hint` holds more lines for `not_probed`: a settings block to paste. `covers` names the classes of user files whose
    instances are inside the model, as `path::Class`; a `root` is a model that no other of the run is made of. A file
    that does not load gives one result with an empty name.
    """

    path: str
    name: str
    line: int
    measurement: Any = None
    not_probed: str | None = None
    hint: str | None = None
    assumptions: list[Assumption] = field(default_factory=list)
    depth_assumed: bool = False
    covers: list[str] = field(default_factory=list)
    root: bool = True
    seconds: float = 0.0
    traceback: str | None = None  # the user's frames, for verbose runs


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is made. `python` is the interpreter that has the framework, None for this one."""

    python: str | None = None
    limits: Limits = field(default_factory=Limits)
    fork: bool | None = None  # None: where the system does it well
    network: bool = False  # let the models use the network
    measure: str = "actinit_lint.probe.measure"  # the module with `measure`, or the path of a file that has it
