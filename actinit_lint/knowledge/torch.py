"""torch as tables: modules with their weights and defaults, functions and tensor methods with what they do to data.

Signatures and defaults as of torch 2.13 (torch/nn/modules/*.py, torch/nn/functional.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import sqrt
from typing import Any

from actinit_lint.knowledge.kinds import REQUIRED, Kind, Role, Size, WeightRow, size, spread, times
from actinit_lint.reference.normal_form import TORCH_DEFAULT, Initializer, constant, variance_scaling

Arguments = Mapping[str, Any]
Shape = tuple[Size, ...] | None

ZEROS, ONES = constant(0.0), constant(1.0)
UNIT_NORMAL = Initializer("torch_default", "normal", "normal", mean=0.0, std=1.0, is_default=True)


def _uniform(bound: float | None) -> Initializer:
    low = None if bound is None else -bound
    return Initializer("torch_default", "uniform", "uniform", low=low, high=bound, is_default=True)


def _bias(fan_in: Size) -> Initializer:
    return _uniform(1 / sqrt(fan_in) if fan_in and fan_in > 0 else None)


def _linear(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
    i, o = size(a["in_features"]), size(a["out_features"])
    rows = [WeightRow("weight", "kernel", (o, i), TORCH_DEFAULT)]
    if a["bias"] is not False:
        rows.append(WeightRow("bias", "bias", (o,), _bias(i)))
    return tuple(rows)


def _bilinear(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
    i, j, o = size(a["in1_features"]), size(a["in2_features"]), size(a["out_features"])
    rows = [WeightRow("weight", "kernel", (o, i, j), _bias(i))]
    if a["bias"] is not False:
        rows.append(WeightRow("bias", "bias", (o,), _bias(i)))
    return tuple(rows)


def _per_group(channels: Size, groups: Any) -> Size:
    g = size(groups)
    return channels // g if channels is not None and g else None


def _conv(dims: int, transposed: bool = False) -> Any:
    def weights(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
        i, o = size(a["in_channels"]), size(a["out_channels"])
        kernel = spread(a["kernel_size"], dims)
        shape = (i, _per_group(o, a["groups"]), *kernel) if transposed else (o, _per_group(i, a["groups"]), *kernel)
        rows = [WeightRow("weight", "kernel", shape, TORCH_DEFAULT)]
        if a["bias"] is not False:
            rows.append(WeightRow("bias", "bias", (o,), _bias(times(*shape[1:]))))
        return tuple(rows)

    return weights


def _recurrent(gates: int, cell: bool) -> Any:
    def weights(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
        i, h = size(a["input_size"]), size(a["hidden_size"])
        init = _bias(h)
        rows = []
        layers = 1 if cell else size(a["num_layers"]) or 1
        directions = 2 if not cell and a["bidirectional"] is True else 1
        for layer in range(min(layers, 8)):
            width = i if layer == 0 else times(h, directions)
            for direction in range(directions):
                suffix = "" if cell else f"_l{layer}" + ("_reverse" if direction else "")
                rows.append(WeightRow(f"weight_ih{suffix}", "kernel", (times(gates, h), width), init))
                rows.append(WeightRow(f"weight_hh{suffix}", "recurrent", (times(gates, h), h), init))
                if a["bias"] is not False:
                    rows.append(WeightRow(f"bias_ih{suffix}", "bias", (times(gates, h),), init))
                    rows.append(WeightRow(f"bias_hh{suffix}", "bias", (times(gates, h),), init))
        return tuple(rows)

    return weights


def _attention(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
    e = size(a["embed_dim"])
    xavier = variance_scaling("torch_default", 1.0, "fan_avg", "uniform", is_default=True)
    return (
        WeightRow("in_proj_weight", "other", (times(3, e), e), xavier),
        WeightRow("in_proj_bias", "bias", (times(3, e),), ZEROS),
    )


def _embedding(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
    return (WeightRow("weight", "embedding", (size(a["num_embeddings"]), size(a["embedding_dim"])), UNIT_NORMAL),)


def _norm(argument: str, affine: str = "affine") -> Any:
    def weights(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
        if a.get(affine) is False:
            return ()
        n = a[argument]
        shape = tuple(size(v) for v in n) if isinstance(n, (tuple, list)) else (size(n),)
        rows = [WeightRow("weight", "norm", shape, ONES)]
        if argument != "rms_shape" and a.get("bias") is not False:
            rows.append(WeightRow("bias", "bias", shape, ZEROS))
        return tuple(rows)

    return weights


def _rms(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
    if a["elementwise_affine"] is False:
        return ()
    n = a["normalized_shape"]
    shape = tuple(size(v) for v in n) if isinstance(n, (tuple, list)) else (size(n),)
    return (WeightRow("weight", "norm", shape, ONES),)


def _prelu(a: Arguments, _: Shape) -> tuple[WeightRow, ...]:
    value = a["init"] if isinstance(a["init"], (int, float)) else None
    return (WeightRow("weight", "other", (size(a["num_parameters"]),), constant(value)),)


def _k(name: str, role: Role, *parameters: tuple[str, Any], **more: Any) -> tuple[str, Kind]:
    return name, Kind(name, "torch", role, parameters, **more)


CONV = (
    ("in_channels", REQUIRED), ("out_channels", REQUIRED), ("kernel_size", REQUIRED), ("stride", 1), ("padding", 0),
    ("dilation", 1), ("groups", 1), ("bias", True), ("padding_mode", "zeros"),
)  # fmt: skip
CONV_TRANSPOSE = (
    ("in_channels", REQUIRED), ("out_channels", REQUIRED), ("kernel_size", REQUIRED), ("stride", 1), ("padding", 0),
    ("output_padding", 0), ("groups", 1), ("bias", True), ("dilation", 1), ("padding_mode", "zeros"),
)  # fmt: skip
LAZY = tuple((name, None) if name == "in_channels" else (name, value) for name, value in CONV[1:])
RNN = (
    ("input_size", REQUIRED), ("hidden_size", REQUIRED), ("num_layers", 1), ("nonlinearity", "tanh"), ("bias", True),
    ("batch_first", False), ("dropout", 0.0), ("bidirectional", False),
)  # fmt: skip
GATED = (*tuple(p for p in RNN if p[0] != "nonlinearity"), ("proj_size", 0))
CELL = (("input_size", REQUIRED), ("hidden_size", REQUIRED), ("bias", True))
BATCH_NORM = (("num_features", REQUIRED), ("eps", 1e-5), ("momentum", 0.1), ("affine", True))
MHA = (("embed_dim", REQUIRED), ("num_heads", REQUIRED), ("dropout", 0.0), ("bias", True))
REDUCTION = (("weight", None), ("size_average", None), ("ignore_index", -100), ("reduce", None), ("reduction", "mean"))


def _pass(*names: str) -> list[tuple[str, Kind]]:
    return [_k(name, "pass") for name in names]


def _act(
    name: str, activation: str, *parameters: tuple[str, Any], slope: str | float | None = None
) -> tuple[str, Kind]:
    return _k(name, "activation", *parameters, activation=activation, slope=slope)


#: torch.nn classes by their last name.
MODULES: dict[str, Kind] = dict(
    [
        _k("Module", "module"),
        _k("Linear", "layer", ("in_features", REQUIRED), ("out_features", REQUIRED), ("bias", True), weights=_linear),
        _k("NonDynamicallyQuantizableLinear", "layer", ("in_features", REQUIRED), ("out_features", REQUIRED),
           ("bias", True), weights=_linear),
        _k("LazyLinear", "layer", ("out_features", REQUIRED), ("bias", True),
           weights=lambda a, s: _linear({**a, "in_features": None}, s)),
        _k("Bilinear", "layer", ("in1_features", REQUIRED), ("in2_features", REQUIRED), ("out_features", REQUIRED),
           ("bias", True), weights=_bilinear),
        *[_k(f"Conv{n}d", "layer", *CONV, weights=_conv(n)) for n in (1, 2, 3)],
        *[_k(f"LazyConv{n}d", "layer", *LAZY, weights=lambda a, s, n=n: _conv(n)({**a, "in_channels": None}, s))
          for n in (1, 2, 3)],
        *[_k(f"ConvTranspose{n}d", "layer", *CONV_TRANSPOSE, weights=_conv(n, True), extra="transpose")
          for n in (1, 2, 3)],
        _k("RNN", "recurrent", *RNN, weights=_recurrent(1, False), activation="tanh"),
        _k("LSTM", "recurrent", *GATED, weights=_recurrent(4, False), activation="tanh", extra="gated"),
        _k("GRU", "recurrent", *GATED, weights=_recurrent(3, False), activation="tanh", extra="gated"),
        _k("RNNCell", "recurrent", *CELL, ("nonlinearity", "tanh"), weights=_recurrent(1, True), activation="tanh",
           extra="cell"),
        _k("LSTMCell", "recurrent", *CELL, weights=_recurrent(4, True), activation="tanh", extra="gated cell"),
        _k("GRUCell", "recurrent", *CELL, weights=_recurrent(3, True), activation="tanh", extra="gated cell"),
        _k("MultiheadAttention", "attention", *MHA, weights=_attention),
        _k("Transformer", "attention"), _k("TransformerEncoder", "attention"), _k("TransformerDecoder", "attention"),
        _k("TransformerEncoderLayer", "attention"), _k("TransformerDecoderLayer", "attention"),
        _k("Embedding", "embedding", ("num_embeddings", REQUIRED), ("embedding_dim", REQUIRED), ("padding_idx", None),
           weights=_embedding),
        _k("EmbeddingBag", "embedding", ("num_embeddings", REQUIRED), ("embedding_dim", REQUIRED), weights=_embedding),
        *[_k(f"{lazy}BatchNorm{n}d", "norm", *BATCH_NORM[1 if lazy else 0:],
             weights=_norm("num_features") if not lazy else None, norm="batch")
          for lazy in ("", "Lazy") for n in (1, 2, 3)],
        _k("SyncBatchNorm", "norm", *BATCH_NORM, weights=_norm("num_features"), norm="batch"),
        *[_k(f"InstanceNorm{n}d", "norm", ("num_features", REQUIRED), ("eps", 1e-5), ("momentum", 0.1),
             ("affine", False), weights=_norm("num_features"), norm="instance") for n in (1, 2, 3)],
        _k("LayerNorm", "norm", ("normalized_shape", REQUIRED), ("eps", 1e-5), ("elementwise_affine", True),
           ("bias", True), weights=_norm("normalized_shape", "elementwise_affine"), norm="layer"),
        _k("RMSNorm", "norm", ("normalized_shape", REQUIRED), ("eps", None), ("elementwise_affine", True),
           weights=_rms, norm="rms"),
        _k("GroupNorm", "norm", ("num_groups", REQUIRED), ("num_channels", REQUIRED), ("eps", 1e-5), ("affine", True),
           weights=_norm("num_channels"), norm="group"),
        _k("LocalResponseNorm", "norm", norm="local"), _k("CrossMapLRN2d", "norm", norm="local"),
        _act("ReLU", "relu", ("inplace", False)), _act("ReLU6", "relu6", ("inplace", False)),
        _act("LeakyReLU", "leaky_relu", ("negative_slope", 0.01), ("inplace", False), slope="negative_slope"),
        _k("PReLU", "activation", ("num_parameters", 1), ("init", 0.25), activation="prelu", slope="init",
           weights=_prelu),
        _act("RReLU", "rrelu", ("lower", 1 / 8), ("upper", 1 / 3), slope=11 / 48),
        _act("ELU", "elu", ("alpha", 1.0), slope="alpha"), _act("CELU", "celu", ("alpha", 1.0), slope="alpha"),
        _act("SELU", "selu"),
        _act("GELU", "gelu", ("approximate", "none")), _act("SiLU", "silu"), _act("Mish", "mish"),
        _act("Hardswish", "hardswish"), _act("Sigmoid", "sigmoid"), _act("Tanh", "tanh"),
        _act("Softsign", "softsign"), _act("Hardsigmoid", "hardsigmoid"),
        _act("Hardtanh", "hardtanh", ("min_val", -1.0), ("max_val", 1.0), ("inplace", False)),
        _act("Softplus", "softplus"), _act("LogSigmoid", "logsigmoid"), _act("Tanhshrink", "tanhshrink"),
        _act("Softshrink", "softshrink"), _act("Hardshrink", "hardshrink"),
        _act("Softmax", "softmax", ("dim", None)), _act("Softmin", "softmax", ("dim", None)),
        _act("Softmax2d", "softmax"), _act("LogSoftmax", "log_softmax", ("dim", None)),
        _act("Threshold", "threshold"), _k("GLU", "opaque", ("dim", -1), extra="glu"),
        *[_k(name, "pass", ("p", 0.5), ("inplace", False))
          for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")],
        *_pass("Identity", "Flatten", "Unflatten", "AvgPool1d", "AvgPool2d", "AvgPool3d",
               "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "Upsample", "UpsamplingNearest2d",
               "UpsamplingBilinear2d", "ZeroPad1d",
               "ZeroPad2d", "ZeroPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ReflectionPad1d",
               "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
               "CircularPad1d", "CircularPad2d", "CircularPad3d", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle",
               "Fold", "Unfold"),
        *[_k(name, "max") for name in ("MaxPool1d", "MaxPool2d", "MaxPool3d", "AdaptiveMaxPool1d",
                                       "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "FractionalMaxPool2d", "LPPool1d",
                                       "LPPool2d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d")],
        *[_k(name, "container") for name in ("Sequential", "ModuleList", "ModuleDict", "ParameterList",
                                             "ParameterDict")],
        *[_k(name, "loss", *REDUCTION, loss=loss) for name, loss in (
            ("CrossEntropyLoss", "cross_entropy"), ("NLLLoss", "nll"), ("BCELoss", "bce"),
            ("BCEWithLogitsLoss", "bce_with_logits"), ("MSELoss", "mse"), ("L1Loss", "l1"),
            ("SmoothL1Loss", "smooth_l1"), ("HuberLoss", "huber"), ("KLDivLoss", "kl_div"), ("NLLLoss2d", "nll"),
            ("MultiLabelSoftMarginLoss", "multilabel_soft_margin"), ("PoissonNLLLoss", "poisson_nll"),
            ("GaussianNLLLoss", "gaussian_nll"), ("CTCLoss", "ctc"), ("MultiMarginLoss", "multi_margin"),
            ("TripletMarginLoss", "triplet_margin"), ("CosineEmbeddingLoss", "cosine_embedding"))],
    ]
)  # fmt: skip

#: Activations as functions: torch.nn.functional, torch and tensor methods share these names (`_` behind: in place).
#: name -> (normal form, position of the slope argument counted after the tensor, its name, its default)
ACTIVATION_FUNCTIONS: dict[str, tuple[str, int | None, str | None, float | None]] = {
    "relu": ("relu", None, None, None),
    "relu6": ("relu6", None, None, None),
    "leaky_relu": ("leaky_relu", 0, "negative_slope", 0.01),
    "prelu": ("prelu", 0, "weight", None),
    "rrelu": ("rrelu", None, None, 11 / 48),
    "elu": ("elu", 0, "alpha", 1.0),
    "celu": ("celu", 0, "alpha", 1.0),
    "selu": ("selu", None, None, None),
    "gelu": ("gelu", None, None, None),
    "silu": ("silu", None, None, None),
    "swish": ("silu", None, None, None),
    "mish": ("mish", None, None, None),
    "hardswish": ("hardswish", None, None, None),
    "sigmoid": ("sigmoid", None, None, None),
    "expit": ("sigmoid", None, None, None),
    "tanh": ("tanh", None, None, None),
    "softsign": ("softsign", None, None, None),
    "hardtanh": ("hardtanh", None, None, None),
    "hardsigmoid": ("hardsigmoid", None, None, None),
    "softplus": ("softplus", None, None, None),
    "logsigmoid": ("logsigmoid", None, None, None),
    "tanhshrink": ("tanhshrink", None, None, None),
    "softshrink": ("softshrink", None, None, None),
    "hardshrink": ("hardshrink", None, None, None),
    "softmax": ("softmax", 0, "dim", None),
    "softmin": ("softmax", 0, "dim", None),
    "log_softmax": ("log_softmax", 0, "dim", None),
    "gumbel_softmax": ("softmax", None, None, None),
    "sin": ("sin", None, None, None),
}

#: Functions and tensor methods that hand their input on, for the search of a layer's activation.
PASS_FUNCTIONS = frozenset(
    [
        "view",
        "view_as",
        "reshape",
        "reshape_as",
        "flatten",
        "unflatten",
        "permute",
        "transpose",
        "swapaxes",
        "swapdims",
        "movedim",
        "moveaxis",
        "t",
        "squeeze",
        "unsqueeze",
        "contiguous",
        "as_tensor",
        "asarray",
        "float",
        "half",
        "double",
        "bfloat16",
        "to",
        "cuda",
        "cpu",
        "type",
        "type_as",
        "clone",
        "detach",
        "requires_grad_",
        "retain_grad",
        "mean",
        "sum",
        "nanmean",
        "expand",
        "expand_as",
        "repeat",
        "repeat_interleave",
        "tile",
        "narrow",
        "select",
        "index_select",
        "gather",
        "masked_select",
        "take",
        "roll",
        "flip",
        "fliplr",
        "flipud",
        "rot90",
        "pad",
        "interpolate",
        "upsample",
        "grid_sample",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "feature_alpha_dropout",
        "avg_pool1d",
        "avg_pool2d",
        "avg_pool3d",
        "adaptive_avg_pool1d",
        "adaptive_avg_pool2d",
        "adaptive_avg_pool3d",
        "pixel_shuffle",
        "pixel_unshuffle",
        "channel_shuffle",
        "unfold",
        "fold",
        "broadcast_to",
        "atleast_1d",
        "atleast_2d",
        "neg",
        "masked_fill",
        "masked_fill_",
        "real",
        "diagonal",
        "unsqueeze_",
        "squeeze_",
        "transpose_",
        "rename",
        "refine_names",
        "view_as_complex",
        "view_as_real",
        "nested_tensor",
        "as_nested_tensor",
        "to_padded_tensor",
        "int_repr",
        "align_to",
        "as_strided",
        "cast",
        "rearrange",
        "reduce",
        "pin_memory",
        "share_memory_",
        "tril",
        "triu",
        "scatter_add",
        "scatter_mean",
        "segment_sum",
        "global_mean_pool",
        "global_add_pool",
    ]
)
#: Transparent for signals, but not linear.
MAX_FUNCTIONS = frozenset(
    [
        "max_pool1d",
        "max_pool2d",
        "max_pool3d",
        "adaptive_max_pool1d",
        "adaptive_max_pool2d",
        "adaptive_max_pool3d",
        "amax",
        "amin",
        "max",
        "min",
        "lp_pool1d",
        "lp_pool2d",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "topk",
        "sort",
        "median",
        "mode",
        "kthvalue",
        "global_max_pool",
        "cummax",
    ]
)
#: Several pieces of one input.
SPLIT_FUNCTIONS = frozenset(
    ["chunk", "split", "unbind", "unpack", "tensor_split", "split_with_sizes", "hsplit", "vsplit", "dsplit"]
)
CONCAT_FUNCTIONS = frozenset(
    ["cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "index_copy", "complex"]
)
#: Non-linear functions that are no activation: they end every search.
NONLINEAR_FUNCTIONS = frozenset(
    [
        "exp",
        "exp_",
        "log",
        "log_",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "sqrt_",
        "rsqrt",
        "pow",
        "pow_",
        "abs",
        "abs_",
        "square",
        "clamp",
        "clamp_",
        "clip",
        "clip_",
        "clamp_min",
        "clamp_max",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "asinh",
        "acosh",
        "atanh",
        "erf",
        "erfc",
        "expm1",
        "sign",
        "reciprocal",
        "round",
        "floor",
        "ceil",
        "logsumexp",
        "var",
        "std",
        "norm",
        "prod",
        "cumprod",
        "cumsum",
        "argmax",
        "argmin",
        "histc",
        "bincount",
        "digamma",
        "lgamma",
        "frac",
        "trunc",
        "where",
        "sigmoid_focal_loss",
        "glu",
        "cross",
        "cdist",
        "pairwise_distance",
        "cosine_similarity",
        "dist",
        "heaviside",
        "softmax2d",
        "bernoulli",
        "multinomial",
        "isnan",
        "isinf",
        "isfinite",
        "fft",
        "ifft",
        "rfft",
        "irfft",
        "stft",
        "istft",
        "logit",
        "threshold",
    ]
)
#: Normalisations as functions.
NORM_FUNCTIONS = {
    "batch_norm": "batch",
    "layer_norm": "layer",
    "group_norm": "group",
    "instance_norm": "instance",
    "rms_norm": "rms",
    "local_response_norm": "local",
    "normalize": "l2",
}
#: Tensor methods and functions whose result is no data of the model.
META_FUNCTIONS = frozenset(
    [
        "get_shape",
        "size",
        "dim",
        "ndimension",
        "numel",
        "nelement",
        "item",
        "tolist",
        "numpy",
        "get_device",
        "is_contiguous",
        "stride",
        "storage",
        "data_ptr",
        "element_size",
        "is_floating_point",
        "is_complex",
        "is_tensor",
        "isinstance",
        "is_nested",
        "is_sparse",
        "_shape_as_tensor",
        "save_for_backward",
        "mark_dirty",
        "mark_non_differentiable",
        "backward",
        "register_hook",
        "shape",
        "ndim",
        "dtype",
        "device",
        "layout",
        "requires_grad",
        "grad",
        "names",
    ]
)
LOSS_FUNCTIONS = {
    "cross_entropy": "cross_entropy",
    "nll_loss": "nll",
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "mse_loss": "mse",
    "l1_loss": "l1",
    "smooth_l1_loss": "smooth_l1",
    "huber_loss": "huber",
    "kl_div": "kl_div",
    "gaussian_nll_loss": "gaussian_nll",
    "poisson_nll_loss": "poisson_nll",
    "multilabel_soft_margin_loss": "multilabel_soft_margin",
    "ctc_loss": "ctc",
}
#: Linear maps as functions: name -> position of the weight.
LINEAR_FUNCTIONS = {
    "linear": 1, "bilinear": 2, "conv1d": 1, "conv2d": 1, "conv3d": 1, "conv_transpose1d": 1, "conv_transpose2d": 1,
    "conv_transpose3d": 1,
}  # fmt: skip
MATMUL_FUNCTIONS = frozenset(["matmul", "mm", "bmm", "mv", "dot", "inner", "tensordot", "matmul_"])
#: Products of a sparse matrix with a dense one: (sparse, dense), or (indices, values, rows, columns, dense).
SPARSE_PRODUCTS = frozenset(
    ["torch.spmm", "torch.smm", "torch.hspmm", "torch.sparse.mm", "torch_sparse.matmul", "torch_sparse.spmm",
     "torch_geometric.utils.spmm"]
)  # fmt: skip
ATTENTION_FUNCTIONS = frozenset(
    ["scaled_dot_product_attention", "multi_head_attention_forward", "flash_attn_func", "flex_attention"]
)

#: Functions that make a tensor: name -> (what it holds, the shape comes from another tensor).
CREATORS: dict[str, tuple[Initializer, bool]] = {
    "zeros": (ZEROS, False), "zeros_like": (ZEROS, True), "new_zeros": (ZEROS, False),
    "ones": (ONES, False), "ones_like": (ONES, True), "new_ones": (ONES, False),
    "randn": (Initializer("normal", "normal", "normal", mean=0.0, std=1.0), False),
    "randn_like": (Initializer("normal", "normal", "normal", mean=0.0, std=1.0), True),
    "rand": (Initializer("uniform", "uniform", "uniform", mean=0.5, low=0.0, high=1.0), False),
    "rand_like": (Initializer("uniform", "uniform", "uniform", mean=0.5, low=0.0, high=1.0), True),
    "empty": (Initializer("uninitialised", "uninitialised"), False),
    "empty_like": (Initializer("uninitialised", "uninitialised"), True),
    "new_empty": (Initializer("uninitialised", "uninitialised"), False),
    "empty_strided": (Initializer("uninitialised", "uninitialised"), False),
    "Tensor": (Initializer("uninitialised", "uninitialised"), False),
    "FloatTensor": (Initializer("uninitialised", "uninitialised"), False),
    "DoubleTensor": (Initializer("uninitialised", "uninitialised"), False),
    "HalfTensor": (Initializer("uninitialised", "uninitialised"), False),
    "eye": (Initializer("identity", "identity", gain=1.0), False),
}  # fmt: skip

#: Types of quantised weights.
QUANTISED = re.compile(r"torch\.(q?u?int[1-8](x\d+)?|bits[1-8](x\d+)?|float[4-8]_\w+)")

#: Base classes of other libraries that are torch modules: canonical name -> what calls their init method.
MODULE_BASES: dict[str, str | None] = {
    "lightning.LightningModule": None,
    "lightning.pytorch.LightningModule": None,
    "pytorch_lightning.LightningModule": None,
    "lightning.pytorch.core.module.LightningModule": None,
    "pytorch_lightning.core.lightning.LightningModule": None,
    "pytorch_lightning.core.module.LightningModule": None,
    "lightning.fabric.utilities.device_dtype_mixin._DeviceDtypeModuleMixin": None,
    "torch_geometric.nn.MessagePassing": None,
    "torch_geometric.nn.conv.MessagePassing": None,
    "transformers.PreTrainedModel": "_init_weights",
    "transformers.modeling_utils.PreTrainedModel": "_init_weights",
    "diffusers.ModelMixin": None,
    "diffusers.models.modeling_utils.ModelMixin": None,
    "mmengine.model.BaseModule": "init_weights",
    "mmengine.model.BaseModel": "init_weights",
    "mmengine.model.base_model.base_model.BaseModel": "init_weights",
    "mmcv.runner.BaseModule": "init_weights",
    "mmengine.model.base_module.BaseModule": "init_weights",
    "huggingface_hub.PyTorchModelHubMixin": None,
    "torch.jit.ScriptModule": None,
    "fastai.torch_core.Module": None,
    "torch.autograd.Function": None,
    "torch.nn.modules.module.Module": None,
}
#: mmengine's containers: torch's, with an `init_weights` that calls that of every child.
INITIALISING_CONTAINERS: dict[str, Kind] = {
    f"{module}.{name}": replace(MODULES[name], extra="init_weights")
    for module in ("mmengine.model", "mmengine.model.base_module", "mmcv.runner")
    for name in ("Sequential", "ModuleList", "ModuleDict")
}
