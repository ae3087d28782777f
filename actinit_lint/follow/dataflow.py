"""Functions and operators on data: what each adds to the data-flow graph."""

from __future__ import annotations

import re
from typing import NamedTuple

from actinit_lint.follow.apply import clipping, label
from actinit_lint.follow.calls import flows_in, unknown_call
from actinit_lint.follow.graph import origin
from actinit_lint.follow.state import Run
from actinit_lint.follow.tokens import attend, rows_of
from actinit_lint.follow.values import (
    Args,
    Flow,
    ListValue,
    Obj,
    Parameter,
    Tensor,
    Unknown,
    Value,
    View,
    is_number,
    options,
)
from actinit_lint.knowledge import torch as table
from actinit_lint.model import Activation, Place


def combine(run: Run, sign: str, left: Value, right: Value, place: Place) -> Value:
    """An operator with data on at least one side."""
    flows = [v for v in (left, right) if isinstance(v, Flow)]
    other = right if isinstance(left, Flow) else left
    if sign == "@":
        return matmul(run, left, right, place)
    if len(flows) == 2:
        if sign in "*/":
            normed = _norm_by_hand(run, left, right, place)
            if normed is not None:
                return normed
        if sign in "+-":
            return run.flow(Flow("add", flows, place, name=sign, shape=flows[0].shape))
        if sign == "*":
            by_hand = _silu(run, flows, place)
            if by_hand is not None:
                return by_hand
        if sign in "*/":
            return run.flow(Flow("mul", flows, place, name=sign, shape=flows[0].shape))
        return run.flow(Flow("nonlinear", flows, place, name=sign))
    x = flows[0]
    if isinstance(other, (Obj, ListValue, tuple)):
        return run.flow(Flow("unknown", flows, place, name=f"{sign} with something unknown"))
    if sign in "+-":
        # an unknown summand may be another branch: the benefit of the doubt is in `add`; a target is subtracted
        op = "add" if sign == "+" and isinstance(other, Unknown) else "pass"
        node = run.flow(Flow(op, [x], place, name=sign, shape=x.shape))
        if isinstance(other, (Parameter, View)):
            node.info["added"] = other.parameter if isinstance(other, View) else other
            node.info["rows"] = rows_of(other) is not None
        return node
    if sign == "*" or (sign == "/" and isinstance(left, Flow)):
        op = "mul" if isinstance(other, Unknown) else "scale"
        if is_number(other) and other == 1:
            op = "pass"
        node = run.flow(Flow(op, [x], place, name=sign, shape=x.shape))
        if isinstance(other, (Parameter, View)):
            node.info["parameter"] = other.parameter if isinstance(other, View) else other
        return node
    return run.flow(Flow("nonlinear", [x], place, name=sign, shape=x.shape))


#: Functions whose result measures the spread of their input.
SPREADS = frozenset({"rsqrt", "sqrt", "std", "norm", "var"})


def _norm_by_hand(run: Run, x: Value, by: Value, place: Place) -> Flow | None:
    """`x * torch.rsqrt(x.pow(2).mean(-1) + eps)`, `(x - mean) / (std + eps)`: a normalisation written out."""
    if not isinstance(x, Flow) or not isinstance(by, Flow):
        return None
    measure = origin(by, frozenset({"pass", "scale", "select"}))
    if measure is None or measure.op != "nonlinear" or measure.name not in SPREADS:
        return None
    measured = _measured(measure)
    base, centred = x, False
    while base.number not in measured:
        if base.op in ("pass", "scale") and len(base.inputs) == 1:
            base = base.inputs[0]
        elif base.op == "add" and len(base.inputs) == 2 and not centred:
            base, centred = base.inputs[0], True
        else:
            return None
    normed = run.flow(Flow("norm", [base], place, name="layer" if centred else "rms", shape=base.shape))
    _forget([by, x], base)
    return normed


def _measured(measure: Flow) -> set[int]:
    """What a spread is the spread of: all that it is computed from without a layer or activation in between."""
    found, stack = set(), [measure]
    while stack:
        node = stack.pop()
        if node.number not in found:
            found.add(node.number)
            if node.op in ("nonlinear", "pass", "scale", "select", "add", "mul", "max"):
                stack.extend(node.inputs)
    return found


def _forget(nodes: list[Flow], base: Flow) -> None:
    """Take steps out of the graph that served a normalisation alone, from the last one back to what it is made of."""
    for node in nodes:
        if node is not base and not node.dead and all(consumer.dead for consumer in node.consumers):
            node.dead = True
            _forget(node.inputs, base)


