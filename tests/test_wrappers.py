"""House layers and initialisers that `[tool.actinit-lint.wrappers]` describes are followed as what they stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from actinit_lint import program
from actinit_lint.follow import follow
from actinit_lint.model import Link, Use

LAYERS = """\
from torch import nn
from mylib import Block, init_he


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(3, 16, 3)
        self.conv = nn.Conv2d(16, 16, 3)
        self.head = nn.Conv2d(16, 1, 1)
        init_he(self.conv.weight, nonlinearity="relu")

    def forward(self, x):
        return self.head(self.conv(self.block(x)).relu())
"""
BLOCK = {"like": "torch.nn.Conv2d", "activation": "silu", "normalised": True}
INIT = {"like": "torch.nn.init.kaiming_normal_", "activation": None, "normalised": False}


def links(code: str, wrappers: dict[str, dict[str, object]], name: str = "code.py") -> dict[str, Link]:
    (facts,) = follow({name: program.parse(code, name)}, wrappers)
    assert facts.errors == []
    return {fact.layer.path: fact for fact in facts.facts if isinstance(fact, Link)}


def test_a_house_layer_is_its_likeness_then_a_norm_then_its_activation() -> None:
    found = links(LAYERS, {"mylib.Block": BLOCK, "mylib.init_he": INIT})
    block = found["block.layer"]
    assert (block.layer.kind, block.layer.fan_in, block.activation.name) == ("Conv2d", 27, "silu")
    assert block.normalised


def test_a_house_initialiser_writes_what_its_likeness_writes() -> None:
    found = links(LAYERS, {"mylib.Block": BLOCK, "mylib.init_he": INIT})
    assert found["conv"].initializer.name == "kaiming_normal"


def test_without_the_settings_nothing_is_known_of_either() -> None:
    found = links(LAYERS, {})
    assert "block.layer" not in found
    assert "conv" not in found or found["conv"].initializer.family == "opaque"


@pytest.mark.parametrize("activation", ["relu", None], ids=["with an activation", "without one"])
def test_a_house_layer_of_keras(activation: str | None) -> None:
    code = """\
import keras
from mylib import House

model = keras.Sequential([keras.Input((8,)), House(16), keras.layers.Dense(1)])
"""
    wrappers = {"mylib.House": {"like": "keras.layers.Dense", "activation": activation, "normalised": False}}
    (facts,) = follow({"code.py": program.parse(code, "code.py")}, wrappers)
    first = next(f for f in facts.facts if isinstance(f, Use) and f.layer.out_features == 16)
    assert first.end == ("activation" if activation else "layer")


def test_a_class_of_the_project_may_be_described_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = LAYERS.replace("from mylib import Block, init_he", "from mylib import init_he\n\n\ndef Block(*sizes): ...")
    found = links(code, {"house.Block": BLOCK, "mylib.init_he": INIT}, "house.py")
    assert found["block.layer"].activation.name == "silu"
