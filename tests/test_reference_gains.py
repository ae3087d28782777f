"""Dead and saturated zones of activations, exact gains, and the gains that torch answers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from actinit_lint.reference.activations import CATALOGUE, activation
from actinit_lint.reference.gains import ACCEPTED, backward_gain, calculate_gain, forward_gain
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.zones import dead_probability, dead_zone, saturated_probability, saturated_zone

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring

#: Where |φ'| < 0.05, to the digits that the edges are commonly quoted with.
SATURATED: dict[str, list[tuple[float, float]]] = {
    "relu": [(-math.inf, 0)],
    "leaky_relu": [(-math.inf, 0)],
    "relu6": [(-math.inf, 0), (6, math.inf)],
    "elu": [(-math.inf, -2.9957)],
    "selu": [(-math.inf, -3.5600)],
    "gelu": [(-math.inf, -2.3486), (-0.8832, -0.6459)],
    "silu": [(-math.inf, -4.0826), (-1.5586, -1.0769)],
    "mish": [(-math.inf, -4.1117), (-1.4162, -1.0268)],
    "hardswish": [(-math.inf, -3), (-1.65, -1.35)],
    "softplus": [(-math.inf, -2.9444)],
    "softsign": [(-math.inf, -3.4721), (3.4721, math.inf)],
    "sigmoid": [(-math.inf, -2.8873), (2.8873, math.inf)],
    "tanh": [(-math.inf, -2.1783), (2.1783, math.inf)],
    "hardtanh": [(-math.inf, -1), (1, math.inf)],
    "hardsigmoid": [(-math.inf, -3), (3, math.inf)],
    "hardsigmoid_keras2": [(-math.inf, -2.5), (2.5, math.inf)],
    "tanhshrink": [(-0.2274, 0.2274)],
    "softshrink": [(-0.5, 0.5)],
    "hardshrink": [(-0.5, 0.5)],
    "logsigmoid": [(2.9444, math.inf)],
    "identity": [],
}
#: Exact forward gains at q = 1.
EXACT: dict[str, float] = {
    "relu": 1.414214,
    "tanh": 1.592537,
    "sigmoid": 1.846229,
    "selu": 1.0,
    "elu": 1.245198,
    "gelu": 1.533530,
    "silu": 1.676532,
    "mish": 1.486848,
    "hardswish": 1.736657,
    "softplus": 1.041867,
    "softsign": 2.337533,
    "hardtanh": 1.392036,
    "hardsigmoid": 1.897840,
    "relu6": 1.414214,
    "tanhshrink": 2.338368,
    "softshrink": 1.544361,
}
EVERY = [pytest.param(activation(name), id=name) for name in CATALOGUE]


class TestZones:
    @pytest.mark.parametrize("name", SATURATED)
    def test_the_ends_of_saturated_zones(self, name: str) -> None:
        zones = saturated_zone(activation(name))
        assert [pytest.approx(zone, abs=5e-5) for zone in zones] == SATURATED[name]

    @pytest.mark.parametrize("phi", EVERY)
    @pytest.mark.parametrize("q", [0.25, 4.0])
    def test_probabilities_are_those_of_the_definition(self, phi: Nonlinearity, q: float) -> None:
        torch.manual_seed(1)
        slopes = phi.derivative(math.sqrt(q) * torch.randn(100_000, dtype=torch.float64), tensor_operations()).abs()
        flat = [((slopes < 0.05).double().mean(), saturated_probability(phi, q))]
        if dead_zone(phi):  # a smooth derivative underflows to 0 somewhere, which does not make a unit dead
            flat.append(((slopes == 0).double().mean(), dead_probability(phi, q)))
        for measured, predicted in flat:
            assert float(measured) == pytest.approx(predicted, abs=5 * math.sqrt(predicted / 100_000) + 1e-5)

    def test_a_leaky_slope_above_the_limit_is_not_saturated(self) -> None:
        assert saturated_zone(activation("leaky_relu", 0.2)) == ()

    def test_a_steeper_softplus_saturates_sooner(self) -> None:
        (zone,) = saturated_zone(activation("softplus", 4.0))
        assert zone[1] == pytest.approx(-2.944439 / 4, abs=1e-6)

    def test_a_bias_moves_units_into_the_dead_zone(self) -> None:
        assert dead_probability(activation("relu"), 1.0, mean=-10.0) == pytest.approx(1.0)
        assert dead_probability(activation("relu"), 0.0, mean=1.0) == 0.0
        assert dead_zone(activation("relu6")) == ((-math.inf, 0), (6, math.inf))
        assert dead_zone(activation("gelu")) == ()


class TestGains:
    @pytest.mark.parametrize("name", EXACT)
    def test_the_exact_gain_keeps_the_second_moment(self, name: str) -> None:
        assert forward_gain(activation(name)) == pytest.approx(EXACT[name], abs=1e-6)

    def test_the_gain_of_a_rectifier_is_the_same_both_ways_and_at_any_scale(self) -> None:
        phi = activation("leaky_relu", 0.2)
        for q in (1e-6, 1.0, 1e6):
            assert forward_gain(phi, q) == pytest.approx(backward_gain(phi, q)) == pytest.approx(phi.reference_gain)

    def test_no_gain_helps_where_nothing_passes(self) -> None:
        assert forward_gain(activation("hardtanh", 0.0, 0.0)) == math.inf
        with pytest.raises(ValueError, match="expected a positive second moment"):
            forward_gain(activation("relu"), 0.0)

    @pytest.mark.parametrize("param", [None, 0, 0.0, 1, 0.2, 5**0.5, -0.3, True, "0.1", (1,)], ids=repr)
    @pytest.mark.parametrize("name", [*sorted(ACCEPTED), "gelu", "silu", "elu", "mish", "ReLU", "prelu", "softmax", ""])
    def test_calculate_gain_answers_and_raises_as_torch_does(self, name: str, param: Any) -> None:
        try:
            expected = torch.nn.init.calculate_gain(name, param)  # type: ignore[arg-type]
        except ValueError:
            with pytest.raises(ValueError):
                calculate_gain(name, param)
        else:
            assert calculate_gain(name, param) == expected

    def test_every_name_of_the_catalogue_is_accepted_exactly_where_torch_accepts_it(self) -> None:
        def accepted(name: str) -> bool:
            try:
                torch.nn.init.calculate_gain(name)  # type: ignore[arg-type]
            except ValueError:
                return False
            return True

        assert {name for name in CATALOGUE if accepted(name)} == set(CATALOGUE) & ACCEPTED
