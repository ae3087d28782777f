"""Results of the papers that the theory comes from: predicted by the reference, measured on torch networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from actinit_lint.reference.activations import activation
from actinit_lint.reference.moments import moments
from actinit_lint.reference.propagation import INPUT, activate, backward_factor, fixed_point, layer_step, linear

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring


class TestHe2015:
    """Delving deep into rectifiers: a deep rectifier network trains from He's initialisation, not from Xavier's."""

    DEPTH, WIDTH, CLASSES = 24, 64, 10

    def accuracy(self, draw: Callable[[Tensor], object] | None, rate: float) -> float:
        """Share of blobs told apart after 200 steps of SGD with momentum; chance is 0.1."""
        torch.manual_seed(0)
        centres = torch.randn(self.CLASSES, self.WIDTH)
        layers: list[nn.Module] = []
        for _ in range(self.DEPTH):
            layer = nn.Linear(self.WIDTH, self.WIDTH)
            if draw is not None:
                draw(layer.weight)
                nn.init.zeros_(layer.bias)
            layers += [layer, nn.ReLU()]
        model = nn.Sequential(*layers, nn.Linear(self.WIDTH, self.CLASSES))
        optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9)

        def batch(size: int) -> tuple[Tensor, Tensor]:
            labels = torch.randint(self.CLASSES, (size,))
            return centres[labels] + torch.randn(size, self.WIDTH), labels

        for _ in range(200):
            x, labels = batch(128)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), labels).backward()
            optimizer.step()
        x, labels = batch(1000)
        return float((model(x).argmax(1) == labels).double().mean())

    def best(self, draw: Callable[[Tensor], object] | None) -> float:
        return max(self.accuracy(draw, rate) for rate in (0.003, 0.03))

    def test_it_trains_where_the_gradient_is_predicted_to_survive(self) -> None:
        relu = activation("relu")
        for gain, draw, trains in (
            (2.0, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"), True),
            (1.0, nn.init.xavier_normal_, False),
            (1 / 3, None, False),
        ):
            left = backward_factor(relu, 1.0, gain) ** (self.DEPTH / 2)
            assert (left > 1e-3) == trains
            found = self.best(draw)
            assert found > 0.8 if trains else found < 0.35


class TestGlorot2010:
    """Understanding the difficulty of training deep feedforward neural networks."""

    UNITS = 500

    def singular_values(self, bound: float) -> list[float]:
        """Mean singular value of each tanh layer's Jacobian, diag(1 - h²)·W, at an input of second moment 1."""
        torch.manual_seed(0)
        h, means = torch.randn(self.UNITS, dtype=torch.float64), []
        h /= h.square().mean().sqrt()
        for _ in range(5):
            weight = torch.empty(self.UNITS, self.UNITS, dtype=torch.float64).uniform_(-bound, bound)
            h = torch.tanh(weight @ h)
            means.append(float(torch.linalg.svdvals((1 - h * h)[:, None] * weight).mean()))
        return means

    @pytest.mark.parametrize(
        ("gain", "published", "first", "last"), [(1 / 3, 0.5, 0.384, 0.489), (1.0, 0.8, 0.515, 0.753)]
    )
    def test_singular_values_of_the_jacobian(self, gain: float, published: float, first: float, last: float) -> None:
        """0.5 with the standard initialisation, 0.8 with the normalised one.

        A square matrix of n independent entries of variance σ²/n has mean singular value 8σ/3π: predicted is that times
        √(E φ'²), which the mean of different slopes falls short of by a few per cent.
        """
        found = self.singular_values(math.sqrt(3 * gain / self.UNITS))
        assert (found[0], found[-1]) == pytest.approx((first, last), abs=0.03)
        assert found[-1] == pytest.approx(published, abs=0.06)
        tanh, signal = activation("tanh"), linear(INPUT, gain)
        for value in found:
            predicted = 8 / (3 * math.pi) * math.sqrt(gain * moments(tanh, signal.q).slope_second)
            assert predicted * 0.9 < value < predicted * 1.01
            signal = layer_step(signal, tanh, gain)

    def test_top_sigmoid_layers_say_less_and_less(self) -> None:
        """Std across the batch behind 1 to 5 layers of 200 units of torch's default: ×0.14 a layer."""
        torch.manual_seed(0)
        sigmoid, width = activation("sigmoid"), 200
        stds: list[list[float]] = [[] for _ in range(5)]
        for _ in range(5):
            x = torch.randn(256, width)
            for index in range(5):
                x = torch.sigmoid(nn.Linear(width, width)(x)).detach()
                stds[index].append(float(x.var(0).mean()))
        measured = [math.sqrt(sum(some) / len(some)) for some in stds]
        assert measured == pytest.approx([0.132, 0.0187, 0.0026, 3.7e-4, 5.2e-5], rel=0.05)
        signal, predicted = linear(INPUT, 1 / 3, 1 / 600), []
        for _ in range(5):
            after = activate(signal, sigmoid)
            predicted.append(math.sqrt(after.s))
            signal = linear(after, 1 / 3, 1 / 600)
        assert measured == pytest.approx(predicted, rel=0.05)


