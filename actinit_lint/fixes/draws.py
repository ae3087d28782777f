"""Initialisers in the code: the call, the argument or the missing call becomes the one that fits."""

from __future__ import annotations

import libcst as cst

from actinit_lint.fixes.arguments import insert, mentions, parameters_of, rewrite
from actinit_lint.fixes.names import Named, Names
from actinit_lint.fixes.patch import Patch
from actinit_lint.fixes.tree import Tree
from actinit_lint.knowledge.initializers import FILL_METHODS, KERAS_NAMES, TORCH
from actinit_lint.knowledge.written import Written, keras_string, keras_written, torch_written
from actinit_lint.reference.normal_form import Initializer
from actinit_lint.rule import Mend

#: Modules whose initialisers have torch's names and arguments.
INIT_MODULES = ("torch.nn.init", "transformers.initialization")
#: Calls that make a tensor from nothing but a shape.
MAKERS = frozenset({"zeros", "ones", "full", "empty", "randn", "rand", "Tensor", "FloatTensor"})


def draw(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """What makes the write at the mend's place draw as it says; None where nobody can tell how."""
    node = tree.at(mend.at.at)
    if node is None or not isinstance(mend.to, Initializer) or mend.of is None:
        return None
    if mend.framework == "keras":
        written = keras_written(mend.to)
        return None if written is None else _keras(tree, names, mend, node, written)
    written = torch_written(mend.to)
    if written is None or not isinstance(node, cst.Call):
        return None
    if mend.built:
        return _added(tree, names, node, f".{mend.of}", written)
    return _called(tree, names, node, written, mend.to) or _made(tree, names, node, written)


def _called(tree: Tree, names: Names, call: cst.Call, written: Written, drawn: Initializer) -> list[Patch] | None:
    """`nn.init.…(w, …)` and `w.normal_(…)`."""
    function = call.func
    last = function.attr if isinstance(function, cst.Attribute) else function
    if not isinstance(last, cst.Name) or (not call.args and not isinstance(function, cst.Attribute)):
        return None
    if _chosen_elsewhere(tree, call, 1 if _is_init(names, function) else 0):
        return None
    if _is_init(names, function):
        return _replaced(tree, names, call, last, written, drawn)
    if isinstance(function, cst.Attribute) and last.value in FILL_METHODS and names.meaning(function.value) is None:
        target = function.value
        if isinstance(target, cst.Attribute) and target.attr.value == "data":
            target = target.value
        if not isinstance(target, (cst.Name, cst.Attribute, cst.Subscript)) or "#" in tree.code(call):
            return None
        named = names.name(f"torch.nn.init.{written.function}", "torch.nn")
        return named and [Patch(*tree.span(call), _call(tree, named, tree.code(target), written)), *named.patches]
    return None


def _is_init(names: Names, function: cst.BaseExpression) -> bool:
    means = names.meaning(function) or ""
    module, _, name = means.rpartition(".")
    return module in INIT_MODULES and name.removesuffix("_") in TORCH


def _chosen_elsewhere(tree: Tree, call: cst.Call, first: int) -> bool:
    """Whether the arguments come in through a parameter: then callers choose, and the call serves several of them."""
    taken = parameters_of(tree.function(call))
    return any(mentions(arg.value, taken) for arg in call.args[first:])


def _replaced(
    tree: Tree, names: Names, call: cst.Call, last: cst.Name, written: Written, drawn: Initializer
) -> list[Patch] | None:
    tensor = call.args[0] if call.args else None
    if tensor is None or tensor.star or (tensor.keyword is not None and tensor.keyword.value != "tensor"):
        return None
    old = [name for name, _ in TORCH[last.value.removesuffix("_")].parameters]
    order = [name for name, _ in TORCH[written.function.removesuffix("_")].parameters]
    new = list(written.arguments)
    given = {arg.keyword.value for arg in call.args if arg.keyword is not None} | set(old[: len(call.args) - 1])
    if "mode" in given and "mode" in order and "mode" not in dict(new):
        new.insert(0, ("mode", f'"{drawn.mode}"'))
    patches = rewrite(tree, call, 1, old, new, order)
    if patches is None or last.value == written.function:
        return patches
    if isinstance(call.func, cst.Attribute):
        return [Patch(*tree.span(last), written.function), *patches]
    named = names.beside(last, written.function)
    return named and [Patch(*tree.span(last), named.code), *named.patches, *patches]


def _made(tree: Tree, names: Names, call: cst.Call, written: Written) -> list[Patch] | None:
    """`nn.Parameter(torch.zeros(…))` and `w.data = torch.zeros(…)`: tensors that are made and put in place."""
    function = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if not isinstance(function, cst.Name) or function.value not in MAKERS:
        return None
    value: cst.CSTNode = call
    around = tree.parent(call)
    holder = tree.parent(around) if isinstance(around, cst.Arg) else None
    if isinstance(holder, cst.Call) and (names.meaning(holder.func) or "").endswith("nn.Parameter"):
        value = holder
    statement = tree.parent(value)
    target = _target(statement)
    if target is None or statement is None:
        return None
    if value is not call:
        return _added(tree, names, value, "", written)
    if not isinstance(target, cst.Attribute) or target.attr.value != "data" or "#" in tree.code(statement):
        return None
    named = names.name(f"torch.nn.init.{written.function}", "torch.nn")
    code = named and _call(tree, named, tree.code(target.value), written)
    return (named and code and [Patch(*tree.span(statement), code), *named.patches]) or None


def _target(statement: cst.CSTNode | None) -> cst.BaseExpression | None:
    """The one name or attribute that a statement assigns to."""
    target: cst.BaseExpression | None = None
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
    elif isinstance(statement, cst.AnnAssign) and statement.value is not None:
        target = statement.target
    return target if isinstance(target, (cst.Name, cst.Attribute)) else None


def _added(tree: Tree, names: Names, value: cst.CSTNode, attribute: str, written: Written) -> list[Patch] | None:
    """A call on a line of its own behind the assignment of a layer or a parameter that is built there."""
    statement = tree.parent(value)
    target = _target(statement)
    line = tree.line(value)
    if target is None or line is None or len(line.body) != 1 or line.body[0] is not statement:
        return None
    named = names.name(f"torch.nn.init.{written.function}", "torch.nn")
    if named is None:
        return None
    call = _call(tree, named, f"{tree.code(target)}{attribute}", written)
    end = tree.line_end(line)
    return [Patch(end, end, f"{tree.newline}{tree.indent(line)}{call}"), *named.patches]


def _call(tree: Tree, named: Named, target: str, written: Written) -> str:
    return f"{named.code}({', '.join(part for part in (target, tree.quoted(written.listed)) if part)})"


# Keras --------------------------------------------------------------------------------------------

#: Weight -> the argument of its layer that initialises it (keras/src/layers).
ARGUMENTS = {
    "kernel": "kernel_initializer",
    "recurrent_kernel": "recurrent_initializer",
    "bias": "bias_initializer",
    "depthwise_kernel": "depthwise_initializer",
    "pointwise_kernel": "pointwise_initializer",
}
ROOTS = ("keras", "tensorflow.keras", "tf_keras")


def _keras(tree: Tree, names: Names, mend: Mend, node: cst.CSTNode, written: Written) -> list[Patch] | None:
    string = keras_string(written)
    named = Named(f'"{string}"') if string else _keras_class(names, written)
    if named is None:
        return None
    code = tree.quoted(named.code)
    if mend.built:
        argument = ARGUMENTS.get(mend.of or "")
        if argument is None or not isinstance(node, cst.Call) or any(arg.star for arg in node.args):
            return None
        if any(arg.keyword is not None and arg.keyword.value == argument for arg in node.args):
            return None
        return [insert(tree, node, _behind(node), [f"{argument}={code}"]), *named.patches]
    around = tree.parent(node)
    if not isinstance(around, (cst.Arg, cst.DictElement)) or "#" in tree.code(node):
        return None
    if mentions(node, parameters_of(tree.function(node))):
        return None
    if not _is_initializer(names, node):
        return None
    return [Patch(*tree.span(node), code), *named.patches]


def _behind(call: cst.Call) -> int:
    """The argument behind which an initialiser is added: the activation, or the last one."""
    for index, arg in enumerate(call.args):
        if arg.keyword is not None and arg.keyword.value == "activation":
            return index
    return len(call.args) - 1


def _is_initializer(names: Names, node: cst.CSTNode) -> bool:
    """A string, a name, or a call of one of Keras' own classes."""
    if isinstance(node, (cst.SimpleString, cst.Name)):
        return True
    if isinstance(node, cst.Attribute):
        return True
    if not isinstance(node, cst.Call):
        return False
    last = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    return isinstance(last, cst.Name) and (last.value in KERAS_NAMES.values() or last.value in KERAS_NAMES)


def _keras_class(names: Names, written: Written) -> Named | None:
    """A call of the class, by way of whatever the file has imported of Keras."""
    bound = set(names.bound.values())
    for root in (*ROOTS, "tensorflow"):
        if any(means == root or means.startswith(f"{root}.") for means in bound):
            home = "tensorflow.keras" if root == "tensorflow" else root
            named = names.name(f"{home}.initializers.{written.function}", f"{home}.initializers")
            return named and Named(f"{named.code}({written.listed})", named.patches)
    return None
