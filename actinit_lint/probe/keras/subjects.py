"""From a Keras target to a subject. Weights appear at the first call, so every try is made with a fresh model."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import Any

from actinit_lint.probe.inference.names import IMAGE, WIDTHS
from actinit_lint.probe.inference.search import BATCH_OF_MEASUREMENT, SLOW, NoInput
from actinit_lint.probe.inference.specs import BATCH, Inputs, Spec
from actinit_lint.probe.inference.subjects import Maker, NotProbed, explained, most_telling, overridden, parameter_limit
from actinit_lint.probe.inference.targets import Target
from actinit_lint.probe.inference.values import Arguments
from actinit_lint.probe.keras import leniency
from actinit_lint.probe.keras.inputs import proposals, shapes_given, starting_inputs
from actinit_lint.probe.limits import Wants
from actinit_lint.probe.loading.load import Loaded
from actinit_lint.probe.loading.stubs import NotInstalled
from actinit_lint.probe.subject import Assumption, Limits, Override, Subject

#: Keras takes activations by name and puts channels last.
_PROFILES = tuple(dataclasses.replace(profile, activation="name", channels_last=True) for profile in (IMAGE, WIDTHS))
_SHARE = 0.6


def keras_subject(loaded: Loaded, target: Target, override: Override | None, limits: Limits, wants: Wants) -> Subject:
    """A Keras model ready to be measured. Raises NotProbed."""
    leniency.relax()
    maker = Maker(loaded, target, limits, wants, _PROFILES)
    candidates, fixed = overridden(maker, override) if override is not None else (maker.candidates(), None)
    given = dict(shapes_given(maker.sources, dict(maker.names)))
    until = time.monotonic() + limits.seconds * _SHARE
    failures: list[Exception] = []
    for arguments in candidates:
        if failures and time.monotonic() > until:
            break
        try:
            model, used = maker.build(arguments)
            parameter_limit(_count(model), limits)
            starts = [fixed] if fixed is not None else starting_inputs(model, list(given))
            return _subject(maker, used, _search(maker, used, starts, limits), given, fixed is not None)
        except (NotProbed, NotInstalled) as error:
            raise explained(error, maker) from error
        except Exception as error:
            failures.append(error)
    raise explained(most_telling(failures), maker)


def _count(model: Any) -> int:
    return int(model.count_params()) if getattr(model, "built", False) else 0


def _search(maker: Maker, arguments: Arguments, starts: list[Inputs], limits: Limits) -> Inputs:
    """Inputs that a fresh model accepts. Raises NoInput."""
    until = time.monotonic() + limits.seconds * _SHARE / 2
    waiting = list(starts)
    tried: set[object] = set()
    closest: Inputs | None = None
    cause: BaseException | None = None
    while waiting and len(tried) < limits.tries and time.monotonic() < until:
        inputs = waiting.pop(0)
        if inputs.key() in tried:
            continue
        tried.add(inputs.key())
        error = _attempt(maker, arguments, inputs, limits)
        if error is None:
            return inputs
        if closest is None:
            closest, cause = inputs, error
        ahead = [other for other in proposals(error, inputs) if other.key() not in tried][:4]
        waiting[0:0] = ahead if "expected" in str(error) else []
        waiting += ahead
    raise NoInput(len(tried), closest, cause)


def _attempt(
    maker: Maker, arguments: Arguments, inputs: Inputs, limits: Limits, batch: int = int(BATCH)
) -> BaseException | None:
    import torch

    while True:
        try:
            model, _ = maker.build(arguments)
            args, kwargs = inputs.make(batch, "normal")
            with torch.no_grad():
                model(*args, **kwargs, training=True)
            parameter_limit(_count(model), limits)
            return None
        except (NotInstalled, NotProbed):
            raise
        except Exception as error:
            if not maker.supply(error):
                return error


def _subject(maker: Maker, used: Arguments, inputs: Inputs, given: dict[Spec, str], from_settings: bool) -> Subject:
    started = time.monotonic()
    error = _attempt(maker, used, inputs, maker.limits)
    slow = error is not None or time.monotonic() - started > SLOW
    any_batch = not slow and _attempt(maker, used, inputs, maker.limits, BATCH_OF_MEASUREMENT) is None
    places = {spec: "settings" if from_settings else given.get(spec, "assumed") for spec in inputs.specs.values()}
    if not from_settings and inputs.from_model:
        places = dict.fromkeys(places, "the model's own inputs")
    assumptions = maker.assumptions(used, inputs, places)
    assumptions += [Assumption("stub", name, "left out") for name in sorted(leniency.left_out)]
    return Subject(
        name=maker.target.name,
        path=maker.loaded.path,
        line=maker.target.line,
        framework="keras",
        build=functools.partial(_built, maker, used, inputs),
        inputs=inputs.make,
        assumptions=assumptions,
        depth_assumed=maker.depth_assumed(used),
        batch=None if any_batch else int(BATCH),
    )


def _built(maker: Maker, arguments: Arguments, inputs: Inputs) -> Any:
    """A fresh model with its weights made."""
    import torch

    args, kwargs = arguments.realised()
    model = maker.function(*args, **kwargs)
    if not model.built or any(not layer.built for layer in model._flatten_layers()):
        given, named = inputs.make(int(BATCH), "normal")
        with torch.no_grad():
            model(*given, **named)
    return model
