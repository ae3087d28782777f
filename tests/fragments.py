"""Random programs put together from what model files are made of: valid Python, but rarely sensible."""

from __future__ import annotations

import warnings
from itertools import chain

from hypothesis import strategies as st

Text = st.SearchStrategy[str]

NAMES = [
    "x",
    "y",
    "self.a",
    "self.b",
    "self.layers",
    "net",
    "width",
    "cfg",
    "kwargs",
    "self.missing",
    "nn",
    "torch",
    "p",
]
ATOMS = [
    "1", "0", "-1", "2.5", "None", "True", "'relu'", "'a.b'", "b'x'", "...", "[]", "()", "{}", "1e400", "10 ** 9", "2 ** -1",
    "F.relu", "nn.ReLU", "nn.Linear", "nn.init.zeros_", "torch.float32", "keras.layers.Dense", "super()", "f'{x}{width!r}'",
    "float('inf')", "''", "range(3)", "range(10 ** 6)", "len", "print", "type",
]  # fmt: skip
LAYERS = [
    "nn.Linear", "nn.Conv2d", "nn.ConvTranspose1d", "nn.LSTM", "nn.GRUCell", "nn.Bilinear", "nn.Embedding", "nn.BatchNorm1d",
    "nn.LayerNorm", "nn.ReLU", "nn.Softmax", "nn.MultiheadAttention", "nn.TransformerEncoderLayer", "nn.Identity",
    "nn.Dropout", "nn.Flatten", "nn.Sequential", "nn.ModuleList", "nn.ModuleDict", "nn.ParameterList", "nn.Parameter",
    "nn.LazyLinear", "nn.MaxPool2d", "layers.Dense", "layers.Conv2D", "layers.LSTM", "layers.Bidirectional", "keras.Input",
    "layers.Activation", "layers.Add", "keras.Sequential", "keras.Model", "layers.TimeDistributed", "layers.Lambda", "Block",
    "Net", "torch.empty", "torch.randn", "torch.zeros", "torch.Tensor", "OrderedDict", "dict", "list", "zip", "enumerate",
    "partial", "copy.deepcopy", "getattr", "setattr", "isinstance", "hasattr", "map", "filter", "sum", "int", "str", "math.sqrt",
    "np.prod", "unknown", "helper", "nn.utils.weight_norm", "nn.init.calculate_gain", "reversed", "sorted", "max", "iter", "next",
]  # fmt: skip
METHODS = [
    "relu", "view", "apply", "append", "extend", "weight.data.normal_", "bias.zero_", "modules", "named_parameters", "items",
    "keys", "get", "pop", "format", "add_module", "to", "chunk", "unbind", "size", "forward", "call", "build", "add", "compile",
    "weight.copy_", "mul_", "sum", "split", "join", "insert", "update", "children", "state_dict", "load_state_dict", "__call__",
    "reset_parameters", "fill_", "uniform_", "permute", "insert", "clone", "shape", "dim", "requires_grad_", "register_buffer",
]  # fmt: skip
INITIALISERS = [
    "xavier_uniform_", "kaiming_normal_", "zeros_", "constant_", "orthogonal_", "normal_", "trunc_normal_", "uniform_", "eye_",
    "dirac_", "sparse_", "xavier_uniform", "nonsense_",
]  # fmt: skip
TARGETS = [
    "self.a.weight", "self.a.bias", "self.layers[0].weight", "p", "m.weight", "self.a", "self.w", "x.weight.data", "net[0].weight",
]  # fmt: skip


def expressions(depth: int = 2) -> Text:
    """An expression of at most `depth` levels."""
    leaf = st.sampled_from(NAMES) | st.sampled_from(ATOMS)
    if depth == 0:
        return leaf
    inner = expressions(depth - 1)
    arguments = st.lists(inner | inner.map(lambda e: f"dim={e}") | inner.map(lambda e: f"*[{e}]"), max_size=3).map(
        _ordered
    )
    return st.one_of(
        leaf,
        st.builds(lambda f, a: f"{f}({a})", st.sampled_from(LAYERS), arguments),
        st.builds(lambda e, m, a: f"({e}).{m}({a})", inner, st.sampled_from(METHODS), arguments),
        st.builds(lambda e, a: f"({e})({a})", inner, arguments),
        st.builds(lambda e, i: f"({e})[{i}]", inner, inner),
        st.builds(lambda e, a, b: f"({e})[{a}:{b}]", inner, inner, inner),
        st.builds(
            lambda a, o, b: f"({a}) {o} ({b})",
            inner,
            st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "@"]),
            inner,
        ),
        st.builds(lambda a, o, b: f"({a}) {o} ({b})", inner, st.sampled_from(["==", "<", "in", "is", "is not"]), inner),
        st.builds(lambda a, o, b: f"({a}) {o} ({b})", inner, st.sampled_from(["and", "or"]), inner),
        st.builds(lambda a, b, c: f"({a}) if ({b}) else ({c})", inner, inner, inner),
        st.builds(lambda a, b: f"[({a}) for i in ({b})]", inner, inner),
        st.builds(lambda a, b: f"{{k: ({a}) for k, v in ({b})}}", inner, inner),
        st.builds(lambda a: f"(lambda x: {a})", inner),
        st.builds(lambda a, b: f"[{a}, {b}]", inner, inner),
        st.builds(lambda a, b: f"({a}, *[{b}])", inner, inner),
        st.builds(lambda a, b: f"{{'k': {a}, **({{'l': {b}}})}}", inner, inner),
        st.builds(lambda a: f"not ({a})", inner),
        st.builds(lambda a: f"f'fc{{{_in_string(a)}}}'", inner),
    )


