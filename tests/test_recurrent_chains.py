"""Recurrent layers as links of a chain: the theory against torch, and what follows from it for whole networks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from actinit_lint import program
from actinit_lint.follow import follow
from actinit_lint.model import Chain
from actinit_lint.reference.recurrence import CellKind, cell, memory_gain
from actinit_lint.signal import predict, verdict

LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
torch.set_num_threads(1)  # the layers are small: threads cost more than they bring
UNITS, STEPS = 64, 36
MIDDLE = slice(12, 24)  # time steps far from both ends


def stack(kind: CellKind, std: float, recurrent: float | None, forget_bias: float = 0.0) -> list[nn.Module]:
    """Two layers without biases but the forget gate's; `recurrent` is a std, None orthogonal blocks."""
    torch.manual_seed(0)
    made = []
    for _ in range(2):
        layer = LAYERS[kind](UNITS, UNITS, batch_first=True)
        for name, parameter in layer.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)
            elif "ih" in name:
                nn.init.normal_(parameter, std=std)
            elif recurrent is not None:
                nn.init.normal_(parameter, std=recurrent)
            else:
                for block in parameter.data.chunk(cell(kind).matrices):
                    nn.init.orthogonal_(block)
        if forget_bias:
            layer.bias_ih_l0.data[UNITS : 2 * UNITS] = forget_bias
        made.append(layer)
    return made


def measured(layers: list[nn.Module], *, steady: bool) -> tuple[float, float]:
    """log10 of (second layer's output over the first one's, gradient at the first one's output over the second's)."""
    inputs = torch.randn(32, 1 if steady else STEPS, UNITS).expand(32, STEPS, UNITS)
    first, _ = layers[0](inputs)
    first.retain_grad()
    second, _ = layers[1](first)
    second.retain_grad()
    back = torch.randn_like(second[:, :1]).expand_as(second) if steady else torch.randn_like(second)
    (second * back).sum().backward()
    assert first.grad is not None
    assert second.grad is not None
    pairs = (second.detach(), first.detach()), (first.grad, second.grad)
    forward, backward = (math.log10(a[:, MIDDLE].std() / b[:, MIDDLE].std()) for a, b in pairs)
    return forward, backward


CASES = [
    pytest.param(kind, recurrent, forget, id=f"{kind}, {said}")
    for kind in LAYERS
    for recurrent, forget, said in (
        (0.01, 0.0, "a small recurrent matrix"),
        (0.05, 0.0, "a recurrent matrix that counts"),
        (None, 0.0, "an orthogonal recurrent matrix"),
        (0.01, 1.0, "a forget bias of 1"),
    )
    if (kind != "rnn" or recurrent is not None) and (kind == "lstm" or not forget)
]


def most_left(kind: CellKind, recurrent: float | None, forget: float) -> float:
    """log10 of what a layer of weights of std 0.003 leaves of a steady input, by the theory."""
    gain = 1.0 if recurrent is None else UNITS * recurrent**2
    memory = memory_gain(cell(kind, forget), gain)
    assert memory is not None
    return 0.5 * math.log10(UNITS * 0.003**2 * memory)


@pytest.mark.parametrize(("kind", "recurrent", "forget"), CASES)
def test_a_steady_input_leaves_what_the_theory_says(kind: CellKind, recurrent: float | None, forget: float) -> None:
    expected = most_left(kind, recurrent, forget)
    forward, backward = measured(stack(kind, 0.003, recurrent, forget), steady=True)
    assert forward == pytest.approx(expected, abs=0.05)
    assert backward == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(("kind", "recurrent", "forget"), CASES)
def test_an_input_that_changes_leaves_less(kind: CellKind, recurrent: float | None, forget: float) -> None:
    most = most_left(kind, recurrent, forget)
    for found in measured(stack(kind, 0.003, recurrent, forget), steady=False):
        assert most - 0.75 < found < most + 0.02


def test_a_recurrence_that_does_not_settle_has_no_gain() -> None:
    assert memory_gain(cell("rnn"), 1.0) is None
    assert memory_gain(cell("gru"), 3.9) is not None
    assert memory_gain(cell("gru"), 4.0) is None


def chains(code: str) -> list[Chain]:
    """All chains, the longest first."""
    (file,) = follow({"net.py": program.parse(code, "net.py")}, {})
    assert file.errors == []
    found = [fact for fact in file.facts if isinstance(fact, Chain)]
    return sorted(found, key=lambda one: -len(one.steps))


def recurrent_chains(code: str) -> list[Chain]:
    return [chain for chain in chains(code) if chain.recurrent]


NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = {layer}
        self.hidden = nn.Linear({width}, 64)
        self.out = nn.Linear(64, 2)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                {write}

    def forward(self, x):
        {run}
        return self.out(torch.relu(self.hidden(x)))
"""
TINY = "nn.init.normal_(weight, std=0.001)"


def network(layer: str, run: str = "x, _ = self.rnn(x)", write: str = TINY, width: int = 64) -> str:
    return NETWORK.format(layer=layer, run=run, write=write, width=width)


def test_each_layer_of_a_stack_is_a_link_and_the_dense_layers_behind_it_too() -> None:
    (chain,) = recurrent_chains(network("nn.GRU(32, 64, num_layers=3, dropout=0.1)"))
    assert [step.link.weight.name for step in chain.steps] == [
        "weight_ih_l0", "weight_ih_l1", "weight_ih_l2", "weight",
    ]  # fmt: skip
    assert [step.dropout for step in chain.steps] == [(0.1,), (0.1,), (), ()]
    found = verdict(chain)
    assert found is not None
    assert (found.code, found.level) == ("ACT402", "error")


@pytest.mark.parametrize(
    "run",
    [
        "_, h = self.rnn(x); x = torch.cat((h[-2], h[-1]), dim=1)",
        "x, _ = self.rnn(nn.utils.rnn.pack_padded_sequence(x, [3])); x, _ = nn.utils.rnn.pad_packed_sequence(x)",
        "x, _ = self.rnn(x); x = x[:, -1]",
        "x, _ = self.rnn(x, torch.zeros(4, 1, 64)); x = x.mean(1)",
    ],
)
def test_ways_from_a_recurrent_layer_to_the_next_layer(run: str) -> None:
    (chain,) = recurrent_chains(network("nn.GRU(32, 64, num_layers=2, bidirectional=True)", run, width=128))
    assert len(chain.steps) == 3
    assert chain.steps[0].recurrence is not None
    assert chain.steps[0].recurrence.directions == 2


@pytest.mark.parametrize(
    ("layer", "run"),
    [
        ("nn.LSTM(32, 64, 2, proj_size=16)", "x, _ = self.rnn(x)"),
        ("nn.RNN(32, 64, 2, nonlinearity='relu')", "x, _ = self.rnn(x)"),
        ("nn.GRU(64, 64, 2)", "x = x + self.rnn(x)[0]"),
        ("nn.GRU(64, 64, 2)", "x = x * self.rnn(x)[0]"),
    ],
    ids=["projections", "rectified cells", "a residual connection", "a gate"],
)
def test_no_links(layer: str, run: str) -> None:
    assert not recurrent_chains(network(layer, run))


@pytest.mark.parametrize(
    "write",
    [
        "pass",
        "nn.init.orthogonal_(weight)",
        "nn.init.xavier_uniform_(weight)",
        "nn.init.normal_(weight, std=0.1)",
        "nn.init.uniform_(weight, -0.08, 0.08)",
        "nn.init.eye_(weight)",
        "nn.init.normal_(weight, std=1.0)",
    ],
)
@pytest.mark.parametrize("layer", ["nn.RNN", "nn.GRU", "nn.LSTM"])
def test_usual_spreads_say_nothing(layer: str, write: str) -> None:
    for chain in recurrent_chains(network(f"{layer}(64, 64, num_layers=3)", write=write)):
        found = verdict(chain)
        assert found is None or found.level == "info"


def test_a_stack_with_a_layer_that_is_not_known_is_no_part_of_a_chain() -> None:
    code = network("nn.GRU(32, 64, num_layers=4)")
    loaded = code.replace("    def forward", "        load(self.rnn.weight_ih_l1)\n\n    def forward")
    assert not recurrent_chains(loaded)


def test_an_rnn_whose_memory_has_no_bound_is_not_judged() -> None:
    write = "nn.init.normal_(weight, std=0.001) if 'hh' not in name else nn.init.orthogonal_(weight)"
    (chain,) = recurrent_chains(network("nn.RNN(32, 64, num_layers=3)", write=write))
    assert predict(chain) is None
    assert verdict(chain) is None


def test_the_dense_layers_behind_are_judged_once() -> None:
    code = network("nn.GRU(32, 64)").replace("self.hidden(x)", "self.more(torch.relu(self.hidden(x)))")
    code = code.replace("self.out =", "self.more = nn.Linear(64, 64)\n        self.out =")
    whole, part = chains(code)
    assert part.within is whole
    assert verdict(whole) is not None
    assert verdict(part) is None
