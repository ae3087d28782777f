"""What layers draw when nobody says: the default initialiser of every parameter of every layer, torch and Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from actinit_lint.reference.normal_form import KERAS_DEFAULT, TORCH_DEFAULT, Initializer, constant
from actinit_lint.reference.torch_initializers import normal_, xavier_normal_, xavier_uniform_

#: Which number takes the place of the fan.
Fan = Literal[
    "weight",  # the fans of the parameter's own shape (`fans.torch_fans`, `fans.keras_fans`)
    "layer",  # a bias: the fan_in of its layer's weight
    "hidden_size",  # torch RNNs: U(±1/√hidden_size) for every parameter
    "in1_features",  # torch Bilinear
    "axes",  # Keras MultiHeadAttention, EinsumDense: products over the input and output axes
    "none",  # no fan: a constant or a fixed spread
]


@dataclass(frozen=True, slots=True)
class Default:
    """The default of one parameter of some layers."""

    framework: Literal["torch", "keras"]
    layers: tuple[str, ...]
    parameters: tuple[str, ...]
    initializer: Initializer
    fan: Fan = "none"


_ZEROS, _ONES = constant(0.0), constant(1.0)
_TORCH_CONV = ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
_TORCH_NORM = (
    *("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "LayerNorm", "GroupNorm"),
    *("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"),
)
_TORCH_RNN = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
_KERAS_DENSE = (
    *("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
    *("LocallyConnected1D", "LocallyConnected2D"),
)
_KERAS_RNN = (
    *("SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell"),
    *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
)
_KERAS_NORM = ("BatchNormalization", "LayerNormalization", "GroupNormalization")
_KERAS_EMBEDDING = Initializer("uniform", "uniform", "uniform", mean=None, low=-0.05, high=0.05, is_default=True)
_KERAS_RECURRENT = Initializer("orthogonal", "orthogonal", gain=1.0, is_default=True)

#: torch 2.13 (torch/nn/modules: `reset_parameters`) and Keras 3.15 (keras/src/layers). The first row that names both
#: the layer and the parameter holds.
LAYER_DEFAULTS: tuple[Default, ...] = (
    # Linear and ConvNd: kaiming_uniform_(a=√5), which is U(±1/√fan_in). Transposed convolutions keep their weight as
    # [in, out/groups, *kernel], so their fan_in counts outputs.
    Default("torch", ("Linear", *_TORCH_CONV), ("weight",), TORCH_DEFAULT, "weight"),
    Default("torch", ("Linear", *_TORCH_CONV), ("bias",), TORCH_DEFAULT, "layer"),
    Default("torch", ("Bilinear",), ("weight", "bias"), TORCH_DEFAULT, "in1_features"),
    Default("torch", _TORCH_RNN, ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), TORCH_DEFAULT, "hidden_size"),
    Default("torch", ("Embedding", "EmbeddingBag"), ("weight",), normal_()),
    # one [3E, E] matrix: variance 2/(4E); with own key or value sizes, three matrices of variance 2/(E + size)
    Default(
        "torch",
        ("MultiheadAttention",),
        ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"),
        xavier_uniform_(),
        "weight",
    ),
    Default("torch", ("MultiheadAttention",), ("out_proj.weight",), TORCH_DEFAULT, "weight"),
    Default("torch", ("MultiheadAttention",), ("in_proj_bias", "out_proj.bias"), _ZEROS),
    Default("torch", ("MultiheadAttention",), ("bias_k", "bias_v"), xavier_normal_(), "weight"),
    # `Transformer._reset_parameters` sweeps over every weight of two dimensions or more; the encoder and decoder
    # layers on their own keep the defaults of Linear
    Default("torch", ("Transformer",), ("weight", "in_proj_weight"), xavier_uniform_(), "weight"),
    Default("torch", (*_TORCH_NORM, "RMSNorm"), ("weight",), _ONES),
    Default("torch", _TORCH_NORM, ("bias",), _ZEROS),
    Default("torch", ("PReLU",), ("weight",), constant(0.25)),
    Default("keras", ("DepthwiseConv1D", "DepthwiseConv2D"), ("depthwise_kernel",), KERAS_DEFAULT, "weight"),
    Default(
        "keras",
        ("SeparableConv1D", "SeparableConv2D"),
        ("depthwise_kernel", "pointwise_kernel"),
        KERAS_DEFAULT,
        "weight",
    ),
    Default("keras", ("MultiHeadAttention", "GroupQueryAttention", "EinsumDense"), ("kernel",), KERAS_DEFAULT, "axes"),
    Default("keras", (*_KERAS_DENSE, *_KERAS_RNN), ("kernel",), KERAS_DEFAULT, "weight"),
    Default("keras", _KERAS_RNN, ("recurrent_kernel",), _KERAS_RECURRENT, "weight"),
    # LSTM: zeros, but ones for the forget gate (order input, forget, cell, output) while unit_forget_bias is True
    Default(
        "keras",
        (
            *_KERAS_DENSE,
            *_KERAS_RNN,
            *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
            *("MultiHeadAttention", "GroupQueryAttention", "EinsumDense"),
        ),
        ("bias",),
        _ZEROS,
    ),
    Default("keras", ("Embedding",), ("embeddings",), _KERAS_EMBEDDING),
    Default("keras", _KERAS_NORM, ("gamma",), _ONES),
    Default("keras", ("RMSNormalization",), ("scale",), _ONES),
    Default("keras", _KERAS_NORM, ("beta",), _ZEROS),
    Default("keras", ("PReLU",), ("alpha",), _ZEROS),
)


def layer_default(framework: str, layer: str, parameter: str) -> Default | None:
    """The row for one parameter, or None for a layer or parameter that is not in the table."""
    return next(
        (
            row
            for row in LAYER_DEFAULTS
            if row.framework == framework and layer in row.layers and parameter in row.parameters
        ),
        None,
    )


#: eps that is added to the variance before the root: kind of normalisation -> (torch, Keras). Where the variance
#: of the pre-activations is not far above eps, normalisation no longer rescues.
#: torch/nn/modules/batchnorm.py and normalization.py 2.13 (RMSNorm: None means the machine epsilon of the dtype);
#: keras/src/layers/normalization 3.15.
NORM_EPS: dict[str, tuple[float, float]] = {
    "batch": (1e-5, 1e-3),
    "layer": (1e-5, 1e-3),
    "group": (1e-5, 1e-3),
    "instance": (1e-5, 1e-3),  # Keras: GroupNormalization(groups=-1)
    "rms": (2.0**-23, 1e-6),
}
