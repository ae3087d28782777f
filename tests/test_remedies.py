"""The initialiser that would heal a finding: what the help says, a fix writes and the probe tries."""

from __future__ import annotations

import importlib
from math import sqrt

import pytest
from facts import HE, LECUN, REPORTED, TANH_GAIN, XAVIER, chain, dead, gates, link, normal, orthogonal, use

from actinit_lint.checks._remedy import chain_remedies, drift
from actinit_lint.judgement import mistake
from actinit_lint.knowledge.written import keras_string, keras_written, torch_written
from actinit_lint.model import Chain, Link
from actinit_lint.pages import pages
from actinit_lint.reference.activations import activation as reference_activation
from actinit_lint.reference.gains import stationary_gain
from actinit_lint.reference.keras_initializers import KERAS_INITIALIZERS
from actinit_lint.reference.moments import moments
from actinit_lint.reference.normal_form import KERAS_DEFAULT, TORCH_DEFAULT, Initializer, constant, variance_scaling
from actinit_lint.reference.torch_initializers import TORCH_INITIALIZERS
from actinit_lint.rule import Hit
from actinit_lint.signal import predict

HEALED = ("ACT101", "ACT102", "ACT103", "ACT104", "ACT201", "ACT202", "ACT301", "ACT302", "ACT401", "ACT402", "ACT403")


def hits(code: str, fact: object) -> list[Hit]:
    page = pages()[code]
    return list(importlib.import_module(f"actinit_lint.checks.{page.stem}").check(fact, page.matter.options))


def healing(code: str, fact: object) -> Initializer:
    (hit,) = hits(code, fact)
    (remedy,) = hit.remedies
    return remedy.initializer


@pytest.mark.parametrize("code", HEALED)
def test_every_finding_names_a_remedy_for_its_layer(code: str) -> None:
    for fact in REPORTED[code]:
        if isinstance(fact, Chain) and fact.steps[0].activation.name == "softplus":
            continue  # its mean outgrows its signal whatever the weights are
        for hit in hits(code, fact):
            assert hit.remedies
            assert hit.remedies[0].layer == hit.layer
            assert {remedy.model for remedy in hit.remedies} == {"Net"}


@pytest.mark.parametrize("code", ["ACT101", "ACT102", "ACT103", "ACT104"])
def test_a_healed_pair_is_no_mistake(code: str) -> None:
    for fact in REPORTED[code]:
        assert isinstance(fact, Link)
        fact.weight.writes[-1].initializer, before = healing(code, fact), fact.initializer
        assert mistake(fact) is None
        fact.weight.writes[-1].initializer = before


FITTING = {
    "He, as uniform as the Xavier that it replaces, before ReLU": (
        "ACT101",
        link(XAVIER, "relu"),
        TORCH_INITIALIZERS["kaiming_uniform_"](nonlinearity="relu"),
    ),
    "He with the slope of LeakyReLU": (
        "ACT101",
        link(XAVIER, "leaky_relu", 0.3),
        TORCH_INITIALIZERS["kaiming_uniform_"](0.3, "fan_in", "leaky_relu"),
    ),
    "He of Keras before ReLU": (
        "ACT101",
        link(XAVIER, "relu", framework="keras"),
        KERAS_INITIALIZERS["he_uniform"](),
    ),
    "Xavier before tanh": ("ACT102", link(HE, "tanh"), TORCH_INITIALIZERS["xavier_normal_"]()),
    "an orthogonal matrix between the steps of an LSTM": (
        "ACT102",
        link(HE, "sigmoid", recurrent=True, kind="LSTM", hidden=False, role="recurrent"),
        orthogonal(1.0),
    ),
    "the gain of ReLU where the matrix was orthogonal already": (
        "ACT103",
        link(orthogonal(1.0), "relu"),
        orthogonal(sqrt(2)),
    ),
    "the same fan as before": (
        "ACT103",
        link(variance_scaling("kaiming_normal", 1.0, "fan_out", "normal"), "relu"),
        TORCH_INITIALIZERS["kaiming_normal_"](mode="fan_out", nonlinearity="relu"),
    ),
    "LeCun before SELU": (
        "ACT104",
        link(TORCH_DEFAULT, "selu"),
        TORCH_INITIALIZERS["kaiming_uniform_"](nonlinearity="linear"),
    ),
    "LeCun of Keras before SELU": (
        "ACT104",
        link(KERAS_DEFAULT, "selu", fans=(300, 30), framework="keras"),
        KERAS_INITIALIZERS["lecun_uniform"](),
    ),
    "He for zeros before ReLU": (
        "ACT201",
        use(constant(0.0)),
        TORCH_INITIALIZERS["kaiming_normal_"](nonlinearity="relu"),
    ),
    "Xavier for zeros that meet no activation": (
        "ACT201",
        use(constant(0.0), None, end="layer"),
        TORCH_INITIALIZERS["xavier_normal_"](),
    ),
    "a bias of zero": ("ACT403", dead(constant(-8.0)), constant(0.0)),
    "an orthogonal matrix for gates that start saturated": ("ACT401", gates(normal(2.0)), orthogonal(1.0)),
}


