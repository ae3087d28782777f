"""Changing a call's arguments where they stand, so that layout and comments stay."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from actinit_lint.fixes.patch import Patch
from actinit_lint.fixes.tree import Tree

Pair = tuple[str, str]  # name and code of an argument


def rewrite(
    tree: Tree,
    call: cst.Call,
    first: int,
    old: Sequence[str],
    new: Sequence[Pair],
    order: Sequence[str],
    kept: Sequence[str] = ("generator",),
) -> list[Patch] | None:
    """Give the call's arguments from number `first` on new values.

    `old` are the parameters that they fill now, in order, `order` those of the function that is called then. Arguments
    named in `kept` stay. None where the call does not say what fills what, or where a comment would be lost.
    """
    wanted = dict(new)
    patches: list[Patch] = []
    spare: list[tuple[int, cst.Arg]] = []  # what the new function does not take
    named = False  # from here on arguments need their names
    for index, arg in enumerate(call.args[first:]):
        if arg.star or (arg.keyword is None and index >= len(old)):
            return None
        name = arg.keyword.value if arg.keyword is not None else old[index]
        if name in kept:
            continue
        if name not in wanted:
            spare.append((index + first, arg))
            named = True
            continue
        code = wanted.pop(name)
        misplaced = arg.keyword is None and (named or order[index : index + 1] != [name])
        if not _same(tree.code(arg.value), code):
            start, end = tree.span(arg.value)
            patches.append(Patch(start, end, tree.quoted(code)))
        if misplaced:
            start = tree.span(arg)[0]
            patches.append(Patch(start, start, f"{name}="))
            named = True
    added = [f"{name}={tree.quoted(code)}" for name, code in wanted.items()]
    while added and spare:
        _, arg = spare.pop(0)
        patches.append(Patch(*tree.span(arg), added.pop(0)))
    for number, arg in spare:
        patches.append(Patch(tree.span(call.args[number - 1])[1], tree.span(arg)[1], ""))
    if added:
        patches.append(insert(tree, call, len(call.args) - 1, added))
    if any("#" in tree.text[patch.start : patch.end] for patch in patches):
        return None
    return _joined(patches)


def insert(tree: Tree, call: cst.Call, behind: int, added: Sequence[str]) -> Patch:
    """Arguments put in behind argument number `behind` (-1: as the first ones), on lines of their own where that is."""
    if behind < 0:
        end = tree.span(call)[1] - 1
        return Patch(end, end, ", ".join(added))
    arg = call.args[behind]
    start, end = tree.span(arg)
    alone = not tree.text[:start].splitlines()[-1].strip() if tree.text[:start].splitlines() else False
    if alone and (behind == 0 or tree.text[tree.span(call.args[behind - 1])[1] : start].count("\n")):
        joint = f",{tree.newline}{tree.indent(arg)}"
        return Patch(end, end, "".join(joint + code for code in added))
    return Patch(end, end, "".join(f", {code}" for code in added))


def _same(one: str, other: str) -> bool:
    """Whether two pieces of code are the same literal, or the same text."""
    try:
        return bool(ast.literal_eval(one) == ast.literal_eval(other))
    except (ValueError, SyntaxError):
        return one == other


def _joined(patches: Sequence[Patch]) -> list[Patch]:
    """A name put in right in front of a value that is replaced becomes part of that replacement."""
    names = {patch.start: patch for patch in patches if patch.start == patch.end and patch.text.endswith("=")}
    out: list[Patch] = []
    used: set[int] = set()
    for patch in patches:
        name = names.get(patch.start)
        if name is not None and patch is not name:
            out.append(Patch(patch.start, patch.end, name.text + patch.text))
            used.add(patch.start)
        elif patch is not name:
            out.append(patch)
    return out + [name for start, name in names.items() if start not in used]


def parameters_of(function: cst.FunctionDef | None) -> set[str]:
    """Names of a function's parameters, `self` and `cls` left out."""
    if function is None:
        return set()
    found = function.params
    groups = (found.posonly_params, found.params, found.kwonly_params)
    names = {parameter.name.value for group in groups for parameter in group}
    return names - {"self", "cls"}


def mentions(node: cst.CSTNode, names: set[str]) -> bool:
    """Whether one of the names occurs in the code."""
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, cst.Name) and one.value in names:
            return True
        stack.extend(one.children)
    return False
