"""How torch and Keras spell the activations, and the defaults in which they differ."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from actinit_lint.reference.activations import activation
from actinit_lint.reference.nonlinearity import Nonlinearity

Library = Literal["torch", "keras2", "keras3"]
Place = Literal[
    "module",  # torch.nn.X
    "functional",  # torch.nn.functional.x, torch.x, torch.special.x
    "layer",  # keras.layers.X
    "string",  # Keras activation="x" and keras.activations.x
    "ops",  # keras.ops.x, tf.nn.x
]


@dataclass(frozen=True, slots=True)
class Spelling:
    """One library's name for an activation, with the defaults that it has there."""

    name: str  # in the catalogue
    defaults: tuple[float, ...] = ()  # in the order of the catalogue's parameters; empty: the catalogue's own
    #: library argument -> catalogue parameter
    arguments: tuple[tuple[str, str], ...] = ()

    def make(self, **given: float | None) -> Nonlinearity:
        """The activation with the library's arguments `given` by their own names, None for the default.

        Raises ValueError for an argument that is no number of the formula (`inplace`, `dtype`) or unknown.
        """
        known = dict(self.arguments)
        for argument in given:
            if argument not in known:
                raise ValueError(f"{self.name} takes no {argument!r}; it takes {', '.join(known) or 'no number'}")
        base = dict(activation(self.name, *self.defaults).parameters)
        base.update({known[k]: v for k, v in given.items() if v is not None})
        return activation(*_simplest(self.name, tuple(base.values())))


def _simplest(name: str, parameters: tuple[float, ...]) -> tuple[Any, ...]:
    """Keras' one `relu` under the name of what its arguments make of it."""
    if name == "clipped_relu" and parameters[2] == 0:
        slope, max_value, _ = parameters
        if max_value == inf:
            return ("leaky_relu", slope) if slope else ("relu",)
        if max_value == 6 and slope == 0:
            return ("relu6",)
    return name, *parameters


_SLOPE = (("negative_slope", "slope"),)
_LAMBD, _THRESHOLD = (("lambd", "width"),), (("threshold", "width"),)
_ALPHA = (("alpha", "alpha"),)
_ALPHA_SLOPE = (("alpha", "slope"),)
_RELU = (("negative_slope", "slope"), ("max_value", "max_value"), ("threshold", "threshold"))

#: torch.nn, 2.13 (torch/nn/modules/activation.py).
_TORCH_MODULES: dict[str, Spelling] = {
    "Identity": Spelling("identity"),
    "ReLU": Spelling("relu"),
    "ReLU6": Spelling("relu6"),
    "LeakyReLU": Spelling("leaky_relu", (0.01,), _SLOPE),
    "PReLU": Spelling("prelu", (0.25,), (("init", "slope"),)),
    "RReLU": Spelling("rrelu", (1 / 8, 1 / 3, 1.0), (("lower", "lower"), ("upper", "upper"))),  # as when training
    "ELU": Spelling("elu", (1.0,), _ALPHA),
    "CELU": Spelling("celu", (1.0,), _ALPHA),
    "SELU": Spelling("selu"),
    "GELU": Spelling("gelu"),  # approximate="none"; "tanh" is gelu_tanh
    "SiLU": Spelling("silu"),
    "Mish": Spelling("mish"),
    "Softplus": Spelling("softplus", (1.0, 20.0), (("beta", "beta"), ("threshold", "threshold"))),
    "Softsign": Spelling("softsign"),
    "Sigmoid": Spelling("sigmoid"),
    "LogSigmoid": Spelling("logsigmoid"),
    "Tanh": Spelling("tanh"),
    "Tanhshrink": Spelling("tanhshrink"),
    "Hardtanh": Spelling("hardtanh", (-1.0, 1.0), (("min_val", "low"), ("max_val", "high"))),
    "Hardsigmoid": Spelling("hardsigmoid"),
    "Hardswish": Spelling("hardswish"),
    "Softshrink": Spelling("softshrink", (0.5,), _LAMBD),
    "Hardshrink": Spelling("hardshrink", (0.5,), _LAMBD),
    "Threshold": Spelling("threshold", (), (("threshold", "threshold"), ("value", "value"))),
}

#: torch.nn.functional is spelled like the modules in lower case, but for these.
_TORCH_FUNCTIONS: dict[str, Spelling] = {
    **{name.lower(): row for name, row in _TORCH_MODULES.items() if name not in ("Identity", "LeakyReLU", "PReLU")},
    "leaky_relu": _TORCH_MODULES["LeakyReLU"],
    "rrelu": Spelling("rrelu", (1 / 8, 1 / 3, 0.0), (("lower", "lower"), ("upper", "upper"))),  # training=False
    "exp": Spelling("exp"),
    "sin": Spelling("sin"),
    "expit": Spelling("sigmoid"),
}

