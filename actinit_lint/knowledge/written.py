"""How each framework writes an initialiser: from the normal form back to a call."""

from __future__ import annotations

from math import isclose, sqrt
from typing import NamedTuple

from actinit_lint.knowledge.initializers import KERAS_NAMES, calculate_gain
from actinit_lint.reference.normal_form import Initializer


class Written(NamedTuple):
    """A function or class of the framework, and its arguments beside the tensor: names and code."""

    function: str
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def listed(self) -> str:
        return ", ".join(f"{name}={code}" for name, code in self.arguments)


#: Nonlinearities that a gain is written with where the normal form names none.
_NAMED = ("linear", "relu", "tanh")


def torch_written(initializer: Initializer) -> Written | None:
    """The call of torch.nn.init, without the tensor; None where no function of it draws this."""
    drawn = "uniform" if initializer.distribution == "uniform" else "normal"
    gain, value = initializer.gain, initializer.value
    match initializer.family:
        case "constant" if value is not None:
            name = {0.0: "zeros_", 1.0: "ones_"}.get(value)
            return Written(name) if name else Written("constant_", (("val", f"{value:g}"),))
        case "normal" if initializer.std is not None and not initializer.mean:
            return Written("normal_", (("std", f"{initializer.std:g}"),))
        case "orthogonal" if gain is not None:
            return Written("orthogonal_", _gain(gain))
        case "variance_scaling" if gain is not None and initializer.mode == "fan_avg":
            return Written(f"xavier_{drawn}_", _gain(gain))
        case "variance_scaling" if gain is not None:
            mode = (("mode", '"fan_out"'),) if initializer.mode == "fan_out" else ()
            asked = _nonlinearity(initializer.nonlinearity, gain)
            return None if asked is None else Written(f"kaiming_{drawn}_", (*mode, *asked))
    return None


def _gain(gain: float) -> tuple[tuple[str, str], ...]:
    return () if isclose(gain, 1.0) else (("gain", gain_in_code(gain)),)


def gain_in_code(gain: float) -> str:
    """A gain as an expression."""
    return "2 ** 0.5" if isclose(gain, sqrt(2), rel_tol=1e-3) else f"{gain:.4g}"


def _nonlinearity(asked: str | None, gain: float) -> tuple[tuple[str, str], ...] | None:
    """The arguments that make `kaiming_*_` draw with the gain."""
    if asked == "leaky_relu":
        slope = sqrt(max(0.0, 2 / gain**2 - 1))
        return ("a", f"{slope:.3g}"), ("nonlinearity", '"leaky_relu"')
    for name in _NAMED if asked is None else (asked,):
        if isclose(calculate_gain(name) or 0.0, gain, rel_tol=1e-6):
            return (("nonlinearity", f'"{name}"'),)
    return None


#: (scale, mode) of the classes of Keras that have a name of their own.
_SCHEMES = {(1.0, "fan_avg"): "Glorot", (2.0, "fan_in"): "He", (1.0, "fan_in"): "Lecun"}
_STRINGS = {made: name for name, made in reversed(KERAS_NAMES.items()) if name.islower()}
_STRINGS.update(RandomNormal="random_normal", RandomUniform="random_uniform", Zeros="zeros", Ones="ones")


def keras_written(initializer: Initializer) -> Written | None:
    """The class of keras.initializers; None where no class of it draws this."""
    gain, value, drawn = initializer.gain, initializer.value, initializer.distribution
    match initializer.family:
        case "constant" if value is not None:
            name = {0.0: "Zeros", 1.0: "Ones"}.get(value)
            return Written(name) if name else Written("Constant", (("value", f"{value:g}"),))
        case "normal" if initializer.std is not None and not initializer.mean and drawn == "normal":
            return Written("RandomNormal", (("stddev", f"{initializer.std:g}"),))
        case "orthogonal" if gain is not None:
            return Written("Orthogonal", _gain(gain))
        case "variance_scaling" if gain is not None and initializer.mode is not None and drawn is not None:
            scheme = _SCHEMES.get((round(gain**2, 9), initializer.mode))
            if scheme is not None and drawn != "normal":
                return Written(scheme + ("Uniform" if drawn == "uniform" else "Normal"))
            arguments = [("scale", f"{gain**2:.3g}"), ("mode", f'"{initializer.mode}"')]
            if drawn != "truncated_normal":
                word = "uniform" if drawn == "uniform" else "untruncated_normal"
                arguments.append(("distribution", f'"{word}"'))
            return Written("VarianceScaling", tuple(arguments))
    return None


def keras_string(written: Written) -> str | None:
    """The string that Keras resolves to the class, where no argument is given."""
    return None if written.arguments else _STRINGS.get(written.function)
