"""What each check reports and what it leaves alone, on facts built by hand."""

from __future__ import annotations

import importlib
from math import sqrt

import pytest
from facts import (
    HE,
    LECUN,
    REPORTED,
    TANH_GAIN,
    XAVIER,
    activation,
    init_call,
    layer,
    link,
    loss,
    normal,
    orthogonal,
    pair,
    spelling,
    stack,
    use,
)

from actinit_lint.judgement import agree, mistake, reference_gains, spell_gain, variance_ratio, weight_std
from actinit_lint.model import OneUnitSoftmax
from actinit_lint.pages import pages
from actinit_lint.reference.normal_form import (
    KERAS_DEFAULT,
    TORCH_DEFAULT,
    Initializer,
    Mode,
    constant,
    variance_scaling,
)
from actinit_lint.rule import Hit


def hits(code: str, fact: object) -> list[Hit]:
    page = pages()[code]
    check = importlib.import_module(f"actinit_lint.checks.{page.stem}").check
    return list(check(fact, page.matter.options)) if type(fact) in check.kinds else []


def reported(fact: object) -> set[str]:
    """Every rule that reports a fact."""
    return {page.code for page in pages().values() if page.matter.check and hits(page.code, fact)}


def leaky(slope: float) -> float:
    return sqrt(2 / (1 + slope**2))


def kaiming(gain: float, mode: Mode = "fan_in", nonlinearity: str | None = None) -> Initializer:
    return variance_scaling("kaiming_normal", gain, mode, "normal", nonlinearity=nonlinearity)


@pytest.mark.parametrize("code", REPORTED)
def test_every_fact_is_reported_by_its_rule_and_no_other(code: str) -> None:
    for fact in REPORTED[code]:
        assert reported(fact) == {code}


