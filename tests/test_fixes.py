"""What each fix writes: text in, text out, everything else left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command import actinit_lint

from actinit_lint.fixes.patch import Lines, Patch, apply

TORCH = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 64)
        self.b = nn.Linear(64, 64)
        self.head = nn.Linear(64, 10)
{init}

    def forward(self, x):
        x = {activation}(self.a(x))
        return self.head(torch.relu(self.b(x)))
"""


def torch(init: str, activation: str = "torch.relu", imports: str = "") -> str:
    text = TORCH.format(init="\n".join(f"        {line}" for line in init.splitlines()), activation=activation)
    return text.replace("from torch import nn\n", f"from torch import nn\n{imports}")


KERAS = """\
import keras
from keras import layers

model = keras.Sequential(
    [
        keras.Input((20,)),
        {layer},
        layers.Dense(1),
    ]
)
"""


def keras(layer: str) -> str:
    return KERAS.format(layer=layer)


def fixed(text: str, tmp_path: Path, *options: str, name: str = "net.py") -> str:
    """The text after all fixes."""
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    argv = ["check", "--isolated", "--no-cache", "--level", "info", "--fix", "--unsafe-fixes", "-q", *options]
    result = actinit_lint(*argv, tmp_path / name)
    assert result.code in (0, 1), result.err
    return (tmp_path / name).read_bytes().decode()


def changes(before: str, after: str) -> list[tuple[str, str]]:
    """Lines that differ in texts of equally many lines."""
    old, new = before.split("\n"), after.split("\n")
    assert len(old) == len(new)
    return [(one.strip(), other.strip()) for one, other in zip(old, new) if one != other]


#: (initialising statement, activation, what becomes of it).
DRAWN = {
    "Xavier before ReLU becomes He": (
        "nn.init.xavier_uniform_(self.a.weight)",
        "torch.relu",
        'nn.init.kaiming_uniform_(self.a.weight, nonlinearity="relu")',
    ),
    "a gain goes where the new function takes none": (
        "nn.init.xavier_normal_(self.a.weight, gain=1.0)",
        "torch.relu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
    ),
    "a positional gain goes too": (
        "nn.init.xavier_normal_(self.a.weight, 1.0)",
        "torch.relu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
    ),
    "a generator stays": (
        "nn.init.xavier_normal_(self.a.weight, generator=rng)",
        "torch.relu",
        'nn.init.kaiming_normal_(self.a.weight, generator=rng, nonlinearity="relu")',
    ),
    "He before tanh becomes Xavier": (
        'nn.init.kaiming_normal_(self.a.weight, mode="fan_in", nonlinearity="relu")',
        "torch.tanh",
        "nn.init.xavier_normal_(self.a.weight)",
    ),
    "only the name of the activation changes where the rest is right": (
        "nn.init.kaiming_normal_(self.a.weight, mode='fan_out', nonlinearity='tanh')",
        "torch.relu",
        "nn.init.kaiming_normal_(self.a.weight, mode='fan_out', nonlinearity='relu')",
    ),
    "positional arguments get names where one before them goes": (
        'nn.init.kaiming_normal_(self.a.weight, 0, "fan_in", "tanh")',
        "torch.relu",
        'nn.init.kaiming_normal_(self.a.weight, mode="fan_in", nonlinearity="relu")',
    ),
    "an orthogonal matrix gets its gain": (
        "nn.init.orthogonal_(self.a.weight)",
        "torch.relu",
        "nn.init.orthogonal_(self.a.weight, gain=2 ** 0.5)",
    ),
    "the slope of LeakyReLU": (
        "nn.init.xavier_uniform_(self.a.weight)",
        "nn.functional.leaky_relu",
        'nn.init.kaiming_uniform_(self.a.weight, a=0.01, nonlinearity="leaky_relu")',
    ),
    "SELU wants LeCun": (
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
        "torch.selu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="linear")',
    ),
    "zeros become He": (
        "nn.init.zeros_(self.a.weight)",
        "torch.relu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
    ),
    "zeros before ELU get the named gain nearest to its own": (
        "nn.init.zeros_(self.a.weight)",
        "torch.nn.functional.elu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
    ),
    "a tensor's method becomes a call": (
        "self.a.weight.data.fill_(0)",
        "torch.relu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
    ),
    "an assigned tensor becomes a call": (
        "self.a.weight.data = torch.zeros(64, 64)",
        "torch.relu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
    ),
    "a dead bias starts at zero": (
        "nn.init.constant_(self.a.bias, -9)",
        "torch.relu",
        "nn.init.zeros_(self.a.bias)",
    ),
    "an old spelling gets its underscore": (
        "nn.init.constant(self.a.bias, 0.1)",
        "torch.relu",
        "nn.init.constant_(self.a.bias, 0.1)",
    ),
    "an unsupported name becomes its equivalent": (
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="gelu")',
        "nn.functional.gelu",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")',
    ),
    "a write that autograd forbids goes through .data": (
        "self.a.bias.fill_(0.1)",
        "torch.relu",
        "self.a.bias.data.fill_(0.1)",
    ),
}


