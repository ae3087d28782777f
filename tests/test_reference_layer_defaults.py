"""Default initialisers of layers against the weights that torch and Keras make."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from actinit_lint.reference.initializers import Layout, weight_moments
from actinit_lint.reference.layer_defaults import LAYER_DEFAULTS, NORM_EPS, Default, layer_default

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring

T = torch.nn


def transformer() -> torch.nn.Module:
    return T.Transformer(128, 4, 1, 1, 256, batch_first=True)


#: (layer, how to build it, parameter in the table, parameter of the object, size that takes the fan's place).
TORCH: list[tuple[str, Any, str, str, int | None]] = [
    ("Linear", lambda: T.Linear(500, 300), "weight", "weight", None),
    ("Linear", lambda: T.Linear(16, 20_000), "bias", "bias", 16),
    ("Conv1d", lambda: T.Conv1d(32, 64, 5), "weight", "weight", None),
    ("Conv2d", lambda: T.Conv2d(32, 64, 3), "weight", "weight", None),
    ("Conv2d", lambda: T.Conv2d(2048, 2048, 3, groups=2048), "weight", "weight", None),
    ("Conv2d", lambda: T.Conv2d(2, 20_000, 3), "bias", "bias", 18),
    ("ConvTranspose2d", lambda: T.ConvTranspose2d(128, 64, 4), "weight", "weight", None),
    ("ConvTranspose2d", lambda: T.ConvTranspose2d(1, 4_000, 2), "bias", "bias", 16_000),
    ("Bilinear", lambda: T.Bilinear(40, 50, 60), "weight", "weight", 40),
    ("LSTM", lambda: T.LSTM(40, 128), "weight_ih", "weight_ih_l0", 128),
    ("LSTM", lambda: T.LSTM(40, 128), "weight_hh", "weight_hh_l0", 128),
    ("GRU", lambda: T.GRU(4, 2048), "bias_ih", "bias_ih_l0", 2048),
    ("RNNCell", lambda: T.RNNCell(40, 256), "weight_hh", "weight_hh", 256),
    ("Embedding", lambda: T.Embedding(1000, 128), "weight", "weight", None),
    ("MultiheadAttention", lambda: T.MultiheadAttention(128, 4), "in_proj_weight", "in_proj_weight", None),
    ("MultiheadAttention", lambda: T.MultiheadAttention(128, 4, kdim=64), "k_proj_weight", "k_proj_weight", None),
    ("MultiheadAttention", lambda: T.MultiheadAttention(256, 4), "out_proj.weight", "out_proj.weight", None),
    ("MultiheadAttention", lambda: T.MultiheadAttention(128, 4), "in_proj_bias", "in_proj_bias", None),
    (
        "Transformer",
        transformer,
        "weight",
        "encoder.layers.0.linear1.weight",
        None,
    ),
    ("BatchNorm2d", lambda: T.BatchNorm2d(8), "weight", "weight", None),
    ("LayerNorm", lambda: T.LayerNorm(8), "bias", "bias", None),
    ("RMSNorm", lambda: T.RMSNorm(8), "weight", "weight", None),
    ("PReLU", lambda: T.PReLU(8), "weight", "weight", None),
]
#: (layer, arguments, shape of the input, parameter in the table, variable's name).
KERAS: list[tuple[str, dict[str, Any], tuple[int, ...], str, str]] = [
    ("Dense", {"units": 300}, (500,), "kernel", "kernel"),
    ("Dense", {"units": 300}, (500,), "bias", "bias"),
    ("Conv2D", {"filters": 64, "kernel_size": 3}, (8, 8, 32), "kernel", "kernel"),
    ("Conv2D", {"filters": 64, "kernel_size": 3, "groups": 4}, (8, 8, 32), "kernel", "kernel"),
    ("Conv2DTranspose", {"filters": 64, "kernel_size": 4}, (8, 8, 128), "kernel", "kernel"),
    ("DepthwiseConv2D", {"kernel_size": 3}, (4, 4, 2048), "depthwise_kernel", "kernel"),
    ("SeparableConv2D", {"filters": 64, "kernel_size": 3}, (4, 4, 512), "pointwise_kernel", "pointwise_kernel"),
    ("LSTM", {"units": 128}, (5, 40), "kernel", "kernel"),
    ("LSTM", {"units": 128}, (5, 40), "recurrent_kernel", "recurrent_kernel"),
    ("GRU", {"units": 128}, (5, 40), "recurrent_kernel", "recurrent_kernel"),
    ("Embedding", {"input_dim": 1000, "output_dim": 64}, (7,), "embeddings", "embeddings"),
    ("BatchNormalization", {}, (8,), "gamma", "gamma"),
    ("LayerNormalization", {}, (8,), "beta", "beta"),
    ("PReLU", {}, (8,), "alpha", "alpha"),
]


@pytest.fixture(scope="module")
def keras() -> Iterator[ModuleType]:
    import keras

    yield keras


def assert_drawn(row: Default | None, values: torch.Tensor, fan: int | None, layout: Layout) -> None:
    assert row is not None
    values = values.detach().double()
    shape = tuple(values.shape)
    predicted = weight_moments(row.initializer, fan, fan, None if fan else shape, layout)
    assert predicted is not None
    assert (row.fan not in ("weight", "none")) == (fan is not None)
    spread = math.sqrt(predicted.variance / values.numel())
    assert float(values.mean()) == pytest.approx(predicted.mean, abs=5 * spread)
    if predicted.variance:
        assert float(values.var()) == pytest.approx(predicted.variance, rel=5 * math.sqrt(2 / values.numel()))
    else:
        assert bool((values == predicted.mean).all())


class TestLayerDefaults:
    @pytest.mark.parametrize("case", TORCH, ids=lambda case: f"{case[0]}.{case[3]}, fan {case[4]}")
    def test_torch_layers_start_as_the_table_says(self, case: tuple[str, Any, str, str, int | None]) -> None:
        layer, build, parameter, attribute, fan = case
        torch.manual_seed(1)
        values = build().get_parameter(attribute)
        assert_drawn(layer_default("torch", layer, parameter), values, fan, "torch")

    @pytest.mark.parametrize("case", KERAS, ids=lambda case: f"{case[0]}({case[1]}).{case[4]}")
    def test_keras_layers_start_as_the_table_says(
        self, keras: ModuleType, case: tuple[str, dict[str, Any], tuple[int, ...], str, str]
    ) -> None:
        layer, arguments, shape, parameter, variable = case
        keras.utils.set_random_seed(2)
        built = getattr(keras.layers, layer)(**arguments)
        built.build((None, *shape))
        values = next(v for v in built.variables if v.name == variable).value
        assert_drawn(layer_default("keras", layer, parameter), values, None, "keras")

    def test_the_forget_gate_of_a_keras_lstm_starts_open(self, keras: ModuleType) -> None:
        layer = keras.layers.LSTM(3)
        layer.build((None, 5, 2))
        bias = next(v for v in layer.variables if v.name == "bias").value.detach()
        assert bias.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]

    def test_keras_attention_takes_its_fans_from_the_axes(self, keras: ModuleType) -> None:
        keras.utils.set_random_seed(0)
        layer = keras.layers.MultiHeadAttention(4, 32)
        layer.build((None, 7, 128), (None, 7, 128))
        row = layer_default("keras", "MultiHeadAttention", "kernel")
        assert row is not None
        assert row.fan == "axes"
        for variable in layer.variables:
            if variable.name == "kernel":
                assert_drawn(row, variable.value.reshape(128, 128), 128, "keras")

    def test_every_layer_of_the_table_exists(self, keras: ModuleType) -> None:
        gone = {"LocallyConnected1D", "LocallyConnected2D"}  # Keras 2 only
        cells = {"ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
        for row in LAYER_DEFAULTS:
            for layer in row.layers:
                assert layer in gone | cells or hasattr(T if row.framework == "torch" else keras.layers, layer), layer

    def test_what_is_not_in_the_table_has_no_default(self) -> None:
        assert layer_default("torch", "Linear", "gamma") is None
        assert layer_default("keras", "Lambda", "kernel") is None

    @pytest.mark.parametrize(
        ("kind", "torch_name", "keras_name"),
        [
            ("batch", "BatchNorm1d", "BatchNormalization"),
            ("layer", "LayerNorm", "LayerNormalization"),
            ("group", "GroupNorm", "GroupNormalization"),
            ("rms", "RMSNorm", "RMSNormalization"),
        ],
    )
    def test_the_eps_of_normalisations(self, keras: ModuleType, kind: str, torch_name: str, keras_name: str) -> None:
        module = getattr(T, torch_name)(*([1] if kind == "group" else []), 1)
        eps = torch.finfo(torch.float32).eps if module.eps is None else module.eps
        assert NORM_EPS[kind] == (eps, getattr(keras.layers, keras_name)().epsilon)
