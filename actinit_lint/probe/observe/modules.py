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
    """Keep `stack` up to date inside the block, through the one method that calls of all modules go through.

    Global hooks would send every call of a module a longer way.
    """
    base = sys.modules["keras"].Layer if framework == "keras" else torch.nn.Module
    name = "_call_impl" if "_wrapped_call_impl" in vars(base) else "__call__"  # a special method is slow to replace
    plain = getattr(base, name)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        path = paths.get(id(self))
        stack.append(stack[-1] if path is None else path)
        try:
            output = plain(self, *args, **kwargs)
        finally:
            stack.pop()
        if path is not None:
            done(self, args, output)
        return output

    setattr(base, name, call)
    try:
        yield
    finally:
        setattr(base, name, plain)
        del stack[1:]