@pytest.mark.parametrize(("before", "activation", "after"), DRAWN.values(), ids=DRAWN)
def test_torch(before: str, activation: str, after: str, tmp_path: Path) -> None:
    text = torch(before, activation)
    assert changes(text, fixed(text, tmp_path)) == [(before, after)]


#: (layer, what becomes of it).
LAYERS = {
    "a string becomes a string": (
        'layers.Dense(8, activation="relu", kernel_initializer="glorot_normal")',
        'layers.Dense(8, activation="relu", kernel_initializer="he_normal")',
    ),
    "the quotes are the file's": (
        "layers.Dense(8, activation='relu', kernel_initializer='glorot_normal')",
        "layers.Dense(8, activation='relu', kernel_initializer='he_normal')",
    ),
    "an instance becomes a string": (
        'layers.Dense(8, activation="tanh", kernel_initializer=keras.initializers.HeUniform())',
        'layers.Dense(8, activation="tanh", kernel_initializer="glorot_uniform")',
    ),
    "a string becomes an instance where no string says it": (
        'layers.Dense(8, activation="gelu", kernel_initializer="orthogonal")',
        'layers.Dense(8, activation="gelu", kernel_initializer=keras.initializers.Orthogonal(gain=2 ** 0.5))',
    ),
    "a positional argument stays one": (
        'layers.Dense(8, "relu", True, "glorot_uniform")',
        'layers.Dense(8, "relu", True, "he_uniform")',
    ),
    "the missing argument of a SELU layer is added": (
        'layers.Dense(8, activation="selu", name="hidden")',
        'layers.Dense(8, activation="selu", kernel_initializer="lecun_uniform", name="hidden")',
    ),
    "a dead bias starts at zero": (
        'layers.Dense(8, activation="relu", bias_initializer=keras.initializers.Constant(-12))',
        'layers.Dense(8, activation="relu", bias_initializer="zeros")',
    ),
    "a Keras 1 name": (
        'layers.Dense(8, init="he_normal", activation="relu")',
        'layers.Dense(8, kernel_initializer="he_normal", activation="relu")',
    ),
    "an activation that Keras does not know": (
        'layers.Dense(8, activation="leakyrelu")',
        'layers.Dense(8, activation="leaky_relu")',
    ),
}


@pytest.mark.parametrize(("before", "after"), LAYERS.values(), ids=LAYERS)
def test_keras(before: str, after: str, tmp_path: Path) -> None:
    text = keras(before)
    if "'" in before:
        text = text.replace('"', "'")
    assert changes(text, fixed(text, tmp_path)) == [(f"{before},", f"{after},")]


class TestArguments:
    def test_layout_and_comments_of_a_call_over_several_lines_stay(self, tmp_path: Path) -> None:
        before = torch(
            "nn.init.kaiming_normal_(\n    self.a.weight,  # the first layer\n    mode='fan_out',\n"
            "    nonlinearity='tanh',  # as in the paper\n)  # done"
        )
        assert fixed(before, tmp_path) == before.replace("'tanh'", "'relu'")

    def test_a_comment_that_would_be_lost_forbids_the_fix(self, tmp_path: Path) -> None:
        before = torch("nn.init.xavier_normal_(\n    self.a.weight,\n    # why\n    gain=1.0)\nself.w = 'q'")
        after = fixed(before, tmp_path)
        assert "# why" in after

    def test_an_argument_is_added_on_a_line_of_its_own_where_the_others_are(self, tmp_path: Path) -> None:
        before = keras('layers.Dense(\n            30,\n            activation="selu",  # self-normalising\n        )')
        assert fixed(before, tmp_path) == before.replace(
            'activation="selu",', 'activation="selu",\n            kernel_initializer="lecun_uniform",'
        )


