"""The initialiser that fits a weight in front of an activation: what the help says and a fix writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from actinit_lint.judgement import (
    DEFAULT_SLOPE,
    RECTIFIERS,
    SATURATING,
    SQRT_2,
    agree,
    initializer_fans,
    reference_gains,
)
from actinit_lint.model import Activation, Chain, Link, Step, Weight
from actinit_lint.reference.activations import CATALOGUE
from actinit_lint.reference.gains import stationary_gain
from actinit_lint.reference.keras_initializers import KERAS_INITIALIZERS
from actinit_lint.reference.normal_form import Initializer, Mode, variance_scaling
from actinit_lint.reference.torch_initializers import TORCH_INITIALIZERS
from actinit_lint.rule import Mend, Remedy
from actinit_lint.signal.predict import LEVELS, nonlinearity, predict


def remedy(link: Link) -> Remedy | None:
    """The remedy for the weight of a link; None where no initialiser is known to fit."""
    return weight_remedy(link.model, link.weight, link.activation)


def chain_remedies(chain: Chain, steps: Sequence[Step]) -> tuple[Remedy, ...]:
    """One for each weight of some layers of a chain; none where they would not heal it.

    The gains that have a name, unless the chain drifts with them: those of smooth rectifiers are rounded to He's.
    Recurrent layers fade with any gain, so that of those the named ones are all there is to say.
    """
    named = [remedy(step.link) for step in steps]
    if chain.recurrent:
        return tuple(one for one in named if one is not None) if None not in named else ()
    exact = [weight_remedy(step.link.model, step.link.weight, step.activation, exact=True) for step in steps]
    before = predict(chain)
    for bearable in (0, min(1, _grave(0.0 if before is None else before.m) - 1)):
        for way in (named, exact):
            known = tuple(one for one in way if one is not None)
            if len(known) == len(steps) and _grave(drift(chain, steps, known)) <= bearable:
                return known
    return ()


def _grave(m: float) -> int:
    """0 for a chain that is none of the rules' business, 3 for an error."""
    return sum(abs(m) >= least for least, _ in LEVELS)


def drift(chain: Chain, steps: Sequence[Step], healed: Sequence[Remedy]) -> float:
    """|m| of the chain once the remedies are taken; 0 where it cannot be told."""
    cured = {id(step): one.initializer for step, one in zip(steps, healed)}
    after = tuple(_with(step, cured.get(id(step))) for step in chain.steps)
    found = predict(replace(chain, steps=after, prediction=None))
    return 0.0 if found is None else abs(found.m)


def _with(step: Step, initializer: Initializer | None) -> Step:
    if initializer is None:
        return step
    weight = step.link.weight
    drawn = replace(weight, writes=[replace(weight.write, initializer=initializer)])
    return replace(step, link=replace(step.link, weight=drawn))


def weight_remedy(model: str, weight: Weight, activation: Activation | None, exact: bool = False) -> Remedy | None:
    """The remedy for a weight whose layer's output meets the activation, or no activation at all."""
    made = fitting(weight, activation, exact)
    return None if made is None else Remedy(model, weight.layer.path, weight.name, made)


def draws(weights: Iterable[Weight], healed: Sequence[Remedy]) -> tuple[Mend, ...]:
    """What a fix does about some weights, each with its remedy; nothing where one of them has none."""
    several = tuple(weights)
    found = tuple(draw(weight, one.initializer) for weight, one in zip(several, healed) if not weight.stacked)
    return found if len(found) == len(healed) else ()


def draw(weight: Weight, initializer: Initializer) -> Mend:
    """The weight is drawn with the initialiser where it is written now."""
    layer, place = weight.layer, weight.write.place
    built = place == layer.place
    return Mend("draw", place, initializer, weight.name, layer.framework, built)


def fitting(weight: Weight, activation: Activation | None, exact: bool = False) -> Initializer | None:
    """The initialiser that keeps the signal's scale, as near as may be to the one that the weight has now.

    Xavier for saturating activations and none (Glorot & Bengio 2010), He for rectifiers (He et al. 2015), LeCun for
    SELU (Klambauer et al. 2017), orthogonal matrices where they were already and between the steps of recurrent layers;
    for the others the gain that keeps the second moment of a standardised input, by name where one is near. `exact`
    asks for that gain itself, of rectifiers too.
    """
    name = "linear" if activation is None else activation.name
    orthogonal = weight.initializer.family == "orthogonal" or weight.role == "recurrent"
    if name in SATURATING or name == "linear":
        return _make(weight, "orthogonal" if orthogonal else "xavier")
    assert activation is not None
    if name == "selu":
        return _make(weight, "lecun")
    gains = () if exact and name in RECTIFIERS else reference_gains(activation)
    if gains and orthogonal:
        return _make(weight, "orthogonal", gains[0])
    if name in ("leaky_relu", "prelu") and gains:
        slope = DEFAULT_SLOPE.get(name) if activation.slope is None else activation.slope
        return _make(weight, "he", gains[0], slope)
    if name in RECTIFIERS and gains:
        return _make(weight, "he", gains[0])
    if name not in CATALOGUE:
        return None
    gain = stationary_gain(nonlinearity(activation))
    if gain is None:
        return None
    named = None if exact else next((one for one in NAMED if agree(gain, one)), None)
    return _make(weight, "exact", gain) if named is None else _make(weight, NAMED[named], named)


#: Gains that have a name, for activations whose own gain is near one of them: ELU's 1.28, softplus' 1.08.
NAMED = {SQRT_2: "he", 1.0: "lecun"}


def _make(weight: Weight, scheme: str, gain: float = 1.0, slope: float | None = None) -> Initializer:
    uniform = weight.initializer.distribution == "uniform"
    drawn = "uniform" if uniform else "normal"
    keras = weight.layer.framework == "keras"
    if scheme == "orthogonal":
        return Initializer("orthogonal", "orthogonal", gain=gain)
    if scheme == "xavier":
        return KERAS_INITIALIZERS[f"glorot_{drawn}"]() if keras else TORCH_INITIALIZERS[f"xavier_{drawn}_"]()
    mode = _mode(weight, lecun=scheme == "lecun")
    if keras:
        distribution = "uniform" if uniform else "truncated_normal"
        if scheme == "he" and agree(gain, SQRT_2):
            gain = SQRT_2  # what "he_normal" means, near enough to a leaky slope
        return KERAS_INITIALIZERS["VarianceScaling"](round(gain**2, 9), mode, distribution)
    if scheme == "exact":
        return variance_scaling("variance_scaling", gain, mode, "uniform" if uniform else "normal")
    kaiming = TORCH_INITIALIZERS[f"kaiming_{drawn}_"]
    if scheme == "lecun":
        return kaiming(0.0, mode, "linear")
    return kaiming(0.0, mode, "relu") if slope is None else kaiming(slope, mode, "leaky_relu")


def _mode(weight: Weight, lecun: bool) -> Mode:
    """The fan to scale by: the side that was chosen, and the inputs of a matrix that lies the other way round."""
    initializer, layer = weight.initializer, weight.layer
    if initializer.family == "variance_scaling" and initializer.mode == "fan_out" and not lecun:
        return "fan_out"
    if layer.kind == "Parameter" and layer.framework == "torch" and layer.fan_in is not None:
        rows, columns = initializer_fans(weight)
        if layer.fan_in == columns and layer.fan_in != rows:
            return "fan_out"
    return "fan_in"