class TestSchoenholz2017:
    """Deep information propagation: tanh with biases of variance 0.05, of which σw² = 1.761 is critical."""

    @pytest.mark.parametrize("gain", [1.0, 1.3, 1.76095, 2.5, 4.0])
    def test_the_gradient_falls_or_grows_by_the_predicted_factor(self, gain: float) -> None:
        tanh, width, depth, bias = activation("tanh"), 300, 40, 0.05
        predicted = math.log(backward_factor(tanh, fixed_point(tanh, gain, bias), gain))
        torch.manual_seed(0)
        slopes = []
        for _ in range(4):
            x, pre = torch.randn(16, width), []
            for index in range(depth):
                z = x @ (torch.randn(width, width) * math.sqrt(gain / width)) + math.sqrt(bias) * torch.randn(width)
                z = z.requires_grad_() if index == 0 else z
                z.retain_grad()
                pre.append(z)
                x = torch.tanh(z)
            pre[-1].backward(torch.randn_like(pre[-1]))
            squares = [float(z.grad.square().mean()) for z in pre if z.grad is not None]
            slopes.append(math.log(squares[10] / squares[-1]) / (depth - 11))  # behind the way to the fixed point
        assert sum(slopes) / len(slopes) == pytest.approx(predicted, abs=0.025)


class TestLSUV:
    """All you need is a good init (Mishkin & Matas 2016), and what a unit variance does not show."""

    DEPTH, WIDTH = 30, 128

    def stack(self, phi: Callable[[Tensor], Tensor]) -> tuple[float, float, float, list[float]]:
        """(second moment, variance across the batch at the last layer, gradient ratio, σw² of every layer)."""
        torch.manual_seed(0)
        x, pre, gains = torch.randn(256, self.WIDTH, dtype=torch.float64), [], []
        for index in range(self.DEPTH):
            weight = torch.empty(self.WIDTH, self.WIDTH, dtype=torch.float64)
            nn.init.orthogonal_(weight)
            scale = float((x @ weight.T).detach().std())
            gains.append(1 / scale**2)
            z = x @ (weight / scale).T
            z = z.requires_grad_() if index == 0 else z
            z.retain_grad()
            pre.append(z)
            x = phi(z)
        pre[-1].backward(torch.randn_like(pre[-1]))
        first, last = (float(z.grad.square().mean()) for z in (pre[0], pre[-1]) if z.grad is not None)
        z = pre[-1].detach()
        return float(z.var()), float(z.var(0).mean()), first / last, gains

    @pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
    def test_one_division_gives_every_layer_unit_variance(self, name: str) -> None:
        variance, signal, gradient, _ = self.stack(getattr(torch, name, None) or getattr(nn.functional, name))
        assert variance == pytest.approx(1.0, abs=1e-9)
        assert signal > 1e-3
        assert gradient > 1e-3

    def test_sigmoid_layers_of_unit_variance_tell_inputs_apart_no_more(self) -> None:
        variance, signal, gradient, gains = self.stack(torch.sigmoid)
        assert variance == pytest.approx(1.0, abs=1e-9)
        sigmoid, reached, back = activation("sigmoid"), linear(INPUT, 1.0), 1.0
        for gain in gains[1:]:
            back *= backward_factor(sigmoid, reached.q, gain)
            reached = layer_step(reached, sigmoid, gain)
        assert signal < 1e-12
        assert math.log10(signal) == pytest.approx(math.log10(reached.s), abs=1.0)
        assert math.log10(gradient) == pytest.approx(math.log10(back), abs=1.0)


class TestKlambauer2017:
    """Self-normalizing neural networks: 33 SELU layers of 500 units keep mean 0 and variance 1 with LeCun's."""

    def outputs(self, draw: Callable[[Tensor], object], layers: int = 33, width: int = 500) -> tuple[float, float]:
        torch.manual_seed(0)
        rows: Sequence[Tensor] = []
        for _ in range(3):
            x = torch.randn(64, width)
            for _ in range(layers):
                weight = torch.empty(width, width)
                draw(weight)
                x = nn.functional.selu(x @ weight.T)
            rows = [*rows, x]
        found = torch.stack(list(rows))
        return float(found.mean()), float(found.var())

    @pytest.mark.parametrize(
        ("gain", "nonlinearity"),
        [(1.0, "linear"), (9 / 16, "selu"), (2.0, "relu")],
        ids=["lecun", "three quarters", "he"],
    )
    def test_only_lecuns_keeps_the_variance(self, gain: float, nonlinearity: str) -> None:
        mean, variance = self.outputs(lambda w: nn.init.kaiming_normal_(w, nonlinearity=nonlinearity))
        selu, signal = activation("selu"), linear(INPUT, gain)
        for _ in range(32):
            signal = layer_step(signal, selu, gain)
        predicted = moments(selu, signal.q)
        assert math.log10(variance) == pytest.approx(math.log10(predicted.variance), abs=0.15)
        assert (abs(variance - 1) < 0.15) == (gain == 1.0)
        assert abs(mean) < 0.05 or gain == 2.0
