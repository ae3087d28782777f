"""Predictions against real networks, with the command that compares them at length (benchmarks/propagation.py)."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import pytest
import torch

from actinit_lint.signal import predict

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "propagation.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the benchmarks are in the repository alone")
DEPTH = 20
SOME = [(name, one) for name in ("relu", "tanh", "gelu", "sigmoid") for one in ("he", "xavier", "torch default")]

#: Decades of variance that an unstable pair may be off besides.
DRIFT = {("gelu", "he"): 1.5}


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("propagation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["propagation"] = module  # dataclasses look their module up
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    spec.loader.exec_module(module)
    yield module
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pairs(bench: ModuleType) -> dict[tuple[str, str], Any]:
    return {pair: bench.mlp(*pair, depth=DEPTH, seeds=4) for pair in SOME}


@pytest.mark.parametrize(("name", "initialiser"), SOME)
def test_totals_over_the_depth(
    bench: ModuleType, pairs: dict[tuple[str, str], Any], name: str, initialiser: str
) -> None:
    """0.15 + 0.004·L decades of variance. The batch signal varies more from draw to draw at this width, by twice that.

    GELU behind He's (s > 1) starts next to an unstable fixed point of q. What a finite width adds grows from there, to
    a decade at 20 layers, as the mean of twelve networks has it too.
    """
    one = pairs[name, initialiser]
    assert set(one.errors) == set(bench.QUANTITIES)
    drift = DRIFT.get((name, initialiser), 0.0)
    assert one.stable or name == "gelu"
    for quantity, error in one.errors.items():
        widened = 2 if quantity == "batch signal" else 1
        assert abs(error) <= widened * bench.allowed(one.steps[quantity]) + drift, quantity


def test_the_factor_per_layer(bench: ModuleType, pairs: dict[tuple[str, str], Any]) -> None:
    """0.3 % is the target over 50 layers; chance moves the mean over fewer of them by more."""
    for quantity in ("second moment", "gradient"):
        assert median(one.per_layer(quantity) for one in pairs.values()) <= bench.PER_LAYER * 50 / DEPTH


def test_what_is_lost_in_rounding_is_not_compared(bench: ModuleType) -> None:
    assert bench.mlp("tanhshrink", "std 0.01", width=64, depth=8, seeds=1).errors == {}
    assert bench.mlp("sigmoid", "std 0.01", depth=DEPTH, seeds=1).steps["batch signal"] < DEPTH - 1


def test_normalisation_and_residual_blocks(bench: ModuleType) -> None:
    for row in (
        bench.normed("relu", "he", "batch", depth=10, seeds=3),
        bench.normed("sigmoid", "he", "layer", depth=10, seeds=3),
        bench.residual("tanh", "he", "none", blocks=8, seeds=3),
        bench.residual("gelu", "he", "pre", blocks=8, seeds=3),
        bench.residual("relu", "torch default", "post", blocks=8, seeds=3),
    ):
        assert row.worst <= bench.allowed(row.steps), row


def test_it_is_a_command() -> None:
    run = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True)
    assert run.returncode == 0
    assert "--write FILE" in run.stdout


def test_the_linter_finds_the_models_of_the_command(bench: ModuleType) -> None:
    found = bench.chains()
    assert {name: len(chain.steps) for name, chain in found.items()} == {"AlexNet": 7, "VGG11": 10, "VGG11Default": 10}
    for name, positions in (("AlexNet", 36), ("VGG11", 49)):
        prediction = predict(found[name])
        assert prediction is not None
        assert prediction.course.flatten == pytest.approx(math.log10(positions) / 2)


def test_the_report(bench: ModuleType, pairs: dict[tuple[str, str], Any]) -> None:
    """A row for everything, and a word where a target is missed."""
    grid = [
        bench.Comparison(
            name,
            one,
            256,
            1.0,
            dict.fromkeys(bench.QUANTITIES, 49),
            dict.fromkeys(bench.QUANTITIES, 0.0),
            errors,
            [0.1],
        )
        for name in bench.ACTIVATIONS
        for one in bench.INITIALISERS
        for errors in ({"second moment": 0.01, "batch signal": 0.9, "gradient": -0.01},)
    ]
    widths = [bench.mlp("relu", "he", width, depth=6, seeds=1) for width in bench.WIDTHS_TRIED]
    row = bench.Row("AlexNet", "relu", "torch default", 6, (-5.2, -5.3), (math.nan, 1.0))
    text = bench.report(bench.Results(grid, widths, [row], [row]))
    assert "| second moment | 220 | 0.047 % (met) | 220 of 220 = 100 % (met) | 0 of 0 |" in text
    assert "0 of 220 = 0 % (**missed**)" in text
    assert "| relu | +0.01 **+0.90** -0.01 |" in text
    assert "| AlexNet | torch default | -2.60 | -2.65 | 0.05 (met) | nan |" in text
