"""Lines of the user's code: where a layer was made, and where a function is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from actinit_lint.probe.measurement import Line

#: Packages whose frames are not the user's.
LIBRARIES = ("torch", "keras", "tf_keras", "tensorflow", "einops", "timm", "torchvision", "lightning", "numpy")
_OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_known: dict[str, bool] = {}


def _is_users(file: str) -> bool:
    known = _known.get(file)
    if known is None:
        parts = file.replace("\\", "/").split("/")
        inside = "site-packages" in parts and parts[parts.index("site-packages") + 1] in LIBRARIES
        known = not inside and not file.startswith((_OWN + os.sep, "<frozen", "<string>")) and "contextlib" not in file
        _known[file] = known
    return known


def calling_line(skip: int = 1) -> Line | None:
    """The innermost frame of the user's code."""
    frame: FrameType | None = sys._getframe(skip)
    while frame is not None:
        file = frame.f_code.co_filename
        users = _known.get(file)
        if _is_users(file) if users is None else users:
            return file, frame.f_lineno
        frame = frame.f_back
    return None


def _constructing_line(module: object) -> Line | None:
    """The user's line that calls the constructor of `module`: the one outside all of its own `__init__`s."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        own = frame.f_code.co_name in ("__init__", "__new__", "__call__") and any(
            frame.f_locals.get(name) is module for name in ("self", "instance", "layer")
        )
        if not own and _is_users(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


class Constructions:
    """Where modules were made, and raw parameters and Keras weights: by identity, for as long as they live."""

    def __init__(self) -> None:
        self._lines: dict[int, Line] = {}
        self._alive: list[object] = []  # an identity is one only while its object lives

    def add(self, thing: object, line: Line | None) -> None:
        if line is not None and id(thing) not in self._lines:
            self._lines[id(thing)] = line
            self._alive.append(thing)

    def of(self, thing: object) -> Line | None:
        return self._lines.get(id(thing))

    def forget(self) -> None:
        self._lines.clear()
        self._alive.clear()


@contextmanager
def recorded() -> Iterator[Constructions]:
    """Note every construction inside the block."""
    import torch

    found = Constructions()
    plain_init = torch.nn.Module.__init__
    plain_register = torch.nn.Module.register_parameter

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        found.add(self, _constructing_line(self))
        plain_init(self, *args, **kwargs)

    def register(self: Any, name: str, param: Any) -> None:
        if param is not None:
            found.add(param, calling_line(2))
        plain_register(self, name, param)

    torch.nn.Module.__init__ = init
    torch.nn.Module.register_parameter = register
    restore_keras = _record_keras(found)
    try:
        yield found
    finally:
        torch.nn.Module.__init__ = plain_init
        torch.nn.Module.register_parameter = plain_register
        restore_keras()


def _record_keras(found: Constructions) -> Any:
    """The same for `keras.Layer.add_weight`, where Keras is loaded."""
    keras = sys.modules.get("keras")
    if keras is None:
        return lambda: None
    plain = keras.Layer.add_weight

    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        variable = plain(self, *args, **kwargs)
        found.add(variable, calling_line(2))
        return variable

    keras.Layer.add_weight = add_weight
    return lambda: setattr(keras.Layer, "add_weight", plain)
