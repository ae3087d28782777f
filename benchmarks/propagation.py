"""Build real networks in torch and compare their signal and gradient with what the linter predicts for them.

20 activations behind 11 initialisers, 50 layers deep, then other widths, convolutions, normalisations and residual
blocks, AlexNet and VGG-11. The networks are made of torch's own layers, functions of `torch.nn.init` and activations;
only the predictions come from the linter.

    python benchmarks/propagation.py --write benchmarks/propagation.md
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from actinit_lint import __version__, follow, program
from actinit_lint.model import Chain
from actinit_lint.reference.activations import activation
from actinit_lint.reference.initializers import weight_moments
from actinit_lint.reference.moments import stability
from actinit_lint.reference.nonlinearity import Nonlinearity, Pieces
from actinit_lint.reference.normal_form import TORCH_DEFAULT, Initializer
from actinit_lint.reference.propagation import (
    INPUT,
    NormKind,
    activate,
    activate_backward,
    add,
    add_backward,
    border_gain,
    linear,
    normalise,
)
from actinit_lint.reference.torch_initializers import kaiming_normal_, normal_, orthogonal_, xavier_uniform_
from actinit_lint.signal import predict
from actinit_lint.signal.course import Block, course
from actinit_lint.signal.maps import Map

DEPTH, WIDTH, BATCH, SEEDS = 50, 256, 32, 8
#: The published LayerNorm and BatchNorm1d default.
NORM_EPS = 1e-5
#: Targets: relative error of a factor per layer, share of pairs within `allowed`, decades of std of whole models.
PER_LAYER, SHARE, MODEL_DECADES = 0.003, 0.95, 0.3
#: Squares of numbers below this are no longer exact in float64.
SMALLEST = 1e-280
#: z - tanh(z), as torch computes it, loses its digits when z² falls below this.
SMALLEST_INPUT = {"tanhshrink": 1e-12}
#: Below this share of the second moment, what differs between inputs is lost in the rounding of what does not.
ROUNDING = 1e-26
#: Factors over fewer steps than this say more about one draw than about a layer.
FEWEST_STEPS = 4
#: A leaky ReLU has a stability exponent of exactly 1.
STABLE = 1 + 1e-9
QUANTITIES = ("second moment", "batch signal", "gradient")


@dataclass(frozen=True)
class Recipe:
    """An initialiser: how torch draws it (None: what nn.Linear draws by itself, with its bias), and its normal form."""

    draw: Callable[[Tensor], object] | None
    form: Initializer


def _scaled(form: Initializer, draw: Callable[..., object], **options: Any) -> Recipe:
    return Recipe(partial(draw, **options), form)


def _spread(std: float) -> Recipe:
    return Recipe(partial(nn.init.normal_, std=std), normal_(std=std))


INITIALISERS: dict[str, Recipe] = {
    "torch default": Recipe(None, TORCH_DEFAULT),
    "kaiming selu": _scaled(
        kaiming_normal_(nonlinearity="selu"), nn.init.kaiming_normal_, mode="fan_in", nonlinearity="selu"
    ),
    "xavier": _scaled(xavier_uniform_(), nn.init.xavier_uniform_),
    "orthogonal": _scaled(orthogonal_(), nn.init.orthogonal_),
    "he": _scaled(kaiming_normal_(nonlinearity="relu"), nn.init.kaiming_normal_, mode="fan_in", nonlinearity="relu"),
    "xavier 5/3": _scaled(xavier_uniform_(5 / 3), nn.init.xavier_uniform_, gain=5 / 3),
    "std 0.01": _spread(0.01),
    "std 0.02": _spread(0.02),
    "std 0.05": _spread(0.05),
    "std 0.1": _spread(0.1),
    "std 1": _spread(1.0),
}

ACTIVATIONS: dict[str, tuple[nn.Module, Nonlinearity]] = {
    "relu": (nn.ReLU(), activation("relu")),
    "tanh": (nn.Tanh(), activation("tanh")),
    "sigmoid": (nn.Sigmoid(), activation("sigmoid")),
    "gelu": (nn.GELU(), activation("gelu")),
    "selu": (nn.SELU(), activation("selu")),
    "silu": (nn.SiLU(), activation("silu")),
    "elu": (nn.ELU(), activation("elu")),
    "leaky_relu 0.01": (nn.LeakyReLU(), activation("leaky_relu")),
    "leaky_relu 0.2": (nn.LeakyReLU(0.2), activation("leaky_relu", 0.2)),
    "softsign": (nn.Softsign(), activation("softsign")),
    "softplus": (nn.Softplus(), activation("softplus")),
    "identity": (nn.Identity(), activation("identity")),
    "mish": (nn.Mish(), activation("mish")),
    "hardtanh": (nn.Hardtanh(), activation("hardtanh")),
    "hardswish": (nn.Hardswish(), activation("hardswish")),
    "hardsigmoid": (nn.Hardsigmoid(), activation("hardsigmoid")),
    "prelu 0.25": (nn.PReLU(dtype=torch.float64).requires_grad_(False), activation("prelu")),
    "relu6": (nn.ReLU6(), activation("relu6")),
    "logsigmoid": (nn.LogSigmoid(), activation("logsigmoid")),
    "tanhshrink": (nn.Tanhshrink(), activation("tanhshrink")),
}


def seed_for(seed: int, *what: object) -> None:
    """Draws of its own for every pair. With one seed for all of them, ReLU networks of different stds would be copies
    of each other, and one unlucky draw would count many times."""
    torch.manual_seed(zlib.crc32(" ".join(map(str, (*what, seed))).encode()))


def allowed(steps: int) -> float:
    """Decades of variance that a prediction may be off behind `steps` layers."""
    return 0.15 + 0.004 * steps


class Profile(NamedTuple):
    """Variances at the pre-activations of every layer: second moment, across the batch, and of the gradient."""

    second: list[float]
    signal: list[float]
    gradient: list[float]


def measure(layers: Sequence[nn.Module], phi: nn.Module, x: Tensor, norms: Sequence[nn.Module] = ()) -> Profile:
    """Send a batch through layers with `phi` between them, and a random gradient back from the last pre-activations.

    The gradient is summed over positions, the rest averaged.
    """
    pre: list[Tensor] = []
    for index, layer in enumerate(layers):
        if pre:
            x = phi(norms[index - 1](x)) if norms else phi(x)
        x = layer(x)
        if pre:
            x.retain_grad()
        else:
            x.requires_grad_()
        pre.append(x)
    return _profile(pre)


def _profile(pre: Sequence[Tensor]) -> Profile:
    """Of pre-activations that keep their gradients: send a random one back from the last."""
    torch.autograd.backward(pre[-1], torch.randn_like(pre[-1]))
    found = Profile([], [], [])
    for z in pre:
        delta, z = z.grad, z.detach()
        assert delta is not None
        found.second.append(float(z.square().mean()))
        found.signal.append(float(z.var(0).mean()))
        found.gradient.append(float(delta.square().flatten(2).sum(2).mean() if z.dim() > 2 else delta.square().mean()))
    return found


def average(profiles: Sequence[Profile]) -> Profile:
    """The mean of the variances over the draws: what the theory speaks of."""
    return Profile(*([fmean(at) for at in zip(*rows)] for rows in zip(*profiles)))


def predicted(blocks: Sequence[Block]) -> Profile:
    """The linter's prediction in the same form, the last layer's gradient being 1."""
    found = course(tuple(blocks))
    decades = [0.0]
    for point in reversed(found.points[1:]):
        decades.append(decades[-1] + 2 * point.backward)
    gradient = [10**d if d > -300 else 0.0 for d in reversed(decades)]
    return Profile([point.q for point in found.points], [point.s for point in found.points], gradient)


class Stack:
    """Linear layers of one width, drawn anew for every network."""

    def __init__(self, width: int, depth: int, bias: bool) -> None:
        self.width = width
        make = partial(nn.utils.skip_init, nn.Linear, width, width, bias=bias, dtype=torch.float64)
        self.layers = [make().requires_grad_(False) for _ in range(depth)]

    def draw(self, recipe: Recipe) -> Sequence[nn.Linear]:
        for layer in self.layers:
            if recipe.draw is None:
                layer.reset_parameters()
            else:
                recipe.draw(layer.weight)
        return self.layers


class Stacks:
    """Stacks by size: allocating one costs more than drawing it."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, bool], Stack] = {}

    def draw(self, recipe: Recipe, width: int, depth: int) -> Sequence[nn.Linear]:
        key = (width, depth, recipe.draw is None)
        if key not in self._known:
            self._known = {k: v for k, v in self._known.items() if k[:2] == key[:2]}  # one size at a time
            self._known[key] = Stack(*key)
        return self._known[key].draw(recipe)


