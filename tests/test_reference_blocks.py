"""Normalisations, residual additions and other blocks, against simulation and the mean-field results."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actinit_lint.reference.activations import CATALOGUE, activation
from actinit_lint.reference.moments import moments
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.propagation import (
    INPUT,
    Signal,
    activate,
    activate_backward,
    add,
    add_backward,
    coherent_gain,
    concatenate,
    drop,
    drop_backward,
    gate,
    gate_backward,
    layer_step,
    linear,
    normalise,
    softmax,
)

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring


class TestNormalisation:
    @pytest.mark.parametrize(
        ("name", "batch", "layer"),
        [
            ("relu", math.pi / (math.pi - 1), 1.0),
            ("tanh", 1.1778, 1.1778),
            ("sigmoid", 1.0336, 0.1528),
            ("gelu", 1.3188, 1.0720),
            ("silu", 1.2121, 1.0666),
            ("elu", 1.0790, 1.0359),
            ("selu", 1.0716, 1.0716),
        ],
    )
    def test_the_gradient_through_normalised_layers_whatever_the_weights(
        self, name: str, batch: float, layer: float
    ) -> None:
        phi = activation(name)
        for kind, expected in (("batch", batch), ("layer", layer), ("rms", layer), ("group", layer)):
            for gain in (2.0, 0.1):
                before = linear(activate(INPUT, phi), gain)  # pre-activations behind unit ones
                after, factor = normalise(before, kind, 0.0)  # type: ignore[arg-type]
                assert after.q == pytest.approx(1.0)
                assert factor * gain * activate_backward(phi, 1.0) == pytest.approx(expected, abs=1e-4)

    def test_batch_norm_restores_the_batch_signal_and_layer_norm_does_not(self) -> None:
        faint = Signal(2.0, 1e-6)
        assert normalise(faint, "batch", 0.0)[0] == pytest.approx((1, 1))
        assert normalise(faint, "layer", 0.0)[0] == pytest.approx((1, 5e-7))

    def test_a_large_eps_lets_a_small_signal_stay_small(self) -> None:
        after, factor = normalise(Signal(1.3e-6, 1.3e-6), "layer", 1e-5)
        assert after.q == pytest.approx(1.3 / 11.3, rel=1e-6)
        assert factor == pytest.approx(1 / 11.3e-6)
        assert after.q == pytest.approx(0.1150, abs=1e-4)

    def test_scale_and_shift_and_the_mean_of_a_norm_behind_relu(self) -> None:
        phi = activation("relu")
        after, factor = normalise(activate(INPUT, phi), "layer", 0.0, gamma=2.0, beta=3.0, mean=moments(phi, 1.0).mean)
        assert after.q == pytest.approx(4 + 9)
        assert factor == pytest.approx(4 / moments(phi, 1.0).variance)

    def test_nothing_in_nothing_out(self) -> None:
        assert normalise(Signal(0.0, 0.0), "batch", 0.0) == (Signal(0.0, 0.0), math.inf)
        assert normalise(Signal(1.0, 0.0), "batch", 1e-5)[0] == Signal(0.0, 0.0)


class TestResiduals:
    """Blocks x + W2·φ(W1·x) of width 256, 30 of them."""

    def blocks(self, name: str, gain: float, norm: str) -> float:
        phi, stream, total = activation(name), INPUT, 1.0
        for _ in range(30):
            into, enter = normalise(stream, "layer", 0.0) if norm == "pre" else (stream, 1.0)
            inner = linear(into, gain)
            branch = linear(activate(inner, phi), gain)
            total *= add_backward(enter * gain * activate_backward(phi, inner.q) * gain)
            stream = add(stream, branch)
            if norm == "post":
                stream, leave = normalise(stream, "layer", 0.0)
                total *= leave
        return total

    @pytest.mark.parametrize(
        ("name", "gain", "norm", "expected"),
        [
            ("relu", 2.0, "none", 2.06e14),
            ("relu", 1.0, "none", 1.92e5),
            ("relu", 1 / 3, "none", 5.06),
            ("sigmoid", 2.0, "pre", 2.13),
            ("tanh", 1 / 3, "pre", 3.30),
            ("tanh", 256.0, "pre", 3.3e11),
            ("relu", 2.0, "post", 1.0),
            ("tanh", 2.0, "post", 128),
            ("sigmoid", 2.0, "post", 2.4e-5),
        ],
    )
    def test_the_gradient_over_thirty_blocks(self, name: str, gain: float, norm: str, expected: float) -> None:
        assert self.blocks(name, gain, norm) == pytest.approx(expected, rel=0.03)

    def test_a_branch_that_starts_at_zero_changes_nothing(self) -> None:
        assert self.blocks("relu", 0.0, "none") == 1.0


class TestBlocks:
    def test_dropout_adds_noise_that_is_no_signal(self) -> None:
        assert drop(Signal(1.0, 0.5), 0.2) == pytest.approx((1.25, 0.5))
        assert drop_backward(0.5) == 2.0
        with pytest.raises(ValueError, match="expected 0 <= p < 1"):
            drop_backward(1.0)

    @pytest.mark.parametrize("name", ["sigmoid", "gelu", "silu"])
    def test_a_gated_unit_multiplies_second_moments(self, name: str) -> None:
        phi, q, s, ops = activation(name), 1.3, 0.5, tensor_operations()
        torch.manual_seed(0)
        n = 1_000_000
        u, v = (
            [math.sqrt(q - s) * c + math.sqrt(s) * torch.randn(n).double() for _ in range(2)] for c in torch.randn(2, n)
        )
        outputs = [a * phi.value(b, ops) for a, b in zip(u, v, strict=True)]
        predicted = gate(Signal(q, s), phi)
        assert float(outputs[0].square().mean()) == pytest.approx(predicted.q, rel=0.02)
        assert float(0.5 * (outputs[0] - outputs[1]).square().mean()) == pytest.approx(predicted.s, rel=0.02)
        slopes = (phi.value(v[0], ops).square() + (u[0] * phi.derivative(v[0], ops)).square()) / 2
        assert float(slopes.mean()) == pytest.approx(gate_backward(phi, q), rel=0.02)

    def test_softmax_leaves_next_to_nothing(self) -> None:
        torch.manual_seed(0)
        probabilities = torch.softmax(torch.randn(20_000, 256), -1)
        predicted = softmax(1.0, 256)
        assert float(probabilities.var()) == pytest.approx(predicted.s, rel=0.06)
        assert float(probabilities.square().mean()) == pytest.approx(predicted.q, rel=0.06)

    def test_concatenation_averages_over_units(self) -> None:
        assert concatenate([(Signal(1.0, 0.5), 30), (Signal(4.0, 1.0), 10)]) == pytest.approx((1.75, 0.625))

    def test_weights_with_a_mean_lift_what_all_inputs_share(self) -> None:
        assert coherent_gain(128, 0.5) == 4096
        torch.manual_seed(0)
        x = torch.rand(4, 128) + 5
        grown = (x @ torch.rand(128, 128)).square().mean() / x.square().mean()
        assert float(grown) == pytest.approx(coherent_gain(128, 0.5), rel=0.1)

    @given(name=st.sampled_from([n for n in CATALOGUE if n != "exp"]), q=st.floats(1e-6, 1e3), share=st.floats(0, 1))
    @settings(max_examples=100, deadline=None)
    def test_a_signal_is_never_larger_than_its_second_moment(self, name: str, q: float, share: float) -> None:
        after = layer_step(Signal(q, share * q), activation(name), 1.5, 0.1, 0.3)
        assert 0 <= after.s <= after.q * (1 + 1e-3)
