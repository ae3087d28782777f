"""The activations that are formulas: value and derivative, written in `Operations`."""

from __future__ import annotations

from math import inf, pi, sqrt
from typing import Any

from actinit_lint.reference.nonlinearity import Asymptote, Smooth
from actinit_lint.reference.operations import Operations

#: Klambauer et al. 2017; digits as in torch/include/ATen/native/Activation.h and keras/src/backend.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

_ZERO, _ONE, _LINE = Asymptote(0, 0), Asymptote(0, 1), Asymptote(1, 0)
_MINUS_ONE, _NEGATIVE_LINE = Asymptote(0, -1), Asymptote(1, 0)
_GELU_TANH = sqrt(2 / pi)  # Hendrycks & Gimpel 2016
_ROOT_HALF = sqrt(1 / 2)
_ROOT_TWO_PI = sqrt(2 * pi)
_QUICK_GELU = 1.702  # Hendrycks & Gimpel 2016


def _softplus(ops: Operations, z: Any) -> Any:
    return ops.log1p(ops.exp(-ops.absolute(z))) + ops.at_least(z, 0.0)


def exponential_linear(right: float, left: float, width: float) -> Smooth:
    """right·z for z > 0, left·(e^(z/width) - 1) up to 0; the derivative at 0 is the left one, left/width."""

    def value(ops: Operations, z: Any) -> Any:
        return ops.where(z > 0, right * z, left * ops.expm1(ops.at_most(z, 0.0) / width))

    def derivative(ops: Operations, z: Any) -> Any:
        return ops.where(z > 0, ops.constant(z, right), left / width * ops.exp(ops.at_most(z, 0.0) / width))

    return Smooth(value, derivative, (Asymptote(0, -left), Asymptote(right, 0)), min(-left, 0.0), inf, (0.0,), width)


def elu(alpha: float) -> Smooth:
    """z for z > 0, alpha·(e^z - 1) else. Clevert, Unterthiner & Hochreiter 2016."""
    return exponential_linear(1, alpha, 1)


def celu(alpha: float) -> Smooth:
    """max(z, 0) + min(0, alpha·(e^(z/alpha) - 1)). Barron 2017."""
    return exponential_linear(1, alpha, alpha)


def selu() -> Smooth:
    """λ·z for z > 0, λ·α·(e^z - 1) else. Klambauer et al. 2017."""
    return exponential_linear(SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1)


def gelu() -> Smooth:
    """z·Φ(z). Hendrycks & Gimpel 2016. Lowest at z = -0.7518."""

    def derivative(ops: Operations, z: Any) -> Any:
        return 0.5 * ops.erfc(-_ROOT_HALF * z) + z * ops.exp(-0.5 * z * z) / _ROOT_TWO_PI

    return Smooth(
        lambda ops, z: 0.5 * z * ops.erfc(-_ROOT_HALF * z), derivative, (_ZERO, _LINE), -0.16997120747990366, inf
    )


def gelu_tanh() -> Smooth:
    """z/2·(1 + tanh(√(2/π)·(z + 0.044715·z³))). Hendrycks & Gimpel 2016. Lowest at z = -0.7525."""

    def bend(ops: Operations, z: Any) -> Any:
        return ops.tanh(_GELU_TANH * (z + 0.044715 * z * z * z))

    def derivative(ops: Operations, z: Any) -> Any:
        t = bend(ops, z)
        return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * _GELU_TANH * (1 + 3 * 0.044715 * z * z)

    return Smooth(lambda ops, z: 0.5 * z * (1 + bend(ops, z)), derivative, (_ZERO, _LINE), -0.17004075057125405, inf)


def _swish(steepness: float) -> Smooth:
    def derivative(ops: Operations, z: Any) -> Any:
        gate = ops.sigmoid(steepness * z)
        return gate + steepness * z * gate * (1 - gate)

    low = -0.27846454276107380 / steepness
    return Smooth(lambda ops, z: z * ops.sigmoid(steepness * z), derivative, (_ZERO, _LINE), low, inf)


def silu() -> Smooth:
    """z·σ(z), also called swish. Elfwing, Uchibe & Doya 2018. Lowest at z = -1.2785."""
    return _swish(1)