SILENT = {
    "Xavier whose gain was corrected to √2 before ReLU": link(
        variance_scaling("xavier_uniform", sqrt(2), "fan_avg", "uniform"), "relu"
    ),
    "Xavier on a head that ends in ReLU": link(XAVIER, "relu", hidden=False),
    "Xavier before ReLU at the end of a branch": link(XAVIER, "relu", branch_end=True),
    "Xavier before a gate": link(XAVIER, "silu", gate=True),
    "Xavier on a frozen layer": link(XAVIER, "relu", trainable=False),
    "Xavier before LeakyReLU of slope 0.9, whose gain is 1.05": link(XAVIER, "leaky_relu", 0.9),
    "Xavier before LeakyReLU of unknown slope": link(XAVIER, "leaky_relu"),
    "Xavier of unknown gain before ReLU": link(variance_scaling("xavier_uniform", None, "fan_avg", "uniform"), "relu"),
    "Xavier before ELU, which has no reference gain": link(XAVIER, "elu"),
    "Keras' default, which is Glorot, before ReLU": link(KERAS_DEFAULT, "relu", framework="keras"),
    "torch's default before ReLU": link(TORCH_DEFAULT, "relu"),
    "He before ReLU": link(HE, "relu"),
    "He with slope 0.2 before LeakyReLU(0.01)": link(kaiming(leaky(0.2)), "leaky_relu", 0.01),
    "He before PReLU of unknown slope": link(HE, "prelu"),
    "Xavier before tanh": link(XAVIER, "tanh"),
    "LeCun before sigmoid": link(LECUN, "sigmoid"),
    "orthogonal gain 1 before softsign": link(orthogonal(1.0), "softsign"),
    "orthogonal gain 1 on recurrent weights": link(orthogonal(1.0), "tanh", recurrent=True, role="recurrent"),
    "orthogonal gain 1 on the recurrent weights of a ReLU cell": link(
        orthogonal(1.0), "relu", recurrent=True, role="recurrent"
    ),
    "the gain of tanh before tanh": link(TANH_GAIN, "tanh"),
    "He on a tanh head": link(HE, "tanh", hidden=False),
    "He before a sigmoid gate": link(HE, "sigmoid", gate=True),
    'kaiming with nonlinearity="tanh" before tanh': link(kaiming(5 / 3, nonlinearity="tanh"), "tanh"),
    "a small orthogonal gain before ReLU, which is a matter of scale": link(orthogonal(0.01), "relu"),
    "a fixed spread before ReLU, which is a matter of scale": link(normal(0.02), "relu"),
    "LeCun before SELU": link(LECUN, "selu"),
    "Glorot before SELU on a square layer": link(XAVIER, "selu"),
    "Keras' default before SELU on a square layer": link(KERAS_DEFAULT, "selu", framework="keras"),
    "Keras' default before SELU with unknown fans": link(KERAS_DEFAULT, "selu", fans=(None, 30), framework="keras"),
    "a fixed spread of 1/√fan_in before SELU": link(normal(64**-0.5), "selu"),
    "a fixed spread before SELU with unknown fan": link(normal(0.02), "selu", fans=(None, 30)),
    "an orthogonal matrix of gain 1 before SELU": link(orthogonal(1.0), "selu", fans=(30, 300)),
    "the default of a SELU head": link(TORCH_DEFAULT, "selu", hidden=False),
    "zeros in a head": use(constant(0.0), hidden=False),
    "zeros in the only layer": use(constant(0.0), single=True),
    "zeros at the end of a branch": use(constant(0.0), None, branch_end=True, end="add"),
    "zeros in a gate": use(constant(0.0), "sigmoid", gate=True),
    "zeros in an adaLN-zero modulation": use(constant(0.0), None, special="modulation", end="layer"),
    "a frozen constant filter": use(constant(0.25), trainable=False),
    "a constant depthwise filter": use(constant(0.25), depthwise=True),
    "a constant in a layer of one unit": use(constant(0.25), fans=(64, 1)),
    "random weights": use(XAVIER),
    "a bottleneck factorisation": pair((64, 4), (4, 64)),
    "a pair that may be a factorisation": pair((None, 4), (4, 64)),
    "a pair of unknown widths": pair((None, None), (None, None)),
    "a branch point between two linear layers": pair((32, 64), (64, 64), branches=True),
    "an addition between two linear layers": pair((32, 64), (64, 64), merged=True),
    "max pooling between two convolutions": pair((32, 64), (64, 64), normalised=True),
    "projections of an attention": pair((64, 64), (64, 64), attention=True),
    "depthwise before pointwise": pair((64, 64), (64, 64), groups=64),
    "tied weights": pair((64, 64), (64, 64), tied=True),
    "a gated unit": stack("relu", "sigmoid", gate=True),
    "an activation and no activation": stack("relu", "linear"),
    "attention over bent scores": stack("leaky_relu", "softmax"),
    "linear layers over two axes": pair((32, 64), (64, 64), other_axes=True),
    "cross entropy on raw scores": loss("cross_entropy"),
    "BCE on probabilities": loss("bce", "sigmoid"),
    "NLL on log-probabilities": loss("nll", "log_softmax"),
    "MSE on raw scores": loss("mse"),
    "Keras' cross entropy with from_logits on raw scores": loss(
        "categorical_crossentropy", None, "keras", from_logits=True
    ),
    "Keras' cross entropy with unknown from_logits": loss("binary_crossentropy", None, "keras"),
    "Keras' binary cross entropy on several sigmoid units": loss(
        "binary_crossentropy", "sigmoid", "keras", from_logits=False, units=15
    ),
    "a categorical loss on one sigmoid unit": loss(
        "categorical_crossentropy", "sigmoid", "keras", from_logits=False, units=1
    ),
    "softmax over one unit under a loss, which is another rule's": loss("cross_entropy", "softmax", units=1),
    "softmax of one unit over the axis of the sequence": OneUnitSoftmax(
        activation("softmax", dim=1), layer(fans=(64, 1)), "Net", is_output=False
    ),
    "a nonlinearity that torch knows": init_call("kaiming_normal_", nonlinearity="leaky_relu"),
    "a nonlinearity of another function": init_call("he_normal", nonlinearity="swish"),
    "Xavier on a matrix": init_call("xavier_uniform_", target="tensor", target_dims=2),
    "Xavier on a tensor of unknown shape": init_call("xavier_uniform_", target="tensor"),
    "normal_ on a vector": init_call("normal_", target="tensor", target_dims=1),
    "an argument that is not known": init_call("zeros_"),
    "an unknown argument name, which is no initialiser": spelling("argument", "foo", "unknown"),
}


@pytest.mark.parametrize("fact", SILENT.values(), ids=SILENT)
def test_is_left_alone(fact: object) -> None:
    assert reported(fact) == set()


ONE_MISTAKE = {
    "Xavier before SELU is 104": (link(XAVIER, "selu", fans=(300, 30)), "ACT104"),
    "He before SELU is 104": (link(HE, "selu"), "ACT104"),
    'nonlinearity="relu" before SELU is 103': (link(kaiming(sqrt(2), nonlinearity="relu"), "selu"), "ACT103"),
    'nonlinearity="selu" before SELU is 104': (link(kaiming(0.75, nonlinearity="selu"), "selu"), "ACT104"),
    "kaiming_normal_ with its default name before SELU is 104": (
        link(kaiming(sqrt(2), nonlinearity="leaky_relu"), "selu"),
        "ACT104",
    ),
    "the gain of tanh before SELU is 103": (link(TANH_GAIN, "selu"), "ACT103"),
    "LeCun before ReLU is 103": (link(LECUN, "relu"), "ACT103"),
    "VarianceScaling(2, fan_avg) before tanh is 103": (
        link(variance_scaling("variance_scaling", sqrt(2), "fan_avg", "normal"), "tanh"),
        "ACT103",
    ),
    "He with fan_out before sigmoid is 102": (link(kaiming(sqrt(2), "fan_out"), "sigmoid"), "ACT102"),
    "a gain passed as a is 103": (link(kaiming(leaky(sqrt(2))), "relu"), "ACT103"),
    "the gain of tanh before sigmoid is 103": (link(TANH_GAIN, "sigmoid"), "ACT103"),
}


