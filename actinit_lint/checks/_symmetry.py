"""What rules 201 and 202 share: which equal weights are wrong, and what becomes of the units behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from actinit_lint.checks._cure import example
from actinit_lint.checks._remedy import draws, weight_remedy
from actinit_lint.judgement import spell
from actinit_lint.model import EqualTokens, Use, Weight
from actinit_lint.reference.keras_initializers import KERAS_INITIALIZERS
from actinit_lint.reference.torch_initializers import TORCH_INITIALIZERS
from actinit_lint.rule import Hit, Level, Remedy

#: Activations whose derivative at exactly 0 is 0 in both frameworks (torch: relu'(0) = 0).
FLAT_AT_ZERO = frozenset({"relu", "relu6", "relu2"})


class Fate(NamedTuple):
    """What becomes of units that start equal."""

    level: Level
    words: str


def is_left_alone(use: Use) -> bool:
    """True where equal weights are a recipe: heads, ends of branches, gates, fixed filters, a model of one layer."""
    if not use.hidden or use.single:
        return True
    if use.special is not None:
        return True
    if use.gate and all_zero(use):
        return False  # the gate, what it gates and what follows are all zero: nothing ever moves
    if use.branch_end or use.gate or use.end in ("add", "gate", "head"):
        return True
    return not use.trainable


def is_starved(use: Use) -> bool:
    """True for a zero end of a branch that is fed nothing but zeros: no gradient reaches it, nor what stands before."""
    weight = use.layer.kernel_weight
    if not use.starved or not use.branch_end or use.special is not None or not use.trainable:
        return False
    return weight is not None and bool(weight.writes) and weight.initializer.is_zero


def all_zero(use: Use) -> bool:
    """True when every layer that the output reaches first starts at zero too, as this one does."""
    own = use.layer.kernel_weight
    following = [after.kernel_weight for after in use.downstream]
    zero = [weight is not None and weight.initializer.is_zero for weight in (own, *following)]
    return bool(following) and all(zero)


def fate(use: Use, weight: Weight) -> Fate:
    """Error where nothing tells the units apart or none has a gradient; warning where random numbers nearby do."""
    random = next((other for other in use.layer.weights.values() if other is not weight and _tells_apart(other)), None)
    if random is not None:
        return Fate("warning", f"only the layer's random {random.name} tells its units apart")
    if use.activation is not None and use.activation.name in FLAT_AT_ZERO and weight.initializer.is_zero:
        bias = 0.0 if use.layer.bias is None else use.layer.bias.initializer.constant_value
        if bias is not None and bias <= 0:
            return Fate("error", f"its units start dead, because {spell(use.activation)} has no slope at 0")
    if is_starved(use):
        return Fate("error", "what it is fed starts at 0 too, so that neither ever gets a gradient")
    following = [after.kernel_weight for after in use.downstream]
    if following and all(after is not None and after.initializer.is_constant for after in following):
        return Fate("error", "its units stay equal, because the next weights are constant too")
    return Fate("warning", "its units start equal, and only the next layer's random weights tell them apart later")


def _tells_apart(weight: Weight) -> bool:
    return weight.role in ("bias", "recurrent") and bool(weight.writes) and not weight.initializer.is_constant


def symmetry_hits(use: Use, weights: Iterator[Weight], value: str) -> Iterator[Hit]:
    """One hit for each of the weights, at the write that made its elements equal."""
    for weight in weights:
        level, words = fate(use, weight)
        healed = weight_remedy(use.model, weight, use.activation)
        remedies = () if healed is None else (healed,)
        write = weight.write
        layer = () if write.place == use.layer.place else ((use.layer.place, "this layer"),)
        yield Hit(
            at=write.place,
            caption=f"every element is {value}",
            also=(*write.also, *layer, *(use.activation.places if use.activation is not None else ())),
            level=level,
            confidence=use.confidence,
            model=use.model,
            layer=use.layer.path,
            initializer=weight.initializer.name,
            activation=None if use.activation is None else use.activation.name,
            fields={
                "what": f"weight of hidden layer {use.layer.path}",
                "value": value,
                "fate": words,
                "weight": weight.name,
                "cure": example(remedies, use.layer.framework),
            },
            remedies=() if weight.stacked else remedies,
            mends=draws((weight,), remedies),
        )


#: The spread that transformers draw their tokens and embeddings with (Devlin et al. 2019: 0.02).
TOKEN_STD = 0.02


def token_hit(tokens: EqualTokens, value: str) -> Hit:
    """The hit at the write that made all of a model's query tokens equal."""
    weight, write = tokens.weight, tokens.weight.write
    keras = tokens.layer.framework == "keras"
    draw = KERAS_INITIALIZERS["RandomNormal"] if keras else TORCH_INITIALIZERS["normal_"]
    remedies = (Remedy(tokens.model, tokens.layer.path, weight.name, draw(0.0, TOKEN_STD)),)
    made = () if write.place == tokens.layer.place else ((tokens.layer.place, "these tokens"),)
    return Hit(
        at=write.place,
        caption=f"every token is {value}",
        also=(*write.also, *made, (tokens.asked, "attention asks with them here")),
        level="error" if tokens.stay else "warning" if tokens.noise else "info",
        confidence=tokens.confidence,
        model=tokens.model,
        layer=tokens.layer.path,
        initializer=weight.initializer.name,
        fields={
            "what": f"query token of {tokens.layer.path}",
            "value": value,
            "fate": _token_fate(tokens),
            "weight": weight.name,
            "cure": example(remedies, tokens.layer.framework),
        },
        remedies=remedies,
        mends=draws((weight,), remedies),
    )


def _token_fate(tokens: EqualTokens) -> str:
    if tokens.stay:
        return "the tokens stay equal and do the work of one, because nothing treats them differently"
    if tokens.noise:
        return "attention answers equal queries alike, and only the noise of dropout tells the tokens apart"
    return "attention answers equal queries alike, and only what comes behind it can tell the tokens apart"