STACKS = Stacks()


def map_of(recipe: Recipe, width: int) -> Map:
    drawn = weight_moments(recipe.form, width, width)
    assert drawn is not None
    return Map(drawn.mean, drawn.variance, width, width, width, 0.0, 1 / (3 * width) if recipe.draw is None else 0.0)


@dataclass
class Comparison:
    """One network, predicted and measured. Errors are decades of variance over the steps of each quantity."""

    activation: str
    initialiser: str
    width: int
    exponent: float  # the largest d log E φ²/d log q at the predicted pre-activations
    steps: dict[str, int]
    expected: dict[str, float]
    errors: dict[str, float]  # measured less predicted; a quantity that underflows is missing
    single: list[float]  # |measured/predicted - 1| of the second moment's factor, layer by layer

    @property
    def stable(self) -> bool:
        return self.exponent <= STABLE

    def per_layer(self, quantity: str) -> float:
        """Relative error of the geometric mean of the factors per layer."""
        return abs(10 ** (self.errors[quantity] / self.steps[quantity]) - 1)

    def within(self, quantity: str) -> bool:
        return abs(self.errors[quantity]) <= allowed(self.steps[quantity])


def compare(name: str, initialiser: str, width: int, theory: Profile, found: Profile) -> Comparison:
    phi = ACTIVATIONS[name][1]
    least = SMALLEST_INPUT.get(name, SMALLEST)
    kept = _reach(min(t, m) > least for t, m in zip(theory.second, found.second))
    seen = _reach(s > max(ROUNDING * q, SMALLEST) for q, s in zip(theory.second[:kept], theory.signal[:kept]))
    row = Comparison(name, initialiser, width, _exponent(phi, theory.second[:kept]), {}, {}, {}, [])
    for quantity, last in (("second moment", kept - 1), ("batch signal", seen - 1)):
        rows = (theory.second, found.second) if quantity == "second moment" else (theory.signal, found.signal)
        if last >= FEWEST_STEPS:
            _record(row, quantity, last, *(at[last] / at[0] for at in rows))
    complete = kept == len(theory.second)
    if complete and min(theory.gradient[0], found.gradient[0]) > SMALLEST:
        _record(row, "gradient", kept - 1, theory.gradient[0], found.gradient[0] / found.gradient[-1])
    for (t, after), (m, later) in zip(_pairs(theory.second[:kept]), _pairs(found.second[:kept])):
        row.single.append(abs(later / m / (after / t) - 1))
    return row


