"""The signal theory against real networks and against the numbers of the papers it comes from."""

from __future__ import annotations

import math

import pytest
import torch

from actinit_lint.reference.activations import activation
from actinit_lint.reference.finite_width import finite_width_decades
from actinit_lint.reference.moments import stability
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.propagation import (
    INPUT,
    Signal,
    backward_factor,
    border_gain,
    depth_scale,
    first_border_gain,
    fixed_point,
    layer_step,
    linear,
)

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring


def chain(name: str, gain: float, depth: int, bias: float = 0.0) -> list[Signal]:
    """Pre-activations of `depth` layers, the first one fed with a standardised input."""
    phi = activation(name)
    signals = [linear(INPUT, gain, bias)]
    while len(signals) < depth:
        signals.append(layer_step(signals[-1], phi, gain, bias))
    return signals


def decades(variance: float) -> float:
    """log10 of a std."""
    return 0.5 * math.log10(variance)


class TestChains:
    @pytest.mark.parametrize(
        ("name", "gain", "bias", "expected"),
        [
            ("relu", 1 / 3, 1 / 768, (-0.71, -2.43, -4.77)),
            ("sigmoid", 1.0, 0.0, (-0.68, -3.19, -6.95)),
            ("gelu", 1 / 3, 1 / 768, (-0.73, -2.87, -6.11)),
        ],
    )
    def test_the_batch_signal_of_256_wide_networks(
        self, name: str, gain: float, bias: float, expected: tuple[float, ...]
    ) -> None:
        signals = chain(name, gain, 12, bias)
        assert [decades(signals[layer - 1].s) for layer in (2, 6, 12)] == pytest.approx(expected, abs=6e-3)

    def test_random_biases_hide_a_signal_that_is_gone(self) -> None:
        last = chain("relu", 1 / 3, 50, 1 / 768)[-1]
        assert decades(last.q) == pytest.approx(-1.40, abs=0.01)
        assert last.s / last.q < 1e-30

    @pytest.mark.parametrize(
        ("name", "gain", "bias"),
        [("relu", 2.0, 0.0), ("relu", 1 / 3, 1 / 3 / 256), ("tanh", 1.0, 0.0), ("silu", 2.0, 0.01), ("selu", 1.0, 0.0)],
    )
    def test_forward_and_backward_agree_with_a_network(self, name: str, gain: float, bias: float) -> None:
        width, depth, batch, phi, ops = 256, 8, 64, activation(name), tensor_operations()
        torch.manual_seed(0)
        forward, back = [], []
        for _ in range(4):
            x = torch.randn(batch, width, dtype=torch.float64)
            pre = []
            for _ in range(depth):
                w = torch.randn(width, width, dtype=torch.float64) * math.sqrt(gain / width)
                x = x @ w.T + math.sqrt(bias) * torch.randn(width, dtype=torch.float64)
                x.requires_grad_().retain_grad()
                pre.append(x)
                x = phi.value(x, ops)
            torch.autograd.backward(pre[-1], torch.randn_like(pre[-1]))
            forward.append([float(pre[-1].detach().square().mean()), float(pre[-1].detach().var(0).mean())])
            back.append(float(pre[0].grad.square().mean() / pre[-1].grad.square().mean()))  # type: ignore[union-attr]
        signals = chain(name, gain, depth, bias)
        factor = math.prod(backward_factor(phi, signal.q, gain) for signal in signals[:-1])
        allowed = 2 * finite_width_decades([width] * depth) / math.sqrt(4)
        for index, predicted in enumerate(signals[-1]):
            measured = sum(row[index] for row in forward) / 4
            assert decades(measured) == pytest.approx(decades(predicted), abs=allowed)
        assert decades(sum(back) / 4) == pytest.approx(decades(factor), abs=allowed)

    #: Factor of the gradient's std per layer over 50 layers of 256: (activation, gain) -> factor.
    @pytest.mark.parametrize(
        ("name", "gain", "expected"),
        [
            ("relu", 1 / 3, 0.408),
            ("relu", 1.0, 0.707),
            ("relu", 2.0, 1.0),
            ("tanh", 1.0, 0.958),
            ("tanh", 2.0, 1.042),
            ("tanh", 25 / 9, 1.093),
            ("sigmoid", 1.0, 0.236),
            ("sigmoid", 2.0, 0.317),
            ("gelu", 1.0, 0.508),
            ("gelu", 2.0, 0.770),
            ("silu", 1.0, 0.504),
            ("selu", 1.0, 1.035),
            ("elu", 2.0, 1.055),
            ("leaky_relu", 2.0, 1.0),
            ("softsign", 25 / 9, 1.023),
            ("softplus", 1.0, 0.537),
            ("mish", 1.0, 0.604),
            ("hardtanh", 2.0, 1.154),
            ("hardswish", 1.0, 0.503),
            ("hardsigmoid", 1.0, 0.167),
            ("prelu", 2.0, 1.031),
            ("relu6", 25 / 9, 1.085),
            ("logsigmoid", 1.0, 0.537),
            ("tanhshrink", 25 / 9, 1.488),
        ],
    )
    def test_the_pairing_matrix(self, name: str, gain: float, expected: float) -> None:
        signals = chain(name, gain, 50)
        total = math.prod(backward_factor(activation(name), signal.q, gain) for signal in signals[:-1])
        assert total ** (1 / 2 / 49) == pytest.approx(expected, abs=1.5e-3)


