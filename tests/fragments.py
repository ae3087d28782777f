"""Random programs put together from what model files are made of: valid Python, but rarely sensible."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st


def _words(text: str) -> list[str]:
    return text.split()


NAMES = _words("""
    x y self.a self.b self.layers net width cfg kwargs self.missing nn torch p
""")
ATOMS = _words("""
    1 0 -1 2.5 None True 'relu' 'a.b' b'x' ... [] () {} 1e400 2**-1 10**9 F.relu nn.ReLU nn.Linear
    nn.init.zeros_ torch.float32 keras.layers.Dense super() f'{x}{width!r}' float('inf') range(3) range(10**6)
    '' len print type
""")
CALLED = _words("""
    nn.Linear nn.Conv2d nn.ConvTranspose1d nn.LSTM nn.GRUCell nn.Bilinear nn.Embedding nn.BatchNorm1d
    nn.LayerNorm nn.ReLU nn.Softmax nn.MultiheadAttention nn.TransformerEncoderLayer nn.Identity nn.Dropout
    nn.Flatten nn.Sequential nn.ModuleList nn.ModuleDict nn.ParameterList nn.Parameter nn.LazyLinear
    nn.MaxPool2d nn.utils.weight_norm nn.init.calculate_gain layers.Dense layers.Conv2D layers.LSTM
    layers.Bidirectional layers.Activation layers.Add layers.TimeDistributed layers.Lambda keras.Input
    keras.Sequential keras.Model torch.empty torch.randn torch.zeros torch.Tensor torch.cat OrderedDict partial
    copy.deepcopy math.sqrt np.prod Block Net unknown helper dict list zip enumerate getattr setattr isinstance
    hasattr map filter sum int str reversed sorted max iter next
""")
METHODS = _words("""
    relu view apply append extend modules named_parameters items keys get pop format add_module to chunk unbind
    size forward call build add compile mul_ sum split join insert update children state_dict shape
    load_state_dict __call__ reset_parameters fill_ uniform_ permute clone dim requires_grad_ register_buffer
    weight.data.normal_ bias.zero_ weight.copy_
""")
INITIALISERS = _words("""
    xavier_uniform_ kaiming_normal_ zeros_ constant_ orthogonal_ normal_ trunc_normal_ uniform_ eye_ dirac_
    sparse_ xavier_uniform nonsense_
""")
TARGETS = _words("""
    self.a.weight self.a.bias self.layers[0].weight p m.weight self.a self.w x.weight.data net[0].weight
""")
OPERATORS = _words("""
    + - * / // % ** @ == < in is and or
""")
BASES = _words("""
    nn.Module nn.Sequential keras.Model keras.layers.Layer nn.Linear Block Unknown object pl.LightningModule