def _record(row: Comparison, quantity: str, steps: int, expected: float, found: float) -> None:
    row.steps[quantity] = steps
    row.expected[quantity] = math.log10(expected)
    row.errors[quantity] = math.log10(found) - math.log10(expected)


def _reach(holds: Iterator[bool]) -> int:
    """For how many layers from the first it holds."""
    count = 0
    for one in holds:
        if not one:
            break
        count += 1
    return count


def _pairs(values: Sequence[float]) -> Iterator[tuple[float, float]]:
    return pairwise(values)


def _exponent(phi: Nonlinearity, course_of_q: Sequence[float]) -> float:
    """At some layers, the first ones and the last among them: q moves most at first and settles or runs away."""
    if isinstance(phi.form, Pieces) and phi.form.rays is not None:
        return 1.0
    some = {course_of_q[min(at, len(course_of_q) - 1)] for at in (0, 1, 2, 5, 15, len(course_of_q) - 1)}
    return max(stability(phi, min(max(q, 1e-200), 1e8)) for q in some)


def mlp(
    name: str, initialiser: str, width: int = WIDTH, depth: int = DEPTH, seeds: int = SEEDS, first: int = 0
) -> Comparison:
    """One pair: `seeds` networks, each with weights and a batch of its own, against the prediction."""
    module, phi = ACTIVATIONS[name]
    recipe = INITIALISERS[initialiser]
    profiles = []
    for seed in range(first, first + seeds):
        seed_for(seed, name, initialiser, width)
        x = torch.randn(BATCH, width, dtype=torch.float64)
        profiles.append(measure(STACKS.draw(recipe, width, depth), module, x))
    theory = predicted([Block(map_of(recipe, width), phi)] * depth)
    return compare(name, initialiser, width, theory, average(profiles))