@pytest.mark.parametrize(("code", "fact", "expected"), FITTING.values(), ids=FITTING)
def test_fits(code: str, fact: object, expected: Initializer) -> None:
    assert healing(code, fact) == expected


def test_a_chain_has_a_remedy_for_each_layer_to_blame() -> None:
    (hit,) = hits("ACT402", chain(normal(0.001), "relu", 3))
    assert [remedy.layer for remedy in hit.remedies] == ["fc1", "fc2", "fc3"]


@pytest.mark.parametrize("code", ["ACT302", "ACT401", "ACT402"])
def test_a_healed_chain_keeps_its_signal(code: str) -> None:
    for fact in REPORTED[code]:
        for hit in hits(code, fact):
            if not isinstance(fact, Chain) or not hit.remedies:
                continue
            wanted = {remedy.layer: remedy.initializer for remedy in hit.remedies}
            for step in fact.steps:
                step.link.weight.writes[-1].initializer = wanted[step.layer.path]
            fact.prediction = None
            found = predict(fact)
            assert found is not None
            assert abs(found.m) < 1


UNHEALED = {
    "a stack of sigmoids": ("ACT404", chain(TORCH_DEFAULT, "sigmoid", 3)),
    "a deep chain of softplus": ("ACT302", chain(TORCH_DEFAULT, "softplus", 20)),
}


@pytest.mark.parametrize(("code", "fact"), UNHEALED.values(), ids=UNHEALED)
def test_no_weights_heal(code: str, fact: object) -> None:
    (hit,) = hits(code, fact)
    assert hit.remedies == ()
    assert hit.fields["cure"] == "use ReLU with He's initialiser"


@pytest.mark.parametrize("depth", [10, 20, 40])
@pytest.mark.parametrize("name", ["relu", "prelu", "silu", "gelu", "mish", "hardswish", "elu", "selu", "tanh"])
def test_a_deep_chain_on_the_default_has_a_remedy_that_heals_it(name: str, depth: int) -> None:
    fact = chain(TORCH_DEFAULT, name, depth)
    healed = chain_remedies(fact, fact.steps)
    assert len(healed) == depth
    assert drift(fact, fact.steps, healed) < 1


@pytest.mark.parametrize(
    ("name", "gain"),
    [("relu", sqrt(2)), ("leaky_relu", 1.414143), ("selu", 1.0), ("gelu", 1.468011), ("elu", 1.277960)],
)
def test_the_stationary_gain_hands_on_the_second_moment_1(name: str, gain: float) -> None:
    phi = reference_activation(name)
    assert stationary_gain(phi) == pytest.approx(gain, rel=1e-6)
    assert moments(phi, gain**2).second == pytest.approx(1.0, rel=1e-5)


def test_tanh_never_reaches_the_second_moment_1() -> None:
    assert stationary_gain(reference_activation("tanh")) is None


WRITTEN = {
    "he": (HE, 'kaiming_normal_ nonlinearity="relu"', "VarianceScaling"),
    "xavier": (XAVIER, "xavier_uniform_", "glorot_uniform"),
    "lecun": (LECUN, 'kaiming_normal_ nonlinearity="linear"', "lecun_normal"),
    "tanh": (TANH_GAIN, "xavier_normal_ gain=1.667", "VarianceScaling"),
    "zeros": (constant(0.0), "zeros_", "zeros"),
    "a constant": (constant(0.25), "constant_ val=0.25", "Constant"),
    "orthogonal": (orthogonal(sqrt(2)), "orthogonal_ gain=2 ** 0.5", "Orthogonal"),
}


@pytest.mark.parametrize(("initializer", "torch", "keras"), WRITTEN.values(), ids=WRITTEN)
def test_is_written_as_the_frameworks_write_it(initializer: Initializer, torch: str, keras: str) -> None:
    written = torch_written(initializer)
    assert written is not None
    assert f"{written.function} {written.listed}".strip() == torch
    made = keras_written(initializer)
    assert made is not None
    assert keras == (keras_string(made) or made.function)


@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "lecun_normal", "zeros", "ones", "orthogonal"])
def test_keras_reads_the_string_back(name: str) -> None:
    written = keras_written(KERAS_INITIALIZERS[name]())
    assert written is not None
    assert keras_string(written) == name


def test_no_call_draws_the_exact_gain_of_elu_but_keras_has_one() -> None:
    exact = variance_scaling("variance_scaling", 1.27, "fan_in", "truncated_normal")
    assert torch_written(exact) is None
    written = keras_written(exact)
    assert written is not None
    assert (written.function, written.listed) == ("VarianceScaling", 'scale=1.61, mode="fan_in"')