""")
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

#: E stands for an expression, the other capitals for a draw from the list of that name.
EXPRESSIONS = [
    *["C()", "C(E)", "C(E, E)", "C(E, dim=E)", "C(*[E])", "C(E, **E)"],
    *["(E).M()", "(E).M(E)", "(E)(E)", "(E)[E]", "(E)[E:E]", "(E) O (E)", "(E) O (E)", "(E) if (E) else (E)"],
    *["[(E) for i in (E)]", "{k: (E) for k, v in (E)}", "(lambda x: E)", "[E, E]", "(E, *[E])", "{'k': E, **{'l': E}}"],
    *["not (E)", "-(E)", "f'fc{x}'", "(E).weight", "self.layers[-1]", "(y := (E))"],
]
STATEMENTS = [
    *[
        "x = E",
        "y = E",
        "self.a = E",
        "self.b = E",
        "self.w = E",
        "self.layers = E",
        "net = E",
        "x += E",
        "self.a += E",
    ],
    *[
        "a, *b = E",
        "self.layers.append(E)",
        "nn.init.I(T, E)",
        "nn.init.I(T)",
        "self.w = nn.Parameter(E)",
        "x: int = E",
    ],
    *["self.register_parameter('w', E)", "setattr(self, E, E)", "return E", "del self.layers[E]", "self.layers[E] = E"],
    *["assert E", "pass", "raise ValueError", "super().__init__()", "self.apply(helper)", "self.apply(self.init)", "E"],
    *["self.reset_parameters()", "yield x", "import unknown.part as other", "global other", "T.data = E", "T.fill_(E)"],
]
BLOCKS = [
    *[
        "if E:",
        "for m in E:",
        "for i, layer in E:",
        "for name, p in self.named_parameters():",
        "for m in self.modules():",
    ],
    *["while E:", "with torch.no_grad():", "if isinstance(m, nn.Linear):", "if isinstance(m, E):", "for self.q in E:"],
]
POOLS = {"C": CALLED, "M": METHODS, "O": OPERATORS, "I": INITIALISERS, "T": TARGETS}

Draw = Callable[[Any], Any]


def _pick(draw: Draw, pool: list[str]) -> str:
    return draw(st.sampled_from(pool))


def _filled(draw: Draw, template: str, depth: int) -> str:
    """The template with every capital that stands alone replaced."""

    def fill(match: re.Match[str]) -> str:
        letter = match[0]
        return _expression(draw, depth) if letter == "E" else _pick(draw, POOLS[letter])

    return re.sub(r"\b[CEIMOT]\b", fill, template)


def _expression(draw: Draw, depth: int) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return _pick(draw, NAMES + ATOMS)
    return _filled(draw, _pick(draw, EXPRESSIONS), depth - 1)


def _body(draw: Draw, depth: int, size: int) -> list[str]:
    """One to `size` statements, as lines."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, size))):
        kind = draw(st.integers(0, 11)) if depth else 11
        if kind < 3:
            lines += [_filled(draw, _pick(draw, BLOCKS), 2), *_indented(_body(draw, depth - 1, 2))]
        elif kind == 3:
            lines += [_filled(draw, "if E:", 2), *_indented(_body(draw, depth - 1, 2))]
            lines += ["else:", *_indented(_body(draw, depth - 1, 2))]
        elif kind == 4:
            lines += ["try:", *_indented(_body(draw, depth - 1, 2))]
            lines += ["except Exception as error:", *_indented(_body(draw, depth - 1, 1))]
        else:
            lines.append(_filled(draw, _pick(draw, STATEMENTS), 2))
    return lines


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _class(draw: Draw, name: str) -> list[str]:
    lines = [f"class {name}({_pick(draw, BASES)}):"]
    heads = ["__init__(self, width=8, act=nn.ReLU, cfg=None, *args, **kwargs)", "forward(self, x, y=None)"]
    heads += draw(
        st.sets(st.sampled_from(["init(self, m)", "build(self, input_shape)", "call(self, x, training=False)"]))
    )
    for head in heads:
        lines += _indented([f"def {head}:", *_indented(_body(draw, 2, 4))])
    return lines


def _script(draw: Draw) -> list[str]:
    """Statements of the top level: those that may stand there."""
    return [line for line in _body(draw, 0, 4) if not line.startswith(("return", "yield"))]


@st.composite
def modules(draw: Draw) -> str:
    """The text of a whole file."""
    parts = [
        ["def helper(m, x=1):", *_indented(_body(draw, 1, 3))],
        _class(draw, "Block"),
        _class(draw, "Net"),
        [_pick(draw, ["net = Net()", "net = Net(4, x=1)(2)", "net = Net(cfg=Block)"])],
        _script(draw),
    ]
    text = IMPORTS + "\n" + "\n\n".join("\n".join(part) for part in parts) + "\n"
    return text if _compiles(text) else IMPORTS + "\nnet = nn.Linear(1, 1)\n"


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "code.py", "exec")
    except (SyntaxError, ValueError, MemoryError):
        return False
    return True