def _silu(run: Run, flows: list[Flow], place: Place) -> Flow | None:
    """`x * sigmoid(x)` is SiLU, written by hand."""
    for x, gate in (flows, reversed(flows)):
        if gate.op == "activation" and gate.name == "sigmoid" and gate.inputs == [x] and len(gate.consumers) == 0:
            gate.dead = True
            found = Activation("silu", None, ((place, f"meets {label('silu')} here"),))
            return run.flow(Flow("activation", [x], place, name="silu", activation=found, shape=x.shape))
    return None


def _is_relu(name: str, args: Args) -> bool:
    """`clamp(min=0)` without an upper bound is ReLU."""
    low = args.kw.get("min", args.pos[1] if len(args.pos) > 1 else None)
    high = args.kw.get("max", args.pos[2] if len(args.pos) > 2 else None)
    return name in ("clamp", "clip", "clamp_min") and is_number(low) and low == 0 and high is None


class Operand(NamedTuple):
    """What a weight expression stands for."""

    parameter: Parameter
    derived: bool = False  # changed on the way
    at: tuple[int | None, ...] = ()  # the index of one matrix in a stack


def weight_of(value: Value) -> Operand | None:
    """The parameter that a weight expression stands for; None where it is none, or a part that is no matrix."""
    for option in options(value):
        if isinstance(option, Parameter):
            return Operand(option)
        if isinstance(option, View) and (not option.part or _is_matrix(option)):
            return Operand(option.parameter, option.copy, option.index)
    return None


def _is_matrix(view: View) -> bool:
    shape = view.parameter.shape
    return shape is not None and bool(view.index) and len(shape) - len(view.index) == 2


def matmul(run: Run, left: Value, right: Value, place: Place) -> Value:
    """`x @ W` and its functions: a layer when one side is a parameter."""
    left, right = data(run, left, right, place), data(run, right, left, place)
    flows = [v for v in (left, right) if isinstance(v, Flow)]
    if len(flows) == 2:
        node = run.flow(Flow("matmul", flows, place, name="@"))
        _note_mixing(node)
        return node
    if not flows:
        return run.flow(Flow("unknown", flows_in((left, right)), place, name="@ with something unknown"))
    other = right if isinstance(left, Flow) else left
    found = weight_of(other)
    if found is not None:
        weight_first = not isinstance(left, Flow)
        if weight_first and found.parameter.buffer:
            return run.flow(Flow("pass", flows, place, name=MIXED, shape=flows[0].shape))
        transposed = isinstance(other, View) and other.transposed
        return raw_layer(run, flows, found, place, out_first=weight_first != transposed)
    if isinstance(other, Tensor):
        return run.flow(Flow("matmul", flows, place, name="@ with a constant"))
    return run.flow(Flow("unknown", flows, place, name="@ with something unknown"))


MIXED = "scatter_add"  # rows, each a sum over others: what a sparse product with the matrix of a graph computes too


def _note_mixing(node: Flow) -> None:
    """`adjacency @ (x @ W)`: a matrix that is given with the data, and that hidden states of several depths meet on
    their left, mixes their rows, the nodes of a graph. It has been a guess until the second meeting."""
    matrix, states = node.inputs
    source = origin(matrix, frozenset({"pass", "select"}))
    if source is None or source.op != "input":
        return
    met: list[Flow] = source.info.setdefault("mixes", [])
    met.append(node)
    if any(consumer.op != "matmul" or consumer.inputs[-1] is matrix for consumer in matrix.consumers):
        return
    if all(states.ancestors >> earlier.number & 1 or earlier is node for earlier in met) and len(met) > 1:
        for one in met:
            if one.op == "matmul":
                _mix(one)


def _mix(node: Flow) -> None:
    matrix, states = node.inputs
    node.op, node.name, node.inputs = "pass", MIXED, [states]
    node.shape = states.shape
    matrix.consumers.remove(node)


#: Methods that make a model's parameters: products in them are no forward pass.
MAKING = frozenset({"__init__", "build", "reset_parameters", "init_weights"})


def data(run: Run, value: Value, other: Value, place: Place) -> Value:
    """A tensor that a script multiplies with a trainable parameter is data."""
    if not isinstance(value, (Tensor, Unknown)) or any(
        f.func is not None and f.func.name in MAKING for f in run.frames
    ):
        return value
    found = weight_of(other)
    if found is None or not found.parameter.trainable or not found.parameter.raw or found.parameter.owner is not None:
        return value
    shape = value.shape[1:] if isinstance(value, Tensor) and value.shape else None
    return run.flow(Flow("input", [], place, shape=shape))


