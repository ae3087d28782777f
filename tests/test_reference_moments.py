"""Moments and the signal gap against tabulated figures, quadrature, double integrals and simulation."""

from __future__ import annotations

import json
import math
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actinit_lint.reference import closed_forms
from actinit_lint.reference import moments as moments_module
from actinit_lint.reference.activations import CATALOGUE, activation
from actinit_lint.reference.gains import backward_gain, forward_gain
from actinit_lint.reference.gaussian import below, power_moments, scaled_tail, truncated_normal
from actinit_lint.reference.moments import by_quadrature, moments, stability
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.operations import MATH, tensor_operations
from actinit_lint.reference.quadrature import legendre, normal_rule
from actinit_lint.reference.signal_gap import signal_gap

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring

FIGURES: dict[str, dict[str, dict[str, float]]] = json.loads(
    (Path(__file__).parent / "data" / "activation_moments.json").read_text(encoding="utf-8")
)
FINITE = [name for name in CATALOGUE if name != "exp"]


def named(label: str) -> Nonlinearity:
    """`leaky_relu(0.2)` -> the activation."""
    match = re.fullmatch(r"(\w+?)(?:_eval)?(?:\(([\d.]+)(?:/\d+)?\))?", label)
    assert match is not None
    name, value = match.groups()
    return activation(name, float(value)) if value and "/" not in label else activation(name)


def uniform_panels(phi: Nonlinearity, q: float) -> list[float]:
    """The plain way: 20-point panels of width 0.5·min(1, √q) over ±12√q, split at the kinks."""
    root = math.sqrt(q)
    count = 2 * math.ceil(12 * root / (0.5 * min(1, root)))
    bounds = np.unique([*np.linspace(-12, 12, count + 1), *(k / root for k in phi.kinks if abs(k) < 12 * root)])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    low, high = bounds[:-1, None], bounds[1:, None]
    x = torch.tensor(((low + high) / 2 + (high - low) / 2 * nodes).ravel())
    w = torch.tensor(((high - low) / 2 * weights).ravel()) * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    ops = tensor_operations()
    value, slope = phi.value(root * x, ops), phi.derivative(root * x, ops)
    return [float((w * f).sum()) for f in (value, value**2, slope, slope**2)]