class Row(NamedTuple):
    """A network of the smaller tables: total variance ratios in decades."""

    network: str
    activation: str
    initialiser: str
    steps: int
    signal: tuple[float, float]  # predicted, measured
    gradient: tuple[float, float]

    @property
    def worst(self) -> float:
        """Decades of variance that the prediction is off."""
        return max(abs(p - m) for p, m in (self.signal, self.gradient))


def _row(network: str, name: str, initialiser: str, theory: Profile, found: Profile) -> Row:
    def total(values: list[float]) -> float:
        return math.log10(values[-1] / values[0])

    lost = theory.signal[-1] < ROUNDING * theory.second[-1]
    signal = (math.nan, math.nan) if lost else (total(theory.signal), total(found.signal))
    steps = len(theory.second) - 1
    return Row(network, name, initialiser, steps, signal, (-total(theory.gradient), -total(found.gradient)))


def normed(name: str, initialiser: str, kind: NormKind, depth: int = 30, seeds: int = SEEDS) -> Row:
    """A normalisation between every layer and its activation."""
    module, phi = ACTIVATIONS[name]
    recipe = INITIALISERS[initialiser]
    norm = nn.BatchNorm1d if kind == "batch" else nn.LayerNorm
    norms = [norm(WIDTH, dtype=torch.float64).requires_grad_(False) for _ in range(depth - 1)]
    profiles = []
    for seed in range(seeds):
        seed_for(seed, name, initialiser, kind)
        x = torch.randn(BATCH, WIDTH, dtype=torch.float64)
        profiles.append(measure(STACKS.draw(recipe, WIDTH, depth), module, x, norms))
    theory = predicted([Block(map_of(recipe, WIDTH), phi, norm=kind, norm_first=True)] * depth)
    return _row(f"{kind} norm", name, initialiser, theory, average(profiles))


def residual(name: str, initialiser: str, norm: str, blocks: int = 15, seeds: int = SEEDS) -> Row:
    """Blocks x + W2·φ(W1·x) without norm, with a layer norm at the branch's start, or with one behind the sum."""
    module, phi = ACTIVATIONS[name]
    recipe = INITIALISERS[initialiser]
    one = map_of(recipe, WIDTH)
    gain, bias = WIDTH * one.variance, one.bias_variance
    stream, theory, factors = INPUT, Profile([1.0], [1.0], []), [1.0]
    for _ in range(blocks):
        into, enter = normalise(stream, "layer", NORM_EPS) if norm == "pre" else (stream, 1.0)
        inner = linear(into, gain, bias)
        branch = linear(activate(inner, phi), gain, bias)
        factor = add_backward(enter * gain * activate_backward(phi, inner.q) * gain)
        stream = add(stream, branch)
        if norm == "post":
            stream, leave = normalise(stream, "layer", NORM_EPS)
            factor *= leave
        theory.second.append(stream.q)
        theory.signal.append(stream.s)
        factors.append(factors[-1] * factor)
    theory.gradient.extend(reversed(factors))
    profiles = []
    layer_norm = nn.LayerNorm(WIDTH, dtype=torch.float64).requires_grad_(False)
    for seed in range(seeds):
        seed_for(seed, name, initialiser, norm)
        x = torch.randn(BATCH, WIDTH, dtype=torch.float64).requires_grad_()
        layers = STACKS.draw(recipe, WIDTH, 2 * blocks)
        points = [x]
        for first, second in zip(layers[::2], layers[1::2]):
            x = x + second(module(first(layer_norm(x) if norm == "pre" else x)))
            x = layer_norm(x) if norm == "post" else x
            x.retain_grad()
            points.append(x)
        profiles.append(_profile(points))
    network = {"none": "residual", "pre": "residual, norm first", "post": "residual, norm last"}[norm]
    return _row(network, name, initialiser, theory, average(profiles))


CHANNELS, MAP, CONV_DEPTH, CONV_BATCH = 64, 12, 10, 16