def raw_layer(
    run: Run, flows: list[Flow], found: Operand, place: Place, *, out_first: bool | None, groups: int = 1
) -> Flow:
    """A parameter multiplied with the data. `out_first`: its first axis counts outputs, as in F.linear."""
    parameter, derived, index = found
    shape = None
    sizes = parameter.shape[len(index) :] if parameter.shape is not None else ()
    if len(sizes) == 2 and out_first is not None and flows[0].shape:
        shape = (*flows[0].shape[:-1], sizes[0 if out_first else 1])
    owner: Obj | Parameter = parameter
    if parameter.owner is not None and not parameter.raw:
        owner = parameter.owner  # F.linear(x, self.fc.weight)
    node = run.flow(Flow("layer", flows, place, name="parameter", layer=owner, weight=parameter.name, shape=shape))
    node.info.update(parameter=parameter, derived=derived, out_first=out_first, groups=groups, index=index)
    return node


SIGNS = {"add": "+", "sub": "-", "subtract": "-", "rsub": "-", "mul": "*", "multiply": "*", "div": "/", "divide": "/",
         "true_divide": "/"}  # fmt: skip


def function(run: Run, name: str, args: Args, place: Place, in_place: bool = False) -> Value | None:
    """A torch function or tensor method on data; None when no data goes in."""
    base = name[:-1] if name.endswith("_") and not name.startswith("_") else name
    flows = flows_in(args.values())
    if not flows and (base in table.MATMUL_FUNCTIONS or base in table.LINEAR_FUNCTIONS) and len(args.pos) > 1:
        args.pos[0] = data(run, args.pos[0], args.pos[1], place)
        flows = flows_in(args.values())
    if not flows:
        return None
    x = flows[0]
    if base in table.ACTIVATION_FUNCTIONS:
        return activation(run, base, args, x, place)
    if name in table.CREATORS or name in ("full_like", "new_full"):
        from actinit_lint.follow.torch_api import create

        return create(run, name, args, place)
    if name in table.META_FUNCTIONS:
        return Unknown(f"{name} of the data")
    if base in table.PASS_FUNCTIONS or name in table.PASS_FUNCTIONS:
        shape = x.shape if base in ("contiguous", "clone", "detach", "float", "half", "to", "dropout") else None
        node = run.flow(Flow("pass", [x], place, name=base, shape=shape))
        if base.endswith("dropout"):
            node.info["p"] = args.kw.get("p", args.pos[1] if len(args.pos) > 1 else 0.5)
        elif base in ("view", "reshape", "rearrange"):
            node.info["rank"] = rank(args)
        elif base in ("mean", "sum"):
            node.info["dim"] = args.get(1, "dim", "axis")
        return node
    if base in SIGNS:
        from actinit_lint.follow.operators import binary

        return binary(run, SIGNS[base], _at(args, 0), _at(args, 1), place)
    if base in table.MATMUL_FUNCTIONS:
        return matmul(run, _at(args, 0), _at(args, 1), place)
    if base in ("addmm", "baddbmm"):
        return matmul(run, _at(args, 1), _at(args, 2), place)
    if base in ("addcmul", "lerp"):
        return run.flow(Flow("mul", flows, place, name=base))
    if base == "einsum":
        return einsum(run, args, flows, place)
    if base in table.LINEAR_FUNCTIONS:
        return linear(run, base, args, flows, place)
    if base in table.NORM_FUNCTIONS:
        return run.flow(Flow("norm", [x], place, name=table.NORM_FUNCTIONS[base], shape=x.shape))
    if base in table.SPLIT_FUNCTIONS:
        return split(run, base, args, x, place)
    if base in table.CONCAT_FUNCTIONS:
        op = "concat" if len(flows) > 1 else "pass"
        return run.flow(Flow(op, flows, place, name=base))
    if name in table.LOSS_FUNCTIONS:
        first = _at(args, 0) if args.pos else args.kw.get("input")
        if isinstance(first, Flow):
            run.record("loss", place, name=table.LOSS_FUNCTIONS[name], flow=first, obj=None, applied=place)
        return run.flow(Flow("loss", flows, place, name=name))
    if base in table.MAX_FUNCTIONS:
        node = run.flow(Flow("max", flows, place, name=base))
        if base in ("max", "min", "topk", "sort", "median", "kthvalue", "mode"):
            node.info["pieces"] = (node, Unknown("indices"))
        return node
    if base == "glu":
        return run.flow(Flow("gate", [x], place, name="glu"))
    if base in table.ATTENTION_FUNCTIONS:
        return attend(run, args, place, base)
    if base == "embedding":
        return run.flow(Flow("embedding", [x], place, name=base))
    if _is_relu(base, args) and x.op != "activation":
        found = Activation("relu", None, ((place, "meets ReLU here"),))
        return run.flow(Flow("activation", [x], place, name="relu", activation=found, shape=x.shape))
    if base in table.NONLINEAR_FUNCTIONS or name in table.NONLINEAR_FUNCTIONS:
        return run.flow(Flow("nonlinear", flows, place, name=base, shape=x.shape))
    return unknown_call(run, name, args, place)