@lru_cache(maxsize=1)
def million() -> torch.Tensor:
    return torch.randn(1_000_000, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


class TestMoments:
    @pytest.mark.parametrize("q", ["0.25", "1.0", "4.0"])
    @pytest.mark.parametrize("label", FIGURES)
    def test_they_agree_with_the_tabulated_figures(self, label: str, q: str) -> None:
        phi, figures, at = named(label), FIGURES[label][q], float(q)
        known = moments(phi, at)
        mine = {
            "m1": known.mean,
            "m2": known.second,
            "var": known.variance,
            "d1": known.slope,
            "d2": known.slope_second,
            "s": stability(phi, at),
            "gain": forward_gain(phi, at),
            "gain_bwd": backward_gain(phi, at),
        }
        assert mine == pytest.approx(figures, rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_they_agree_with_simulation(self, name: str) -> None:
        phi, ops = activation(name), tensor_operations()
        z = 0.7 * million()
        value, slope = phi.value(z, ops), phi.derivative(z, ops)
        for sample, predicted in zip((value, value**2, slope, slope**2), moments(phi, 0.49), strict=True):
            assert float(sample.mean()) == pytest.approx(predicted, abs=5 * float(sample.std()) / 1000 + 1e-12)

    @pytest.mark.parametrize("q", [1e-8, 1e-3, 0.3, 1.0, 7.0, 300.0])
    @pytest.mark.parametrize("name", CATALOGUE)
    def test_closed_forms_agree_with_quadrature(self, name: str, q: float) -> None:
        phi = activation(name)
        closed = closed_forms.moments(phi, q)
        if closed is None or (name == "exp" and q > 1):  # e^(2q) lies beyond the reach of the nodes
            return
        assert list(closed) == pytest.approx(list(by_quadrature(phi, q)), rel=1e-11, abs=1e-14)

    @pytest.mark.parametrize(
        ("name", "parameters"),
        [
            *(("elu", (0.3,)), ("celu", (2.5,)), ("leaky_relu", (1.7,)), ("hardtanh", (-0.2, 3.0))),
            *(("softshrink", (2.0,)), ("clipped_relu", (0.1, 4.0, 0.5)), ("threshold", (0.5, -1.0))),
            ("rrelu", (0.1, 0.9, 1.0)),
        ],
        ids=str,
    )
    def test_closed_forms_hold_for_other_parameters(self, name: str, parameters: tuple[float, ...]) -> None:
        phi = activation(name, *parameters)
        for q in (0.04, 1.0, 25.0):
            assert list(moments(phi, q)) == pytest.approx(uniform_panels(phi, q), rel=1e-10, abs=1e-13)

    @pytest.mark.parametrize("q", [1e-6, 0.2, 1.0, 9.0, 400.0])
    @pytest.mark.parametrize("name", FINITE)
    def test_graded_panels_lose_nothing_against_uniform_ones(self, name: str, q: float) -> None:
        # softplus without torch's threshold, a step of 2e-9 that neither kind of panel is split at
        phi = activation(name, None, math.inf) if name == "softplus" else activation(name)
        if name == "sin" and q > 9:  # waves fill the whole range: the closed form is used
            return
        assert list(by_quadrature(phi, q)) == pytest.approx(uniform_panels(phi, q), rel=1e-12, abs=1e-14)

    @pytest.mark.parametrize("parameters", [(4.0, 20.0), (0.1, 20.0), (1.0, 3.0)], ids=str)
    def test_panels_follow_the_steepness_of_softplus(self, parameters: tuple[float, float]) -> None:
        phi = activation("softplus", *parameters)
        for q in (0.5, 30.0):
            fine = uniform_panels(phi, q) if parameters[0] < 1 else self.in_small_panels(phi, q)
            assert list(moments(phi, q)) == pytest.approx(fine, rel=2e-9)

    def in_small_panels(self, phi: Nonlinearity, q: float) -> list[float]:
        rule, root = normal_rule(1e-3, phi.kinks, q), math.sqrt(q)
        rows = [
            (w, phi.value(root * x), phi.derivative(root * x)) for x, w in zip(rule.nodes, rule.weights, strict=True)
        ]
        return [sum(w * f(v, d) for w, v, d in rows) for f in (lambda v, d: v, lambda v, d: v * v)] + [
            sum(w * f(v, d) for w, v, d in rows) for f in (lambda v, d: d, lambda v, d: d * d)
        ]

    @pytest.mark.parametrize(
        "name", ["tanh", "sigmoid", "softplus", "logsigmoid", "silu", "mish", "tanhshrink", "gelu_tanh"]
    )
    def test_the_limit_of_large_q_continues_the_quadrature(self, name: str) -> None:
        phi = activation(name)
        for q in (2e12, 1e16):
            assert q > moments_module.LARGE
            assert list(moments(phi, q)) == pytest.approx(list(by_quadrature(phi, q)), rel=1e-8, abs=1e-7)

    def test_huge_q_is_no_error(self) -> None:
        for name in CATALOGUE:
            known = moments(activation(name), 1e250)
            assert not any(math.isnan(x) for x in known), name
        assert moments(activation("tanh"), 1e250).second == pytest.approx(1.0)
        assert moments(activation("exp"), 1e250).second == math.inf

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_at_q_zero_the_output_is_the_value_at_zero(self, name: str) -> None:
        phi = activation(name)
        known = moments(phi, 0.0)
        assert known.mean == pytest.approx(phi.value(0.0), rel=1e-12, abs=1e-100)
        assert known.second == pytest.approx(phi.value(0.0) ** 2, rel=1e-12, abs=1e-100)
        both = (phi.derivative(1e-200), phi.derivative(-1e-200))
        assert known.slope_second == pytest.approx((both[0] ** 2 + both[1] ** 2) / 2)

    @pytest.mark.parametrize("q", [-1.0, math.inf, math.nan])
    def test_a_q_that_is_no_second_moment_is_said(self, q: float) -> None:
        with pytest.raises(ValueError, match="expected the second moment"):
            moments(activation("tanh"), q)

    @given(name=st.sampled_from(FINITE), q=st.floats(1e-6, 1e4))
    @settings(max_examples=100, deadline=None)
    def test_what_any_moments_satisfy(self, name: str, q: float) -> None:
        phi = activation(name)
        known = moments(phi, q)
        assert 0 <= known.variance <= known.second * (1 + 1e-12)
        assert known.mean**2 <= known.second * (1 + 1e-9)
        assert known.slope**2 <= known.slope_second * (1 + 1e-9)
        if name != "hardshrink":  # Poincaré: Var φ <= q·E φ'², for a φ without jumps
            assert known.variance <= q * known.slope_second * (1 + 1e-6) + 1e-12

    def test_zero_centred_activations_have_mean_zero(self) -> None:
        for name in CATALOGUE:
            phi = activation(name)
            assert (abs(moments(phi, 1.0).mean) < 1e-12) == phi.zero_centred, name

    def test_selu_has_its_fixed_point_at_mean_zero_and_variance_one(self) -> None:
        phi = activation("selu")
        known = moments(phi, 1.0)
        assert known.mean == pytest.approx(0, abs=1e-15)
        assert known.second == pytest.approx(1, abs=1e-15)
        assert stability(phi, 1.0) == pytest.approx(0.782648, abs=1e-6)  # Klambauer et al. 2017: .782648
        assert known.slope_second == pytest.approx(1.071575, abs=1e-6)


class TestGaussian:
    def test_the_legendre_rule_is_numpys(self) -> None:
        nodes, weights = np.polynomial.legendre.leggauss(20)
        mine = sorted(legendre(20))
        assert [x for x, _ in mine] == pytest.approx(list(nodes), abs=1e-15)
        assert [w for _, w in mine] == pytest.approx(list(weights), abs=2e-15)

    @pytest.mark.parametrize("unit", [1.0, 0.01, 1e-5])
    def test_the_normal_rule_knows_the_moments_of_the_normal_distribution(self, unit: float) -> None:
        rule = normal_rule(unit, (0.3,), 1.0)
        for n, expected in ((0, 1.0), (1, 0.0), (2, 1.0), (4, 3.0), (8, 105.0)):
            total = sum(w * x**n for x, w in zip(rule.nodes, rule.weights, strict=True))
            assert total == pytest.approx(expected, rel=1e-14, abs=1e-14)

    @pytest.mark.parametrize("y", [0.0, 0.5, 3.0, 11.9, 12.1, 25.0])
    def test_the_scaled_tail_is_mills_ratio(self, y: float) -> None:
        expected = 0.5 * torch.special.erfcx(torch.tensor(y / math.sqrt(2), dtype=torch.float64))
        assert scaled_tail(y) == pytest.approx(float(expected), rel=1e-13)
        assert scaled_tail(1e200) == pytest.approx(1 / (1e200 * math.sqrt(2 * math.pi)))

    def test_the_left_tail_keeps_its_precision(self) -> None:
        assert below(-30.0) == pytest.approx(4.906713927148187e-198, rel=1e-12)

    @pytest.mark.parametrize("bounds", [(-math.inf, 0.7), (0.2, math.inf), (-1.5, 2.5), (-math.inf, math.inf)], ids=str)
    def test_power_moments_are_integrals(self, bounds: tuple[float, float]) -> None:
        low, high = max(bounds[0], -14), min(bounds[1], 14)
        x = torch.linspace(low, high, 200_001, dtype=torch.float64)
        density = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        integrals = [float(torch.trapezoid(x**n * density, x)) for n in range(7)]
        assert power_moments(*bounds, 6) == pytest.approx(integrals, abs=1e-8)

    def test_a_normal_cut_at_two_stds_keeps_0_7737_of_its_variance(self) -> None:
        assert truncated_normal(0, 1, -2, 2) == pytest.approx((0, 0.77374130), abs=1e-8)
        assert truncated_normal(0, 0.02, -2, 2) == pytest.approx((0, 0.0004), abs=1e-15)
        mean, variance = truncated_normal(1.0, 2.0, 0.5, 9.0)
        half = torch.distributions.Normal(1.0, 2.0)
        torch.manual_seed(0)
        sample = half.sample((2_000_000,))
        kept = sample[(sample > 0.5) & (sample < 9.0)]
        assert mean == pytest.approx(float(kept.mean()), abs=0.01)
        assert variance == pytest.approx(float(kept.var()), rel=0.01)
        assert truncated_normal(0, 1, 60, 70) == (60, 0.0)
        with pytest.raises(ValueError, match="needs std > 0 and low < high"):
            truncated_normal(0, 1, 2, -2)


class TestSpeed:
    """Bounds far above what is measured (in brackets), so that a busy machine passes and a lost cache does not."""

    def per_call(self, call: Any, repeats: int) -> float:
        """Seconds, the best of three tries on fresh arguments."""
        tries = []
        for turn in range(3):
            start = time.perf_counter()
            for i in range(repeats):
                call(i + turn * repeats)
            tries.append((time.perf_counter() - start) / repeats)
        return min(tries)

    def test_the_closed_form_of_relu_takes_microseconds(self) -> None:  # 1 µs
        phi = activation("relu")
        assert self.per_call(lambda i: moments(phi, 1.0 + i), 10_000) < 20e-6
        assert self.per_call(lambda i: signal_gap(phi, 1.0 + i, 0.5), 10_000) < 40e-6

    def test_a_quadrature_takes_milliseconds_and_is_remembered(self) -> None:  # 0.6 ms, 1 µs
        phi = activation("silu")
        moments(phi, 1.0)
        assert self.per_call(lambda i: moments(phi, 0.5 + i / 1000), 20) < 10e-3
        assert self.per_call(lambda i: moments(phi, 1.0), 10_000) < 40e-6
        assert self.per_call(lambda i: signal_gap(phi, 0.6 + i / 1000, 0.1), 20) < 30e-3


def test_exp_never_overflows() -> None:
    assert MATH.exp(1e4) == math.inf
    assert MATH.expm1(1e4) == math.inf
