"""Calls added for layers that have no name of their own: they are built inside a Sequential or a ModuleList."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from actinit_lint.fixes.arguments import mentions
from actinit_lint.fixes.names import Names
from actinit_lint.fixes.patch import Patch
from actinit_lint.fixes.tree import Tree
from actinit_lint.knowledge.written import Written, torch_written
from actinit_lint.reference.normal_form import Initializer
from actinit_lint.rule import Mend

CONTAINERS = ("torch.nn.Sequential", "torch.nn.ModuleList")
#: From so many calls on, a loop says it shorter.
MANY = 3


class Slot(NamedTuple):
    """Where a layer sits: in the statement that names the container, its target, and at which number (None: at all)."""

    line: cst.SimpleStatementLine
    target: str
    number: int | None


def contained(tree: Tree, names: Names, mends: Sequence[Mend]) -> tuple[list[Patch], list[Mend]] | None:
    """Patches for the layers that are built in containers, and the mends that are left. None: a name is missing."""
    groups: dict[tuple[cst.SimpleStatementLine, str], list[tuple[Slot, Mend]]] = defaultdict(list)
    rest: list[Mend] = []
    for mend in mends:
        node = tree.at(mend.at.at)
        built = mend.how == "draw" and mend.built and mend.framework == "torch" and isinstance(node, cst.Call)
        slot = _slot(tree, names, node) if built and isinstance(node, cst.Call) else None
        if slot is None:
            rest.append(mend)
        else:
            groups[slot.line, slot.target].append((slot, mend))
    patches: list[Patch] = []
    for (line, target), group in groups.items():
        made = _calls(tree, names, line, target, group)
        if made is None:
            return None
        patches += made
    return patches, rest


def _slot(tree: Tree, names: Names, node: cst.Call) -> Slot | None:
    around = tree.parent(node)
    inside: cst.CSTNode | None = around  # what the container is called with, or the call itself
    number: int | None = None
    if isinstance(around, cst.Element):
        inside = tree.parent(around)
        if not isinstance(inside, cst.List):
            return None
        number = _number(list(inside.elements), around)
    elif isinstance(around, cst.Arg):
        inside = tree.parent(around)
        if not isinstance(inside, cst.Call):
            return None
        number = _number(list(inside.args), around)
    elif not isinstance(around, cst.ListComp) or around.for_in.inner_for_in is not None:
        return None
    if number is None and not isinstance(around, cst.ListComp):
        return None
    argument = inside if isinstance(inside, cst.Call) else tree.parent(inside) if inside is not None else None
    container = tree.parent(argument) if isinstance(argument, cst.Arg) else argument
    if not isinstance(container, cst.Call) or names.meaning(container.func) not in CONTAINERS:
        return None
    statement = tree.parent(container)
    line = tree.line(container)
    if line is None or len(line.body) != 1 or line.body[0] is not statement:
        return None
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0].target
    return Slot(line, tree.code(target), number) if isinstance(target, (cst.Name, cst.Attribute)) else None


def _number(items: Sequence[cst.CSTNode], item: cst.CSTNode) -> int | None:
    """The place of an item in a list of arguments or elements; None where a star makes it uncertain."""
    plain = all(
        isinstance(one, cst.Element) or (isinstance(one, cst.Arg) and not one.star and one.keyword is None)
        for one in items
    )
    return next((number for number, one in enumerate(items) if one is item), None) if plain else None


def _calls(
    tree: Tree, names: Names, line: cst.SimpleStatementLine, target: str, group: Sequence[tuple[Slot, Mend]]
) -> list[Patch] | None:
    """Lines behind the container's statement: one a layer, or one loop for many that are drawn alike."""
    alike: dict[tuple[Written, str, bool], list[int]] = defaultdict(list)
    for slot, mend in group:
        written = torch_written(mend.to) if isinstance(mend.to, Initializer) else None
        if written is None or mend.of is None:
            return None
        numbers = alike[written, mend.of, slot.number is None]
        numbers += [] if slot.number is None else [slot.number]
    lines: list[str] = []
    imports: list[Patch] = []
    for (written, weight, everywhere), numbers in alike.items():
        named = names.name(f"torch.nn.init.{written.function}", "torch.nn")
        if named is None:
            return None
        imports += named.patches
        call = f"{named.code}({{}}.{weight}{', ' if written.arguments else ''}{tree.quoted(written.listed)})"
        if everywhere:
            layer = _variable(tree, line, target, "layer")
            lines += [f"for {layer} in {target}:", tree.module.default_indent + call.format(layer)]
        elif len(numbers) >= MANY:
            index = _variable(tree, line, target, "index")
            listed = ", ".join(map(str, sorted(numbers)))
            lines.append(f"for {index} in ({listed}):")
            lines.append(tree.module.default_indent + call.format(f"{target}[{index}]"))
        else:
            lines += [call.format(f"{target}[{number}]") for number in sorted(numbers)]
    end = tree.line_end(line)
    joint = tree.newline + tree.indent(line)
    return [Patch(end, end, "".join(joint + one for one in lines)), *imports]


def _variable(tree: Tree, line: cst.SimpleStatementLine, target: str, wanted: str) -> str:
    """A name that the function around does not use yet."""
    around = tree.function(line) or tree.module
    return f"{target.rpartition('.')[2]}_{wanted}" if mentions(around, {wanted}) else wanted
