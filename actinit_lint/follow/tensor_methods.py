"""Methods of data, parameters and fresh tensors: `x.view`, `weight.normal_`, `torch.randn(3).mul_(0.1)`."""

from __future__ import annotations

from actinit_lint.follow.calls import flows_in
from actinit_lint.follow.fans import by_fans
from actinit_lint.follow.state import Run
from actinit_lint.follow.tokens import laid_out
from actinit_lint.follow.values import (
    Args,
    Flow,
    ListValue,
    Parameter,
    Tensor,
    Unknown,
    Value,
    View,
    is_number,
)
from actinit_lint.follow.writes import overwrite, replace_data, set_trainable, write
from actinit_lint.knowledge.initializers import FILL_METHODS, number
from actinit_lint.model import Place
from actinit_lint.reference.normal_form import OPAQUE, Initializer

#: Methods of tensors and arrays that change neither elements nor shape.
KEEPING = frozenset(
    ["to", "cuda", "cpu", "float", "double", "clone", "detach", "contiguous", "requires_grad_", "astype", "copy"]
)


def on_flow(run: Run, owner: Flow, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow import dataflow, distributions

    if owner.info.get("distribution"):
        return distributions.call(run, owner, name, place)
    if name == "backward":
        run.uses += 1
    if name in ("size", "dim", "numel", "item", "backward", "tolist", "numpy"):
        return Unknown(f"{name} of the data")
    result = dataflow.function(run, name, args.with_first(owner, place), place)
    return result if result is not None else Unknown(f"method {name} of the data")


def _fill(run: Run, owner: Value, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow.torch_api import fill_tensor, spread

    row = FILL_METHODS[name]
    bound = dict(row.parameters)
    names = [n for n, _ in row.parameters]
    for key, value in zip(names, args.pos):
        bound[key] = value
    for key, value in args.kw.items():
        bound[{"from": "a", "to": "b", "value": "val"}.get(key, key)] = value
    target = owner.parameter if isinstance(owner, View) else owner
    initializer = OPAQUE if args.open else by_fans(row.build(bound), spread(bound), target)
    if isinstance(owner, Tensor):
        return fill_tensor(run, owner, initializer, place)
    parameter = owner.parameter if isinstance(owner, View) else owner
    guarded = run.no_grad > 0 or (isinstance(owner, View) and (owner.data or owner.copy)) or not parameter.trainable
    if not guarded:
        note_in_place(run, parameter, name, place)
    write(run, owner, initializer, place)
    return owner


def note_in_place(run: Run, parameter: Parameter, name: str, place: Place) -> None:
    """Remember an in-place write to a leaf that asks for gradients: torch raises."""
    if not parameter.buffer and not run.trying and parameter.owner is not None and not run.branching:
        run.record("in_place", place, parameter=parameter, name=name)


#: In-place methods besides the fills.
CHANGING = frozenset(
    {"copy_", "mul_", "div_", "add_", "sub_", "clamp_", "erfinv_", "masked_fill_", "pow_", "exp_", "sqrt_", "abs_"}
    | {"fill_diagonal_"}
)


def on_parameter(run: Run, owner: Parameter | View, name: str, args: Args, place: Place) -> Value:
    result = _on_parameter(run, owner, name, args, place)
    if isinstance(result, View) and result is not owner:
        result.repeated = laid_out(owner, name, args)
    return result


def _on_parameter(run: Run, owner: Parameter | View, name: str, args: Args, place: Place) -> Value:
    parameter = owner.parameter if isinstance(owner, View) else owner
    if name in FILL_METHODS:
        return _fill(run, owner, name, args, place)
    if name in CHANGING and not run.no_grad and parameter.trainable:
        if not isinstance(owner, View) or not (owner.data or owner.copy):
            note_in_place(run, parameter, name, place)
    if name == "fill_diagonal_":
        overwrite(run, owner, lambda i: OPAQUE, place)
        return owner
    if name == "copy_":
        replace_data(run, owner if not isinstance(owner, View) or not owner.copy else View(parameter, copy=True),
                     args.pos[0] if args.pos else None, place)  # fmt: skip
        return owner
    if name in ("mul_", "div_", "multiply_"):
        factor = number(args.pos[0]) if args.pos else None
        from actinit_lint.follow.operators import scaled_by

        if name == "div_":
            factor = 1 / factor if factor else None
        overwrite(run, owner, lambda i: scaled_by(i, factor), place)
        return owner
    if name == "erfinv_":
        overwrite(run, owner, _erfinv, place)
        return owner
    if name == "add_" and args.pos and is_number(args.pos[0]):
        from actinit_lint.follow.operators import _shifted

        overwrite(run, owner, lambda i: _shifted(i, float(args.pos[0])), place)
        return owner
    if name in ("clamp_", "clip_"):
        overwrite(run, owner, lambda i: i if i.distribution == "truncated_normal" else OPAQUE, place)
        return owner
    if name in (
        "add_",
        "sub_",
        "abs_",
        "clamp_min_",
        "masked_fill_",
        "index_fill_",
        "set_",
        "resize_",
        "squeeze_",
        "unsqueeze_",
        "exp_",
        "log_",
        "pow_",
        "sqrt_",
        "sigmoid_",
        "tanh_",
    ):
        overwrite(run, owner, lambda i: OPAQUE, place)
        return owner
    if name == "requires_grad_":
        set_trainable(run, owner, args.pos[0] if args.pos else args.kw.get("requires_grad", True))
        return owner
    part = owner.part if isinstance(owner, View) else False
    if name == "size" and not part:
        if args.pos and isinstance(args.pos[0], int):
            from actinit_lint.follow.attributes import parameter_shape

            shape = parameter_shape(parameter)
            inside = isinstance(shape, tuple) and -len(shape) <= args.pos[0] < len(shape)
            return shape[args.pos[0]] if inside else Unknown("size of a tensor")
        from actinit_lint.follow.attributes import parameter_shape

        return parameter_shape(parameter)
    if name in ("dim", "ndimension"):
        return len(parameter.shape) if parameter.shape is not None and not part else Unknown("size of a tensor")
    if name in ("numel", "nelement"):
        return Unknown("size of a tensor")
    if name in ("detach", "view", "reshape", "cuda", "to", "cpu", "float", "flatten", "data_ptr"):
        copy = isinstance(owner, View) and owner.copy
        data = name == "detach" or (isinstance(owner, View) and owner.data)
        reshaped = name in ("view", "reshape", "flatten") or (isinstance(owner, View) and owner.reshaped)
        return View(parameter, data, part, copy, reshaped=reshaped, clone=isinstance(owner, View) and owner.clone)
    if name in ("unsqueeze", "squeeze"):
        return View(parameter, isinstance(owner, View) and owner.data, part, reshaped=True)
    if name in ("t", "transpose", "permute", "T"):
        transposed = isinstance(owner, View) and owner.transposed
        return View(
            parameter,
            isinstance(owner, View) and owner.data,
            part,
            isinstance(owner, View) and owner.copy,
            not transposed,
            index=owner.index if isinstance(owner, View) else (),
        )
    if name in ("clone", "half", "double", "bfloat16"):
        return View(parameter, copy=True, clone=True)
    if name in (
        "numpy",
        "contiguous",
        "expand",
        "repeat",
        "unsqueeze",
        "squeeze",
        "new_tensor",
        "type_as",
        "cumsum",
        "softmax",
        "sigmoid",
        "exp",
        "abs",
        "tanh",
    ):
        return View(parameter, copy=True)
    if name in ("chunk", "split", "unbind"):
        return ListValue([View(parameter, data=isinstance(owner, View) and owner.data, part=True)], "list", True)
    if name in ("new_zeros", "new_ones", "new_empty", "new_full"):
        from actinit_lint.follow.torch_api import create

        return create(run, name, args, place)
    if name in ("assign", "assign_add", "set_weights"):
        replace_data(run, owner, args.pos[0] if args.pos else None, place)
        return owner
    flows = flows_in(args.values())
    if flows and name in ("matmul", "mm", "bmm", "mv", "dot", "__matmul__"):
        from actinit_lint.follow import dataflow

        return dataflow.matmul(run, owner, args.pos[0], place)
    if flows:
        from actinit_lint.follow import dataflow

        result = dataflow.function(run, name, args.with_first(owner, place), place)
        return result if result is not None else Unknown(f"method {name} of a parameter")
    return View(parameter, copy=True)


def _erfinv(i: Initializer) -> Initializer:
    """The inverse error function of a uniform draw: how a truncated normal is made by hand, std 1/sqrt(2)."""
    if i.family == "uniform" and i.low is not None and i.high is not None and -1 <= i.low < i.high <= 1:
        return Initializer("trunc_normal", "normal", "truncated_normal", mean=0.0, std=0.5**0.5)
    return OPAQUE


def _size(shape: tuple[int | None, ...] | None, axis: int) -> Value:
    if shape is None or not -len(shape) <= axis < len(shape):
        return Unknown("size of a tensor")
    size = shape[axis]
    return Unknown("size of a tensor") if size is None else size


def on_tensor(run: Run, owner: Tensor, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow.operators import binary, scaled
    from actinit_lint.follow.torch_api import RESHAPING, create, trained

    if name in FILL_METHODS:
        return _fill(run, owner, name, args, place)
    if name in ("mul", "mul_", "div", "div_", "add", "add_", "sub", "sub_") and args.pos:
        sign = {"mul": "*", "div": "/", "add": "+", "sub": "-"}[name.rstrip("_")]
        result = binary(run, sign, owner, args.pos[0], place)
        if name.endswith("_") and isinstance(result, Tensor):
            run.assign(owner, "initializer", result.initializer)
            return owner
        return result
    if name == "requires_grad_" and not (args.pos and args.pos[0] is False):
        return trained(run, owner, place)
    if name in RESHAPING or name in KEEPING:
        shape = owner.shape if name in KEEPING else None
        return Tensor(owner.initializer, shape, owner.place, owner.also)
    if name == "size" and args.pos and isinstance(args.pos[0], int):
        return _size(owner.shape, args.pos[0])
    if name == "dim":
        return len(owner.shape) if owner.shape is not None else Unknown("size of a tensor")
    if name == "neg":
        return scaled(owner, -1.0)
    from actinit_lint.follow import dataflow

    result = dataflow.function(run, name, args.with_first(owner, place), place)
    if result is not None:
        return result
    made = create(run, name, args, place) if name.startswith("new_") else None
    return made if made is not None else Tensor(OPAQUE, None, place)