def rank(args: Args) -> int:
    """The number of axes that a reshaped tensor gets; 0 where it is not known."""
    rest = args.pos[1:] or [args.kw.get("shape", args.kw.get("size"))]
    sizes = rest[0].items if len(rest) == 1 and isinstance(rest[0], ListValue) else rest
    if args.open:
        return 0
    if len(sizes) == 1 and isinstance(sizes[0], str):  # a pattern of einops
        axes = re.sub(r"\([^)]*\)", "joined", sizes[0].rpartition("->")[2])
        return len(axes.split())
    if len(sizes) == 1:
        return len(sizes[0]) if isinstance(sizes[0], tuple) else 0
    return len(sizes)


def _at(args: Args, index: int) -> Value:
    if index < len(args.pos):
        return args.pos[index]
    for name in (("input", "self"), ("other", "mat2", "tensor2"))[min(index, 1)]:
        if name in args.kw:
            return args.kw[name]
    return Unknown("missing argument")


#: The bounds of `hardtanh`: position, name, default.
BOUNDS = ((1, "min_val", -1.0), (2, "max_val", 1.0))


def activation(run: Run, base: str, args: Args, x: Flow, place: Place) -> Flow:
    name, position, keyword, default = table.ACTIVATION_FUNCTIONS[base]
    if name == "hardtanh":
        low, high = (args.kw.get(key, args.pos[i] if len(args.pos) > i else one) for i, key, one in BOUNDS)
        clipped = clipping(run, low, high, x, place)
        if isinstance(clipped, Flow):
            return clipped
        name = clipped
    slope = default
    value: Value = None
    if position is not None and keyword is not None:
        value = args.kw.get(keyword)
        if value is None and len(args.pos) > position + 1:
            value = args.pos[position + 1]
        if isinstance(value, (int, float)):
            slope = float(value)
        elif value is not None:
            slope = None
    dim = value if keyword == "dim" and isinstance(value, int) else args.kw.get("dim", args.kw.get("axis"))
    found = Activation(
        name,
        slope if keyword != "dim" else None,
        ((place, f"meets {label(name)} here"),),
        dim if isinstance(dim, int) else None,
    )
    return run.flow(Flow("activation", [x], place, name=name, activation=found, shape=x.shape))


def split(run: Run, base: str, args: Args, x: Flow, place: Place) -> Value:
    count = args.kw.get("chunks", args.pos[1] if len(args.pos) > 1 else None)
    if base == "chunk" and isinstance(count, int) and 0 < count <= 16:
        return tuple(run.flow(Flow("select", [x], place, name=f"chunk {i}")) for i in range(count))
    if isinstance(count, (ListValue, tuple)):
        sizes = count.items if isinstance(count, ListValue) else list(count)
        if 0 < len(sizes) <= 16:
            return tuple(run.flow(Flow("select", [x], place, name=f"part {i}")) for i in range(len(sizes)))
    return run.flow(Flow("select", [x], place, name=base))


def linear(run: Run, base: str, args: Args, flows: list[Flow], place: Place) -> Value:
    position = table.LINEAR_FUNCTIONS[base]
    weight = args.kw.get("weight", args.pos[position] if len(args.pos) > position else None)
    if isinstance(weight, Flow):  # computed from the data: a hypernetwork
        return run.flow(Flow("matmul", flows, place, name=base))
    found = weight_of(weight)
    if found is None:
        return run.flow(Flow("unknown", flows, place, name=f"{base} with an unknown weight"))
    groups = args.kw.get("groups", args.pos[6] if base.startswith("conv") and len(args.pos) > 6 else 1)
    return raw_layer(
        run, flows, found, place, out_first="transpose" not in base, groups=groups if isinstance(groups, int) else 1
    )


def einsum(run: Run, args: Args, flows: list[Flow], place: Place) -> Value:
    """einsum: with one parameter and one piece of data it is a layer; with two pieces of data attention or the like."""
    weights = [found for found in (weight_of(v) for v in args.values() if not isinstance(v, (str, Flow))) if found]
    if len(weights) == 1 and len(flows) == 1:
        node = raw_layer(run, flows, weights[0], place, out_first=None)
        node.info["einsum"] = args.pos[0] if args.pos and isinstance(args.pos[0], str) else None
        node.info["operands"] = ["data" if isinstance(v, Flow) else "weight" for v in args.pos[1:]]
        return node
    if weights:
        node = raw_layer(run, flows, weights[0], place, out_first=None)
        node.info["derived"] = True
        return node
    node = run.flow(Flow("matmul", flows, place, name="einsum"))
    node.info["einsum"] = next((v for v in args.pos if isinstance(v, str)), None)  # that of einops comes last
    return node
