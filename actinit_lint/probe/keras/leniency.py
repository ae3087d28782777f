"""What models written for earlier Keras versions do on their way to being built, and what has no place in a probe."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

#: What was left out in this process, for the report.
left_out: set[str] = set()


def relax() -> None:
    """Compiling, loading weights, plotting and old optimiser arguments become harmless. Once a process."""
    import keras

    if getattr(keras.Model.compile, "_relaxed", False):
        return
    keras.Model.compile = _ignored("compile")
    keras.Model.load_weights = _noted("load_weights")
    keras.utils.plot_model = _ignored("plot_model")
    for optimizer in (getattr(keras.optimizers, name) for name in dir(keras.optimizers)):
        if isinstance(optimizer, type) and issubclass(optimizer, keras.optimizers.Optimizer):
            optimizer.__init__ = _with_old_names(optimizer.__init__)  # type: ignore[misc]
    for module in (importlib.import_module("keras.src.utils.file_utils"), keras.utils):
        vars(module)["get_file"] = _noted("pretrained weights")


def _ignored(name: str) -> Callable[..., Any]:
    def nothing(*_: Any, **__: Any) -> None:
        return None

    nothing.__name__ = name
    nothing._relaxed = True  # type: ignore[attr-defined]
    return nothing


def _noted(name: str) -> Callable[..., Any]:
    def nothing(*_: Any, **__: Any) -> str:
        left_out.add(name)
        return ""

    return nothing


def _with_old_names(initialise: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(initialise)
    def accept(self: Any, *args: Any, lr: Any = None, decay: Any = None, **kwargs: Any) -> None:
        if lr is not None:
            kwargs.setdefault("learning_rate", lr)
        initialise(self, *args, **kwargs)

    return accept