def convolutions(name: str, initialiser: str, seeds: int = SEEDS) -> list[Row]:
    """3 × 3 convolutions: maps that wrap around, and maps with zeros around them, the border left out or counted."""
    module, phi = ACTIVATIONS[name]
    recipe = INITIALISERS[initialiser]
    fan = 9 * CHANNELS
    one = map_of(recipe, fan)._replace(width=CHANNELS)
    share = border_gain(MAP, 3)
    bordered = one._replace(fan_in=share * fan, fan_out=share * fan)
    found = {}
    for padding in ("circular", "zeros"):
        profiles = []
        for seed in range(seeds):
            seed_for(seed, name, initialiser, padding)
            layers = []
            for _ in range(CONV_DEPTH):
                layer = nn.Conv2d(
                    *(CHANNELS, CHANNELS, 3),
                    padding=1,
                    padding_mode=padding,
                    bias=recipe.draw is None,
                    dtype=torch.float64,
                ).requires_grad_(False)
                if recipe.draw is not None:
                    recipe.draw(layer.weight)
                layers.append(layer)
            x = torch.randn(CONV_BATCH, CHANNELS, MAP, MAP, dtype=torch.float64)
            profiles.append(measure(layers, module, x))
        found[padding] = average(profiles)
    cases = (
        ("convolutions, circular", one, "circular"),
        ("convolutions, zeros", one, "zeros"),
        ("convolutions, zeros, border counted", bordered, "zeros"),
    )
    return [
        _row(network, name, initialiser, predicted([Block(m, phi)] * CONV_DEPTH), found[padding])
        for network, m, padding in cases
    ]


class AlexNet(nn.Module):
    """One weird trick's AlexNet with what torch draws by default."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, 1000),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


def vgg_features() -> nn.Sequential:
    """Configuration A: eight convolutions."""
    layers: list[nn.Module] = []
    before = 3
    for channels in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"):
        if isinstance(channels, str):
            layers.append(nn.MaxPool2d(2, stride=2))
        else:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
    return nn.Sequential(*layers)


class VGG11Default(nn.Module):
    """VGG-11 with what torch draws by default."""

    def __init__(self) -> None:
        super().__init__()
        self.features = vgg_features()
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 1000),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class VGG11(nn.Module):
    """VGG-11 with the published initialisation: He's over the outputs, std 0.01 in the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.features = vgg_features()
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 1000),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


MODELS: dict[str, tuple[type[nn.Module], str, str]] = {
    "AlexNet": (AlexNet, "AlexNet", "torch default"),
    "VGG11Default": (VGG11Default, "VGG-11", "torch default"),
    "VGG11": (VGG11, "VGG-11", "published"),
}
MODEL_BATCH, MODEL_SEEDS = 8, 2


def chains() -> dict[str, Chain]:
    """What the linter makes of the models in this very file: the hidden layers of each, in order."""
    (facts,) = follow.follow({"models.py": program.parse(Path(__file__).read_text(), "models.py")}, {})
    found = [fact for fact in facts.facts if isinstance(fact, Chain)]
    return {chain.links[0].model: chain for chain in found if chain.links[0].model in MODELS}


def model(name: str, chain: Chain, seeds: int = MODEL_SEEDS) -> Row:
    """Decades of variance from the first hidden layer's pre-activations to the last one's; float32, 224 × 224 noise."""
    kind, title, initialiser = MODELS[name]
    prediction = predict(chain)
    assert prediction is not None
    hidden = len(prediction.course.points)
    profiles = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        net = kind().requires_grad_(False).eval()
        pre: list[Tensor] = []

        def keep(_: nn.Module, __: object, output: Tensor, into: list[Tensor] = pre) -> None:
            if output.requires_grad:
                output.retain_grad()
            else:
                output.requires_grad_()
            into.append(output)

        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.register_forward_hook(keep)
        net(torch.randn(MODEL_BATCH, 3, 224, 224))
        profiles.append(_profile(pre[:hidden]))
    found = average(profiles)
    total = (math.log10(found.signal[-1] / found.signal[0]), math.log10(found.gradient[0] / found.gradient[-1]))
    course = prediction.course
    signal, gradient = 2 * course.signal, 2 * (course.gradient + course.flatten)
    return Row(title, "relu", initialiser, hidden - 1, (signal, total[0]), (gradient, total[1]))