class TestNames:
    def test_a_function_imported_by_name_is_imported_anew(self, tmp_path: Path) -> None:
        before = torch("xavier_uniform_(self.a.weight)", imports="from torch.nn.init import xavier_uniform_\n")
        after = fixed(before, tmp_path)
        assert "from torch.nn.init import kaiming_uniform_\n" in after
        assert 'kaiming_uniform_(self.a.weight, nonlinearity="relu")\n' in after
        assert "xavier" not in after

    def test_a_function_that_others_use_stays_imported(self, tmp_path: Path) -> None:
        before = torch(
            "xavier_uniform_(self.a.weight)\nxavier_uniform_(self.head.weight)",
            imports="from torch.nn.init import xavier_uniform_  # both\n",
        )
        after = fixed(before, tmp_path)
        assert "from torch.nn.init import xavier_uniform_, kaiming_uniform_  # both\n" in after
        assert (
            'kaiming_uniform_(self.a.weight, nonlinearity="relu")\n        xavier_uniform_(self.head.weight)' in after
        )

    def test_a_name_that_is_there_already_is_used(self, tmp_path: Path) -> None:
        before = torch(
            "xavier_uniform_(self.a.weight)",
            imports="from torch.nn.init import kaiming_uniform_ as he, xavier_uniform_\n",
        )
        assert 'he(self.a.weight, nonlinearity="relu")' in fixed(before, tmp_path)

    def test_a_missing_import_is_added_behind_those_of_the_library(self, tmp_path: Path) -> None:
        before = (
            "from torch.nn import Linear, Module, Parameter\nfrom torch import zeros, relu\n"
            "import os\n\n\nclass Net(Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.a = Linear(8, 8)\n        self.a.weight.data.fill_(0)\n        self.b = Linear(8, 1)\n\n"
            "    def forward(self, x):\n        return self.b(relu(self.a(x)))\n"
        )
        after = fixed(before, tmp_path)
        assert after == before.replace(
            "from torch import zeros, relu\n", "from torch import zeros, relu\nfrom torch import nn\n"
        ).replace("self.a.weight.data.fill_(0)", 'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")')

    def test_a_name_with_another_meaning_is_not_taken(self, tmp_path: Path) -> None:
        before = (
            "from torch.nn import Linear, Module\nfrom torch import relu\n\nnn = 3\n\n\nclass Net(Module):\n"
            "    def __init__(self):\n        super().__init__()\n        self.a = Linear(8, 8)\n"
            "        self.a.weight.data.fill_(0)\n        self.b = Linear(8, 1)\n\n"
            "    def forward(self, x):\n        return self.b(relu(self.a(x)))\n"
        )
        assert fixed(before, tmp_path) == before


class TestAdded:
    def test_a_call_is_added_behind_the_layer_that_is_left_to_the_default(self, tmp_path: Path) -> None:
        before = torch("pass", "torch.selu")
        assert fixed(before, tmp_path) == before.replace(
            "self.a = nn.Linear(64, 64)\n",
            'self.a = nn.Linear(64, 64)\n        nn.init.kaiming_uniform_(self.a.weight, nonlinearity="linear")\n',
        )

    def test_a_parameter_of_zeros_is_drawn_behind_it(self, tmp_path: Path) -> None:
        before = torch("self.w = nn.Parameter(torch.zeros(64, 64))  # mixes").replace(
            "torch.relu(self.a(x))", "torch.relu(x @ self.w)"
        )
        assert fixed(before, tmp_path) == before.replace(
            "# mixes\n", '# mixes\n        nn.init.kaiming_normal_(self.w, nonlinearity="relu")\n'
        )

    def test_a_layer_of_a_sequence_is_drawn_by_its_number(self, tmp_path: Path) -> None:
        before = "from torch import nn\n\nnet = nn.Sequential(nn.Linear(300, 30), nn.SELU(), nn.Linear(30, 1))\n"
        assert fixed(before, tmp_path) == before + ('nn.init.kaiming_uniform_(net[0].weight, nonlinearity="linear")\n')

    def test_many_layers_of_a_sequence_are_drawn_in_a_loop(self, tmp_path: Path) -> None:
        hidden = "            nn.Linear(64, 64),\n            nn.ReLU(),\n" * 14
        before = torch(f"self.net = nn.Sequential(\n{hidden.replace(' ' * 8, '')})  # deep").replace(
            "self.a(x)", "self.net(x)"
        )
        assert fixed(before, tmp_path) == before.replace(
            ")  # deep\n",
            ")  # deep\n        for index in (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26):\n"
            '            nn.init.kaiming_uniform_(self.net[index].weight, nonlinearity="relu")\n',
        )

    def test_the_layers_of_a_comprehension_are_drawn_in_a_loop(self, tmp_path: Path) -> None:
        built = "self.layers = nn.ModuleList([nn.Linear(64, 64) for _ in range(14)])"
        before = torch(built).replace(
            "        x = torch.relu(self.a(x))\n", "        for f in self.layers:\n            x = torch.relu(f(x))\n"
        )
        assert fixed(before, tmp_path) == before.replace(
            f"{built}\n",
            f"{built}\n        for layer in self.layers:\n"
            '            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")\n',
        ).replace(
            "self.b = nn.Linear(64, 64)\n",
            'self.b = nn.Linear(64, 64)\n        nn.init.kaiming_uniform_(self.b.weight, nonlinearity="relu")\n',
        )

    def test_nothing_is_added_where_a_star_hides_the_number(self, tmp_path: Path) -> None:
        before = (
            "from torch import nn\n\nfirst = [nn.Linear(300, 30), nn.SELU()]\n"
            "net = nn.Sequential(*first, nn.Linear(30, 20), nn.SELU(), nn.Linear(20, 1))\n"
        )
        assert fixed(before, tmp_path) == before


