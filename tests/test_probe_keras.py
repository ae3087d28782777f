"""The probe on Keras models: the same observer, with Keras' own names, lines and layouts."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
if keras.backend.backend() != "torch":
    pytest.skip("Keras runs on another backend here", allow_module_level=True)
from keras import layers, ops  # noqa: E402

from actinit_lint import probe  # noqa: E402
from actinit_lint.probe.measure import measured, prepare  # noqa: E402
from actinit_lint.probe.measurement import Measurement, Replacement, Task  # noqa: E402
from actinit_lint.probe.subject import Subject  # noqa: E402

prepare("keras")


def observed(build: Callable[[], Any], *shape: int, task: Task | None = None) -> Measurement:
    def inputs(batch: int, distribution: str) -> Any:
        return ((torch.randn if distribution == "normal" else torch.rand)(batch, *shape),), {}

    return measured(Subject("model", __file__, 1, "keras", build, inputs), task or Task())


class Mixer(layers.Layer):
    """A weight of its own, made with add_weight."""

    def build(self, shape: Any) -> None:
        self.made_at = sys._getframe().f_lineno + 1
        self.mix = self.add_weight(name="mix", shape=(shape[-1], shape[-1]), initializer="orthogonal")

    def call(self, x: Any) -> Any:
        return ops.gelu(ops.matmul(x, self.mix))


def test_layers_have_names_lines_and_what_feeds_them() -> None:
    start = inspect.currentframe().f_lineno  # type: ignore[union-attr]

    def build() -> Any:
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(8, 3, padding="same", activation="tanh")(inputs)
        x = layers.Conv2D(
            8,
            3,
            activation="relu",
        )(x)
        return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))

    found = observed(build, 8, 8, 3)
    assert [(one.weight, one.unit_axis, one.fan_in, one.sources) for one in found.layers] == [
        ("conv2d/kernel", 3, 27.0, []),
        ("conv2d_1/kernel", 3, 72.0, [0]),
        ("dense/kernel", 1, 8.0, [1]),
    ]
    assert [one.constructed and one.constructed[1] - start for one in found.layers] == [4, 5, 10]
    assert [(one.name, one.sources) for one in found.activations] == [("tanh", [0]), ("relu", [1])]
    assert "mean" in found.layers[2].via


def test_a_weight_of_a_custom_layer_is_one() -> None:
    made: list[Mixer] = []

    def build() -> Any:
        made.append(Mixer())
        return keras.Sequential([keras.Input((6,)), made[-1], layers.Dense(2)])

    record = observed(build, 6).layers[0]
    assert (record.constructed, record.fan_in) == ((__file__, made[-1].made_at), 6)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softsign", "hard_sigmoid"])
def test_activations_by_name_are_known(name: str) -> None:
    def build() -> Any:
        return keras.Sequential([keras.Input((16,)), layers.Dense(16, activation=name), layers.Dense(2)])

    (met,) = observed(build, 16).activations
    assert (met.name, met.identified) == (name.replace("hard_", "hard"), True)


def test_the_gates_of_a_recurrent_layer_are_seen_at_every_step() -> None:
    found = observed(lambda: keras.Sequential([keras.Input((5, 4)), layers.LSTM(6), layers.Dense(2)]), 5, 4)
    gates = {one.name: one.runs[0].rows // found.runs[0].batch for one in found.activations}
    assert gates == {"sigmoid": 15, "tanh": 10}


def test_numbers_are_those_of_every_fresh_model() -> None:
    def build() -> Any:
        return keras.Sequential(
            [keras.Input((200,)), layers.Dense(100, kernel_initializer="he_normal"), layers.ReLU(), layers.Dense(2)]
        )

    runs = observed(build, 200).layers[0].runs
    assert len({run.second for run in runs}) == 8  # five seeds, three of them for both kinds of input
    assert all(run.second / run.fed == pytest.approx(2, rel=0.15) for run in runs[:5])


def test_a_remedy_is_drawn_into_the_weight() -> None:
    def build() -> Any:
        return keras.Sequential([keras.Input((50,)), layers.Dense(50, activation="relu", name="wide"), layers.Dense(2)])

    fitting = {
        "name": "he_normal", "family": "variance_scaling", "distribution": "truncated_normal", "gain": 2**0.5,
        "mode": "fan_in",
    }  # fmt: skip
    line = __file__, build.__code__.co_firstlineno + 1
    task = Task([Replacement(f"{__file__}::model", "wide", "kernel", [line], fitting, number=0, beside=2)])
    found = observed(build, 50, task=task)
    assert (found.replaced, found.not_replaced) == (["sequential/wide/kernel"], [])
    gains = {found.runs[run.run].cured: run.second / run.fed for run in found.layers[0].runs}
    assert gains[True] == pytest.approx(2, rel=0.2)
    assert gains[False] == pytest.approx(1, rel=0.2)


def test_a_model_is_inspected_in_this_process_and_left_as_it_was() -> None:
    def small() -> Any:
        return keras.initializers.RandomNormal(stddev=0.01)

    model = keras.Sequential([keras.Input((64,))])
    for _ in range(8):
        model.add(layers.Dense(64, "relu", kernel_initializer=small()))
    model.add(layers.BatchNormalization())
    model.add(layers.Dense(2))
    before = model.get_weights()
    report = probe.inspect(model)
    assert [one.code for one in report.findings] == ["ACT703"]
    assert all((old == new).all() for old, new in zip(before, model.get_weights()))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize(("spread", "codes"), [(0.05, []), (2.0, ["ACT702"])])
def test_too_wide_a_spread_saturates_a_recurrent_layer(kind: str, spread: float, codes: list[str]) -> None:
    keras.utils.set_random_seed(0)
    drawn = {f"{name}_initializer": keras.initializers.RandomNormal(stddev=spread) for name in ("kernel", "recurrent")}
    body = getattr(layers, kind)(24, **drawn)
    report = probe.inspect(keras.Sequential([keras.Input((10, 6)), body, layers.Dense(2)]))
    assert [one.code for one in report.findings] == codes
    assert all(f"inside {body.path}" in one.message for one in report.findings)
