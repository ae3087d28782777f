"""Which module is at work: a stack that every call of a module pushes its path on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

#: Called with (module, args, output) when a module is done.
Done = Callable[[Any, tuple[Any, ...], Any], None]


@contextmanager
def followed(stack: list[str], paths: Mapping[int, str], framework: str, done: Done) -> Iterator[None]:
    """Keep `stack` up to date inside the block."""
    with _followed_keras(stack, paths, done) if framework == "keras" else _followed_torch(stack, paths, done):
        yield


@contextmanager
def _followed_torch(stack: list[str], paths: Mapping[int, str], done: Done) -> Iterator[None]:
    hooks = torch.nn.modules.module

    def push(module: Any, args: Any) -> None:
        stack.append(paths.get(id(module), stack[-1]))

    def pop(module: Any, args: Any, output: Any) -> None:  # returns None: anything else would replace the output
        stack.pop()
        if id(module) in paths:
            done(module, args, output)

    handles = [
        hooks.register_module_forward_pre_hook(push),
        hooks.register_module_forward_hook(pop, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        del stack[1:]


@contextmanager
def _followed_keras(stack: list[str], paths: Mapping[int, str], done: Done) -> Iterator[None]:
    layer_class = sys.modules["keras"].Layer
    plain = layer_class.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        stack.append(paths.get(id(self), stack[-1]))
        try:
            return plain(self, *args, **kwargs)
        finally:
            stack.pop()

    layer_class.__call__ = call
    try:
        yield
    finally:
        layer_class.__call__ = plain
        del stack[1:]
