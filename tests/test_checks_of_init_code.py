"""What the rules about initialisation code report: shared draws, copies, kinds left out, code without effect."""

from __future__ import annotations

import importlib
from math import sqrt
from typing import Any

import pytest
from facts import HE, TORCH_DEFAULT, XAVIER, activation, layer, link, place

from actinit_lint.model import (
    Clones,
    InPlaceInit,
    LeftOut,
    Link,
    NeverApplied,
    NoEffect,
    SeluCompanion,
    SharedInitializer,
)
from actinit_lint.pages import pages
from actinit_lint.rule import Hit


def hits(code: str, fact: object) -> list[Hit]:
    page = pages()[code]
    check = importlib.import_module(f"actinit_lint.checks.{page.stem}").check
    return list(check(fact, page.matter.options)) if type(fact) in check.kinds else []


def shared(n: int, seed: int | None = None) -> SharedInitializer:
    layers = tuple(layer(HE, framework="keras", path=f"dense_{i}", at=i) for i in range(n))
    return SharedInitializer(place(30), HE, "HeNormal", seed, layers)


def left_out(found: Link | None, *, hidden: bool = True, handled: tuple[str, ...] = ("Conv2d",)) -> LeftOut:
    made = layer() if found is None else found.layer
    return LeftOut(found, made, hidden, "Net", place(40), handled)


def no_effect(why: Any, target: str | None = "fc1.weight") -> NoEffect:
    return NoEffect(why, place(80), target, XAVIER, ((place(81), "overwrites it"),), "Net")


REPORTED: dict[str, tuple[str, object]] = {
    "one instance in two layers": ("ACT203", shared(2)),
    "one instance in five layers": ("ACT203", shared(5)),
    "one seed in three layers": ("ACT203", shared(3, seed=42)),
    "six copies": ("ACT204", Clones(place(20), "Linear", place(10), 6)),
    "a number of copies that is not known": ("ACT204", Clones(place(20), "Block", place(10), None)),
    "a kind that was left out": ("ACT303", left_out(link(TORCH_DEFAULT, "relu"))),
    "a kind that was left out, with no activation behind it": ("ACT303", left_out(None, handled=("Conv1d", "Linear"))),
    "a function that nothing calls": ("ACT304", NeverApplied(place(1), "weights_init", None)),
    "a method that nothing calls": ("ACT304", NeverApplied(place(1), "_init_weights", "Net")),
    "an initialisation that another one overwrites": ("ACT305", no_effect("overwritten")),
    "an initialisation of a copy": ("ACT305", no_effect("copy")),
    "a tensor that is thrown away": ("ACT305", no_effect("dropped", None)),
    "apply before the layers exist": ("ACT305", no_effect("early", None)),
    "an initialisation of a derived weight": ("ACT305", no_effect("parametrized")),
    "dropout behind SELU": ("ACT507", SeluCompanion(place(5), "dropout", activation("selu"), "Net")),
    "batch normalisation beside SELU": ("ACT507", SeluCompanion(place(5), "batch_norm", activation("selu"), "Net")),
    "an in-place write to a leaf": ("ACT604", InPlaceInit(place(7), "normal_", "fc1.weight")),
}


@pytest.mark.parametrize(("code", "fact"), REPORTED.values(), ids=REPORTED)
def test_a_fact_is_reported_once_in_words_without_gaps(code: str, fact: object) -> None:
    (hit,) = hits(code, fact)
    page = pages()[code]
    words = f"{page.message(hit)}\n{page.help(hit) or ''}\n{hit.caption}"
    assert "None" not in words and "{" not in words and "  " not in words
    assert hit.caption


def test_two_layers_are_named_and_more_are_counted() -> None:
    page = pages()["ACT203"]
    assert page.message(hits("ACT203", shared(2))[0]).startswith("Layers dense_0 and dense_1 start")
    assert page.message(hits("ACT203", shared(5))[0]).startswith("5 layers, dense_0 to dense_4, start")


LEVELS = {
    "torch's default before ReLU is a warning": (link(TORCH_DEFAULT, "relu"), "warning"),
    "a normalised layer is an info": (link(TORCH_DEFAULT, "relu", normalised=True), "info"),
    "a residual branch is an info": (link(TORCH_DEFAULT, "relu", residual=True), "info"),
    "a gate is an info": (link(TORCH_DEFAULT, "sigmoid", gate=True), "info"),
    "the end of a branch is an info": (link(TORCH_DEFAULT, "relu", branch_end=True), "info"),
    "an activation without a gain of its own is an info": (link(TORCH_DEFAULT, "elu"), "info"),
    "a recurrent layer is an info": (link(TORCH_DEFAULT, "tanh", kind="LSTM", recurrent=True), "info"),
    "SELU, which ACT104 reports, is an info": (link(TORCH_DEFAULT, "selu"), "info"),
    "no activation is an info": (None, "info"),
}


@pytest.mark.parametrize(("found", "level"), LEVELS.values(), ids=LEVELS)
def test_level_of_a_layer_that_was_left_out(found: Link | None, level: str) -> None:
    assert [hit.level for hit in hits("ACT303", left_out(found))] == [level]


def test_a_head_may_keep_the_default() -> None:
    assert hits("ACT303", left_out(link(TORCH_DEFAULT, "relu", hidden=False), hidden=False)) == []


def test_a_layer_left_out_says_which_gain_it_has_and_which_it_needs() -> None:
    (hit,) = hits("ACT303", left_out(link(TORCH_DEFAULT, "relu")))
    assert hit.numbers == pytest.approx({"gain": sqrt(1 / 3), "wanted_gain": sqrt(2)})
    assert [at.at for at, _ in hit.also] == [40, 50]


def test_the_copies_point_at_what_they_were_copied_from() -> None:
    (hit,) = hits("ACT204", Clones(place(20), "Linear", place(10), 6))
    assert (hit.at.at, [at.at for at, _ in hit.also]) == (20, [10])
