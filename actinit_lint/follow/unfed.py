"""Layers that are fed nothing: made to look at them, and no part of a network.

A test makes a layer and asks for its configuration, or for the error that its methods raise. Such a layer provably
stays with the function that made it, gets no data there and is not told to build its weights. It has no output that
could meet an activation or be a head, so that it counts neither as followed nor as not followed. What is built,
returned, put into another object or handed to a function that might use it counts.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from actinit_lint.follow.coverage import dotted, library_kind
from actinit_lint.follow.statements import expects_a_raise
from actinit_lint.follow.values import ProjectModule
from actinit_lint.program import language as la

#: Methods and attributes of a layer that may feed it, build it, or give out parts of it that others use.
FEEDING = re.compile(
    "call|forward|build|fit|predict|evaluat|train_on|test_on|step|adapt|layer|cell|module|children"
    "|weight|kernel|bias|embedding|variable|param",
    re.IGNORECASE,
)
#: Methods whose result is not the layer itself; many others return it: `layer.to(device)`.
ASKING = frozenset(
    ["get_config", "get_weights", "get_build_config", "compute_output_shape", "count_params", "state_dict",
     "parameters", "named_parameters", "buffers", "named_buffers", "extra_repr"]
)  # fmt: skip
#: Functions that only look at what they are given.
LOOKING = frozenset(
    ["isinstance", "hasattr", "type", "repr", "str", "print", "len", "id", "dir", "callable", "bool", "assertIs",
     "assertIsNot", "assertIsInstance", "assertNotIsInstance", "assertEqual", "assertNotEqual", "assertIsNone",
     "assertIsNotNone", "assertTrue", "assertFalse", "assertIn", "assertNotIn"]
)  # fmt: skip
SCOPES = (la.Function, la.Class, la.Lambda)


def unfed(module: ProjectModule, wanted: set[int]) -> set[int]:
    """Those of some constructor calls whose layer is fed nothing, by their numbers."""
    found: set[int] = set()
    if wanted and module.program is not None:
        for node in la.nodes(module.program.body):
            if node.__class__ is la.Function and not node.generator:
                found |= _Body(module, node).unfed(wanted)
    return found


class _Body:
    """What stands in a function, without what stands in functions inside it."""

    def __init__(self, module: ProjectModule, function: la.Function) -> None:
        self.module = module
        self.function = function
        self.parents: dict[int, Any] = {}  # id of a node -> the node that it is part of
        self.blocks: dict[int, tuple[tuple[la.Stmt, ...], int]] = {}  # id of a statement -> its block, and where there
        self.calls: list[la.Call] = []
        self.raising: set[int] = set()  # ids of nodes in blocks that are there to raise
        self.captured: set[str] = set()  # names that functions inside use, or that are not local
        self.assumed: set[int] = set()  # ids of assignments that are being looked at
        self._enter(function.body, function, False)

    def _enter(self, start: Any, parent: Any, raising: bool) -> None:
        stack = [(start, parent, raising)]
        while stack:
            node, parent, raising = stack.pop()
            if isinstance(node, tuple):
                if node and isinstance(node[0], Struct) and node[0].__class__ in BLOCKS:
                    self.blocks.update((id(part), (node, index)) for index, part in enumerate(node))
                stack.extend((part, parent, raising) for part in node)
                continue
            if not isinstance(node, Struct):
                continue
            if isinstance(node, la.Arg):
                stack.append((node.value, parent, raising))
                continue
            self.parents[id(node)] = parent
            if raising:
                self.raising.add(id(node))
            if isinstance(node, SCOPES):
                self.captured.update(n.id for n in la.nodes(node) if n.__class__ is la.Name)
                continue
            if isinstance(node, la.Global):
                self.captured.update(node.names)
            elif isinstance(node, la.Call):
                self.calls.append(node)
            raises = isinstance(node, la.With) and any(expects_a_raise(item) for item, _ in node.items)
            for field in node.__struct_fields__:
                value = getattr(node, field)
                if isinstance(value, (Struct, tuple)):
                    stack.append((value, node, raising or raises))

    def unfed(self, wanted: set[int]) -> set[int]:
        return {call.at for call in self.calls if call.at in wanted and self._stays(call)}

    def _stays(self, node: la.Expr) -> bool:
        """Whether what an expression gives stays in the function and is fed nothing."""
        if id(node) in self.raising:
            return True
        parent = self.parents[id(node)]
        if isinstance(parent, (la.Do, la.Check, la.Compare, la.FString)):
            return True
        if isinstance(parent, la.Attr):
            return self._is_asked(parent)
        if isinstance(parent, la.Assign):
            if parent.value is not node:
                return True
            names = [target.id for target in parent.targets if isinstance(target, la.Name)]
            return len(names) == len(parent.targets) and all(self._name_stays(name, parent) for name in names)
        if isinstance(parent, la.Call) and parent.func is not node:
            if _called(parent) in LOOKING:
                return True
            name = dotted(parent.func)
            kind = library_kind(self.module, name) if name is not None else None
            return kind is not None and kind.role == "wrapper" and self._stays(parent)
        return isinstance(parent, (la.For, la.With, la.Delete, la.AugAssign)) and isinstance(node, la.Name)

    def _is_asked(self, attribute: la.Attr) -> bool:
        parent = self.parents[id(attribute)]
        if isinstance(parent, la.Call) and parent.func is attribute:
            if FEEDING.search(attribute.name) and attribute.name not in ASKING:
                return False
            return attribute.name in ASKING or self._stays(parent)
        return not FEEDING.search(attribute.name) or self._stays(attribute)

    def _name_stays(self, name: str, assign: la.Assign) -> bool:
        if name in self.captured:
            return False
        if id(assign) in self.assumed:
            return True
        self.assumed.add(id(assign))
        uses = (n for n in la.nodes(self._after(name, assign)) if n.__class__ is la.Name and n.id == name)
        stays = all(self._stays(use) for use in uses)
        self.assumed.discard(id(assign))
        return stays

    def _after(self, name: str, assign: la.Assign) -> Any:
        """What may run while a variable holds what was assigned here: up to the next assignment to it."""
        found: list[Any] = []
        statement: Any = assign
        while True:
            block, index = self.blocks[id(statement)]
            for later in block[index + 1 :]:
                if isinstance(later, la.Assign) and any(isinstance(t, la.Name) and t.id == name for t in later.targets):
                    return (*found, later.value)
                found.append(later)
            statement = self.parents[id(statement)]
            if statement is self.function:
                return tuple(found)
            if not isinstance(statement, (la.If, la.With)):
                return self.function.body  # in a loop what stands above runs later too


#: Statements, which stand in blocks.
BLOCKS = frozenset(la.Stmt.__args__)


def _called(call: la.Call) -> str:
    func = call.func
    return func.name if isinstance(func, la.Attr) else func.id if isinstance(func, la.Name) else ""
