"""Fixes of calls in any layout: comments stay, the text compiles, and the finding is gone or nothing has changed."""

from __future__ import annotations

import io
import tempfile
import tokenize
from collections import Counter
from pathlib import Path

from command import actinit_lint
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fixes import keras, torch

#: Calls with their arguments apart, the activation behind them, and the rule that reports them.
CALLS = [
    (["self.a.weight", "gain=1.0"], "nn.init.xavier_normal_", "torch.relu"),
    (["self.a.weight", "1.0"], "nn.init.xavier_uniform_", "torch.relu"),
    (["self.a.weight", "a=0", "mode='fan_in'", "nonlinearity='relu'"], "nn.init.kaiming_normal_", "torch.tanh"),
    (["self.a.weight", "0", "'fan_out'", "'tanh'"], "nn.init.kaiming_uniform_", "torch.relu"),
    (["self.a.weight", "generator=rng", "mode='fan_out'"], "nn.init.kaiming_normal_", "torch.selu"),
    (["self.a.weight"], "nn.init.orthogonal_", "torch.relu"),
    (["self.a.weight", "mean=0.0", "std=0.0"], "nn.init.normal_", "torch.relu"),
    (["self.a.bias", "-9"], "nn.init.constant_", "torch.relu"),
    (["0.0", "0.0"], "self.a.weight.data.normal_", "torch.relu"),
]
LAYERS = [
    ["30", "activation='selu'"],
    ["30", "activation='relu'", "kernel_initializer='glorot_normal'", "name='x'"],
    ["30", "'relu'", "True", "keras.initializers.GlorotNormal(seed=1)"],
    ["30", "init='he_normal'", "activation='relu'"],
    ["units=30", "activation='gelu'", "kernel_initializer='orthogonal'"],
]
GAPS = st.sampled_from(
    ["", " ", "\n        ", "  # one\n        ", "\n        # two\n        ", "\n\n            ", "\t"]
)


@st.composite
def laid_out(draw: st.DrawFn, parts: list[str]) -> str:
    """Arguments between brackets, with blanks, lines and comments anywhere between."""
    text = draw(GAPS)
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        comma = "" if last and not draw(st.booleans()) else ","
        text += part + draw(st.sampled_from(["", " "])) + comma + draw(GAPS)
    return f"({text})"


def comments(text: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def keeps_its_promises(text: str) -> None:
    compile(text, "net.py", "exec")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.py"
        file.write_text(text, encoding="utf-8")
        options = ["--isolated", "--no-cache", "--level", "info", "--output-format", "json"]
        before = actinit_lint(*options, file).json["findings"]
        after = actinit_lint(*options, "--fix", "--unsafe-fixes", file).json["findings"]
        new = file.read_text(encoding="utf-8")
    compile(new, "net.py", "exec")
    assert comments(new) == comments(text)
    fixable = [one for one in before if one["fix"] is not None]
    assert len(after) <= len(before) - len(fixable)
    assert bool(fixable) == (new != text)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_calls_of_torch(data: st.DataObject) -> None:
    parts, function, activation = data.draw(st.sampled_from(CALLS))
    call = function + data.draw(laid_out(parts))
    keeps_its_promises(torch("pass", activation).replace("        pass", f"        {call}  # behind"))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_layers_of_keras(data: st.DataObject) -> None:
    keeps_its_promises(keras("layers.Dense" + data.draw(laid_out(data.draw(st.sampled_from(LAYERS))))))
