"""Keras as tables: layers with their weights, defaults and initialiser arguments; names of activations and losses.

Signatures as of keras 3.15 (keras/src/layers/**); Keras 1/2 spellings are rows of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from actinit_lint.knowledge.kinds import REQUIRED, Kind, Role, Size, WeightRow, size, spread, times
from actinit_lint.reference.normal_form import KERAS_DEFAULT, Initializer, constant

Arguments = Mapping[str, Any]
Shape = tuple[Size, ...] | None

ZEROS, ONES = constant(0.0), constant(1.0)
ORTHOGONAL = Initializer("orthogonal", "orthogonal", gain=1.0, is_default=True)
EMBEDDING = Initializer("keras_default", "uniform", "uniform", low=-0.05, high=0.05, is_default=True)

#: What `keras` exports (keras/__init__.py): the tables speak of it. The rest of the library is code like any other.
EXPORTED = frozenset(
    [
        "activations", "applications", "backend", "callbacks", "config", "constraints", "datasets", "distillation",
        "distribution", "dtype_policies", "export", "initializers", "layers", "legacy", "losses", "metrics",
        "mixed_precision", "models", "ops", "optimizers", "preprocessing", "quantizers", "random", "regularizers",
        "saving", "tree", "utils", "visualization", "wrappers",
    ]
)  # fmt: skip


def is_internal(parts: Sequence[str]) -> bool:
    """Whether a module of keras, by its name below `keras`, is no part of what it exports: tests and their tools."""
    inside = [part for part in parts if part != "src"]
    return bool(inside) and (inside[0] not in EXPORTED or any(part.endswith("_test") for part in inside))


#: Arguments that every layer takes.
COMMON = (("name", None), ("dtype", None), ("trainable", True), ("input_shape", None), ("input_dim", None))


def _last(shape: Shape) -> Size:
    return shape[-1] if shape else None


def _biased(
    a: Arguments, rows: list[WeightRow], width: Size, initializer: Initializer = ZEROS
) -> tuple[WeightRow, ...]:
    if a.get("use_bias") is not False:
        rows.append(WeightRow("bias", "bias", (width,), initializer, "bias_initializer"))
    return tuple(rows)


def _dense(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
    units = size(a["units"])
    row = WeightRow("kernel", "kernel", (_last(s), units), KERAS_DEFAULT, "kernel_initializer")
    return _biased(a, [row], units)


def _dense_shape(a: Arguments, s: Shape) -> Shape:
    return None if s is None else (*s[:-1], size(a["units"]))


def _channels(a: Arguments, s: Shape) -> Size:
    if s is None or not s:
        return None
    return s[0] if a.get("data_format") == "channels_first" else s[-1]


def _conv(dims: int, transposed: bool = False) -> Callable[[Arguments, Shape], tuple[WeightRow, ...]]:
    def weights(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
        kernel = spread(a["kernel_size"], dims)
        i, o, g = _channels(a, s), size(a["filters"]), size(a.get("groups", 1)) or 1
        i = i // g if i is not None else None
        shape = (*kernel, o, i) if transposed else (*kernel, i, o)
        return _biased(a, [WeightRow("kernel", "kernel", shape, KERAS_DEFAULT, "kernel_initializer")], o)

    return weights


def _depthwise(dims: int) -> Callable[[Arguments, Shape], tuple[WeightRow, ...]]:
    def weights(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
        kernel, i, m = spread(a["kernel_size"], dims), _channels(a, s), size(a.get("depth_multiplier", 1))
        row = WeightRow("kernel", "depthwise", (*kernel, i, m), KERAS_DEFAULT, "depthwise_initializer")
        return _biased(a, [row], times(i, m))

    return weights


def _separable(dims: int) -> Callable[[Arguments, Shape], tuple[WeightRow, ...]]:
    def weights(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
        kernel, i, m = spread(a["kernel_size"], dims), _channels(a, s), size(a.get("depth_multiplier", 1))
        o = size(a["filters"])
        rows = [
            WeightRow("depthwise_kernel", "depthwise", (*kernel, i, m), KERAS_DEFAULT, "depthwise_initializer"),
            WeightRow(
                "pointwise_kernel", "kernel", (*(1,) * dims, times(i, m), o), KERAS_DEFAULT, "pointwise_initializer"
            ),
        ]
        return _biased(a, rows, o)

    return weights


def _conv_shape(dims: int, transposed: bool = False, pool: bool = False) -> Callable[[Arguments, Shape], Shape]:
    def shape(a: Arguments, s: Shape) -> Shape:
        if s is None or len(s) != dims + 1:
            return None
        key = "pool_size" if pool else "kernel_size"
        kernel = spread(a[key], dims)
        strides = spread(a.get("strides") if a.get("strides") is not None else (a[key] if pool else 1), dims)
        same = a.get("padding", "valid") == "same"
        known = a.get("padding", "valid") in ("same", "valid", "causal")
        first = a.get("data_format") == "channels_first"
        space = s[1:] if first else s[:-1]
        out: list[Size] = []
        for n, k, st in zip(space, kernel, strides):
            if n is None or k is None or not st or not known:
                out.append(None)
            elif transposed:
                out.append(n * st if same else n * st + max(k - st, 0))
            else:
                out.append(-(-n // st) if same or a.get("padding") == "causal" else max((n - k) // st + 1, 1))
        width = _channels(a, s) if pool or "filters" not in a else size(a["filters"])
        if not pool and "filters" not in a:
            width = times(width, size(a.get("depth_multiplier", 1)))
        return (width, *out) if first else (*out, width)

    return shape


def _recurrent(gates: int) -> Callable[[Arguments, Shape], tuple[WeightRow, ...]]:
    def weights(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
        units = size(a["units"])
        wide = times(gates, units)
        rows = [
            WeightRow("kernel", "kernel", (_last(s), wide), KERAS_DEFAULT, "kernel_initializer"),
            WeightRow("recurrent_kernel", "recurrent", (units, wide), ORTHOGONAL, "recurrent_initializer"),
        ]
        return _biased(a, rows, wide)

    return weights


def _recurrent_shape(a: Arguments, s: Shape) -> Shape:
    units = size(a["units"])
    if a.get("return_sequences") is True:
        return (s[0] if s else None, units)
    return (units,)


def _embedding(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
    shape = (size(a["input_dim"]), size(a["output_dim"]))
    return (WeightRow("embeddings", "embedding", shape, EMBEDDING, "embeddings_initializer"),)


def _embedding_shape(a: Arguments, s: Shape) -> Shape:
    return None if s is None else (*s, size(a["output_dim"]))


def _norm(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
    rows = []
    if a.get("scale") is not False:
        rows.append(WeightRow("gamma", "norm", (_last(s),), ONES, "gamma_initializer"))
    if a.get("center") is not False:
        rows.append(WeightRow("beta", "bias", (_last(s),), ZEROS, "beta_initializer"))
    return tuple(rows)


def _attention(a: Arguments, s: Shape) -> tuple[WeightRow, ...]:
    return (WeightRow("kernel", "other", None, KERAS_DEFAULT, "kernel_initializer"),)


def _flatten_shape(_: Arguments, s: Shape) -> Shape:
    return None if s is None else (times(*s),)


def _reshape_shape(a: Arguments, s: Shape) -> Shape:
    target = a["target_shape"]
    if not isinstance(target, (tuple, list)):
        return None
    sizes = [size(v) for v in target]
    if -1 in sizes:
        rest = times(*[v for v in sizes if v != -1])
        total = times(*s) if s is not None else None
        sizes[sizes.index(-1)] = total // rest if total is not None and rest else None
    return tuple(sizes)


def _global_shape(a: Arguments, s: Shape) -> Shape:
    return (_channels(a, s),)


def _repeat_shape(a: Arguments, s: Shape) -> Shape:
    return None if s is None else (size(a["n"]), *s)


def _bare(_: Arguments, s: Shape) -> Shape:
    return s


def _k(name: str, role: Role, *parameters: tuple[str, Any], **more: Any) -> tuple[str, Kind]:
    return name, Kind(name, "keras", role, (*parameters, *COMMON), **more)


ACT = ("activation", None)
KERNEL = (("use_bias", True), ("kernel_initializer", None), ("bias_initializer", None))


def _conv_parameters(dims: int) -> tuple[tuple[str, Any], ...]:
    return (
        ("filters", REQUIRED), ("kernel_size", REQUIRED), ("strides", 1), ("padding", "valid"), ("data_format", None),
        ("dilation_rate", 1), ("groups", 1), ACT, *KERNEL,
    )  # fmt: skip


def _transpose_parameters() -> tuple[tuple[str, Any], ...]:
    return (
        ("filters", REQUIRED), ("kernel_size", REQUIRED), ("strides", 1), ("padding", "valid"),
        ("output_padding", None), ("data_format", None), ("dilation_rate", 1), ACT, *KERNEL,
    )  # fmt: skip


def _depthwise_parameters() -> tuple[tuple[str, Any], ...]:
    return (
        ("kernel_size", REQUIRED), ("strides", 1), ("padding", "valid"), ("depth_multiplier", 1), ("data_format", None),
        ("dilation_rate", 1), ACT, ("use_bias", True), ("depthwise_initializer", None), ("bias_initializer", None),
    )  # fmt: skip


def _separable_parameters() -> tuple[tuple[str, Any], ...]:
    return (
        ("filters", REQUIRED), ("kernel_size", REQUIRED), ("strides", 1), ("padding", "valid"), ("data_format", None),
        ("dilation_rate", 1), ("depth_multiplier", 1), ACT, ("use_bias", True), ("depthwise_initializer", None),
        ("pointwise_initializer", None), ("bias_initializer", None),
    )  # fmt: skip


RNN = (
    ("units", REQUIRED), ("activation", "tanh"), ("use_bias", True), ("kernel_initializer", None),
    ("recurrent_initializer", None), ("bias_initializer", None), ("return_sequences", False), ("return_state", False),
    ("unit_forget_bias", True), ("recurrent_activation", "sigmoid"),
)  # fmt: skip
GATED = (
    ("units", REQUIRED), ("activation", "tanh"), ("recurrent_activation", "sigmoid"), ("use_bias", True),
    ("kernel_initializer", None), ("recurrent_initializer", None), ("bias_initializer", None),
    ("unit_forget_bias", True), ("return_sequences", False), ("return_state", False),
)  # fmt: skip
POOL = (("pool_size", 2), ("strides", None), ("padding", "valid"), ("data_format", None))
GLOBAL = (("data_format", None), ("keepdims", False))
LAYER_NORM = (
    ("axis", -1), ("epsilon", 1e-3), ("center", True), ("scale", True), ("beta_initializer", None),
    ("gamma_initializer", None),
)  # fmt: skip
BATCH_NORM = (
    ("axis", -1), ("momentum", 0.99), ("epsilon", 1e-3), ("center", True), ("scale", True),
    ("beta_initializer", None), ("gamma_initializer", None),
)  # fmt: skip


def _act(
    name: str, activation: str, *parameters: tuple[str, Any], slope: str | float | None = None
) -> tuple[str, Kind]:
    return _k(name, "activation", *parameters, activation=activation, slope=slope, shape=_bare)


#: keras.layers classes by name.
LAYERS: dict[str, Kind] = dict(
    [
        _k("Layer", "module"), _k("Model", "module"), _k("Functional", "module"),
        _k("Sequential", "container", ("layers", None)),
        _k("InputLayer", "pass", ("shape", None), ("batch_size", None), extra="input"),
        _k("Dense", "layer", ("units", REQUIRED), ACT, *KERNEL, weights=_dense, shape=_dense_shape),
        _k("EinsumDense", "layer", ("equation", REQUIRED), ("output_shape", REQUIRED), ACT, ("bias_axes", None),
           ("kernel_initializer", None), ("bias_initializer", None),
           weights=lambda a, s: (WeightRow("kernel", "kernel", None, KERAS_DEFAULT, "kernel_initializer"),)),
        *[_k(name.format(n), "layer", *_conv_parameters(n), weights=_conv(n), shape=_conv_shape(n))
          for n in (1, 2, 3) for name in ("Conv{}D", "Convolution{}D")],
        *[_k(name.format(n), "layer", *_transpose_parameters(), weights=_conv(n, True), shape=_conv_shape(n, True),
             extra="transpose")
          for n in (1, 2, 3) for name in ("Conv{}DTranspose", "Convolution{}DTranspose", "Deconvolution{}D")],
        *[_k(f"DepthwiseConv{n}D", "layer", *_depthwise_parameters(), weights=_depthwise(n), shape=_conv_shape(n),
             extra="depthwise") for n in (1, 2)],
        *[_k(name.format(n), "layer", *_separable_parameters(), weights=_separable(n), shape=_conv_shape(n),
             extra="separable") for n in (1, 2) for name in ("SeparableConv{}D", "SeparableConvolution{}D")],
        *[_k(f"LocallyConnected{n}D", "layer", *_conv_parameters(n), weights=_conv(n), shape=_conv_shape(n))
          for n in (1, 2)],
        _k("SimpleRNN", "recurrent", *RNN, weights=_recurrent(1), shape=_recurrent_shape, activation="tanh"),
        _k("LSTM", "recurrent", *GATED, weights=_recurrent(4), shape=_recurrent_shape, activation="tanh",
           extra="gated"),
        _k("GRU", "recurrent", *GATED, weights=_recurrent(3), shape=_recurrent_shape, activation="tanh",
           extra="gated"),
        _k("CuDNNLSTM", "recurrent", *GATED, weights=_recurrent(4), shape=_recurrent_shape, activation="tanh",
           extra="gated"),
        _k("CuDNNGRU", "recurrent", *GATED, weights=_recurrent(3), shape=_recurrent_shape, activation="tanh",
           extra="gated"),
        *[_k(f"ConvLSTM{n}D", "recurrent", ("filters", REQUIRED), ("kernel_size", REQUIRED), ("units", None),
             ("activation", "tanh"), ("kernel_initializer", None), ("recurrent_initializer", None),
             ("bias_initializer", None), ("return_sequences", False),
             weights=lambda a, s: (WeightRow("kernel", "kernel", None, KERAS_DEFAULT, "kernel_initializer"),),
             activation="tanh", extra="gated") for n in (1, 2, 3)],
        *[_k(name, "recurrent", *GATED, weights=_recurrent(gates), shape=_recurrent_shape, activation="tanh",
             extra=extra)
          for name, gates, extra in (("SimpleRNNCell", 1, "cell"), ("LSTMCell", 4, "gated cell"),
                                     ("GRUCell", 3, "gated cell"))],
        _k("RNN", "wrapper", ("cell", REQUIRED), ("return_sequences", False), ("return_state", False), extra="cells"),
        _k("StackedRNNCells", "wrapper", ("cells", REQUIRED), extra="cells"),
        _k("Wrapper", "wrapper", ("layer", REQUIRED)),
        _k("TorchModuleWrapper", "wrapper", ("module", REQUIRED), ("name", None), ("output_shape", None)),
        _k("MultiHeadAttention", "attention", ("num_heads", REQUIRED), ("key_dim", REQUIRED), ("value_dim", None),
           ("dropout", 0.0), ("use_bias", True), ("output_shape", None), ("attention_axes", None),
           ("kernel_initializer", None), ("bias_initializer", None), weights=_attention, shape=_bare),
        _k("GroupQueryAttention", "attention", weights=_attention, shape=_bare),
        _k("Attention", "attention"), _k("AdditiveAttention", "attention"),
        _k("Embedding", "embedding", ("input_dim", REQUIRED), ("output_dim", REQUIRED),
           ("embeddings_initializer", None), weights=_embedding, shape=_embedding_shape),
        _k("BatchNormalization", "norm", *BATCH_NORM, weights=_norm, shape=_bare, norm="batch"),
        _k("SyncBatchNormalization", "norm", *BATCH_NORM, weights=_norm, shape=_bare, norm="batch"),
        _k("LayerNormalization", "norm", *LAYER_NORM, weights=_norm, shape=_bare, norm="layer"),
        _k("RMSNormalization", "norm", ("axis", -1), ("epsilon", 1e-6), shape=_bare, norm="rms"),
        _k("GroupNormalization", "norm", ("groups", 32), *LAYER_NORM, weights=_norm, shape=_bare, norm="group"),
        _k("UnitNormalization", "norm", ("axis", -1), shape=_bare, norm="l2"),
        _k("Normalization", "norm", ("axis", -1), shape=_bare, norm="batch"),
        _k("SpectralNormalization", "wrapper", ("layer", REQUIRED), extra="scale free"),
        _k("TimeDistributed", "wrapper", ("layer", REQUIRED), extra="time"),
        _k("Bidirectional", "wrapper", ("layer", REQUIRED), ("merge_mode", "concat"), ("weights", None),
           ("backward_layer", None), extra="bidirectional"),
        _k("Activation", "activation", ("activation", REQUIRED), shape=_bare),
        _act("ReLU", "relu", ("max_value", None), ("negative_slope", 0.0), ("threshold", 0.0)),
        _act("LeakyReLU", "leaky_relu", ("negative_slope", 0.3), ("alpha", None), slope="negative_slope"),
        _k("PReLU", "activation", ("alpha_initializer", "zeros"), activation="prelu", slope=0.0, shape=_bare),
        _act("ELU", "elu", ("alpha", 1.0), slope="alpha"),
        _act("ThresholdedReLU", "threshold", ("theta", 1.0)),
        _act("Softmax", "softmax", ("axis", -1)),
        *[_k(name, "pass", ("rate", REQUIRED), shape=_bare) for name in (
            "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "AlphaDropout")],
        *[_k(name, "pass", shape=_bare) for name in (
            "GaussianNoise", "ActivityRegularization", "Masking", "Identity", "RandomFlip", "RandomRotation",
            "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness")],
        *[_k(name, "pass") for name in (
            "Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
            "UpSampling1D", "UpSampling2D", "UpSampling3D", "RandomCrop", "CenterCrop", "Resizing")],
        _k("Rescaling", "pass", ("scale", REQUIRED), shape=_bare, extra="scale"),
        _k("Flatten", "pass", shape=_flatten_shape),
        _k("Reshape", "pass", ("target_shape", REQUIRED), shape=_reshape_shape),
        _k("Permute", "pass", ("dims", REQUIRED)),
        _k("RepeatVector", "pass", ("n", REQUIRED), shape=_repeat_shape),
        *[_k(name.format(n), "pass", *POOL, shape=_conv_shape(n, pool=True))
          for n in (1, 2, 3) for name in ("AveragePooling{}D", "AvgPool{}D")],
        *[_k(name.format(n), "pass", *GLOBAL, shape=_global_shape)
          for n in (1, 2, 3) for name in ("GlobalAveragePooling{}D", "GlobalAvgPool{}D")],
        *[_k(name.format(n), "max", *POOL, shape=_conv_shape(n, pool=True))
          for n in (1, 2, 3) for name in ("MaxPooling{}D", "MaxPool{}D")],
        *[_k(name.format(n), "max", *GLOBAL, shape=_global_shape)
          for n in (1, 2, 3) for name in ("GlobalMaxPooling{}D", "GlobalMaxPool{}D")],
        *[_k(name, "merge", extra=extra) for name, extra in (
            ("Add", "add"), ("Subtract", "add"), ("Average", "add"), ("Multiply", "mul"), ("Dot", "matmul"),
            ("Maximum", "max"), ("Minimum", "max"), ("Concatenate", "concat"))],
        _k("Lambda", "opaque", ("function", REQUIRED), extra="lambda"),
        _k("Hashing", "opaque"), _k("TextVectorization", "opaque"), _k("StringLookup", "opaque"),
        _k("IntegerLookup", "opaque"), _k("CategoryEncoding", "opaque"), _k("Discretization", "opaque"),
        *[_k(name, "loss", ("from_logits", False), ("label_smoothing", 0.0), loss=loss) for name, loss in (
            ("CategoricalCrossentropy", "categorical_crossentropy"), ("BinaryCrossentropy", "binary_crossentropy"),
            ("CategoricalFocalCrossentropy", "categorical_crossentropy"))],
        _k("SparseCategoricalCrossentropy", "loss", ("from_logits", False), ("ignore_class", None),
           loss="sparse_categorical_crossentropy"),
        _k("BinaryFocalCrossentropy", "loss", ("apply_class_balancing", False), ("alpha", 0.25), ("gamma", 2.0),
           ("from_logits", False), loss="binary_crossentropy"),
        *[_k(name, "loss", loss=loss) for name, loss in (
            ("MeanSquaredError", "mse"), ("MeanAbsoluteError", "mae"), ("Huber", "huber"), ("Hinge", "hinge"),
            ("Poisson", "poisson"), ("KLDivergence", "kl_div"), ("CosineSimilarity", "cosine"), ("LogCosh", "logcosh"),
            ("MeanAbsolutePercentageError", "mape"), ("MeanSquaredLogarithmicError", "msle"),
            ("CategoricalHinge", "categorical_hinge"), ("SquaredHinge", "squared_hinge"))],
    ]
)  # fmt: skip

#: Strings and functions of keras.activations -> normal form (keras/src/activations/__init__.py).
ACTIVATIONS: dict[str, str] = {
    "relu": "relu", "leaky_relu": "leaky_relu", "relu6": "relu6", "softmax": "softmax", "celu": "celu", "elu": "elu",
    "selu": "selu", "softplus": "softplus", "softsign": "softsign", "squareplus": "squareplus",
    "soft_shrink": "softshrink", "sparse_plus": "sparse_plus", "silu": "silu", "swish": "silu", "gelu": "gelu",
    "glu": "glu", "tanh": "tanh", "tanh_shrink": "tanhshrink", "threshold": "threshold", "sigmoid": "sigmoid",
    "sparse_sigmoid": "sparse_sigmoid", "exponential": "exp", "hard_sigmoid": "hardsigmoid", "hard_silu": "hardswish",
    "hard_swish": "hardswish", "hard_tanh": "hardtanh", "hard_shrink": "hardshrink", "linear": "linear",
    "mish": "mish", "log_softmax": "log_softmax", "log_sigmoid": "logsigmoid", "sparsemax": "softmax",
}  # fmt: skip
#: Class spellings that `keras.activations.get` takes besides the functions' names.
ACTIVATION_CLASSES = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "Softmax": "softmax", "ELU": "elu", "PReLU": "prelu"}
#: Slopes and alphas of the activation functions: keras/src/activations/activations.py.
ACTIVATION_SLOPES = {"leaky_relu": 0.2, "elu": 1.0, "celu": 1.0}

#: tf.nn, keras.ops, keras.backend functions that are activations.
FUNCTIONS: dict[str, str] = {
    **ACTIVATIONS,
    "crelu": "relu",
    "sin": "sin",
    "log_sigmoid": "logsigmoid",
}
PASS_FUNCTIONS = frozenset(
    [
        "reshape",
        "transpose",
        "squeeze",
        "expand_dims",
        "cast",
        "flatten",
        "batch_flatten",
        "permute_dimensions",
        "mean",
        "sum",
        "reduce_mean",
        "reduce_sum",
        "repeat",
        "tile",
        "roll",
        "flip",
        "pad",
        "dropout",
        "stop_gradient",
        "identity",
        "convert_to_tensor",
        "convert_to_numpy",
        "set_keras_mask",
        "real",
        "ensure_shape",
        "gather",
        "take",
        "slice",
        "strided_slice",
        "moveaxis",
        "swapaxes",
        "broadcast_to",
        "average",
        "avg_pool",
        "avg_pool2d",
        "average_pool",
        "resize",
        "spatial_dropout",
        "depth_to_space",
        "space_to_depth",
        "batch_to_space_nd",
        "space_to_batch_nd",
        "reverse",
    ]
)
MAX_FUNCTIONS = frozenset(
    ["max", "min", "reduce_max", "reduce_min", "max_pool", "max_pool1d", "max_pool2d", "maximum", "minimum", "amax"]
)
NONLINEAR_FUNCTIONS = frozenset(
    [
        "exp",
        "log",
        "log1p",
        "sqrt",
        "rsqrt",
        "square",
        "pow",
        "power",
        "isnan",
        "isfinite",
        "isinf",
        "abs",
        "clip",
        "clip_by_value",
        "cos",
        "reduce_logsumexp",
        "logsumexp",
        "where",
        "cumsum",
        "cond",
    ]
)
NORM_FUNCTIONS = {
    "batch_normalization": "batch",
    "layer_normalization": "layer",
    "rms_normalization": "rms",
    "l2_normalize": "l2",
    "normalize": "l2",
    "moments": "batch",
    "local_response_normalization": "local",
}
SPLIT_FUNCTIONS = frozenset(["split", "unstack", "array_split"])
CONCAT_FUNCTIONS = frozenset(["concatenate", "concat", "stack", "hstack", "vstack"])
ADD_FUNCTIONS = frozenset(["add", "subtract", "add_n"])
MUL_FUNCTIONS = frozenset(["multiply", "divide"])
MATMUL_FUNCTIONS = frozenset(["matmul", "dot", "tensordot", "batch_dot"])
#: Products of a sparse matrix with a dense one.
SPARSE_PRODUCTS = frozenset(
    ["tensorflow.sparse.sparse_dense_matmul", "tensorflow.sparse.matmul", "tensorflow.sparse_tensor_dense_matmul"]
)
LINEAR_FUNCTIONS = frozenset(
    ["conv", "conv1d", "conv2d", "conv3d", "conv_transpose", "depthwise_conv", "separable_conv"]
)

#: Losses by the strings and functions of keras.losses.
LOSSES: dict[str, str] = {
    "categorical_crossentropy": "categorical_crossentropy",
    "sparse_categorical_crossentropy": "sparse_categorical_crossentropy",
    "binary_crossentropy": "binary_crossentropy", "bce": "binary_crossentropy", "BCE": "binary_crossentropy",
    "binary_focal_crossentropy": "binary_crossentropy", "categorical_focal_crossentropy": "categorical_crossentropy",
    "mse": "mse", "MSE": "mse", "mean_squared_error": "mse", "mae": "mae", "MAE": "mae", "mean_absolute_error": "mae",
    "mape": "mape", "msle": "msle", "hinge": "hinge", "squared_hinge": "squared_hinge", "huber": "huber",
    "huber_loss": "huber", "kld": "kl_div", "kullback_leibler_divergence": "kl_div", "kl_divergence": "kl_div",
    "poisson": "poisson", "cosine_similarity": "cosine", "cosine_proximity": "cosine", "logcosh": "logcosh",
    "log_cosh": "logcosh", "categorical_hinge": "categorical_hinge",
    "CategoricalCrossentropy": "categorical_crossentropy", "BinaryCrossentropy": "binary_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy", "MeanSquaredError": "mse",
}  # fmt: skip
#: tf.nn and TF 1 losses on logits.
LOGIT_LOSSES: dict[str, str] = {
    "softmax_cross_entropy_with_logits": "categorical_crossentropy",
    "softmax_cross_entropy_with_logits_v2": "categorical_crossentropy",
    "sparse_softmax_cross_entropy_with_logits": "sparse_categorical_crossentropy",
    "sigmoid_cross_entropy_with_logits": "binary_crossentropy",
    "weighted_cross_entropy_with_logits": "binary_crossentropy",
    "softmax_cross_entropy": "categorical_crossentropy",
    "sparse_softmax_cross_entropy": "sparse_categorical_crossentropy",
    "sigmoid_cross_entropy": "binary_crossentropy",
}

#: Keras 1 argument names and what they became (keras/legacy/interfaces.py of Keras 2).
LEGACY_ARGUMENTS: dict[str, str] = {
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "forget_bias_init": "unit_forget_bias",
    "inner_activation": "recurrent_activation",
    "output_dim": "units",
    "nb_filter": "filters",
    "nb_row": "kernel_size",
    "nb_col": "kernel_size",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "border_mode": "padding",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "bias": "use_bias",
}

#: tf.layers and tf.compat.v1.layers functions: name -> the Keras layer they build and apply.
TF_LAYERS: dict[str, str] = {
    "dense": "Dense", "conv1d": "Conv1D", "conv2d": "Conv2D", "conv3d": "Conv3D",
    "conv2d_transpose": "Conv2DTranspose", "conv3d_transpose": "Conv3DTranspose", "separable_conv2d": "SeparableConv2D",
    "batch_normalization": "BatchNormalization", "dropout": "Dropout", "flatten": "Flatten",
    "max_pooling1d": "MaxPooling1D", "max_pooling2d": "MaxPooling2D", "average_pooling2d": "AveragePooling2D",
}  # fmt: skip
