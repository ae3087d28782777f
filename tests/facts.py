"""Facts built by hand, so that checks can be tried without reading any code."""

from __future__ import annotations

from math import sqrt
from typing import Any

from actinit_lint.model import (
    Activation,
    Chain,
    EmptyParameter,
    EqualTokens,
    Gates,
    HiddenSoftmax,
    InitCall,
    Layer,
    LinearPair,
    Link,
    Loss,
    OneSided,
    OneUnitSoftmax,
    Place,
    Spelling,
    Stack,
    Step,
    Use,
    Weight,
    Write,
)
from actinit_lint.reference.normal_form import (
    KERAS_DEFAULT,
    TORCH_DEFAULT,
    UNINITIALISED,
    Initializer,
    constant,
    variance_scaling,
)

XAVIER = variance_scaling("xavier_uniform", 1.0, "fan_avg", "uniform")
HE = variance_scaling("kaiming_normal", sqrt(2), "fan_in", "normal")
LECUN = variance_scaling("lecun_normal", 1.0, "fan_in", "truncated_normal")
TANH_GAIN = variance_scaling("xavier_normal", 5 / 3, "fan_avg", "normal", nonlinearity="tanh")


def orthogonal(gain: float) -> Initializer:
    return Initializer("orthogonal", "orthogonal", gain=gain)


def normal(std: float) -> Initializer:
    return Initializer("normal", "normal", "normal", std=std)


def place(at: int) -> Place:
    return Place("net.py", at)


def layer(
    initializer: Initializer = TORCH_DEFAULT,
    *,
    fans: tuple[int | None, int | None] = (64, 64),
    bias: Initializer | None = None,
    kind: str = "Linear",
    framework: Any = "torch",
    path: str = "fc",
    at: int = 1,
    **more: Any,
) -> Layer:
    """A layer with a kernel of the given fans; `bias=None` has none."""
    fan_in, fan_out = fans
    made = Layer(
        path,
        kind,
        framework,
        place(at),
        fan_in=fan_in,
        fan_out=fan_out,
        in_features=fan_in,
        out_features=fan_out,
        **more,
    )
    shape = (fan_out, fan_in) if framework == "torch" else (fan_in, fan_out)
    weight = Weight(made, "weight", "kernel", shape, [])
    weight.writes.append(Write(initializer, place(at if initializer.is_default else at + 100)))
    made.weights["weight"] = weight
    if bias is not None:
        made.weights["bias"] = Weight(made, "bias", "bias", (fan_out,), [Write(bias, place(at + 200))])
    return made


def activation(name: str, slope: float | None = None, dim: int | None = None, at: int = 50) -> Activation:
    return Activation(name, slope, ((place(at), f"meets {name} here"),), dim)


def link(initializer: Initializer, name: str, slope: float | None = None, **more: Any) -> Link:
    """A hidden layer in front of an activation. Keywords of Layer go to the layer, all others to the link."""
    of_layer = {
        key: more.pop(key)
        for key in ("fans", "kind", "framework", "scale_free", "recurrent", "groups", "path")
        if key in more
    }
    made = layer(initializer, **of_layer)
    weight = made.weights["weight"]
    weight.role = more.pop("role", "kernel")
    return Link(made, weight, activation(name, slope), "Net", hidden=more.pop("hidden", True), **more)


def chain(initializer: Initializer, name: str, depth: int, slope: float | None = None, **more: Any) -> Chain:
    """`depth` equal layers, each on lines of its own. Keywords of Chain go to the chain, all others to the links."""
    of_chain = {key: more.pop(key) for key in ("start", "normed") if key in more}
    dropout, norm, bias = more.pop("dropout", ()), more.pop("norm", None), more.pop("bias", None)
    steps = []
    for index in range(depth):
        made = link(initializer, name, slope, path=f"fc{index + 1}", **more)
        made.layer.place = place(1000 + index)
        made.weight.writes[:] = [
            Write(initializer, place((1000 if initializer.is_default else 2000) + index)),
        ]
        if bias is not None:
            made.layer.weights["bias"] = Weight(made.layer, "bias", "bias", None, [Write(bias, place(3000 + index))])
        steps.append(Step(made, dropout, norm))
    found = Chain(tuple(steps), "Net", **of_chain)
    for step in steps:
        step.link.chain = found
    return found


def dead(bias: Initializer, name: str = "relu", **more: Any) -> Link:
    """A hidden layer with the given bias."""
    made = link(more.pop("initializer", TORCH_DEFAULT), name, **more)
    made.layer.weights["bias"] = Weight(made.layer, "bias", "bias", (64,), [Write(bias, place(300))])
    return made


