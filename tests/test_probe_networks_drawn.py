"""Networks drawn at random: labels that theory gives, and what the probe says of a few of them."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from networks.chains import Plan  # noqa: E402
from networks.draw import constant, dead, draw, drifting, healthy_chain, overflowing, saturated  # noqa: E402
from networks.recipes import DEFAULT, HE, RELU, SIGMOID, XAVIER, Init, Phi, normal  # noqa: E402
from networks.theory import INPUTS, drifts, is_healthy, is_sick  # noqa: E402


def plan(depth: int, phi: Phi, init: Init) -> Plan:
    return Plan(False, 128, (128,) * depth, phi, init, None if init.default else 0.0)


@pytest.mark.parametrize(
    ("depth", "phi", "init", "healthy", "sick"),
    [
        (20, RELU, HE[0], True, False),
        (4, RELU, XAVIER[0], True, False),
        (18, RELU, XAVIER[0], False, False),  # between the two: never drawn
        (40, RELU, XAVIER[0], False, True),
        (16, RELU, DEFAULT, False, True),
        (8, SIGMOID, XAVIER[0], False, True),
        (6, RELU, normal(0.01), False, True),
        (6, RELU, normal(1.0), False, True),
    ],
)
def test_labels_follow_from_theory(depth: int, phi: Phi, init: Init, healthy: bool, sick: bool) -> None:
    maps = plan(depth, phi, init).maps()
    assert (is_healthy(maps), is_sick(maps)) == (healthy, sick)


def test_half_of_the_variance_is_lost_in_each_layer_of_xavier_and_relu() -> None:
    """The gradient: χ = 1/2, so that the standard deviation loses 0.1505 decades a layer."""
    _, gradient = drifts(plan(11, RELU, XAVIER[0]).maps(), *INPUTS[0])
    assert gradient == pytest.approx(-1.505, abs=0.001)


def test_a_seed_draws_the_same_networks() -> None:
    first, second = draw(3, 6, 6), draw(3, 6, 6)
    assert first == second
    assert sum(one.sick for one in first) == 6
    for network in first:
        compile(network.source, "network.py", "exec")


FEW = {
    "initialisers that fit": (healthy_chain(most=8), False),
    "convolutions that fit": (healthy_chain(conv=True, most=5), False),
    "a small spread": (drifting(lambda _: normal(0.01), (RELU, SIGMOID), (4, 10)), True),
    "a large spread": (drifting(lambda _: normal(1.0), (RELU,), (4, 10)), True),
    "a constant": (constant(0.05), True),
    "a deadly bias": (dead(), True),
    "a saturated layer": (saturated(), True),
    "an overflow": (overflowing, True),
}


@pytest.mark.parametrize("name", FEW)
def test_inspection_tells_the_sick_from_the_healthy(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from probe_networks import by_inspection

    recipe, sick = FEW[name]
    rng = Random(7)
    network = next(one for one in iter(lambda: recipe(rng), 0) if one is not None)
    path = tmp_path / "network.py"
    path.write_text(network.source, encoding="utf-8")
    assert network.sick is sick
    assert bool(by_inspection(path, 0)) is sick, network.why


def test_a_finding_is_confirmed_where_the_signal_overflows(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from probe_networks import by_command

    path = tmp_path / "network.py"
    path.write_text(overflowing(Random(7)).source, encoding="utf-8")
    assert [one.split()[0] for one in by_command([path.resolve()], 60)[path.resolve()]] == ["ACT401"]
