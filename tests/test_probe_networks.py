"""Healthy networks of many kinds give no measured finding; sick ones give theirs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from actinit_lint.probe.join import Joint  # noqa: E402
from actinit_lint.probe.measure import measured, prepare  # noqa: E402
from actinit_lint.probe.measurement import Task  # noqa: E402
from actinit_lint.probe.subject import Result, Subject  # noqa: E402
from actinit_lint.probe.symptoms import symptoms  # noqa: E402

prepare("torch")


def loud(build: Callable[[], Any], *shape: int, tokens: int | None = None) -> list[str]:
    """Codes of the symptoms at warning or error."""

    def inputs(batch: int, distribution: str) -> Any:
        if tokens is not None:
            return (torch.randint(0, tokens, (batch, *shape)),), {}
        return ((torch.randn if distribution == "normal" else torch.rand)(batch, *shape),), {}

    measurement = measured(Subject("Net", __file__, 1, "torch", build, inputs), Task())
    found = symptoms(Joint(Result(__file__, "Net", 1), measurement))
    return [one.code for one in found if one.level != "info"]


def plain(
    depth: int, width: int, activation: Callable[[], Any], init: Callable[[Any], Any] | None = None, inputs: int = 0
) -> Any:
    layers: list[Any] = []
    for index in range(depth):
        layers += [nn.Linear(inputs if inputs and not index else width, width), activation()]
        if init is not None:
            init(layers[-2].weight)
            nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers, nn.Linear(width, 3))


def he(weight: Any) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def lecun(weight: Any) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="linear")


def orthogonal(name: str, parameter: Any) -> None:
    """The usual advice for recurrent layers: an orthogonal state, Xavier's inputs, and a forget gate that is open."""
    if "bias" not in name:
        (nn.init.orthogonal_ if "hh" in name else nn.init.xavier_uniform_)(parameter)
    else:
        nn.init.zeros_(parameter)
        parameter[len(parameter) // 4 : len(parameter) // 2] = 1.0


def chrono(name: str, parameter: Any) -> None:
    """Tallec & Ollivier 2018: an LSTM that remembers for up to 200 steps has gates that are all but open or shut."""
    orthogonal(name, parameter)
    if "bias_ih" in name:
        quarter = len(parameter) // 4
        parameter[quarter : 2 * quarter] = torch.empty(quarter).uniform_(1, 200).log()
        parameter[:quarter] = -parameter[quarter : 2 * quarter]


def wide(name: str, parameter: Any) -> None:
    if "weight" in name:
        nn.init.normal_(parameter, std=1.5)


def conv(depth: int, norm: bool) -> Any:
    layers: list[Any] = []
    for index in range(depth):
        layers += [nn.Conv2d(8 if index else 3, 8, 3, padding=1), *([nn.BatchNorm2d(8)] if norm else []), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 5))


class Residual(nn.Module):
    def __init__(self, width: int, zero: bool = False) -> None:
        super().__init__()
        self.norm, self.into, self.out = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
        if zero:
            nn.init.zeros_(self.out.weight)

    def forward(self, x: Any) -> Any:
        return x + self.out(F.gelu(self.into(self.norm(x))))


class Block(nn.Module):
    """A transformer block, written out, with the small spread that is usual for such models."""

    def __init__(self, width: int = 32, heads: int = 4, masked: bool = False) -> None:
        super().__init__()
        self.masked = masked
        self.first, self.second, self.heads = nn.LayerNorm(width), nn.LayerNorm(width), heads
        self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for layer in (self.qkv, self.merge, self.up, self.down):
            nn.init.normal_(layer.weight, std=0.02)

    def forward(self, x: Any) -> Any:
        batch, steps, width = x.shape
        q, k, v = self.qkv(self.first(x)).view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(width / self.heads)
        if self.masked:
            scores = scores.masked_fill(torch.ones(steps, steps).triu(1).bool(), float("-inf"))
        weights = scores.softmax(-1)
        x = x + self.merge((weights @ v).transpose(1, 2).reshape(batch, steps, width))
        return x + self.down(F.gelu(self.up(self.second(x))))