def quick_gelu() -> Smooth:
    """z·σ(1.702·z). Hendrycks & Gimpel 2016."""
    return _swish(_QUICK_GELU)


def mish() -> Smooth:
    """z·tanh(log(1 + e^z)). Misra 2019. Lowest at z = -1.1924."""

    def derivative(ops: Operations, z: Any) -> Any:
        t = ops.tanh(_softplus(ops, z))
        return t + z * (1 - t * t) * ops.sigmoid(z)

    return Smooth(lambda ops, z: z * ops.tanh(_softplus(ops, z)), derivative, (_ZERO, _LINE), -0.30884341301725041, inf)


def softplus(beta: float, threshold: float) -> Smooth:
    """log(1 + e^(beta·z))/beta, and z where beta·z > threshold. torch.nn.Softplus; Keras has beta 1, no threshold."""

    def value(ops: Operations, z: Any) -> Any:
        return ops.where(beta * z > threshold, z, _softplus(ops, beta * z) / beta)

    def derivative(ops: Operations, z: Any) -> Any:
        return ops.where(beta * z > threshold, ops.constant(z, 1.0), ops.sigmoid(beta * z))

    if beta <= 0:
        raise ValueError(f"softplus: beta is {beta}, expected a positive number")
    return Smooth(value, derivative, (_ZERO, _LINE), 0, inf, (threshold / beta,) if threshold < 16 else (), 1 / beta)


def logsigmoid() -> Smooth:
    """log σ(z) = -log(1 + e^-z)."""
    return Smooth(lambda ops, z: -_softplus(ops, -z), lambda ops, z: ops.sigmoid(-z), (_NEGATIVE_LINE, _ZERO), -inf, 0)


def softsign() -> Smooth:
    """z/(1 + |z|). Glorot & Bengio 2010."""

    def derivative(ops: Operations, z: Any) -> Any:
        wide = 1 + ops.absolute(z)
        return 1 / (wide * wide)

    return Smooth(lambda ops, z: z / (1 + ops.absolute(z)), derivative, (_MINUS_ONE, _ONE), -1, 1, (0.0,))


def sigmoid() -> Smooth:
    """σ(z) = 1/(1 + e^-z), the logistic function."""

    def derivative(ops: Operations, z: Any) -> Any:
        return ops.sigmoid(z) * ops.sigmoid(-z)

    return Smooth(lambda ops, z: ops.sigmoid(z), derivative, (_ZERO, _ONE), 0, 1)


def tanh() -> Smooth:
    """tanh(z)."""

    def derivative(ops: Operations, z: Any) -> Any:
        t = ops.tanh(z)
        return 1 - t * t

    return Smooth(lambda ops, z: ops.tanh(z), derivative, (_MINUS_ONE, _ONE), -1, 1)


def tanhshrink() -> Smooth:
    """z - tanh(z). torch.nn.Tanhshrink."""

    def derivative(ops: Operations, z: Any) -> Any:
        t = ops.tanh(z)
        return t * t

    return Smooth(lambda ops, z: z - ops.tanh(z), derivative, (Asymptote(1, 1), Asymptote(1, -1)), -inf, inf)


def squareplus(b: float) -> Smooth:
    """(z + √(z² + b))/2. Barron 2021; written without cancellation for z < 0."""

    def value(ops: Operations, z: Any) -> Any:
        root = ops.sqrt(z * z + b)
        return ops.where(z > 0, 0.5 * (z + root), 0.5 * b / (root - ops.at_most(z, 0.0)))

    def derivative(ops: Operations, z: Any) -> Any:
        return value(ops, z) / ops.sqrt(z * z + b)

    if b <= 0:
        raise ValueError(f"squareplus: b is {b}, expected a positive number")
    return Smooth(value, derivative, (_ZERO, _LINE), 0, inf, (), 0.5 * b**0.5)


def exp() -> Smooth:
    """e^z. keras.activations.exponential."""
    return Smooth(lambda ops, z: ops.exp(z), lambda ops, z: ops.exp(z), None, 0, inf)


def sin() -> Smooth:
    """sin(z). Sitzmann et al. 2020."""
    return Smooth(lambda ops, z: ops.sin(z), lambda ops, z: ops.cos(z), None, -1, 1)
