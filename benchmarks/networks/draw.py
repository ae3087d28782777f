"""Draws networks: which are healthy and which are sick follows from how they were made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from networks import blocks
from networks.chains import Plan, keras_source, torch_source
from networks.recipes import (
    DEFAULT,
    ELU,
    GELU,
    HE,
    LEAKY,
    LECUN,
    RECTIFIERS,
    RELU,
    SELU,
    SIGMOID,
    SILU,
    SOFTSIGN,
    TANH,
    XAVIER,
    XAVIER_TANH,
    Init,
    Phi,
    matched,
    normal,
)
from networks.theory import SATURATED, deadly_bias, drift, is_healthy, is_sick, saturation

Framework = Literal["torch", "keras"]


@dataclass(frozen=True)
class Network:
    """A network as source code, with its label and what it follows from."""

    framework: Framework
    family: str
    source: str
    sick: bool
    why: str


#: Makes a network, or None where what it drew is too near to a threshold to be labelled.
Recipe = Callable[[Random], Network | None]


def draw(seed: int, healthy: int = 40, sick: int = 40) -> list[Network]:
    """Networks of every kind, so many of each label, in random order."""
    rng = Random(seed)
    found = []
    for kinds, count in ((HEALTHY, healthy), (SICK, sick)):
        order = list(kinds)
        while len(order) < count:
            order += kinds
        for recipe in rng.sample(order, count) if count < len(order) else order:
            found.append(_until_clear(recipe, rng))
    rng.shuffle(found)
    return found


def _until_clear(recipe: Recipe, rng: Random) -> Network:
    for _ in range(10_000):
        network = recipe(rng)
        if network is not None:
            return network
    raise AssertionError(f"nothing clear came out of {recipe}")


# -- plain chains


def _plan(
    rng: Random,
    phi: Phi,
    init: Init,
    depth: tuple[int, int],
    conv: bool = False,
    keras: bool = False,
    norm: bool = False,
) -> Plan:
    layers = rng.randint(*depth)
    # a deep healthy chain needs some width: chance alone grows with the sum of 1/width
    width = rng.choice((16, 24, 32) if conv else (48, 64, 96, 128, 192))
    widths = (width,) * layers
    if layers <= 6 and rng.random() < 0.5 and "orthogonal" not in init.torch:
        widths = tuple(sorted((rng.choice((0.5, 1, 2)) * width for _ in range(layers)), reverse=not conv))
        widths = tuple(int(one) for one in widths)
    inputs = rng.choice((1, 3)) if conv else rng.choice((16, 32, 64, 100))
    bias = None if init.default and not keras else 0.0
    pools = tuple(sorted(rng.sample(range(layers - 1), min(2, layers - 1)))) if conv and norm and not keras else ()
    return Plan(conv, inputs, widths, phi, init, bias, "batch" if norm else "", pools)


def _network(rng: Random, plan: Plan, keras: bool, sick: bool, why: str) -> Network:
    loop = rng.random() < 0.6
    source = keras_source(plan, loop) if keras else torch_source(plan, loop)
    family = ("convolutional" if plan.conv else "perceptron") + (" with norms" if plan.norm else "")
    return Network("keras" if keras else "torch", family, source, sick, f"{plan.told}: {why}")


def _default(keras: bool) -> Init:
    return replace(XAVIER[0], keras="") if keras else DEFAULT


def healthy_chain(
    conv: bool = False, keras: bool = False, norm: bool = False, phis: Sequence[Phi] = RECTIFIERS, most: int = 40
) -> Recipe:
    """Initialisers that fit, or the framework's own where the chain is short enough for it."""

    def recipe(rng: Random) -> Network | None:
        phi = rng.choice(phis)
        if keras and not phi.keras:
            return None
        fits = [one for one in matched(phi) if one.keras or not keras]
        init = rng.choice([*fits, _default(keras)])
        if norm:
            init = rng.choice([*fits, _default(keras), normal(0.02)])
        plan = _plan(rng, phi, init, (2, most), conv, keras, norm)
        if not is_healthy(plan.maps()):
            return None
        return _network(rng, plan, keras, False, f"{_named(init)} drifts by {drift(plan.maps()):+.1f} decades")

    return recipe


def _named(init: Init) -> str:
    return init.torch.format(w="w") if init.torch else "the default"