class TestPapers:
    def test_the_derived_stds_of_he_2015(self) -> None:
        """He et al. 2015, section 2.2: √(2/9C) for 3 × 3 kernels, and what std 0.01 costs from conv10 to conv2."""
        stds = [math.sqrt(2 / (9 * channels)) for channels in (64, 128, 256, 512)]
        assert stds == pytest.approx([0.0589, 0.0417, 0.0295, 0.0208], abs=1e-4)
        shrink = math.prod((std / 0.01) ** layers for std, layers in zip(stds, (1, 2, 2, 4), strict=True))
        assert shrink == pytest.approx(1.7e4, rel=0.03)

    @pytest.mark.parametrize(
        ("bias", "gain", "q"),
        [(1e-4, 1.08603, 0.04571), (0.01, 1.42421, 0.27330), (0.05, 1.76095, 0.57005), (0.3, 2.50513, 1.46117)],
    )
    def test_the_critical_line_of_tanh(self, bias: float, gain: float, q: float) -> None:
        """Schoenholz et al. 2017."""
        phi = activation("tanh")
        point = fixed_point(phi, gain, bias)
        assert point == pytest.approx(q, abs=2e-5)
        assert backward_factor(phi, point, gain) == pytest.approx(1.0, abs=2e-5)

    @pytest.mark.parametrize(
        ("gain", "chi", "scale"), [(1.0, 0.759, 3.63), (1.3, 0.880, 7.83), (2.5, 1.1335, 7.98), (4.0, 1.3424, 3.40)]
    )
    def test_the_depth_scale_of_tanh_with_biases(self, gain: float, chi: float, scale: float) -> None:
        """Schoenholz et al. 2017, σb² = 0.05."""
        phi = activation("tanh")
        factor = backward_factor(phi, fixed_point(phi, gain, 0.05), gain)
        assert factor == pytest.approx(chi, abs=6e-4)
        assert depth_scale(factor) == pytest.approx(scale, abs=0.02)

    @pytest.mark.parametrize(
        ("name", "gain", "q", "chi"),
        [
            ("tanh", 25 / 9, 1.1785, 1.20983),
            ("tanh", 2.0, 0.61796, 1.10553),
            ("sigmoid", 1.0, 0.26469, 0.05572),
            ("sigmoid", 16.0, 5.8554, 0.39888),
            ("softsign", 2.0, 0.079479, 1.04235),
            ("hardtanh", 2.0, 1.0522, 1.34074),
            ("selu", 1.0, 1.0, 1.07157),
            ("selu", 9 / 16, 0.023034, 1.00367),
            ("softplus", 1.0, 0.85631, 0.28872),
            ("hardsigmoid", 4.0, 1.1238, 0.11059),
            ("sin", 2.0, 0.79681, 1.20319),
        ],
    )
    def test_fixed_points(self, name: str, gain: float, q: float, chi: float) -> None:
        phi = activation(name)
        point = fixed_point(phi, gain)
        assert point == pytest.approx(q, rel=1e-4)
        assert backward_factor(phi, point, gain) == pytest.approx(chi, abs=2e-5)
        assert stability(phi, point) < 1

    def test_without_a_fixed_point_the_signal_vanishes_or_explodes(self) -> None:
        assert fixed_point(activation("gelu"), 2.0, steps=3000) < 1e-20
        assert fixed_point(activation("gelu"), 25 / 9, steps=3000) == math.inf
        assert fixed_point(activation("relu"), 2.0) == pytest.approx(1.0)
        assert depth_scale(1.0) == math.inf
        assert depth_scale(0.0) == 0.0

    def test_finite_width_spreads_the_norm_as_hanin_and_rolnick_say(self) -> None:
        width, depth, nets = 50, 20, 3000
        torch.manual_seed(0)
        x = torch.randn(nets, 1, width)
        start = x.square().sum((1, 2))
        for _ in range(depth):
            x = torch.relu(x @ (torch.randn(nets, width, width) * math.sqrt(2 / width)))
        logs = (x.square().sum((1, 2)) / start).log()
        spread = 5 * depth / width
        assert float(logs.var()) == pytest.approx(spread, rel=0.15)
        assert float(logs.mean()) == pytest.approx(-spread / 2, rel=0.15)
        assert finite_width_decades([width] * depth) == pytest.approx(2 * math.sqrt(spread) / 2 * math.log10(math.e))

    @pytest.mark.parametrize(
        ("size", "kernel", "expected"), [(8, 3, 0.9212), (16, 3, 0.9774), (7, 5, 0.7582), (56, 7, 0.9884)]
    )
    def test_zero_padding_costs_the_largest_eigenvalue(self, size: int, kernel: int, expected: float) -> None:
        index = torch.arange(size)
        operator = ((index[:, None] - index).abs() <= (kernel - 1) // 2).double() / kernel
        exact = float(torch.linalg.eigvalsh(operator)[-1]) ** 2
        assert border_gain(size, kernel) == pytest.approx(exact, rel=2e-5)
        assert border_gain(size, kernel) == pytest.approx(expected, abs=1e-4)
        assert first_border_gain(size, kernel) == pytest.approx(float(operator.sum() / size) ** 2)
