"""Repairs that draw nothing anew: spellings, guards, `.data`, and activations that a loss applies itself."""

from __future__ import annotations

import ast

import libcst as cst

from actinit_lint.fixes.names import Names
from actinit_lint.fixes.patch import Patch
from actinit_lint.fixes.tree import Tree
from actinit_lint.knowledge.keras import LEGACY_ARGUMENTS
from actinit_lint.rule import Mend


def rename(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """The function called at the place gets its new name."""
    call = tree.at(mend.at.at)
    new = mend.to
    if not isinstance(call, cst.Call) or not isinstance(new, str) or mend.of is None:
        return None
    function = call.func
    if mend.framework != "torch":
        return _tensorflow(tree, call, new)
    old, new = mend.of.rpartition(".")[2], new.rpartition(".")[2]
    if isinstance(function, cst.Attribute):
        return [Patch(*tree.span(function.attr), new)] if function.attr.value == old else None
    if not isinstance(function, cst.Name) or function.value != old:
        return None
    named = names.beside(function, new)
    return named and [Patch(*tree.span(function), named.code), *named.patches]


#: Initialisers of TF 1 whose arguments mean in `tf.keras.initializers` what they meant before, as long as the call
#: names these arguments; their defaults differ (tensorflow/python/ops/init_ops.py).
SAME_ARGUMENTS = {
    "glorot_uniform_initializer": ((), ("seed",)),
    "glorot_normal_initializer": ((), ("seed",)),
    "orthogonal_initializer": ((), ("gain", "seed")),
    "truncated_normal_initializer": (("stddev",), ("mean", "stddev", "seed")),
    "variance_scaling_initializer": (("distribution",), ("scale", "mode", "distribution", "seed")),
}


def _tensorflow(tree: Tree, call: cst.Call, new: str) -> list[Patch] | None:
    function = call.func
    if not isinstance(function, cst.Attribute) or not isinstance(function.value, cst.Name):
        return None
    needed, allowed = SAME_ARGUMENTS.get(function.attr.value, (("",), ()))
    given = [arg.keyword.value if arg.keyword is not None and not arg.star else "" for arg in call.args]
    if not set(needed) <= set(given) or not set(given) <= set(allowed):
        return None
    return [Patch(*tree.span(function), function.value.value + new.removeprefix("tf"))]


def argument(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """The arguments of the call at the place get their new names, all of them or none."""
    call = tree.at(mend.at.at)
    if not isinstance(call, cst.Call):
        return None
    keywords = {arg.keyword.value: arg.keyword for arg in call.args if arg.keyword is not None}
    old = {name: LEGACY_ARGUMENTS[name] for name in keywords if name in LEGACY_ARGUMENTS}
    if old.keys() & OTHER_VALUES or len({*keywords, *old.values()}) < len(keywords) + len(old):
        return None
    return [Patch(*tree.span(keywords[name]), new) for name, new in old.items()]


#: Old arguments whose values changed too: sides of a kernel, and a name where a truth value is due.
OTHER_VALUES = frozenset({"nb_row", "nb_col", "filter_length", "subsample_length", "forget_bias_init"})


def text(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """A string becomes another one: the one at the place, or the only equal one among the arguments there."""
    node = tree.at(mend.at.at)
    found = [node] if isinstance(node, cst.SimpleString) else []
    if isinstance(node, cst.Call):
        found = [arg.value for arg in node.args if isinstance(arg.value, cst.SimpleString)]
    found = [one for one in found if _value(one) == mend.of]
    if len(found) != 1 or not isinstance(mend.to, str):
        return None
    (literal,) = found
    start, end = tree.span(literal)
    opening = len(literal.prefix) + len(literal.quote)
    if literal.value[opening : -len(literal.quote)] != mend.of:
        return None
    return [Patch(start + opening, end - len(literal.quote), mend.to)]


def _value(node: cst.SimpleString) -> object:
    try:
        return ast.literal_eval(node.value)
    except (ValueError, SyntaxError):
        return None


def guard(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """A call in a loop over parameters is made for those only that have two dimensions or more."""
    call = tree.at(mend.at.at)
    if not isinstance(call, cst.Call) or not call.args or not isinstance(call.args[0].value, cst.Name):
        return None
    tensor = call.args[0].value.value
    line = tree.line(call)
    if line is None or len(line.body) != 1 or not isinstance(line.body[0], cst.Expr) or line.body[0].value is not call:
        return None
    loop = next((one for one in tree.above(line) if isinstance(one, (cst.For, cst.FunctionDef, cst.Lambda))), None)
    if not isinstance(loop, cst.For) or not _draws_parameters(loop, tensor):
        return None
    code = tree.code(call)
    if "\n" in code or "\r" in code:
        return None
    start = tree.span(call)[0]
    indent = tree.indent(line)
    inner = f"if {tensor}.dim() > 1:{tree.newline}{indent}{tree.module.default_indent}"
    return [Patch(start, start, inner)]


def _draws_parameters(loop: cst.For, tensor: str) -> bool:
    """`for p in ….parameters()`, `for name, p in ….named_parameters()`."""
    source = loop.iter
    if not isinstance(source, cst.Call) or not isinstance(source.func, cst.Attribute):
        return False
    target: cst.BaseExpression = loop.target
    if source.func.attr.value == "named_parameters" and isinstance(target, cst.Tuple) and len(target.elements) == 2:
        target = target.elements[1].value
    elif source.func.attr.value != "parameters":
        return False
    return isinstance(target, cst.Name) and target.value == tensor


def data(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """A tensor's method writes through `.data`, which autograd does not watch."""
    call = tree.at(mend.at.at)
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return None
    target = call.func.value
    if not isinstance(target, (cst.Name, cst.Attribute, cst.Subscript)) or target.lpar:
        return None
    end = tree.span(target)[1]
    return [Patch(end, end, ".data")]


def probabilities(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """`from_logits=True` of a loss that gets probabilities becomes False."""
    call = tree.at(mend.at.at)
    if not isinstance(call, cst.Call):
        return None
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == "from_logits":
            is_true = isinstance(arg.value, cst.Name) and arg.value.value == "True"
            return [Patch(*tree.span(arg.value), "False")] if is_true else None
    return None


#: Arguments of a softmax or sigmoid that stand for the tensor.
TENSOR = ("input", "x")


def unwrap(tree: Tree, names: Names, mend: Mend) -> list[Patch] | None:
    """The activation applied at the place is left out: what went in takes its place."""
    call = tree.at(mend.at.at)
    if not isinstance(call, cst.Call):
        return None
    around = tree.parent(call)
    if isinstance(around, cst.Arg):
        holder = tree.parent(around)
        if isinstance(holder, cst.Call) and (names.meaning(holder.func) or "") == "torch.nn.Sequential":
            return _last_of(tree, holder, around)
    inner = _input(names, call)
    if inner is None or "#" in tree.code(call):
        return None
    code = tree.code(inner)
    if isinstance(inner, _SIMPLE) and not inner.lpar:
        return [Patch(*tree.span(call), code)]
    if "\n" in code or not isinstance(around, (cst.Return, cst.Assign, cst.Arg)):
        code = f"({code})"
    return [Patch(*tree.span(call), code)]


_SIMPLE = (cst.Name, cst.Attribute, cst.Call, cst.Subscript)


def _last_of(tree: Tree, sequence: cst.Call, element: cst.Arg) -> list[Patch] | None:
    """Take the last module out of a Sequential; the keys of the others stay as they are."""
    if len(sequence.args) < 2 or sequence.args[-1] is not element or any(arg.star for arg in sequence.args):
        return None
    start, end = tree.span(sequence.args[-2])[1], tree.span(element)[1]
    return None if "#" in tree.text[start:end] else [Patch(start, end, "")]


def _input(names: Names, call: cst.Call) -> cst.BaseExpression | None:
    """What an application of an activation is applied to."""
    function = call.func
    positional = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
    named = [arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value in TENSOR]
    means = names.meaning(function) or ""
    if means.startswith(("torch.nn.functional.", "torch.special.")) or means in ACTIVATIONS_OF_TORCH:
        return next(iter([*positional, *named]), None)
    if not isinstance(function, cst.Attribute):
        return None
    if function.attr.value in ACTIVATION_METHODS and not (positional and _is_self(function.value)):
        return function.value
    if _is_self(function.value) and len(positional) == 1 and len(call.args) == 1:
        return positional[0]  # self.softmax(x), where a module was built elsewhere
    return None


ACTIVATION_METHODS = ("softmax", "log_softmax", "sigmoid")
ACTIVATIONS_OF_TORCH = tuple(f"torch.{name}" for name in ACTIVATION_METHODS)


def _is_self(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "self"