class Squeeze(nn.Module):
    """Convolution with squeeze-and-excitation."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.less, self.more = nn.Linear(width, 4), nn.Linear(4, width)

    def forward(self, x: Any) -> Any:
        h = self.norm(self.conv(x))
        gate = torch.sigmoid(self.more(F.relu(self.less(h.mean((2, 3))))))
        return F.relu(x + h * gate[:, :, None, None])


class Recurrent(nn.Module):
    def __init__(self, kind: str, draw: Callable[[str, Any], Any] | None = None) -> None:
        super().__init__()
        self.body = getattr(nn, kind)(6, 24, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(48, 2)
        for name, parameter in self.body.named_parameters() if draw is not None else ():
            draw(name, parameter.detach())

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x)[0][:, -1])


class Unet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.up, self.join, self.out = (
            nn.ConvTranspose2d(16, 8, 2, 2),
            nn.Conv2d(16, 8, 3, padding=1),
            nn.Conv2d(8, 1, 1),
        )

    def forward(self, x: Any) -> Any:
        a = F.relu(self.down(x))
        b = F.relu(self.deep(F.max_pool2d(a, 2)))
        return torch.sigmoid(self.out(F.relu(self.join(torch.cat([self.up(b), a], 1)))))


class Autoencoder(nn.Module):
    """Variational."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.mean, self.spread = nn.Linear(32, 16), nn.Linear(16, 4), nn.Linear(16, 4)
        self.wide, self.out = nn.Linear(4, 16), nn.Linear(16, 32)

    def forward(self, x: Any) -> Any:
        h = F.relu(self.into(x))
        mean, spread = self.mean(h), self.spread(h)
        z = mean + torch.randn_like(mean) * torch.exp(spread / 2)
        return torch.sigmoid(self.out(F.relu(self.wide(z)))), mean, spread


class LowRank(nn.Module):
    """A frozen layer with a trainable correction that starts at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(16, 16).requires_grad_(False)
        self.into, self.out = nn.Parameter(torch.randn(2, 16) / 4), nn.Parameter(torch.zeros(16, 2))

    def forward(self, x: Any) -> Any:
        return F.relu(self.frozen(x) + x @ self.into.T @ self.out.T)


class Policy(nn.Module):
    """Orthogonal, with the small head that is usual."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 32), nn.Linear(32, 32), nn.Linear(32, 2)
        for layer, gain in ((self.first, 2**0.5), (self.second, 2**0.5), (self.head, 0.01)):
            nn.init.orthogonal_(layer.weight, gain)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Any) -> Any:
        return torch.distributions.Normal(self.head(torch.tanh(self.second(torch.tanh(self.first(x))))), torch.ones(2))


