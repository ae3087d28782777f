"""`import tensorflow` where there is none: `tf.keras` is Keras 3, functions are `keras.ops`, the rest fails on use.

Also the module paths of older Keras versions (`keras.layers.core`), which lead to where their names are now.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

#: The flavour of Keras 3's names that tf.keras has.
_FLAVOUR = "keras._tf_keras.keras"
_PREFIXES = ("tensorflow.keras", "tensorflow.python.keras", "tensorflow.compat.v1.keras", "tf_keras")
#: tf.NAME = keras.ops.NAME, or "tf name=ops name".
_FUNCTIONS = (
    "abs add argmax argmin argsort cast ceil clip_by_value=clip concat=concatenate convert_to_tensor cos "
    "cumsum divide einsum equal exp expand_dims eye floor gather=take greater greater_equal identity=copy less "
    "less_equal linspace logical_and logical_not logical_or matmul maximum meshgrid minimum multiply negative "
    "norm not_equal one_hot ones ones_like pad pow=power range=arange reduce_all=all reduce_any=any "
    "reduce_logsumexp=logsumexp reduce_max=max reduce_mean=mean reduce_min=min reduce_prod=prod reduce_sum=sum "
    "repeat reshape reverse=flip roll round shape sigmoid sign sin slice sort split sqrt square squeeze stack "
    "stop_gradient subtract tanh tensordot tile transpose unstack where zeros zeros_like"
)
_NEURAL = (
    "relu relu6 sigmoid tanh softmax log_softmax leaky_relu elu selu gelu silu swish=silu softplus softsign moments "
    "max_pool2d=max_pool avg_pool2d=average_pool conv2d=conv bias_add=add l2_normalize=normalize one_hot"
)
_MATHEMATICS = (
    "abs add argmax ceil cos cumsum divide equal erf exp floor log log1p logical_and logical_not logical_or maximum "
    "minimum multiply negative not_equal pow=power reduce_max=max reduce_mean=mean reduce_min=min reduce_prod=prod "
    "reduce_std=std reduce_sum=sum reduce_variance=var round rsqrt sigmoid sign sin softplus sqrt square subtract tanh "
    "top_k is_nan=isnan is_inf=isinf"
)
#: Argument names of TensorFlow's functions → those of `keras.ops`, where the latter has them.
_ARGUMENTS = {
    "input_tensor": "x",
    "input": "x",
    "tensor": "x",
    "keep_dims": "keepdims",
    "perm": "axes",
    "multiples": "repeats",
    "values": "xs",
    "paddings": "pad_width",
    "clip_value_min": "x_min",
    "clip_value_max": "x_max",
    "features": "x",
    "logits": "x",
    "depth": "num_classes",
    "params": "x",
}


class NoCounterpart(RuntimeError):
    """The code uses a part of TensorFlow that the probe has nothing for."""


class Unavailable:
    """A part of TensorFlow that is not there: it can be named, not used."""

    def __init__(self, path: str) -> None:
        self.__dict__["path"] = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Unavailable(f"{self.path}.{name}")

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise NoCounterpart(f"{self.path} has no counterpart in the probe (keras on torch)")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __or__(self, other: Any) -> Any:
        return self

    __ror__ = __or__
    __getitem__ = __call__


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Unavailable(f"{self.__name__}.{name}")


def provide() -> None:
    """Make `import tensorflow` work here, if it does not, and old Keras paths lead somewhere."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    absent = "tensorflow" not in sys.modules and importlib.util.find_spec("tensorflow") is None
    if absent:
        # Keras must go on knowing that there is none
        importlib.import_module("keras.src.utils.module_utils").tensorflow._available = False
        sys.modules["tensorflow"] = _tensorflow()
        sys.modules["tensorflow.keras"] = importlib.import_module(_FLAVOUR)
    sys.meta_path.append(_Finder(absent))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Submodules of the above that ordinary finders do not have."""

    def __init__(self, tensorflow: bool) -> None:
        self.tensorflow = tensorflow

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        known = name.startswith(
            ("keras.layers.", "keras.engine", "keras.utils.", "keras.optimizers.", "keras.backend.")
        )
        if self.tensorflow:
            known = known or name.partition(".")[0] in ("tensorflow", "tf_keras")
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        prefix = next((p for p in _PREFIXES if spec.name == p or spec.name.startswith(p + ".")), None)
        if prefix is not None:
            return _nearest(_FLAVOUR + spec.name.removeprefix(prefix))
        if spec.name.startswith("keras."):
            return _nearest(spec.name)
        if spec.name in ("tensorflow.compat", "tensorflow.compat.v1", "tensorflow.compat.v2"):
            return sys.modules["tensorflow"]
        found = getattr(sys.modules["tensorflow"], spec.name.removeprefix("tensorflow.").partition(".")[0], None)
        return found if isinstance(found, types.ModuleType) else _package(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def _package(name: str) -> types.ModuleType:
    module = _Module(name)
    module.__path__ = []
    return module


def _nearest(name: str) -> types.ModuleType:
    """The module of that name, else the nearest one above it that exists."""
    while True:
        try:
            return importlib.import_module(name) if not _in_progress(name) else _parent(name)
        except ModuleNotFoundError:
            name = name.rpartition(".")[0]


def _in_progress(name: str) -> bool:
    return (
        name.startswith("keras.")
        and not name.startswith(_FLAVOUR)
        and importlib.machinery.PathFinder.find_spec(
            name, getattr(sys.modules.get(name.rpartition(".")[0]), "__path__", None)
        )
        is None
    )


def _parent(name: str) -> types.ModuleType:
    return _nearest(name.rpartition(".")[0])


def _tensorflow() -> types.ModuleType:
    keras = importlib.import_module(_FLAVOUR)
    real = importlib.import_module("keras")
    tf: Any = _package("tensorflow")
    tf.__version__ = "2.18.0"
    tf.keras = keras
    for name in ("float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool"):
        setattr(tf, name, name)
    tf.string = "string"
    tf.__dict__.update(_functions(_FUNCTIONS))
    tf.constant = lambda value, dtype=None, shape=None, name=None: real.ops.convert_to_tensor(value, dtype)
    tf.random = _space(
        "tensorflow.random",
        {
            "set_seed": real.utils.set_random_seed,
            "normal": lambda shape, mean=0.0, stddev=1.0, **_: real.random.normal(shape, mean, stddev),
            "uniform": lambda shape, minval=0.0, maxval=1.0, **_: real.random.uniform(shape, minval, maxval),
        },
    )
    tf.nn = _space(
        "tensorflow.nn",
        {
            **_functions(_NEURAL),
            "dropout": lambda x, rate, **_: real.random.dropout(x, rate),
            "sigmoid_cross_entropy_with_logits": _cross_entropy,
        },
    )
    tf.math = _space("tensorflow.math", _functions(_MATHEMATICS))
    tf.linalg = _space("tensorflow.linalg", _functions("matmul einsum norm diag=diag transpose"))
    tf.image = _space("tensorflow.image", {"resize": lambda images, size, **_: real.ops.image.resize(images, size)})
    tf.function = _decorator
    tf.Tensor = real.KerasTensor
    tf.Variable = lambda initial_value=None, trainable=True, dtype=None, name=None, **_: real.Variable(
        initial_value() if callable(initial_value) else initial_value, trainable=trainable, dtype=dtype
    )
    tf.Module = object
    tf.newaxis = None
    tf.initializers, tf.losses, tf.optimizers, tf.metrics = (
        keras.initializers,
        keras.losses,
        keras.optimizers,
        keras.metrics,
    )
    tf.rank = lambda tensor, name=None: len(tensor.shape)
    tf.size = lambda tensor, **_: real.ops.size(tensor)
    tf.TensorShape = lambda dims: tuple(dims)
    tf.transpose = lambda a, perm=None, **_: real.ops.transpose(a, perm)
    tf.compat = _space("tensorflow.compat", {"v1": tf, "v2": tf})
    tf.config = _space(
        "tensorflow.config",
        {
            "list_physical_devices": lambda *_: [],
            "experimental": _space("tensorflow.config.experimental", {"list_physical_devices": lambda *_: []}),
        },
    )
    return tf


def _space(name: str, members: dict[str, Any]) -> types.ModuleType:
    module = _package(name)
    module.__dict__.update(members)
    return module


def _functions(table: str) -> dict[str, Callable[..., Any]]:
    from keras import ops

    found = {}
    for entry in table.split():
        name, _, there = entry.partition("=")
        function = getattr(ops, there or name, None)
        if function is not None:
            found[name] = _renaming(function)
    return found


def _renaming(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accept TensorFlow's argument names, and a name for the operation."""
    known = inspect.signature(function).parameters

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("name", None)
        for theirs, ours in _ARGUMENTS.items():
            if theirs in kwargs and theirs not in known and ours in known:
                kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return call


def _cross_entropy(labels: Any, logits: Any, **_: Any) -> Any:
    from keras import ops

    return ops.relu(logits) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))


def _decorator(function: Any = None, **_: Any) -> Any:
    """`tf.function`: the function itself."""
    return function if function is not None else _decorator
