"""Methods of library and built-in values, by what they are called on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actinit_lint.follow.calls import unknown_call
from actinit_lint.follow.collection_methods import on_dict, on_list, on_text, on_tuple
from actinit_lint.follow.foreign import on_foreign
from actinit_lint.follow.module_methods import from_config, on_object, on_super
from actinit_lint.follow.state import Run
from actinit_lint.follow.tensor_methods import on_flow, on_parameter, on_tensor
from actinit_lint.follow.values import (
    Args,
    DictValue,
    External,
    Fields,
    Flow,
    Foreign,
    ListValue,
    Method,
    Obj,
    Parameter,
    Super,
    Tensor,
    Value,
    View,
)
from actinit_lint.model import Place


def call_method_of(run: Run, method: Method, args: Args, place: Place) -> Value:
    owner = method.self
    handler = OWNERS.get(owner.__class__)
    if handler is not None:
        return handler(run, owner, method.name, args, place)
    if isinstance(owner, (int, float)) and method.name == "item":
        return owner
    return unknown_call(run, f"method {method.name}", args, place)


def _on_class(run: Run, owner: External, name: str, args: Args, place: Place) -> Value:
    return from_config(run, owner, args, place)


OWNERS: dict[type, Callable[[Run, Any, str, Args, Place], Value]] = {
    Flow: on_flow,
    Foreign: on_foreign,
    Parameter: on_parameter,
    View: on_parameter,
    Tensor: on_tensor,
    Obj: on_object,
    External: _on_class,
    Super: on_super,
    ListValue: on_list,
    DictValue: on_dict,
    str: on_text,
    tuple: on_tuple,
    Fields: on_tuple,
}