def gates(initializer: Initializer, fan_in: int | None = 64, **more: Any) -> Gates:
    """The recurrent weight of an LSTM."""
    made = layer(initializer, kind="LSTM", recurrent=True, path="rnn")
    weight = made.weights["weight"]
    weight.role = "recurrent"
    return Gates(made, weight, ("sigmoid", "tanh"), "Net", fan_in, more.pop("start", None), **more)


def use(initializer: Initializer, name: str | None = "relu", *, then: Initializer = TORCH_DEFAULT, **more: Any) -> Use:
    """A hidden layer whose output meets an activation, with one layer behind it that holds `then`."""
    of_layer = {
        key: more.pop(key)
        for key in ("fans", "kind", "framework", "bias", "groups", "depthwise", "path")
        if key in more
    }
    return Use(
        layer(initializer, **of_layer),
        "Net",
        end=more.pop("end", "activation"),
        activation=None if name is None else activation(name),
        hidden=more.pop("hidden", True),
        downstream=more.pop("downstream", (layer(then, path="next", at=2),)),
        **more,
    )


def pair(first: tuple[int | None, int | None], second: tuple[int | None, int | None], **more: Any) -> LinearPair:
    """Two linear layers with the given (in, out)."""
    of_layers = {
        key: more.pop(key) for key in ("groups", "depthwise", "kernel", "stride", "kind", "framework") if key in more
    }
    return LinearPair(
        layer(fans=first, path="a", at=1, **of_layers), layer(fans=second, path="b", at=2, **of_layers), "Net", **more
    )


def stack(first: str, second: str, **more: Any) -> Stack:
    return Stack(activation(first, at=50), activation(second, at=51), "Net", **more)


def loss(name: str, output: str | None = None, framework: Any = "torch", **more: Any) -> Loss:
    """A loss on the output of an activation, or of a bare layer."""
    return Loss(
        name,
        framework,
        place(70),
        from_logits=more.pop("from_logits", None),
        output="raw" if output is None else "activation",
        activation=None if output is None else activation(output),
        layer=layer(path="out"),
        model="Net",
        **more,
    )


def init_call(name: str, **more: Any) -> InitCall:
    return InitCall(name, more.pop("framework", "torch"), place(80), **more)


def spelling(kind: Any, name: str, state: Any, framework: Any = "keras", **more: Any) -> Spelling:
    return Spelling(kind, name, framework, place(90), state, **more)


def tokens(drawn: Initializer, *, stay: bool = True, noise: bool = False, framework: Any = "torch") -> EqualTokens:
    """Learned tokens that attention asks with."""
    made = layer(drawn, kind="Parameter", path="queries", framework=framework)
    return EqualTokens(made, made.weights["weight"], "Net", place(65), stay, noise)


def one_sided(first: str, *, added: bool = False, loss: str | None = None) -> OneSided:
    """What a rectifier made of an output's score."""
    return OneSided(activation(first, at=50), layer(path="out"), "Net", place(51), added, loss=loss)


def empty_parameter() -> EmptyParameter:
    made = layer(UNINITIALISED, kind="Parameter", path="W")
    return EmptyParameter(made, made.weights["weight"], place(60), "Net")