def drifting(
    inits: Callable[[Random], Init], phis: Sequence[Phi], depth: tuple[int, int], conv: bool = False,
    keras: bool = False, norm: Literal["", "batch", "layer"] = "",
) -> Recipe:  # fmt: skip
    """A scale that does not fit, over as many layers as it takes to matter."""

    def recipe(rng: Random) -> Network | None:
        plan = _plan(rng, rng.choice(phis), inits(rng), depth, conv, keras)
        plan = replace(plan, norm=norm)
        if not is_sick(plan.maps()):
            return None
        why = f"{_named(plan.init)} drifts by {drift(plan.maps()):+.1f} decades"
        return _network(rng, plan, keras, True, why)

    return recipe


def saturated(keras: bool = False) -> Recipe:
    def recipe(rng: Random) -> Network | None:
        phi = rng.choice((TANH, TANH, SIGMOID, SOFTSIGN))
        init = normal(rng.choice((0.8, 1.0, 1.5)))
        plan = _plan(rng, phi, init, (2, 4), keras=keras)
        shares = [saturation(plan.maps(), *given) for given in ((1.0, 1.0), (1 / 3, 1 / 12))]
        if min(shares) < SATURATED:
            return None
        return _network(rng, plan, keras, True, f"{_named(init)} starts with {min(shares):.0%} of a layer saturated")

    return recipe


def dead(conv: bool = False, keras: bool = False) -> Recipe:
    """A bias that no input overcomes. Behind a dead layer there is nothing but biases."""

    def recipe(rng: Random) -> Network | None:
        bias = -rng.choice((6.0, 8.0, 10.0, 20.0))
        plan = replace(_plan(rng, RELU, rng.choice(matched(RELU)), (2, 6), conv, keras), bias=bias)
        if not deadly_bias(plan.maps()[0], bias):
            return None
        return _network(rng, plan, keras, True, f"a bias of {bias:g} leaves every unit off")

    return recipe


def constant(value: float, conv: bool = False, keras: bool = False) -> Recipe:
    """Every weight the same: the units of a layer are one unit. Zero: nothing passes either."""

    def recipe(rng: Random) -> Network | None:
        torch_code = "nn.init.zeros_({w})" if value == 0 else f"nn.init.constant_({{w}}, {value:g})"
        spelled = '"zeros"' if value == 0 else f"keras.initializers.Constant({value:g})"
        init = Init(torch_code, spelled, lambda fan_in, fan_out: 0.0)
        plan = _plan(rng, rng.choice((RELU, TANH, GELU)), init, (2, 5), conv, keras)
        return _network(rng, plan, keras, True, f"every weight is {value:g}")

    return recipe


def one_zero_layer(rng: Random) -> Network:
    """One layer of zeros among others: ReLU passes no gradient at 0, so that it stays."""
    init = Init("nn.init.zeros_({w})", "", lambda fan_in, fan_out: 0.0)
    plan = _plan(rng, RELU, init, (3, 6))
    plan = replace(plan, only=rng.randrange(len(plan.widths)), rest=HE[0])
    return _network(rng, plan, False, True, f"the weights of layer {plan.only} are zero before ReLU")


def overflowing(rng: Random) -> Network:
    plan = _plan(rng, RELU, normal(1e20), (3, 5))
    return _network(rng, plan, False, True, "a spread of 1e20 leaves single precision in the second layer")


# -- others


def block(family: str, make: Callable[[Random], str], why: str, sick: bool = False, keras: bool = False) -> Recipe:
    return lambda rng: Network("keras" if keras else "torch", family, make(rng), sick, why)


def bare_residual(rng: Random) -> Network:
    depth = rng.randint(36, 46)
    why = f"He in {depth} residual blocks without a norm: the signal grows by {depth * 0.15:.1f} decades"
    return Network("torch", "residual", blocks.bare_residual(rng, depth), True, why)