class TestNoFix:
    """A wrong fix is worse than none."""

    def same(self, text: str, tmp_path: Path) -> None:
        assert fixed(text, tmp_path) == text

    def test_one_call_for_layers_whose_activations_want_different_initialisers(self, tmp_path: Path) -> None:
        loop = "for layer in (self.a, self.b):\n    nn.init.xavier_normal_(layer.weight)"
        self.same(torch(loop, "torch.tanh"), tmp_path)

    def test_one_call_for_a_gate_too(self, tmp_path: Path) -> None:
        loop = "for layer in (self.a, self.b):\n    nn.init.xavier_normal_(layer.weight)"
        text = torch(loop).replace(
            "return self.head(torch.relu(self.b(x)))", "return self.head(torch.sigmoid(self.b(x)) * x)"
        )
        self.same(text, tmp_path)

    def test_one_call_for_embeddings_too(self, tmp_path: Path) -> None:
        loop = "for m in self.modules():\n    if isinstance(m, {kinds}):\n        nn.init.xavier_normal_(m.weight)"
        table = "self.table = nn.Embedding(100, 64)\n"
        call = "self.a(self.table(x))"
        both = torch(table + loop.format(kinds="(nn.Linear, nn.Embedding)")).replace("self.a(x)", call)
        self.same(both, tmp_path)
        one = torch(table + loop.format(kinds="nn.Linear")).replace("self.a(x)", call)
        assert "kaiming_normal_" in fixed(one, tmp_path)
        apart = one.replace(
            "            if isinstance",
            "            if isinstance(m, nn.Embedding):\n                pass\n            elif isinstance",
        )
        assert "kaiming_normal_" in fixed(apart, tmp_path)

    def test_the_argument_comes_from_the_caller(self, tmp_path: Path) -> None:
        text = torch("draw(self.a, 1.0)").replace(
            "class Net", "def draw(layer, gain):\n    nn.init.xavier_normal_(layer.weight, gain=gain)\n\n\nclass Net"
        )
        self.same(text, tmp_path)

    def test_the_function_is_taken_from_a_table(self, tmp_path: Path) -> None:
        text = torch('INITS["xavier"](self.a.weight)').replace(
            "class Net", 'INITS = {"xavier": nn.init.xavier_normal_}\n\n\nclass Net'
        )
        self.same(text, tmp_path)

    def test_a_helper_that_another_file_uses(self, tmp_path: Path) -> None:
        text = torch("draw(self.a)").replace(
            "class Net", "def draw(layer):\n    nn.init.xavier_normal_(layer.weight)\n\n\nclass Net"
        )
        (tmp_path / "other.py").write_text("import torch\nfrom net import draw\n\n\ndef f(x):\n    draw(x)\n")
        (tmp_path / "net.py").write_text(text)
        options = ["--isolated", "--no-cache", "--fix", "--unsafe-fixes", tmp_path]
        assert actinit_lint(*options).code == 1
        assert (tmp_path / "net.py").read_text() == text
        (tmp_path / "other.py").unlink()
        assert actinit_lint(*options).code == 0

    def test_nobody_knows_what_a_made_up_name_stands_for(self, tmp_path: Path) -> None:
        self.same(torch('nn.init.kaiming_normal_(self.b.weight, nonlinearity="bogus")'), tmp_path)

    def test_a_name_with_two_near_ones(self, tmp_path: Path) -> None:
        self.same(keras('layers.Dense(8, activation="tanh", kernel_initializer="xavier")'), tmp_path)

    def test_old_arguments_whose_values_changed(self, tmp_path: Path) -> None:
        self.same(keras('layers.Conv2D(nb_filter=4, nb_row=3, nb_col=3, padding="same")'), tmp_path)

    def test_old_defaults_that_differ(self, tmp_path: Path) -> None:
        self.same("import tensorflow as tf\n\ninit = tf.truncated_normal_initializer()\n", tmp_path)

    def test_a_text_that_does_not_parse(self, tmp_path: Path) -> None:
        self.same("import torch\n\nx = (\n", tmp_path)


