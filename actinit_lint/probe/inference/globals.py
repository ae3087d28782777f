"""Globals that only dropped code would have set, given a value when a model turns out to need one."""

from __future__ import annotations

import ast
import os
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.probe.inference.configs import RecordingConfig, is_config_name
from actinit_lint.probe.inference.evaluator import Evaluator, NotKnown
from actinit_lint.probe.inference.names import IMAGE, plain_value, role_of
from actinit_lint.probe.inference.sources import read
from actinit_lint.probe.inference.values import Fresh, show
from actinit_lint.probe.loading.load import Loaded
from actinit_lint.probe.loading.placeholders import Placeholder, Unset, unset
from actinit_lint.probe.subject import Assumption


def supply(error: BaseException, loaded: Loaded, defaults: Mapping[str, tuple[Any, str]]) -> list[Assumption]:
    """Give the globals that an error is about a value; what was assumed, empty when nothing could be done."""
    made = []
    for module, missing in _missing(error, loaded):
        value, origin = _value(missing, loaded, defaults)
        if value is None:
            continue
        _set(module, missing.name, value)
        text = f"{missing.name} = {show(value) if not isinstance(value, RecordingConfig) else 'a configuration'}"
        made.append(Assumption("global", text, origin))
    return made


def _missing(error: BaseException, loaded: Loaded) -> Iterator[tuple[types.ModuleType, Unset]]:
    if isinstance(error, Unset):
        yield _module_of(error.path, loaded), error
    elif isinstance(error, NameError) and error.name and "free variable" not in str(error):
        frame = _innermost(error)
        module = sys.modules.get(frame.f_globals.get("__name__", "")) if frame is not None else None
        if module is not None and loaded.workspace.is_user_file(getattr(module, "__file__", None) or ""):
            yield module, Unset(error.name, module.__file__ or "", 0)
    elif Placeholder.__name__ in str(error):  # refused by the framework before it was used
        yield from _in_frames(error, loaded)


def _in_frames(error: BaseException, loaded: Loaded) -> Iterator[tuple[types.ModuleType, Unset]]:
    """The placeholders that the code on the way to an error refers to."""
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        named = [frame.f_globals.get(name) for name in frame.f_code.co_names]
        for value in (*named, *frame.f_locals.values()):
            if isinstance(value, Placeholder):
                missing = unset(value)
                yield _module_of(missing.path, loaded), missing
        step = step.tb_next


def _innermost(error: BaseException) -> types.FrameType | None:
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return step.tb_frame if step is not None else None


def _module_of(path: str, loaded: Loaded) -> types.ModuleType:
    return next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == path), loaded.module)


def _value(missing: Unset, loaded: Loaded, defaults: Mapping[str, tuple[Any, str]]) -> tuple[Any, str]:
    """A value and where it is from; None for one that cannot be guessed."""
    place = f"{os.path.basename(missing.path)}:{missing.line}" if missing.line else ""
    if isinstance(missing.reason, str) and ("Import" in missing.reason or "ModuleNotFound" in missing.reason):
        return None, ""
    source = read(loaded.path, loaded.tree)
    known = Evaluator(source, vars(loaded.module), defaults, lambda _: False)
    try:
        value = known.value(ast.Name(missing.name, ast.Load()), loaded.tree)
        if not isinstance(value, Fresh):
            return value, place
    except NotKnown:
        pass
    if missing.name in defaults:
        return defaults[missing.name]
    assumed = f"assumed, set at {place}" if place else "assumed, set nowhere"
    if is_config_name(missing.name):
        return RecordingConfig(IMAGE, {name: value for name, (value, _) in defaults.items()}, {}), assumed
    return plain_value(role_of(missing.name), IMAGE), assumed


def _set(module: types.ModuleType, name: str, value: Any) -> None:
    """In the module, and where a default argument has kept the placeholder."""
    setattr(module, name, value)
    for owner in list(vars(module).values()):
        functions = list(vars(owner).values()) if isinstance(owner, type) else [owner]
        for function in functions:
            if isinstance(function, types.FunctionType):
                function.__defaults__ = _replaced(function.__defaults__, name, value)
                if function.__kwdefaults__:
                    for key, default in function.__kwdefaults__.items():
                        if _is(default, name):
                            function.__kwdefaults__[key] = value


def _replaced(defaults: tuple[Any, ...] | None, name: str, value: Any) -> tuple[Any, ...] | None:
    return None if defaults is None else tuple(value if _is(default, name) else default for default in defaults)


def _is(default: Any, name: str) -> bool:
    return isinstance(default, Placeholder) and unset(default).name == name