@dataclass
class Results:
    """All of it."""

    pairs: list[Comparison]
    widths: list[Comparison]
    rows: list[Row]
    models: list[Row]
    again: list[Comparison] = field(default_factory=list)  # pairs outside, with more draws and others
    growing: list[Comparison] = field(default_factory=list)  # one pair at some widths, with as many draws
    seconds: float = 0.0


WIDTHS_TRIED = (64, 128, 512, 1024)
SOME = ("relu", "tanh", "gelu", "sigmoid")
SOME_INITIALISERS = ("torch default", "xavier", "he")


#: Draws, and the first of their seeds, that tell chance from what the theory leaves out.
MANY, FRESH = 12, 100
GROWING = (64, 128, 256, 512)


def repeat(results: Results) -> None:
    """Draw the pairs whose second moment or gradient is outside anew, and ReLU behind He's at some widths."""
    for one in results.pairs:
        if one.stable and not all(one.within(q) for q in ("second moment", "gradient") if q in one.errors):
            results.again.append(mlp(one.activation, one.initialiser, seeds=MANY, first=FRESH))
    results.growing = [mlp("relu", "he", width, seeds=MANY, first=FRESH) for width in GROWING]


def run(say: Callable[[str], object]) -> Results:
    start = time.process_time()
    results = Results([], [], [], [])
    for name in ACTIVATIONS:
        results.pairs += [mlp(name, initialiser) for initialiser in INITIALISERS]
        say(f"{name}: {time.process_time() - start:.0f} s")
    repeat(results)
    say(f"drawn anew: {time.process_time() - start:.0f} s")
    for width in WIDTHS_TRIED:
        depth = DEPTH if width < 1024 else 20
        results.widths += [mlp(name, one, width, depth) for name in SOME for one in SOME_INITIALISERS]
        say(f"width {width}: {time.process_time() - start:.0f} s")
    for kind in ("batch", "layer"):
        for name in (*SOME, "elu", "selu"):
            results.rows += [normed(name, one, kind) for one in ("he", "std 0.02", "torch default")]
    say(f"norms: {time.process_time() - start:.0f} s")
    for norm in ("none", "pre", "post"):
        for name in SOME:
            results.rows += [residual(name, one, norm) for one in ("he", "torch default")]
    say(f"residuals: {time.process_time() - start:.0f} s")
    for name in SOME:
        for one in ("he", "torch default"):
            results.rows += convolutions(name, one)
    say(f"convolutions: {time.process_time() - start:.0f} s")
    known = chains()
    for name in MODELS:
        results.models.append(model(name, known[name]))
        say(f"{name}: {time.process_time() - start:.0f} s")
    results.seconds = time.process_time() - start
    return results


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _verdict(holds: bool) -> str:
    return "met" if holds else "**missed**"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines] + [""]


def _targets(pairs: Sequence[Comparison]) -> list[str]:
    rows = []
    for quantity in QUANTITIES:
        known = [one for one in pairs if quantity in one.errors]
        stable = [one for one in known if one.stable]
        other = [one for one in known if not one.stable]
        off, share = median(one.per_layer(quantity) for one in known), _share(stable, quantity)
        rows.append(
            [
                quantity,
                len(known),
                f"{_percent(off)} ({_verdict(off <= PER_LAYER)})",
                f"{_count(stable, quantity)} = {_percent(share)} ({_verdict(share >= SHARE)})",
                _count(other, quantity),
            ]
        )
    head = ["quantity", "pairs", "median error of the factor per layer", "within, s ≤ 1", "within, s > 1"]
    moments_only = [
        (one, quantity) for one in pairs if one.stable for quantity in ("second moment", "gradient") if one.errors
    ]
    inside = sum(one.within(quantity) for one, quantity in moments_only if quantity in one.errors)
    total = sum(quantity in one.errors for one, quantity in moments_only)
    return [
        *_table(head, rows),
        f"Second moments forward and back together, s ≤ 1: {inside} of {total} within = {_percent(inside / total)}.",
        "",
    ]


def _share(rows: Sequence[Comparison], quantity: str) -> float:
    return fmean(one.within(quantity) for one in rows)


def _count(rows: Sequence[Comparison], quantity: str) -> str:
    return f"{sum(one.within(quantity) for one in rows)} of {len(rows)}"


