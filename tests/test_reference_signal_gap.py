"""The signal gap G(q, s) against double integrals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actinit_lint.reference.activations import CATALOGUE, activation
from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.quadrature import normal_rule
from actinit_lint.reference.signal_gap import hermite_coefficients, signal_gap

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring

FINITE = [name for name in CATALOGUE if name != "exp"]


class TestSignalGap:
    def double_integral(self, phi: Nonlinearity, q: float, share: float, panels: int = 60) -> float:
        """½E[(φ(u) - φ(v))²] over the half sum and the half difference of u and v."""

        def grid(count: int) -> tuple[torch.Tensor, torch.Tensor]:
            nodes, weights = np.polynomial.legendre.leggauss(10)
            bounds = np.linspace(-9, 9, count + 1)
            low, high = bounds[:-1, None], bounds[1:, None]
            x = ((low + high) / 2 + (high - low) / 2 * nodes).ravel()
            w = ((high - low) / 2 * weights).ravel() * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
            return torch.tensor(x), torch.tensor(w)

        (x, wx), (y, wy) = grid(panels), grid(20)
        common, apart = math.sqrt(q * (1 - share / 2)) * x[:, None], math.sqrt(q * share / 2) * y
        ops = tensor_operations()
        gap = phi.value(common + apart, ops) - phi.value(common - apart, ops)
        return float(0.5 * (wx[:, None] * wy * gap * gap).sum())

    @pytest.mark.parametrize(("q", "share"), [(0.09, 0.9), (0.09, 0.003), (1.0, 0.1), (1.0, 0.003), (4.0, 0.3)])
    @pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "hardshrink"])
    def test_it_is_half_the_mean_square_of_the_difference(self, name: str, q: float, share: float) -> None:
        phi = activation(name)
        if name == "exp" and q > 1:  # beyond the reach of the double integral
            return
        expected = self.double_integral(phi, q, share)
        smooth = not phi.kinks
        tolerance = 1e-9 if smooth and q <= 1 else 1e-5 if smooth else 1e-2
        assert signal_gap(phi, q, share * q) == pytest.approx(expected, rel=tolerance, abs=1e-15)

    @pytest.mark.parametrize("share", [0.9, 0.1, 0.02])
    def test_a_jump_is_counted_though_the_derivative_does_not_see_it(self, share: float) -> None:
        phi = activation("hardshrink")
        assert signal_gap(phi, 1.0, share) == pytest.approx(self.double_integral(phi, 1.0, share), rel=0.02)
        assert signal_gap(phi, 1.0, share) > share * moments(phi, 1.0).slope_second

    @pytest.mark.parametrize("q", [16.0, 400.0])
    @pytest.mark.parametrize("name", ["tanh", "sigmoid", "softsign", "hardtanh", "silu", "selu", "relu6"])
    def test_far_into_saturation_it_is_within_ten_per_cent(self, name: str, q: float) -> None:
        phi = activation(name)
        for share in (0.5, 0.05, 0.005):
            expected = self.double_integral(phi, q, share, panels=240)
            assert signal_gap(phi, q, share * q) == pytest.approx(expected, rel=0.1)

    @pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in ("hardshrink", "threshold")])
    def test_a_faint_signal_passes_in_proportion_to_the_mean_square_slope(self, name: str) -> None:
        phi = activation(name)
        for s in (1e-6, 1e-20, 1e-150):
            assert signal_gap(phi, 1.0, s) == pytest.approx(s * moments(phi, 1.0).slope_second, rel=1e-3)

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_an_uncorrelated_batch_gives_the_variance(self, name: str) -> None:
        phi = activation(name)
        assert signal_gap(phi, 1.0, 1.0) == pytest.approx(moments(phi, 1.0).variance, rel=1e-12)
        assert signal_gap(phi, 1.0, 3.0) == signal_gap(phi, 1.0, 1.0)
        assert signal_gap(phi, 1.0, 0.0) == signal_gap(phi, 0.0, 0.0) == 0.0

    @given(name=st.sampled_from(FINITE), q=st.floats(1e-3, 1e3), share=st.floats(1e-9, 0.99))
    @settings(max_examples=100, deadline=None)
    def test_it_grows_with_the_signal_and_never_beyond_the_variance(self, name: str, q: float, share: float) -> None:
        phi = activation(name)
        gap = signal_gap(phi, q, share * q)
        assert 0 <= gap <= moments(phi, q).variance * (1 + 1e-3) + 1e-15
        assert gap <= signal_gap(phi, q, min(1.0, 1.2 * share) * q) * (1 + 1e-2) + 1e-15

    @pytest.mark.parametrize(
        "name", ["relu6", "hardswish", "softshrink", "hardshrink", "sparse_plus", "relu2", "threshold"]
    )
    def test_hermite_coefficients_at_kinks_agree_with_quadrature(self, name: str) -> None:
        phi, q = activation(name), 1.7
        rule, root = normal_rule(phi.width, phi.kinks, q), math.sqrt(q)
        values = [phi.value(root * x) for x in rule.nodes]
        by_nodes = [sum(y * h for y, h in zip(values, rule.hermite(k), strict=True)) for k in range(40)]
        assert list(hermite_coefficients(phi, q))[:40] == pytest.approx(by_nodes, abs=1e-13)

    def test_a_bad_q_is_said(self) -> None:
        with pytest.raises(ValueError, match="expected the second moment"):
            signal_gap(activation("tanh"), math.inf, 1.0)
