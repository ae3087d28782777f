"""A forward pass' further inputs: masks, time steps, labels, states, by their names and the layers they go into."""

from __future__ import annotations

import re
from typing import Any

from actinit_lint.probe.inference.leaves import LENGTH, leaves_of, specs_for
from actinit_lint.probe.inference.specs import BATCH, Spec


def other_specs(name: str, model: Any, fed: list[Any]) -> list[Spec]:
    """Candidates for one input; marked ones are fitted to the main input by `fitted`."""
    from torch import nn

    name = name.lower()
    leaves = [leaf for layer in fed for leaf in leaves_of(layer)[:1]]
    found = [
        spec for leaf in leaves if isinstance(leaf, nn.Embedding) for spec in reversed(list(specs_for(leaf, model)))
    ]
    for pattern, make in _BY_NAME:
        if re.fullmatch(pattern, name):
            return [*found, *make(model)]
    for leaf in leaves:
        found += [spec for spec in specs_for(leaf, model) if spec not in found][:3]
    return [*found, SAME]


#: Marks "like the main input" and "one value for each position of it".
SAME = Spec((), "zeros")
_PER_POSITION = Spec((-1,), "bool")
_SQUARE = Spec((-2,), "bool")


def fitted(spec: Spec, main: Spec) -> Spec:
    """A marked spec fitted to the main input."""
    if spec is SAME:
        return main
    if spec is _PER_POSITION:
        return Spec(main.shape[:2], "bool")
    if spec is _SQUARE:
        side = main.shape[1] if len(main.shape) > 1 else main.shape[0]
        return Spec((side, side), "bool")
    return spec


def _state(model: Any) -> list[Spec]:
    """A recurrent layer's hidden state, with the cell state where there is one."""
    from torch import nn

    for layer in model.modules():
        if isinstance(layer, nn.RNNBase):
            shape = (layer.num_layers * (2 if layer.bidirectional else 1), BATCH, layer.hidden_size)
            unbatched = (shape[0], LENGTH, layer.hidden_size)
            both = [Spec(shape, "zeros"), Spec(unbatched, "zeros"), Spec(shape[::2], "zeros")]
            if isinstance(layer, nn.LSTM):
                return [Spec(shape, "zeros", wrap="pair"), Spec(unbatched, "zeros", wrap="pair"), *both]
            return both
        if isinstance(layer, nn.RNNCellBase):
            state = Spec((BATCH, layer.hidden_size), "zeros")
            return [Spec(state.shape, "zeros", wrap="pair"), state] if isinstance(layer, nn.LSTMCell) else [state]
    width = getattr(model, "hidden_size", None) or getattr(model, "hidden_dim", None)
    if type(width) is int:
        return [Spec((BATCH, width), "zeros"), Spec((1, BATCH, width), "zeros"), Spec((1, width), "zeros")]
    return [SAME]


def _sequence(model: Any) -> list[Spec]:
    """What an encoder hands on: as wide as the model's own state."""
    from torch import nn

    widths = [layer.hidden_size for layer in model.modules() if isinstance(layer, (nn.RNNBase, nn.RNNCellBase))]
    widths += [layer.embed_dim for layer in model.modules() if isinstance(layer, nn.MultiheadAttention)]
    widths += [layer.in_features for layer in model.modules() if isinstance(layer, nn.Linear)]
    return [Spec((BATCH, LENGTH, width)) for width in dict.fromkeys(widths[:3])] or [SAME]


def _actions(model: Any) -> list[Spec]:
    from torch import nn

    features = [layer.in_features for layer in model.modules() if isinstance(layer, nn.Linear)]
    declared = [getattr(model, n, None) for n in ("action_dim", "act_dim", "n_actions", "num_actions", "action_size")]
    sizes = [size for size in declared if type(size) is int]
    return [Spec((BATCH, size)) for size in (*sizes, *((2, 4, 1, 64) if features else (1,)))][:4]


def _labels(model: Any) -> list[Spec]:
    from torch import nn

    classes = [layer.num_embeddings for layer in model.modules() if isinstance(layer, nn.Embedding)]
    return [Spec((BATCH,), "int", min(classes, default=2)), Spec((BATCH, 10)), SAME, Spec((BATCH, 1))]


_BY_NAME: list[tuple[str, Any]] = [
    (r".*mask.*", lambda model: [_PER_POSITION, _SQUARE, SAME]),
    (
        r"(t|ts|time|times|time_?steps?|step|steps|noise_level|sigma|temb|timestep_index|log_?snr|diffusion_step)",
        lambda model: [Spec((BATCH,), "int", 10), Spec((BATCH,), "unit"), Spec((BATCH, 1), "unit")],
    ),
    (r"(y|labels?|targets?|class(es)?|class_labels?|label_ids|c|cond|cls|y_true|gt)", _labels),
    (r"edge_index|adj_t|edges", lambda model: [Spec((2, 8), "int", 2)]),
    (r".*adj.*", lambda model: [Spec((BATCH, BATCH)), Spec((LENGTH, LENGTH))]),
    (r".*(lens?|lengths?)", lambda model: [Spec((BATCH,), "fill", 4), Spec((LENGTH,), "fill", 2)]),
    (r"memory|context|enc(oder)?_(out(put)?s?|hidden_states?|features?)|keys?|values?|.*_outputs", _sequence),
    (r".*action.*|a|act", _actions),
    (r".*(hidden|state|prev).*|h|h\d|hx|hc|c0|cx|h_.*|c_.*", _state),
    (
        r".*(pos|position|index|indices|idx|ids)",
        lambda model: [Spec((BATCH, LENGTH), "int", 2), Spec((BATCH,), "int", 2)],
    ),
    (r".*(offsets?)", lambda model: [Spec((BATCH,), "fill", 0)]),
    (
        r".*(ratio|p|prob|alpha|lambda_?|epsilon|temperature|teacher_forcing.*)",
        lambda model: [Spec((), "unit"), Spec((BATCH, 1), "unit")],
    ),
]