_POWER = "drifts by a power of the depth"
HEALTHY: tuple[Recipe, ...] = (
    *[healthy_chain()] * 4,
    *[healthy_chain(phis=(TANH, SELU, ELU, SOFTSIGN))] * 3,
    healthy_chain(phis=(SIGMOID,), most=2),
    healthy_chain(phis=(RELU, GELU, TANH), norm=True, most=14),
    *[healthy_chain(conv=True, most=10)] * 3,
    *[healthy_chain(conv=True, norm=True, phis=(RELU, LEAKY, SILU), most=10)] * 3,
    *[block("residual", blocks.residual_mlp, f"pre-norm: {_POWER}")] * 3,
    *[block("residual", blocks.resnet, "batch norm in every branch")] * 3,
    *[block("transformer", blocks.transformer, f"norms around every branch: {_POWER}")] * 3,
    *[block("transformer", blocks.encoder, f"norms around every branch: {_POWER}")] * 2,
    *[block("gated", blocks.gated, f"pre-norm: {_POWER}")] * 2,
    *[block("recurrent", blocks.recurrent, "the library's own initialisation")] * 3,
    block("generator", blocks.generator, "batch norm behind every layer: no scale matters"),
    block("skip connections", blocks.unet, "batch norm behind every layer: no scale matters"),
    block("variational", blocks.variational, "two layers to either side"),
    *[healthy_chain(keras=True, phis=(RELU, LEAKY, TANH, SELU))] * 2,
    healthy_chain(conv=True, keras=True, phis=(RELU, LEAKY), most=8),
    healthy_chain(conv=True, keras=True, norm=True, phis=(RELU,), most=8),
    block("residual", blocks.keras_residual, f"pre-norm: {_POWER}", keras=True),
    block("recurrent", blocks.keras_recurrent, "the library's own initialisation", keras=True),
)


def _small(rng: Random) -> Init:
    return normal(rng.choice((0.005, 0.01, 0.02, 0.03)))


def _large(rng: Random) -> Init:
    return normal(rng.choice((0.3, 0.5, 1.0, 2.0)))


def _any_of(inits: Sequence[Init]) -> Callable[[Random], Init]:
    return lambda rng: rng.choice(inits)


SICK: tuple[Recipe, ...] = (
    *[drifting(_small, (*RECTIFIERS, TANH, ELU), (3, 16))] * 2,
    drifting(_small, RECTIFIERS, (3, 14), conv=True),
    drifting(_small, (RELU, TANH), (3, 16), keras=True),
    *[drifting(_large, RECTIFIERS, (3, 12))] * 2,
    drifting(_large, RECTIFIERS, (3, 10), conv=True),
    *[drifting(_any_of(XAVIER), (RELU, LEAKY), (20, 60))] * 2,
    drifting(_any_of(XAVIER), (GELU, SILU), (12, 40)),
    drifting(_any_of(XAVIER), (RELU,), (20, 60), keras=True),
    drifting(_any_of(HE), (SELU,), (150, 200)),
    drifting(_any_of(XAVIER_TANH), (SELU, ELU), (40, 100)),
    *[drifting(_any_of((DEFAULT,)), (*RECTIFIERS, TANH, SELU), (8, 40))] * 2,
    drifting(_any_of((DEFAULT,)), (RELU, GELU), (8, 24), conv=True),
    *[drifting(_any_of((DEFAULT, *XAVIER, *LECUN)), (SIGMOID,), (5, 14))] * 2,
    drifting(_any_of((_default(True),)), (SIGMOID,), (5, 14), keras=True),
    constant(0.0),
    constant(0.0, keras=True),
    one_zero_layer,
    constant(0.05),
    constant(0.01, conv=True),
    constant(0.1, keras=True),
    block("transformer", lambda rng: blocks.transformer(rng, 0.02), "every weight of the blocks is 0.02", True),
    *[dead()] * 2,
    dead(conv=True),
    *[saturated()] * 2,
    saturated(keras=True),
    drifting(_any_of((*XAVIER, *LECUN)), (SIGMOID,), (11, 20), norm="layer"),
    drifting(_any_of((*HE, DEFAULT)), (RELU,), (52, 64), norm="batch"),
    *[bare_residual] * 2,
    block("recurrent", lambda rng: blocks.recurrent(rng, 2.0), "a spread of 2 saturates most gates", True),
    block("recurrent", lambda rng: blocks.recurrent(rng, 1.5), "a spread of 1.5 saturates most gates", True),
    block("perceptron", blocks.hidden_softmax, "softmax between hidden layers leaves 1/width of the signal", True),
    overflowing,
)