@pytest.mark.parametrize(("fact", "code"), ONE_MISTAKE.values(), ids=ONE_MISTAKE)
def test_one_mistake_is_one_finding(fact: object, code: str) -> None:
    assert reported(fact) == {code}


LEVELS = {
    "a normalised pair is an info": ("ACT101", link(XAVIER, "relu", normalised=True), "info"),
    "a pair in a residual branch is an info": ("ACT102", link(HE, "tanh", residual=True), "info"),
    "a weight-normalised pair is an info": ("ACT101", link(XAVIER, "relu", scale_free=True), "info"),
    "a plain pair has the page's level": ("ACT103", link(LECUN, "relu"), None),
    "orthogonal √2 before tanh is an info": ("ACT103", link(orthogonal(sqrt(2)), "tanh"), "info"),
    "orthogonal √2 before sigmoid is none": ("ACT103", link(orthogonal(sqrt(2)), "sigmoid"), None),
    "zeros before ReLU without bias are an error": ("ACT201", use(constant(0.0)), "error"),
    "zeros before ReLU with zero bias are an error": ("ACT201", use(constant(0.0), bias=constant(0.0)), "error"),
    "zeros before ReLU with a positive bias are a warning": (
        "ACT201",
        use(constant(0.0), bias=constant(0.1)),
        "warning",
    ),
    "zeros with a random bias are a warning": ("ACT201", use(constant(0.0), bias=normal(0.1)), "warning"),
    "zeros before ELU with random weights behind are a warning": ("ACT201", use(constant(0.0), "elu"), "warning"),
    "zeros before ELU with zeros behind are an error": (
        "ACT201",
        use(constant(0.0), "elu", then=constant(0.0)),
        "error",
    ),
    "constants with random weights behind are a warning": ("ACT202", use(constant(0.1)), "warning"),
    "constants with constants behind are an error": ("ACT202", use(constant(0.1), then=constant(1.0)), "error"),
}


@pytest.mark.parametrize(("code", "fact", "level"), LEVELS.values(), ids=LEVELS)
def test_level(code: str, fact: object, level: str | None) -> None:
    assert [hit.level for hit in hits(code, fact)] == [level]


def test_a_strided_pair_of_convolutions_has_low_confidence() -> None:
    fact = pair((8, 16), (16, 16), kind="Conv2d", kernel=9, stride=2)
    assert [hit.confidence for hit in hits("ACT501", fact)] == ["low"]


def test_the_second_of_two_linear_layers_is_the_primary_place() -> None:
    (hit,) = hits("ACT501", pair((8, 16), (16, 16)))
    assert (hit.at.at, [place.at for place, _ in hit.also]) == (2, [1])


def test_a_default_is_reported_at_the_constructor_and_names_it_once() -> None:
    (hit,) = hits("ACT104", link(TORCH_DEFAULT, "selu"))
    assert hit.at.at == 1
    assert [place.at for place, _ in hit.also] == [50]


def test_both_places_of_an_activation_are_related() -> None:
    fact = stack("relu", "tanh")
    (hit,) = hits("ACT502", fact)
    assert hit.at == fact.second.place
    assert fact.first.places[0] in hit.also


def test_gains_differ_by_more_than_a_ratio() -> None:
    assert agree(1.0, 1.14) and agree(1.14, 1.0)
    assert not agree(1.0, 1.16)
    assert not agree(0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "slope", "gains"),
    [
        ("relu", None, (sqrt(2),)),
        ("leaky_relu", 0.2, (leaky(0.2),)),
        ("prelu", None, (leaky(0.25),)),
        ("leaky_relu", None, ()),
        ("tanh", None, (1.0, 5 / 3)),
        ("softmax", None, ()),
    ],
)
def test_reference_gains(name: str, slope: float | None, gains: tuple[float, ...]) -> None:
    assert reference_gains(activation(name, slope)) == pytest.approx(gains)


def test_gains_are_spelled_as_people_write_them() -> None:
    assert [spell_gain(gain) for gain in (1.0, sqrt(2), 5 / 3, 0.75, 1.23456)] == ["1", "√2", "5/3", "3/4", "1.23"]


def test_the_spread_of_a_weight_follows_the_frameworks_fans() -> None:
    torch_layer = layer(XAVIER, fans=(300, 30))
    keras_layer = layer(XAVIER, fans=(300, 30), framework="keras")
    for made in (torch_layer, keras_layer):
        assert weight_std(made.weights["weight"]) == pytest.approx(sqrt(2 / 330))
    assert variance_ratio(link(XAVIER, "selu", fans=(300, 30))) == pytest.approx(600 / 330)


def test_a_rescue_changes_the_level_and_not_the_mistake() -> None:
    assert mistake(link(TANH_GAIN, "relu", normalised=True)) == "ACT103"