def _cell(one: Comparison) -> str:
    def text(quantity: str) -> str:
        if quantity not in one.errors:
            return "–"
        error = f"{one.errors[quantity]:+.2f}"
        return error if one.within(quantity) else f"**{error}**"

    return " ".join(map(text, QUANTITIES)) + ("" if one.stable else " s")


def _matrix(pairs: Sequence[Comparison]) -> list[str]:
    cells = {(one.activation, one.initialiser): _cell(one) for one in pairs}
    rows = [[name, *(cells[name, one] for one in INITIALISERS)] for name in ACTIVATIONS]
    return _table(["activation", *INITIALISERS], rows)


def _outside(pairs: Sequence[Comparison]) -> list[str]:
    rows = [
        [one.activation, one.initialiser, quantity, f"{one.expected[quantity]:.2f}", f"{one.errors[quantity]:+.2f}"]
        for quantity in QUANTITIES
        for one in pairs
        if one.stable and quantity in one.errors and not one.within(quantity)
    ]
    return _table(["activation", "initialiser", "quantity", "predicted", "measured less predicted"], rows)


def _again(rows: Sequence[Comparison]) -> list[str]:
    lines = []
    for one in rows:
        errors = [f"{one.errors[q]:+.2f}" + ("" if one.within(q) else " (outside)") for q in QUANTITIES]
        lines.append([one.activation, one.initialiser, one.width, *errors])
    return _table(["activation", "initialiser", "width", *QUANTITIES], lines)


def _widths(rows: Sequence[Comparison]) -> list[str]:
    lines = []
    for width in WIDTHS_TRIED:
        for quantity in QUANTITIES:
            known = [one for one in rows if one.width == width and quantity in one.errors]
            steps = max(one.steps[quantity] for one in known)
            off, stable = median(one.per_layer(quantity) for one in known), [one for one in known if one.stable]
            lines.append([width, steps, quantity, _percent(off), _count(stable, quantity)])
    return _table(["width", "steps", "quantity", "median error of the factor per layer", "within, s ≤ 1"], lines)


def _rows(rows: Sequence[Row]) -> list[str]:
    def line(row: Row) -> list[object]:
        numbers = [f"{value:.2f}" for pair in (row.signal, row.gradient) for value in pair]
        return [row.network, row.activation, row.initialiser, row.steps, *numbers]

    head = ["network", "activation", "initialiser", "steps", "signal predicted", "measured"]
    return _table([*head, "gradient predicted", "measured"], [line(row) for row in rows])


def _models(rows: Sequence[Row]) -> list[str]:
    lines = []
    for row in rows:
        line: list[object] = [row.network, row.initialiser]
        for expected, found in (row.signal, row.gradient):
            off = abs(expected - found) / 2
            line += [f"{expected / 2:.2f}", f"{found / 2:.2f}", f"{off:.2f} ({_verdict(off <= MODEL_DECADES)})"]
        lines.append(line)
    head = ["model", "initialiser", "signal predicted", "measured", "off"]
    return _table([*head, "gradient predicted", "measured", "off"], lines)


