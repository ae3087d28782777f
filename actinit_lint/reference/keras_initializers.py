"""Every class of keras.initializers by name: its arguments in, its normal form out (Keras 3.15; Keras 2 is the same).

Arguments are the class's own, in its order. None stands for a value that is unknown and makes what depends on it
unknown; `seed` and the axes never matter. keras/src/initializers/random_initializers.py, constant_initializers.py.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from actinit_lint.reference.initializers import CUT
from actinit_lint.reference.normal_form import OPAQUE, Distribution, Initializer, Mode, constant, variance_scaling

_MODES: dict[str, Mode] = {"fan_in": "fan_in", "fan_out": "fan_out", "fan_avg": "fan_avg"}
#: Keras' word -> ours. "normal" is the old spelling of the truncated one.
_DISTRIBUTIONS: dict[str, Distribution] = {
    "uniform": "uniform",
    "normal": "truncated_normal",
    "truncated_normal": "truncated_normal",
    "untruncated_normal": "normal",
}
#: (scale, mode) of the schemes that have a name.
_NAMES: dict[tuple[float, Mode], str] = {
    (1.0, "fan_avg"): "xavier",
    (2.0, "fan_in"): "kaiming",
    (1.0, "fan_in"): "lecun",
}


def random_normal(mean: float | None = 0.0, stddev: float | None = 0.05, seed: object = None) -> Initializer:
    """N(mean, stddev²)."""
    return Initializer("normal", "normal", "normal", mean=mean, std=stddev)


def truncated_normal(mean: float | None = 0.0, stddev: float | None = 0.05, seed: object = None) -> Initializer:
    """N(mean, stddev²) redrawn beyond two stddev: the variance left is 0.7737·stddev², which is not corrected."""
    cuts = (None, None) if mean is None or stddev is None else (mean - CUT * stddev, mean + CUT * stddev)
    return Initializer(
        "truncated_normal", "normal", "truncated_normal", mean=mean, std=stddev, low=cuts[0], high=cuts[1]
    )


def random_uniform(minval: float | None = -0.05, maxval: float | None = 0.05, seed: object = None) -> Initializer:
    """U(minval, maxval)."""
    return Initializer("uniform", "uniform", "uniform", mean=None, low=minval, high=maxval)


def scaled(
    scale: float | None = 1.0,
    mode: str | None = "fan_in",
    distribution: str | None = "truncated_normal",
    seed: object = None,
    input_axes: object = None,
    output_axes: object = None,
) -> Initializer:
    """VarianceScaling: variance scale/max(1, fan), after the cut where there is one.

    Raises ValueError, as Keras does, for a scale that is not positive or an unknown mode or distribution.
    """
    if scale is not None and scale <= 0:
        raise ValueError(f"scale is {scale}, expected a positive number")
    for word, known in ((mode, _MODES), (distribution and distribution.lower(), _DISTRIBUTIONS)):
        if word is not None and word not in known:
            raise ValueError(f"{word!r} is none of {', '.join(known)}")
    side = None if mode is None else _MODES[mode]
    drawn = None if distribution is None else _DISTRIBUTIONS[distribution.lower()]
    scheme = None if scale is None or side is None else _NAMES.get((scale, side))
    name = "variance_scaling" if scheme is None or drawn is None else f"{scheme}_{drawn.removeprefix('truncated_')}"
    return variance_scaling(name, None if scale is None else sqrt(scale), side, drawn)


def _scheme(scale: float, mode: Mode, distribution: Distribution) -> Callable[..., Initializer]:
    def make(seed: object = None, input_axes: object = None, output_axes: object = None) -> Initializer:
        return scaled(scale, mode, distribution)

    return make


def orthogonal(gain: float | None = 1.0, seed: object = None) -> Initializer:
    """gain times a matrix with orthonormal rows or columns, rows = all axes but the last. Saxe et al. 2014."""
    return Initializer("orthogonal", "orthogonal", gain=gain)


def identity(gain: float | None = 1.0) -> Initializer:
    """gain times the identity matrix; two dimensions only."""
    return Initializer("identity", "identity", gain=gain)


def fill(value: float | None = 0.0) -> Initializer:
    """Constant: every element is `value`. Not known (None) it may be an array, whose elements differ."""
    return OPAQUE if value is None else constant(value)


def stft(
    side: object = "real", window: object = "hann", scaling: object = "density", periodic: object = False
) -> Initializer:
    """The kernel of a short-time Fourier transform: nothing is drawn, and its numbers are no matter of scale."""
    return Initializer("stft", "opaque")


#: Keras class -> constructor.
_CLASSES: dict[str, Callable[..., Initializer]] = {
    "RandomNormal": random_normal,
    "TruncatedNormal": truncated_normal,
    "RandomUniform": random_uniform,
    "VarianceScaling": scaled,
    "GlorotUniform": _scheme(1.0, "fan_avg", "uniform"),  # Glorot & Bengio 2010, eq. 16
    "GlorotNormal": _scheme(1.0, "fan_avg", "truncated_normal"),
    "LecunUniform": _scheme(1.0, "fan_in", "uniform"),  # LeCun et al. 1998, section 4.6
    "LecunNormal": _scheme(1.0, "fan_in", "truncated_normal"),  # Klambauer et al. 2017
    "HeUniform": _scheme(2.0, "fan_in", "uniform"),  # He et al. 2015, eq. 10
    "HeNormal": _scheme(2.0, "fan_in", "truncated_normal"),
    "Orthogonal": orthogonal,
    "Identity": identity,
    "Constant": fill,
    "Zeros": lambda: constant(0.0),
    "Ones": lambda: constant(1.0),
    "STFT": stft,
}


def _snake(name: str) -> str:
    return name.lower() if name.isupper() else "".join(f"_{c.lower()}" if c.isupper() else c for c in name)[1:]


#: Every name that `keras.initializers.get` resolves in 3.15: classes, their snake_case, and aliases
#: (keras/src/initializers/__init__.py, ALL_OBJECTS_DICT). Strings are case-sensitive.
KERAS_INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    **_CLASSES,
    **{_snake(name): make for name, make in _CLASSES.items()},
    "normal": random_normal,
    "uniform": random_uniform,
    "one": _CLASSES["Ones"],
    "zero": _CLASSES["Zeros"],
    "IdentityInitializer": identity,
    "OrthogonalInitializer": orthogonal,
    "STFTInitializer": stft,
}