#: keras.activations, 3.15 (keras/src/activations/__init__.py): the names that activation="..." resolves.
_KERAS3_STRINGS: dict[str, Spelling] = {
    "relu": Spelling("clipped_relu", (), _RELU),
    "leaky_relu": Spelling("leaky_relu", (0.2,), _SLOPE),
    "relu6": Spelling("relu6"),
    "celu": Spelling("celu", (1.0,), _ALPHA),
    "elu": Spelling("elu", (1.0,), _ALPHA),
    "selu": Spelling("selu"),
    "softplus": Spelling("softplus"),
    "softsign": Spelling("softsign"),
    "squareplus": Spelling("squareplus", (4.0,), (("b", "b"),)),
    "soft_shrink": Spelling("softshrink", (0.5,), _THRESHOLD),
    "sparse_plus": Spelling("sparse_plus"),
    "silu": Spelling("silu"),
    "swish": Spelling("silu"),
    "gelu": Spelling("gelu"),  # approximate=False; True is gelu_tanh
    "tanh": Spelling("tanh"),
    "tanh_shrink": Spelling("tanhshrink"),
    "sigmoid": Spelling("sigmoid"),
    "sparse_sigmoid": Spelling("sparse_sigmoid"),
    "exponential": Spelling("exp"),
    "hard_sigmoid": Spelling("hardsigmoid"),
    "hard_silu": Spelling("hardswish"),
    "hard_swish": Spelling("hardswish"),
    "hard_tanh": Spelling("hardtanh"),
    "hard_shrink": Spelling("hardshrink", (0.5,), _THRESHOLD),
    "linear": Spelling("identity"),
    "mish": Spelling("mish"),
    "log_sigmoid": Spelling("logsigmoid"),
    "threshold": Spelling("threshold", (), (("threshold", "threshold"), ("default_value", "value"))),
}

#: keras.ops, 3.15 (keras/src/ops/nn.py): as the strings, except that gelu is the approximate one.
_KERAS3_OPS: dict[str, Spelling] = {
    **{k: v for k, v in _KERAS3_STRINGS.items() if k not in ("linear", "exponential", "mish")},
    "relu": Spelling("relu"),
    "gelu": Spelling("gelu_tanh"),  # approximate=True; False is gelu
    "exp": Spelling("exp"),
    "sin": Spelling("sin"),
}

#: keras.layers, 3.15 (keras/src/layers/activations).
_KERAS3_LAYERS: dict[str, Spelling] = {
    "ReLU": Spelling("clipped_relu", (), _RELU),
    "LeakyReLU": Spelling("leaky_relu", (0.3,), (*_SLOPE, *_ALPHA_SLOPE)),  # alpha: legacy, still accepted
    "PReLU": Spelling("prelu", (0.0,)),  # alpha_initializer="zeros": a ReLU at first
    "ELU": Spelling("elu", (1.0,), _ALPHA),
}

#: Keras 2 and tf.keras up to TensorFlow 2.15 (tf_keras/activations.py), as far as they differ from Keras 3.
_KERAS2_STRINGS: dict[str, Spelling] = {
    "elu": Spelling("elu", (1.0,), _ALPHA),
    "exponential": Spelling("exp"),
    "gelu": Spelling("gelu"),
    "hard_sigmoid": Spelling("hardsigmoid_keras2"),
    "linear": Spelling("identity"),
    "mish": Spelling("mish"),
    "relu": Spelling("clipped_relu", (), (("alpha", "slope"), ("max_value", "max_value"), ("threshold", "threshold"))),
    "selu": Spelling("selu"),
    "sigmoid": Spelling("sigmoid"),
    "softplus": Spelling("softplus"),
    "softsign": Spelling("softsign"),
    "swish": Spelling("silu"),
    "tanh": Spelling("tanh"),
}
#: tf.nn, which Keras 2 code calls where Keras 3 code calls keras.ops.
_KERAS2_OPS: dict[str, Spelling] = {
    "relu": Spelling("relu"),
    "relu6": Spelling("relu6"),
    "leaky_relu": Spelling("leaky_relu", (0.2,), _ALPHA_SLOPE),
    "elu": Spelling("elu"),
    "selu": Spelling("selu"),
    "gelu": Spelling("gelu"),  # approximate=False
    "silu": Spelling("silu"),
    "swish": Spelling("silu"),
    "sigmoid": Spelling("sigmoid"),
    "tanh": Spelling("tanh"),
    "softplus": Spelling("softplus"),
    "softsign": Spelling("softsign"),
}
_KERAS2_LAYERS: dict[str, Spelling] = {
    **_KERAS3_LAYERS,
    "LeakyReLU": Spelling("leaky_relu", (0.3,), _ALPHA_SLOPE),
    "ThresholdedReLU": Spelling("threshold", (1.0, 0.0), (("theta", "threshold"),)),  # removed in Keras 3
}

#: (library, place) -> library spelling -> row. Names outside the catalogue (softmax, glu) are no elementwise functions.
SPELLINGS: dict[tuple[Library, Place], dict[str, Spelling]] = {
    ("torch", "module"): _TORCH_MODULES,
    ("torch", "functional"): _TORCH_FUNCTIONS,
    ("keras3", "string"): _KERAS3_STRINGS,
    ("keras3", "ops"): _KERAS3_OPS,
    ("keras3", "layer"): _KERAS3_LAYERS,
    ("keras2", "string"): _KERAS2_STRINGS,
    ("keras2", "ops"): _KERAS2_OPS,
    ("keras2", "layer"): _KERAS2_LAYERS,
}
