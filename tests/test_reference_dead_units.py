"""Units that are dead before the first step, against simulation."""

from __future__ import annotations

import math

import pytest
import torch

from actinit_lint.reference.activations import activation
from actinit_lint.reference.dead_units import (
    active_probability,
    born_dead,
    born_dead_bound,
    dead_bias_probability,
    dead_on_batch,
)
from actinit_lint.reference.propagation import INPUT, Signal, layer_step, linear

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring


def simulate_born_dead(width: int, hidden: int, nets: int = 20_000) -> float:
    """Share of zero-bias ReLU networks on one input that answer 0 to every input: to 1 and to -1, then to all."""
    torch.manual_seed(width + 100 * hidden)
    first = torch.randn(nets, 1, width)
    x = torch.relu(torch.cat([first, -first], 1))
    for _ in range(hidden - 1):
        x = torch.relu(x @ torch.randn(nets, width, width))
    return float((x == 0).all(2).all(1).double().mean())


class TestBornDead:
    @pytest.mark.parametrize(
        ("width", "hidden", "lower", "upper"),
        [
            (2, 2, 0.1562, 0.4375),
            (2, 4, 0.4767, 0.6836),
            (2, 9, 0.8703, 0.9249),
            (3, 9, 0.5134, 0.6993),
            (4, 9, 0.2042, 0.4406),
            (4, 19, 0.5198, 0.7066),
            (8, 49, 0.0308, 0.1745),
        ],
    )
    def test_simulation_lies_between_the_bounds(self, width: int, hidden: int, lower: float, upper: float) -> None:
        """Lu et al. 2020."""
        assert born_dead_bound(width, hidden) == pytest.approx(lower, abs=6e-5)
        assert born_dead([width] * hidden) == pytest.approx(upper, abs=6e-5)
        measured = simulate_born_dead(width, hidden)
        noise = 4 * math.sqrt(measured * (1 - measured) / 20_000)
        assert lower - noise <= measured <= upper + noise

    def test_wide_layers_are_safe_and_no_layer_cannot_die(self) -> None:
        assert born_dead([256] * 50) == pytest.approx(50 * 2.0**-256)
        assert born_dead([]) == 0.0
        assert born_dead([1]) == 0.5

    def test_one_narrow_layer_counts_once(self) -> None:
        assert born_dead([512, 3, 512]) == pytest.approx(1 / 8)


class TestBias:
    def test_a_large_negative_bias_switches_a_unit_off(self) -> None:
        assert active_probability(1.0, -10.0) < 1e-20
        assert dead_bias_probability(1.0, -10.0) == 1.0
        assert dead_bias_probability(1.0, 0.1) == 0.0
        assert active_probability(0.0, 0.5) == 1.0

    def test_one_in_a_hundred_is_the_limit(self) -> None:
        assert active_probability(4.0, -2 * 2.3263478740408408) == pytest.approx(0.01)
        assert dead_bias_probability(4.0, -2 * 2.33) == 1.0
        assert dead_bias_probability(4.0, -2 * 2.32) == 0.0

    def test_a_wide_random_bias_kills_a_share_of_the_units(self) -> None:
        torch.manual_seed(0)
        bias = -1.0 + 10.0 * torch.randn(200_000, dtype=torch.float64)
        measured = float((torch.special.ndtr(bias / math.sqrt(2.0)) < 0.01).double().mean())
        assert dead_bias_probability(2.0, -1.0, 100.0) == pytest.approx(measured, abs=0.005)
        assert active_probability(2.0, -1.0, 100.0) == pytest.approx(
            float(torch.special.ndtr(bias / math.sqrt(2.0)).mean()), abs=0.005
        )


class TestOnABatch:
    @pytest.mark.parametrize(("batch", "index"), [(64, 0), (256, 1)])
    def test_deep_healthy_networks_have_dead_units_too(self, batch: int, index: int) -> None:
        """He-initialised ReLU: what is normal at layers 2, 5, 10, 20 and 50."""
        expected = {2: (0.0015, 0.0001), 5: (0.062, 0.0305), 10: (0.171, 0.125), 20: (0.286, 0.248), 50: (0.396, 0.375)}
        phi, signal = activation("relu"), linear(INPUT, 2.0)
        for layer in range(1, 51):
            if layer in expected:
                assert dead_on_batch(*signal, batch) == pytest.approx(expected[layer][index], abs=6e-4)
            signal = layer_step(signal, phi, 2.0)

    def test_the_ends(self) -> None:
        assert dead_on_batch(*Signal(1.0, 1.0), 8) == pytest.approx(2.0**-8)
        assert dead_on_batch(*Signal(1.0, 0.0), 8) == 0.5
        assert dead_on_batch(*Signal(1.0, 1e-250), 8) == pytest.approx(0.5, abs=1e-6)