class TestGuard:
    LOOP = torch("for {target} in self.{source}():\n    {call}")

    @pytest.mark.parametrize(("target", "source"), [("p", "parameters"), ("name, p", "named_parameters")])
    def test_a_loop_over_parameters_leaves_out_vectors(self, target: str, source: str, tmp_path: Path) -> None:
        call = 'nn.init.kaiming_normal_(p, nonlinearity="relu")  # all of them'
        before = self.LOOP.format(target=target, source=source, call=call)
        assert fixed(before, tmp_path) == before.replace(
            f"            {call}", f"            if p.dim() > 1:\n                {call}"
        )

    def test_the_indent_is_the_files(self, tmp_path: Path) -> None:
        call = 'nn.init.kaiming_normal_(p, nonlinearity="relu")'
        before = self.LOOP.format(target="p", source="parameters", call=call).replace("    ", "\t")
        assert fixed(before, tmp_path) == before.replace(f"\t\t\t{call}", f"\t\t\tif p.dim() > 1:\n\t\t\t\t{call}")


class TestLogits:
    def test_the_softmax_before_a_loss_on_scores_goes(self, tmp_path: Path) -> None:
        before = torch("self.loss = nn.CrossEntropyLoss()").replace(
            "return self.head(torch.relu(self.b(x)))",
            "return torch.softmax(self.head(torch.relu(self.b(x))), dim=1)  # scores\n\n"
            "    def step(self, x, y):\n        return self.loss(self(x), y)",
        )
        assert fixed(before, tmp_path) == before.replace(
            "torch.softmax(self.head(torch.relu(self.b(x))), dim=1)", "self.head(torch.relu(self.b(x)))"
        )

    def test_what_went_in_has_parentheses_only_where_it_needs_them(self, tmp_path: Path) -> None:
        before = torch("self.loss = nn.CrossEntropyLoss()").replace(
            "return self.head(torch.relu(self.b(x)))",
            "return (self.head(torch.relu(self.b(x))) + 1).softmax(dim=1)\n\n"
            "    def step(self, x, y):\n        return self.loss(self(x), y)",
        )
        assert fixed(before, tmp_path) == before.replace(
            "return (self.head(torch.relu(self.b(x))) + 1).softmax(dim=1)",
            "return self.head(torch.relu(self.b(x))) + 1",
        )

    def test_the_last_module_of_a_sequence_goes(self, tmp_path: Path) -> None:
        before = (
            "import torch\nfrom torch import nn\n\nnet = nn.Sequential(\n    nn.Linear(8, 8),\n    nn.ReLU(),\n"
            "    nn.Linear(8, 4),\n    nn.Softmax(dim=1),\n)\nloss = nn.CrossEntropyLoss()\n"
            "loss(net(torch.randn(2, 8)), torch.zeros(2))\n"
        )
        assert fixed(before, tmp_path) == before.replace("\n    nn.Softmax(dim=1),", ",").replace(",,", ",")

    def test_keras_is_told_that_it_gets_probabilities(self, tmp_path: Path) -> None:
        before = keras('layers.Dense(3, activation="softmax")').replace("        layers.Dense(1),\n", "") + (
            'model.compile("adam", loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n'
        )
        assert fixed(before, tmp_path) == before.replace("from_logits=True", "from_logits=False")