def _ordered(arguments: list[str]) -> str:
    """Positional arguments in front; one keyword at most."""
    plain = [a for a in arguments if not a.startswith("dim=")]
    named = [a for a in arguments if a.startswith("dim=")]
    return ", ".join(plain + named[:1])


def _in_string(expression: str) -> str:
    """Inside an f-string of single quotes, for Python before 3.12."""
    return "x" if set("'\\{}") & set(expression) else f"({expression})"


def statements(depth: int = 2) -> st.SearchStrategy[list[str]]:
    """One statement, as its lines."""
    e = expressions(2)
    simple = st.one_of(
        st.builds(
            lambda t, v: f"{t} = {v}",
            st.sampled_from(["x", "y", "self.a", "self.b", "self.w", "self.layers", "net"]),
            e,
        ),
        st.builds(lambda t, v: f"{t} += {v}", st.sampled_from(["x", "self.a", "self.layers"]), e),
        st.builds(lambda v: f"a, *b = {v}", e),
        st.builds(lambda v: f"self.layers.append({v})", e),
        st.builds(lambda f, t, a: f"nn.init.{f}({t}, {a})", st.sampled_from(INITIALISERS), st.sampled_from(TARGETS), e),
        st.builds(lambda f, t: f"nn.init.{f}({t})", st.sampled_from(INITIALISERS), st.sampled_from(TARGETS)),
        st.builds(lambda v: f"self.w = nn.Parameter({v})", e),
        st.builds(lambda v: f"self.register_parameter('w', {v})", e),
        st.builds(lambda k, v: f"setattr(self, {k}, {v})", e, e),
        st.builds(lambda v: f"return {v}", e),
        st.builds(lambda v: f"del self.layers[{v}]", e),
        st.builds(lambda a, b: f"self.layers[{a}] = {b}", e, e),
        st.builds(lambda v: f"assert {v}", e),
        st.sampled_from(
            [
                "pass",
                "break_ = 1",
                "raise ValueError",
                "super().__init__()",
                "self.apply(helper)",
                "global cfg",
                "x: int = 3",
            ]
        ),
        st.sampled_from(
            ["self.apply(self._init_weights)", "self.reset_parameters()", "yield x", "import unknown.part as other"]
        ),
        e,
    ).map(lambda line: [line])
    if depth == 0:
        return simple
    block = st.lists(statements(depth - 1), min_size=1, max_size=2).map(lambda parts: _indented(list(chain(*parts))))
    return st.one_of(
        simple,
        simple,
        st.builds(lambda t, b, c: [f"if {t}:", *b, "else:", *c], e, block, block),
        st.builds(
            lambda t, b: [f"if isinstance(m, {t}):", *b],
            st.sampled_from(["nn.Linear", "(nn.Conv2d, Block)", "x"]),
            block,
        ),
        st.builds(
            lambda t, i, b: [f"for {t} in {i}:", *b], st.sampled_from(["m", "i, layer", "name, p", "self.q"]), e, block
        ),
        st.builds(lambda b: ["for m in self.modules():", *b], block),
        st.builds(lambda t, b: [f"while {t}:", *b], e, block),
        st.builds(lambda b: ["with torch.no_grad():", *b], block),
        st.builds(lambda b, c: ["try:", *b, "except Exception as error:", *c], block, block),
    )


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _bodies(size: int) -> st.SearchStrategy[list[str]]:
    return st.lists(statements(2), min_size=1, max_size=size).map(lambda parts: list(chain(*parts)))


def _methods(head: str, size: int = 4) -> st.SearchStrategy[list[str]]:
    return _bodies(size).map(lambda body: _indented([head, *_indented(body)]))


BASES = [
    "nn.Module",
    "nn.Sequential",
    "keras.Model",
    "keras.layers.Layer",
    "nn.Linear",
    "Block",
    "Unknown",
    "object",
    "pl.LightningModule",
]


def _classes(name: str) -> st.SearchStrategy[list[str]]:
    parts = st.tuples(
        st.sampled_from(BASES),
        _methods("def __init__(self, width=8, act=nn.ReLU, cfg=None, *args, **kwargs):"),
        st.one_of(st.just([]), _methods("def _init_weights(self, m):", 2)),
        st.one_of(st.just([]), _methods("def build(self, input_shape):", 2)),
        _methods("def forward(self, x, y=None):"),
        st.one_of(st.just([]), _methods("def call(self, x, training=False):", 2)),
    )
    return parts.map(lambda p: [f"class {name}({p[0]}):", *p[1], *p[2], *p[3], *p[4], *p[5]])


IMPORTS = """\
import copy, math
from collections import OrderedDict
from functools import partial
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
import keras
from keras import layers
import pytorch_lightning as pl
"""


def modules() -> Text:
    """The text of a whole file."""
    helper = _bodies(2).map(lambda body: ["def helper(m, x=1):", *_indented(body)])
    script = _bodies(3).map(
        lambda body: [line for line in body if not line.lstrip().startswith(("return", "yield"))] or ["pass"]
    )
    parts = st.tuples(
        helper,
        _classes("Block"),
        _classes("Net"),
        st.just(["net = Net()"]) | st.just(["net = Net(4, x=1)(2)"]),
        _script(script),
    )
    return parts.map(lambda p: IMPORTS + "\n" + "\n".join("\n".join(part) + "\n" for part in p))


def _script(bodies: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    """Statements of the top level, under a condition, so that none of them ends up without a body."""
    return bodies.map(lambda body: ["if net:", *_indented(body), "    pass"]).filter(_compiles)


def _compiles(lines: list[str]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile("\n".join(lines) + "\n", "code.py", "exec")
    except (SyntaxError, ValueError, MemoryError):
        return False
    return True
