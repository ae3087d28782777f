"""Chains that other data joins on the way: what goes back through them against torch, and what is judged of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from actinit_lint import program
from actinit_lint.follow import follow
from actinit_lint.model import Chain
from actinit_lint.signal import predict, verdict

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear({inputs}, 256)
        self.second = nn.Linear(256, 256)
        self.third = nn.Linear({width}, 256)
        self.fourth = nn.Linear(256, 256)
        self.out = nn.Linear(256, 1)
        self.score = nn.Linear(256, 1)
        self.key = nn.Linear(256, 32)
        for layer in (self.first, self.second, self.third, self.fourth):
            nn.init.normal_(layer.weight, std={std})
            nn.init.zeros_(layer.bias)

    def forward(self, x, other):
        x = torch.relu(self.first(x))
        x = torch.relu(self.second(x))
        {run}
        x = torch.relu(self.third(x))
        return self.out(torch.relu(self.fourth(x)))
"""
CONCATENATED = "x = torch.cat([x, other], dim=-1)"
POOLED = {
    "a product of matrices": "x = (torch.softmax(self.score(x), dim=1).transpose(1, 2) @ x).squeeze(1)",
    "a weighted sum": "x = (torch.softmax(self.score(x), dim=1) * x).sum(dim=1)",
    "weights from a sum": "x = (torch.softmax(self.score(x + other), dim=1) * x).sum(dim=1)",
    "weights from a product": "x = (torch.softmax(self.score(x * other), dim=1) * x).sum(dim=1)",
    "weights that are returned": "w = torch.softmax(self.score(x), dim=1); x = (w * x).sum(dim=1)",
}


def network(run: str, std: float = 0.01, width: int = 256, inputs: int = 64) -> str:
    return NETWORK.format(run=run, std=std, width=width, inputs=inputs)


def chains(code: str) -> list[Chain]:
    """All chains, the longest first."""
    (file,) = follow({"net.py": program.parse(code, "net.py")}, {})
    assert file.errors == []
    found = [fact for fact in file.facts if isinstance(fact, Chain) and not fact.modulates]
    return sorted(found, key=lambda one: -len(one.steps))


def names(chain: Chain) -> list[str]:
    return [step.layer.path for step in chain.steps]


WHOLE = ["first", "second", "third", "fourth"]


def measured(code: str, *inputs: torch.Tensor) -> float:
    """log10 of the std of the gradient at the first layer's pre-activations, summed over positions, over the last."""
    space: dict[str, type[nn.Module]] = {}
    exec(code, space)
    ratios = []
    for seed in range(8):
        torch.manual_seed(seed)
        net = space["Net"]()
        found: dict[str, torch.Tensor] = {}

        def keep(name: str, output: torch.Tensor, found: dict[str, torch.Tensor] = found) -> None:
            output.register_hook(lambda grad: found.update({name: grad}))

        net.first.register_forward_hook(lambda _m, _i, output, keep=keep: keep("first", output))
        net.fourth.register_forward_hook(lambda _m, _i, output, keep=keep: keep("fourth", output))
        net(*inputs).sum().backward()
        first = found["first"].sum(1) if found["first"].dim() == 3 else found["first"]
        ratios.append(float(first.pow(2).mean() / found["fourth"].pow(2).mean()))
    return math.log10(sorted(ratios)[len(ratios) // 2]) / 2


@pytest.mark.parametrize("std", [0.01, 0.03])
def test_the_gradient_through_a_concatenation_is_what_the_theory_says(std: float) -> None:
    code = network(CONCATENATED, std, width=256 + 512)
    whole = chains(code)[0]
    assert names(whole) == WHOLE
    prediction = predict(whole)
    assert prediction is not None
    torch.manual_seed(0)
    seen = measured(code, torch.randn(256, 64), torch.randn(256, 512))
    assert prediction.m == prediction.course.gradient == pytest.approx(seen, abs=0.1)


def test_the_gradient_through_attention_pooling_is_what_the_theory_says() -> None:
    code = network(POOLED["a weighted sum"], 0.02)
    torch.manual_seed(0)
    position = torch.randn(128, 1, 64)  # the same at all positions, where pooling hands on the whole gradient
    seen = measured(code, position.expand(128, 9, 64), torch.zeros(1))
    prediction = predict(chains(code)[0])
    assert prediction is not None
    assert prediction.course.gradient == pytest.approx(seen, abs=0.1)


def test_what_other_data_brings_is_no_signal_of_the_chain() -> None:
    whole, *parts = chains(network(CONCATENATED, std=0.003, width=300))
    assert [names(part) for part in parts] == [["first", "second"], ["third", "fourth"]]
    assert all(part.within is whole for part in parts)
    found = verdict(whole)
    assert found is not None
    assert (found.code, found.level) == ("ACT402", "warning")
    assert found.prediction is not None
    assert found.prediction.course.signal == 0.0
    assert [verdict(part) for part in parts] == [None, None]  # told already


@pytest.mark.parametrize("run", POOLED.values(), ids=POOLED)
def test_attention_pooling_hands_a_chain_on(run: str) -> None:
    whole = chains(network(run))[0]
    assert names(whole) == WHOLE
    assert not whole.plain


@pytest.mark.parametrize(
    "run",
    [
        "x = torch.softmax(self.score(x), dim=1) @ other",
        "w = torch.softmax(self.score(x), dim=1); x = (w * x).sum(dim=1) + self.score(w)",
        "w = self.score(x); x = torch.cat([(torch.softmax(w, dim=1) * x).sum(dim=1), w], dim=-1)",
        "x = torch.cat([x, self.key(x)], dim=-1)",
        "x = x + other",
        "x = (torch.sigmoid(self.score(x)) * x).sum(dim=1)",
    ],
    ids=["other values", "weights used again", "scores used again", "two ways", "an addition", "gates"],
)
def test_where_a_chain_ends(run: str) -> None:
    assert all(len(chain.steps) <= 2 for chain in chains(network(run)))


def test_a_default_that_fades_across_a_concatenation_is_judged_in_its_parts() -> None:
    code = network(CONCATENATED, width=300).replace("nn.init.normal_(layer.weight, std=0.01)", "pass")
    assert {None if (found := verdict(chain)) is None else found.code for chain in chains(code)} <= {None, "ACT302"}
    assert verdict(chains(code)[0]) is None