class TestBytes:
    BEFORE = torch("nn.init.xavier_uniform_(self.a.weight)  # ü")
    AFTER = BEFORE.replace("xavier_uniform_(self.a.weight)", 'kaiming_uniform_(self.a.weight, nonlinearity="relu")')

    def rewritten(self, data: bytes, tmp_path: Path) -> bytes:
        (tmp_path / "net.py").write_bytes(data)
        result = actinit_lint("--isolated", "--no-cache", "--fix", "--unsafe-fixes", tmp_path / "net.py")
        assert result.code == 0, result.err
        return (tmp_path / "net.py").read_bytes()

    def test_line_ends_of_windows(self, tmp_path: Path) -> None:
        before = torch("pass", "torch.selu").replace("\n", "\r\n").encode()
        after = self.rewritten(before, tmp_path)
        assert after.count(b"\r\n") == after.count(b"\n") == before.count(b"\n") + 1

    def test_a_byte_order_mark(self, tmp_path: Path) -> None:
        mark = b"\xef\xbb\xbf"
        assert self.rewritten(mark + self.BEFORE.encode(), tmp_path) == mark + self.AFTER.encode()

    def test_a_coding_line(self, tmp_path: Path) -> None:
        coding = "# -*- coding: latin-1 -*-\n"
        assert self.rewritten((coding + self.BEFORE).encode("latin-1"), tmp_path) == (coding + self.AFTER).encode(
            "latin-1"
        )

    def test_no_line_end_at_the_end(self, tmp_path: Path) -> None:
        assert self.rewritten(self.BEFORE.rstrip("\n").encode(), tmp_path) == self.AFTER.rstrip("\n").encode()

    def test_tabs_and_form_feeds_stay(self, tmp_path: Path) -> None:
        before = self.BEFORE.replace("class Net", "\f\nclass Net")
        assert self.rewritten(before.encode(), tmp_path) == self.AFTER.replace("class Net", "\f\nclass Net").encode()


class TestPatches:
    def test_patches_are_applied_from_the_texts_own_offsets(self) -> None:
        assert apply("abcdef", [Patch(4, 5, "E!"), Patch(1, 2, "B"), Patch(3, 3, "-")]) == "aBc-dE!f"

    def test_equal_patches_are_applied_once(self) -> None:
        assert apply("ab", [Patch(1, 1, "-"), Patch(1, 1, "-")]) == "a-b"

    def test_patches_that_overlap_are_refused(self) -> None:
        with pytest.raises(ValueError, match="overlap"):
            apply("abcdef", [Patch(0, 3, "x"), Patch(2, 4, "y")])

    @pytest.mark.parametrize("text", ["a\nbc\n", "a\r\nb\r\n\r\nc", "\ra\r\rb", "", "ä\x0cb\u2028c\nd"])
    def test_lines_and_offsets_are_each_others_inverse(self, text: str) -> None:
        lines = Lines(text)
        for offset in range(len(text) + 1):
            if offset and text[offset - 1 : offset + 1] == "\r\n":
                continue  # between the two characters of one line end
            assert lines.offset(*lines.position(offset)) == offset


def json_fix(finding: dict[str, Any], text: str) -> str:
    """The text after the edits of one finding of a JSON report, made from what the report says alone."""
    lines = text.split("\n")
    for edit in sorted(finding["fix"]["edits"], key=lambda e: (e["line"], e["column"]), reverse=True):
        first, last = edit["line"] - 1, edit["end_line"] - 1
        joined = lines[first][: edit["column"] - 1] + edit["text"] + lines[last][edit["end_column"] - 1 :]
        lines[first : last + 1] = joined.split("\n")
    return "\n".join(lines)


def test_the_edits_of_the_json_report_are_the_fix(tmp_path: Path) -> None:
    before = torch("xavier_uniform_(self.a.weight)", imports="from torch.nn.init import xavier_uniform_\n")
    (tmp_path / "net.py").write_text(before)
    result = actinit_lint("--isolated", "--no-cache", "--output-format", "json", tmp_path / "net.py")
    (finding,) = result.json["findings"]
    assert finding["fix"]["safety"] == "unsafe"
    assert finding["fix"]["title"] == 'Draw with nn.init.kaiming_uniform_(…, nonlinearity="relu")'
    assert {edit["path"] for edit in finding["fix"]["edits"]} == {finding["path"]}
    assert json_fix(finding, before) == fixed(before, tmp_path)
