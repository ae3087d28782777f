"""Plain chains of layers, dense or convolutional, written out for torch and for Keras."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import Literal

from networks.recipes import Init, Phi
from networks.theory import Map

#: Layers up to which a model is written out one by one.
WRITTEN_OUT = 10
KERNEL = 3
TORCH = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
KERAS = "import keras\nfrom keras import layers\n\n\n"


@dataclass(frozen=True)
class Plan:
    """A chain as it was drawn."""

    conv: bool
    inputs: int  # features, or channels of an image
    widths: tuple[int, ...]
    phi: Phi
    init: Init
    bias: float | None = 0.0  # a constant; None: what torch draws
    norm: Literal["", "batch", "layer"] = ""
    pools: tuple[int, ...] = ()  # layers behind which the image is halved
    only: int | None = None  # the one layer that `init` is for; the others get `rest`
    rest: Init | None = None

    def maps(self) -> list[Map]:
        area = KERNEL**2 if self.conv else 1
        found = []
        for into, out in zip((self.inputs, *self.widths), self.widths):
            bias = 1 / (3 * area * into) if self.bias is None else self.bias**2
            variance = self.init.variance(area * into, area * out)
            found.append(Map(area * into, area * out, out, variance, bias, self.phi.formula, self.norm))
        return found

    @property
    def told(self) -> str:
        kind = "convolutions" if self.conv else "dense layers"
        normed = f" with {self.norm} norm" if self.norm else ""
        width = f"{min(self.widths)}" if len(set(self.widths)) == 1 else f"{min(self.widths)} to {max(self.widths)}"
        return f"{len(self.widths)} {kind} of {width}{normed}, {self.phi.name}"


def torch_source(plan: Plan, loop: bool) -> str:
    """A class Net: layers in a list that forward walks through, or in one nn.Sequential."""
    written = not loop and len(plan.widths) <= WRITTEN_OUT and plan.only is None
    return TORCH + (_sequential(plan) if written else _listed(plan))


def _layer(plan: Plan, into: str, out: str) -> str:
    return f"nn.Conv2d({into}, {out}, {KERNEL}, padding=1)" if plan.conv else f"nn.Linear({into}, {out})"


def _norm(plan: Plan, width: str) -> str:
    kind = {"batch": "BatchNorm2d" if plan.conv else "BatchNorm1d", "layer": "LayerNorm"}[plan.norm]
    return f"nn.{kind}({width})"


def _drawn(plan: Plan, init: Init, module: str) -> str:
    lines = [] if init.default else [init.torch.format(w=f"{module}.weight")]
    if plan.bias is not None:
        lines.append(
            f"nn.init.constant_({module}.bias, {plan.bias:g})" if plan.bias else f"nn.init.zeros_({module}.bias)"
        )
    return "\n".join(lines)


def _listed(plan: Plan) -> str:
    sizes = [plan.inputs, *plan.widths]
    if len(set(plan.widths)) == 1 and len(plan.widths) > 4:
        spelled = f"[{plan.inputs}] + [{plan.widths[0]}] * {len(plan.widths)}"
    else:
        spelled = str(sizes)
    lines = [
        f"sizes = {spelled}",
        f"self.layers = nn.ModuleList([{_layer(plan, 'a', 'b')} for a, b in zip(sizes, sizes[1:])])",
    ]
    if plan.norm:
        lines.append(f"self.norms = nn.ModuleList([{_norm(plan, 'size')} for size in sizes[1:]])")
    lines.append(f"self.head = nn.Linear({plan.widths[-1]}, 10)")
    rest = plan.init if plan.rest is None else plan.rest
    body = _drawn(plan, rest, "layer")
    if body:
        lines += ["for layer in self.layers:", indent(body, "    ")]
    if plan.only is not None:
        lines.append(plan.init.torch.format(w=f"self.layers[{plan.only}].weight"))
    passed = "norm(layer(x))" if plan.norm else "layer(x)"
    walk = "for layer, norm in zip(self.layers, self.norms):" if plan.norm else "for layer in self.layers:"
    if plan.pools:
        walk = "for index, layer in enumerate(self.layers):"
        if plan.norm:
            walk = "for index, (layer, norm) in enumerate(zip(self.layers, self.norms)):"
    forward = [walk, f"    x = {plan.phi.function.format(x=passed)}"]
    if plan.pools:
        forward += [f"    if index in {plan.pools}:", "        x = F.max_pool2d(x, 2)"]
    return _class(lines, [*forward, f"return self.head({'x.mean((2, 3))' if plan.conv else 'x'})"])


def _sequential(plan: Plan) -> str:
    parts = []
    for index, (into, out) in enumerate(zip((plan.inputs, *plan.widths), plan.widths)):
        parts.append(_layer(plan, str(into), str(out)))
        parts += [_norm(plan, str(out))] if plan.norm else []
        parts += [plan.phi.module]
        parts += ["nn.MaxPool2d(2)"] if index in plan.pools else []
    parts += ["nn.AdaptiveAvgPool2d(1)", "nn.Flatten()"] if plan.conv else []
    parts.append(f"nn.Linear({plan.widths[-1]}, 10)")
    lines = ["self.net = nn.Sequential(", *[f"    {part}," for part in parts], ")"]
    body = _drawn(plan, plan.init, "module")
    if body:
        kind = "nn.Conv2d" if plan.conv else "nn.Linear"
        lines += ["for module in self.modules():", f"    if isinstance(module, {kind}):", indent(body, " " * 8)]
    return _class(lines, ["return self.net(x)"])


def _class(init: list[str], forward: list[str]) -> str:
    return (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        + indent("\n".join(init), " " * 8)
        + "\n\n    def forward(self, x):\n"
        + indent("\n".join(forward), " " * 8)
        + "\n"
    )


def keras_source(plan: Plan, loop: bool) -> str:
    """A function build_model: a Sequential model, or functional calls in a loop."""
    shape = f"(32, 32, {plan.inputs})" if plan.conv else f"({plan.inputs},)"
    given = f", kernel_initializer={plan.init.keras}" if plan.init.keras else ""
    given += f", bias_initializer=keras.initializers.Constant({plan.bias:g})" if plan.bias else ""
    lines: list[str]
    if loop or len(plan.widths) > WRITTEN_OUT:
        lines = [f"inputs = keras.Input({shape})", "x = inputs", f"for units in {list(plan.widths)}:"]
        lines.append(f"    x = {_keras_layer(plan, 'units', given)}(x)")
        if plan.norm:
            lines.append(f"    x = layers.{_keras_norm(plan)}()(x)")
        if plan.norm or not plan.phi.keras.startswith('"'):
            lines.append(f"    x = {_keras_activation(plan)}(x)")
        lines += ["x = layers.GlobalAveragePooling2D()(x)"] if plan.conv else []
        lines.append("return keras.Model(inputs, layers.Dense(10)(x))")
    else:
        parts = [f"keras.Input({shape})"]
        for units in plan.widths:
            parts.append(_keras_layer(plan, str(units), given))
            parts += [f"layers.{_keras_norm(plan)}()"] if plan.norm else []
            parts += [_keras_activation(plan)] if plan.norm or not plan.phi.keras.startswith('"') else []
        parts += ["layers.GlobalAveragePooling2D()"] if plan.conv else []
        lines = ["return keras.Sequential([", *[f"    {part}," for part in [*parts, "layers.Dense(10)"]], "])"]
    return KERAS + "def build_model():\n" + indent("\n".join(lines), "    ") + "\n"


def _keras_layer(plan: Plan, units: str, given: str) -> str:
    named = f", activation={plan.phi.keras}" if plan.phi.keras.startswith('"') and not plan.norm else ""
    if plan.conv:
        return f'layers.Conv2D({units}, {KERNEL}, padding="same"{named}{given})'
    return f"layers.Dense({units}{named}{given})"


def _keras_norm(plan: Plan) -> str:
    return "BatchNormalization" if plan.norm == "batch" else "LayerNormalization"


def _keras_activation(plan: Plan) -> str:
    return f"layers.Activation({plan.phi.keras})" if plan.phi.keras.startswith('"') else plan.phi.keras