#: One fact, at least, that each rule must report.
REPORTED: dict[str, list[object]] = {
    "ACT101": [
        link(XAVIER, "relu"),
        link(XAVIER, "silu", fans=(None, None)),
        link(XAVIER, "leaky_relu", 0.3, framework="keras"),
        link(XAVIER, "prelu", normalised=True),
    ],
    "ACT102": [
        link(HE, "tanh"),
        link(HE, "hardsigmoid", framework="keras"),
        link(HE, "sigmoid", recurrent=True, kind="LSTM", hidden=False, role="recurrent"),
        link(variance_scaling("kaiming_normal", sqrt(2), "fan_in", "normal"), "softsign", residual=True),
    ],
    "ACT103": [
        link(TANH_GAIN, "relu"),
        link(LECUN, "relu"),
        link(orthogonal(1.0), "gelu", framework="keras"),
        link(orthogonal(sqrt(2)), "tanh"),
        link(LECUN, "leaky_relu", 0.1),
        link(variance_scaling("kaiming_normal", sqrt(2), "fan_in", "normal", nonlinearity="relu"), "selu"),
    ],
    "ACT104": [
        link(TORCH_DEFAULT, "selu"),
        link(KERAS_DEFAULT, "selu", fans=(300, 30), framework="keras"),
        link(HE, "selu", framework="keras"),
        link(normal(0.02), "selu"),
    ],
    "ACT201": [
        use(constant(0.0)),
        use(normal(0.0), "elu"),
        use(constant(0.0), None, end="layer"),
        tokens(constant(0.0)),
        tokens(normal(0.0), stay=False, noise=True, framework="keras"),
    ],
    "ACT202": [
        use(constant(0.02), "tanh"),
        use(constant(None)),
        use(constant(1.0), then=constant(1.0)),
        tokens(constant(1.0)),
        tokens(constant(None), stay=False),
    ],
    "ACT301": [empty_parameter()],
    "ACT302": [
        chain(TORCH_DEFAULT, "relu", 12),
        chain(TORCH_DEFAULT, "elu", 12),
        chain(KERAS_DEFAULT, "silu", 20, framework="keras"),
        chain(KERAS_DEFAULT, "softplus", 20, framework="keras"),
        chain(TORCH_DEFAULT, "relu", 6),
    ],
    "ACT401": [
        chain(normal(1.0), "tanh", 1),
        chain(normal(1.0), "relu", 4),
        chain(Initializer("uniform", "uniform", "uniform", low=0.0, high=1.0), "relu", 3),
        gates(normal(2.0)),
        gates(normal(1.0), None, start=1.0),
    ],
    "ACT402": [
        chain(normal(0.001), "relu", 3),
        chain(normal(0.001), "leaky_relu", 3, 0.2, fans=(None, None)),
        chain(orthogonal(0.01), "tanh", 3),
        chain(variance_scaling("xavier_uniform", 1.0, "fan_avg", "uniform"), "softplus", 16, framework="keras"),
    ],
    "ACT403": [dead(constant(-8.0)), dead(normal(5.0)), dead(constant(-20.0), initializer=HE, framework="keras")],
    "ACT404": [
        chain(TORCH_DEFAULT, "sigmoid", 3),
        chain(XAVIER, "hardsigmoid", 12),
        chain(TORCH_DEFAULT, "tanh", 16),
        chain(XAVIER, "sigmoid", 4, fans=(None, None)),
    ],
    "ACT405": [
        chain(HE, "relu", 6, fans=(2, 2)),
        chain(HE, "relu", 6, fans=(3, 3), framework="keras", kind="Dense"),
    ],
    "ACT501": [
        pair((32, 64), (64, 64)),
        pair((None, 256), (256, 5), between=("flatten", "dropout")),
        pair((8, 16), (16, 4), framework="keras"),
    ],
    "ACT502": [
        stack("relu", "relu"),
        stack("relu", "sigmoid"),
        stack("relu", "softmax", second_is_output=True),
        stack("tanh", "sigmoid"),
        one_sided("relu", added=True),
        one_sided("relu6", loss="bce_with_logits"),
    ],
    "ACT503": [
        HiddenSoftmax(activation("softmax"), layer(), "Net"),
        HiddenSoftmax(activation("softmax"), None, "Net"),
    ],
    "ACT504": [
        loss("cross_entropy", "softmax"),
        loss("bce_with_logits", "sigmoid"),
        loss("binary_crossentropy", "sigmoid", "keras", from_logits=True),
    ],
    "ACT505": [
        loss("nll"),
        loss("bce", "tanh"),
        loss("binary_crossentropy", None, "keras", from_logits=False),
        loss("categorical_crossentropy", "relu", "keras", from_logits=False),
    ],
    "ACT506": [
        OneUnitSoftmax(activation("softmax", dim=1), layer(fans=(64, 1)), "Net", is_output=True),
        OneUnitSoftmax(
            activation("log_softmax", dim=-1), layer(fans=(64, 1), framework="keras"), "Net", is_output=False
        ),
    ],
    "ACT508": [loss("sparse_categorical_crossentropy", "sigmoid", "keras", from_logits=False, units=6)],
    "ACT601": [
        init_call("kaiming_normal_", nonlinearity="swish"),
        init_call("calculate_gain", nonlinearity="ReLU", nonlinearity_place=place(81)),
        init_call("calculate_gain", nonlinearity="made_up"),
    ],
    "ACT602": [
        init_call("xavier_uniform_", target="tensor", target_name="fc.bias", target_dims=1),
        init_call("dirac_", target="tensor", target_dims=2),
    ],
    "ACT603": [
        spelling("function", "xavier_uniform", "deprecated", "torch", replacement="xavier_uniform_"),
        spelling("argument", "init", "deprecated", replacement="kernel_initializer"),
        spelling("argument", "W_learning_rate", "deprecated"),
    ],
    "ACT605": [
        spelling("initializer", "xavier", "unknown"),
        spelling("activation", "leakyrelu", "unknown", near=("leaky_relu", "relu")),
        spelling("activation", "zzz", "unknown"),
    ],
    "ACT606": [
        init_call("zeros_", target="module", target_name="decoder"),
        init_call("xavier_normal_", target_name="act.weight", attribute_missing=True),
        init_call("zeros_", target="module"),
    ],
}