def report(results: Results) -> str:
    """Everything as Markdown."""
    single = median(off for one in results.pairs for off in one.single)
    lines = [
        "# Predicted and measured propagation",
        "",
        "Written by `python benchmarks/propagation.py --write benchmarks/propagation.md`, with",
        f"actinit-lint {__version__}, torch {torch.__version__} and Python {platform.python_version()}; float64, one",
        f"thread, {results.seconds:.0f} s of CPU time. Seeds: crc32 of the pair's names and 0 to {SEEDS - 1}; for the",
        "models 0 and 1.",
        "",
        f"Stacks of `nn.Linear`, {WIDTH} wide and {DEPTH} deep, {BATCH} inputs ~ N(0, 1):",
        f"{len(ACTIVATIONS)} activations behind {len(INITIALISERS)} initialisers, {SEEDS} networks for each pair,",
        "their variances averaged.",
        "Compared at the pre-activations: the last layer's second moment over the first one's, the same for the",
        "variance across the batch (the batch signal), and the first layer's mean square of the gradient over the",
        "last one's.",
        "s = d log E φ²/d log q is the largest at the predicted q. A total is within its tolerance when it is off by",
        "no more than 0.15 + 0.004·L decades of variance behind L steps.",
        "",
        "## Targets",
        "",
        f"Median error of the factor per layer, the geometric mean over the depth: at most {_percent(PER_LAYER)}.",
        f"Share within the tolerance where s ≤ 1: at least {_percent(SHARE)}. One layer's factor taken alone is off by",
        f"{_percent(single)} (median), which is the draw of its weights.",
        "",
        *_targets(results.pairs),
        *NOTES,
        "## Where s ≤ 1 and the total is outside",
        "",
        "Decades of variance.",
        "",
        *_outside(results.pairs),
        "## Drawn anew",
        "",
        "The pairs above whose second moment or gradient is outside, and ReLU behind He's at some widths: the mean of",
        f"{MANY} other draws. What was chance shrinks; what the theory leaves out stays.",
        "",
        *_again([*results.again, *results.growing]),
        "## AlexNet and VGG-11",
        "",
        f"The chains are those that the linter finds in the models' source. {MODEL_BATCH} noise images of 224 × 224,",
        f"{MODEL_SEEDS} networks, float32, evaluation mode; decades of **std** from the first to the last hidden",
        f"layer, the gradient summed over positions; target: off by at most {MODEL_DECADES}.",
        "",
        *_models(results.models),
        *MODEL_NOTES,
        "## All pairs",
        "",
        "Measured less predicted in decades of variance over 49 steps: second moment, batch signal, gradient. Bold:",
        "outside the tolerance; s: the exponent is above 1; –: lost to rounding. The batch signal is compared as far",
        "down as float64 tells it from rounding, which can be fewer steps.",
        "",
        *_matrix(results.pairs),
        "## Other widths",
        "",
        f"{', '.join(SOME)} behind {', '.join(SOME_INITIALISERS)}.",
        "",
        *_widths(results.widths),
        "## Normalisation, residual blocks, convolutions",
        "",
        "Decades of variance; steps are blocks of two layers for residuals. Convolutions: 3 × 3, "
        f"{CHANNELS} channels, {MAP} × {MAP} maps.",
        "",
        *_rows(results.rows),
        *ROW_NOTES,
    ]
    return "\n".join(lines).rstrip() + "\n"


#: What the numbers say; to be read again, and written again, when they change.
NOTES = """\
- Of rectifiers nothing brings q back: in a network of 256 units its total varies by 0.4 decades from draw to draw at 50
  layers, and few draws make much of the mean. That is why a pair takes eight of them, and why a second moment may still
  be outside: of twelve other draws (below) the mean is within.
- The batch signal counts what a finite width adds (`reference/finite_width.py`): inputs grow alike in direction, but
  not in length. The theory of infinitely many units alone is too low by 0.2 to 0.6 decades behind 50 such layers.
- Where s > 1, GELU and Mish behind He's are off most, by two to four decades of variance: q starts next to a fixed
  point that it leaves, and what a finite width adds to it grows with every layer. The linter counts that as
  uncertainty: a decade of std for GELU.
- Softplus and logsigmoid behind He's: the fixed point of q is hardly stable (s = 0.98), and what little a finite width
  shifts q along the way is amplified in the gradient, by two to three decades.
- Gradients behind std 1 before a bounded activation: of 256 units few have any slope (of ReLU6, nine), so that most
  draws have less gradient than the mean over all draws, which rare ones make.
- Tanhshrink behind small weights falls below the digits of float64 within a few layers, and is not compared there.

""".splitlines()
MODEL_NOTES = """\
The maps that a flatten hands to the classifier as so many inputs (36 and 49 positions) are counted in the gradient, as
`actinit-lint show` does; the rules leave them out.

""".splitlines()
ROW_NOTES = """\
- Batch norm: the gradient grows by 2 to 3 % per layer more than predicted, with whatever weights.
- Zeros around a map take a share of the second moment at every layer, 4 % for 3 × 3 kernels on 12 × 12 maps. The
  linter's prediction does not count them, as it does not know the size of maps; `propagation.border_gain` does.
- Behind GELU and He's, s is above 1, and what is lost at the border grows from layer to layer.
""".splitlines()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", metavar="FILE", type=Path, help="store the tables as Markdown too")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    results = run(lambda line: print(line, file=sys.stderr, flush=True))
    text = report(results)
    print(text)
    if options.write:
        options.write.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