class Waves(nn.Module):
    """A sine network."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 32)])
        self.head = nn.Linear(32, 1)
        for index, layer in enumerate(self.layers):
            bound = math.sqrt(6 / 32) / 30 if index else 0.5
            nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = torch.sin(30 * layer(x))
        return self.head(x)


def tied() -> Any:
    model = nn.Sequential(nn.Embedding(20, 16), Residual(16), nn.Linear(16, 20, bias=False))
    model[2].weight = model[0].weight
    return model


HEALTHY: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "a perceptron with He": (lambda: plain(20, 64, nn.ReLU, he), (64,)),
    "fifty layers with He": (lambda: plain(50, 128, nn.ReLU, he), (128,)),
    "a perceptron on the default": (lambda: plain(4, 64, nn.ReLU), (64,)),
    "tanh with Xavier": (lambda: plain(8, 20, nn.Tanh, nn.init.xavier_normal_, 2), (2,)),
    "self-normalising": (lambda: plain(12, 64, nn.SELU, lecun), (64,)),
    "two sigmoid layers": (lambda: plain(2, 32, nn.Sigmoid), (32,)),
    "plain convolutions": (lambda: conv(4, norm=False), (3, 16, 16)),
    "normalised convolutions": (lambda: conv(12, norm=True), (3, 16, 16)),
    "residual blocks": (
        lambda: nn.Sequential(nn.Linear(16, 32), *[Residual(32) for _ in range(6)], nn.Linear(32, 3)), (16,)
    ),
    "zero-initialised branches": (
        lambda: nn.Sequential(*[Residual(16, zero=True) for _ in range(4)], nn.Linear(16, 3)), (16,)
    ),
    "squeeze and excitation": (
        lambda: nn.Sequential(nn.Conv2d(3, 16, 3), Squeeze(), Squeeze(), nn.Flatten(), nn.Linear(576, 3)), (3, 8, 8)
    ),
    "an LSTM": (lambda: Recurrent("LSTM"), (10, 6)),
    "a GRU": (lambda: Recurrent("GRU"), (10, 6)),
    "an orthogonal LSTM with an open forget gate": (lambda: Recurrent("LSTM", orthogonal), (10, 6)),
    "an LSTM that remembers long": (lambda: Recurrent("LSTM", chrono), (10, 6)),
    "an Elman network": (lambda: Recurrent("RNN"), (10, 6)),
    "a U-net": (Unet, (1, 16, 16)),
    "a variational autoencoder": (Autoencoder, (32,)),
    "low-rank adaptation": (lambda: nn.Sequential(LowRank(), LowRank(), nn.Linear(16, 2)), (16,)),
    "a policy": (Policy, (6,)),
    "a sine network": (Waves, (2,)),
    "a generator": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(16, 16, 4), nn.BatchNorm2d(16), nn.ReLU(True), nn.ConvTranspose2d(16, 8, 4, 2, 1),
            nn.BatchNorm2d(8), nn.ReLU(True), nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh(),
        ), (16, 1, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_network_gives_no_finding(name: str) -> None:
    build, shape = HEALTHY[name]
    assert loud(build, *shape) == []


@pytest.mark.parametrize("masked", [False, True])
def test_models_of_tokens_give_no_finding(masked: bool) -> None:
    transformer = [Block(masked=masked) for _ in range(4)]
    assert loud(lambda: nn.Sequential(nn.Embedding(20, 32), *transformer, nn.Linear(32, 20)), 8, tokens=20) == []


def test_tied_weights_give_no_finding() -> None:
    assert loud(tied, 8, tokens=20) == []


SICK: dict[str, tuple[Callable[[], Any], str]] = {
    "a spread of 0.01": (lambda: plain(8, 64, nn.ReLU, lambda w: nn.init.normal_(w, std=0.01)), "ACT703"),
    "a spread of 1": (lambda: plain(8, 64, nn.ReLU, lambda w: nn.init.normal_(w, std=1.0)), "ACT704"),
    "a spread of 1 before tanh": (lambda: plain(3, 64, nn.Tanh, lambda w: nn.init.normal_(w, std=1.0)), "ACT702"),
    "six sigmoid layers": (lambda: plain(6, 64, nn.Sigmoid), "ACT703"),
    "fifteen layers on the default": (lambda: plain(15, 64, nn.ReLU), "ACT703"),
    "equal weights": (lambda: plain(2, 64, nn.Tanh, lambda w: nn.init.constant_(w, 0.02)), "ACT705"),
    "zero weights": (lambda: plain(3, 64, nn.ReLU, nn.init.zeros_), "ACT701"),
    "a logarithm of anything": (
        lambda: nn.Sequential(nn.Linear(64, 8), nn.LogSigmoid(), nn.Linear(8, 8), _Log(), nn.Linear(8, 1)), "ACT706",
    ),
}  # fmt: skip


class _Log(nn.Module):
    def forward(self, x: Any) -> Any:
        return torch.log(x)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_too_wide_a_spread_saturates_a_recurrent_layer(kind: str) -> None:
    assert loud(lambda: Recurrent(kind, wide), 10, 6) == ["ACT702"]


@pytest.mark.parametrize("name", SICK)
def test_a_sick_network_gives_its_finding(name: str) -> None:
    build, code = SICK[name]
    found = loud(build, 64)
    assert code in found
    assert len(found) <= 2
