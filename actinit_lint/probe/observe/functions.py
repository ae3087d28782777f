"""What torch's functions are to an observer, as tables of names."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from actinit_lint.reference.activations import activation
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.spellings import SPELLINGS

#: Linear maps, with the position of the weight where it is fixed (None: whichever operand is a weight).
LINEAR: dict[str, int | None] = {
    "linear": 1,
    **{f"conv{n}d": 1 for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": 1 for n in (1, 2, 3)},
    "matmul": None, "rmatmul": None, "mm": None, "bmm": None, "einsum": None, "tensordot": None, "addmm": None,
    "baddbmm": None, "mv": None, "inner": None,
}  # fmt: skip
NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"})
POOLS = frozenset(
    {"amax", "max", "topk"} | {f"{kind}max_pool{n}d" for kind in ("", "adaptive_", "fractional_") for n in (1, 2, 3)}
)
#: Pooling by mean divides what differs between positions, and the gradient, by a number that no theory here knows.
MEANS = frozenset(
    {"mean", "sum", "nanmean", "logsumexp", "bmm", "matmul"}
    | {f"{kind}avg_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)}
)
#: Elementwise functions: value i of the result depends on value i of each operand alone.
ELEMENTWISE = frozenset(
    {"add", "radd", "iadd", "sub", "rsub", "isub", "subtract", "mul", "rmul", "imul", "multiply", "div", "rdiv"}
    | {"idiv", "truediv", "rtruediv", "itruediv", "true_divide", "divide", "neg", "negative", "abs", "absolute"}
    | {"pow", "rpow", "ipow", "square", "sqrt", "rsqrt", "reciprocal", "exp", "expm1", "log", "log1p", "sin", "cos"}
    | {"tanh", "sigmoid", "erf", "erfc", "relu", "clamp", "clip", "clamp_min", "clamp_max", "clamp_min_", "where"}
    | {"maximum", "minimum", "max", "min", "sign", "sinh", "cosh", "atan", "arctan", "logaddexp", "sinc", "to"}
    | {"float", "double", "half", "type", "contiguous", "clone", "gt", "lt", "ge", "le", "special_expit", "expit"}
    | {"softplus", "softsign", "logsigmoid", "tanhshrink", "hardtanh", "hardsigmoid", "hardswish", "softshrink"}
    | {"hardshrink", "threshold", "rrelu", "prelu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu"}
    | {"mish", "relu_", "addcmul", "special_log_ndtr", "lerp", "nan_to_num"}
)
#: Of these, the ones that merge two tensors.
ADDS = frozenset({"add", "radd", "iadd", "sub", "rsub", "isub", "subtract", "cat", "concat", "concatenate", "stack"})
MULTIPLIES = frozenset({"mul", "rmul", "imul", "multiply", "matmul", "bmm", "einsum", "div", "truediv"})
#: Elementwise functions that bend nothing.
STRAIGHT = frozenset(
    {"add", "radd", "iadd", "sub", "rsub", "isub", "subtract", "mul", "rmul", "imul", "multiply", "div"}
    | {"idiv", "truediv", "itruediv", "true_divide", "divide", "neg", "negative", "to", "float", "double", "half"}
    | {"type", "contiguous", "clone"}
)
SOFTMAXES = frozenset({"softmax", "log_softmax"})
#: Functions through which no gradient comes, so that a zero behind them says nothing about the weights.
BLOCKS = frozenset({"bernoulli", "sign", "round", "floor", "ceil", "argmax", "heaviside", "multinomial", "trunc"})
#: How torch's functions spell the activations of the catalogue.
_FUNCTIONS = SPELLINGS["torch", "functional"]


@lru_cache(maxsize=1024)
def words(name: str) -> frozenset[str]:
    """What a function is to the layers behind it."""
    tables = (("norm", NORMS), ("pool", POOLS), ("mean", MEANS))
    return frozenset(word for word, names in tables if name in names)


def plain_name(function: Any) -> str:
    """`relu_`, `Tensor.__matmul__` and `F.relu` without the marks of their kind: relu, matmul, relu."""
    return str(getattr(function, "__name__", "")).strip("_")


def known_activation(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Nonlinearity | None:
    """The reference activation that a call of torch's function `name` stands for; None for other functions."""
    if name == "prelu":
        weight = args[1] if len(args) > 1 else kwargs.get("weight")
        return activation("prelu", float(weight.detach().mean())) if weight is not None else None
    spelling = _FUNCTIONS.get(name)
    if spelling is None or name == "identity":
        return None
    if name == "gelu":
        approximate = kwargs.get("approximate", args[1] if len(args) > 1 else "none")
        return activation("gelu_tanh" if approximate == "tanh" else "gelu")
    if name == "rrelu":
        training = kwargs.get("training", args[3] if len(args) > 3 else False)
        return activation("rrelu", training=1.0 if training else 0.0)
    if not spelling.arguments:
        return _made(name, ())
    names = [argument for argument, _ in spelling.arguments]
    given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
    numbers = ((key, float(given[key])) for key in names if isinstance(given.get(key), int | float))
    return _made(name, tuple(numbers))


@lru_cache(maxsize=256)
def _made(name: str, numbers: tuple[tuple[str, float], ...]) -> Nonlinearity | None:
    """An activation by torch's name for it, with its numbers."""
    try:
        return _FUNCTIONS[name].make(**dict(numbers))
    except (ValueError, TypeError):
        return None
