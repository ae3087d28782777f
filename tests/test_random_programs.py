"""Whatever a file says, parsing and following it ends, and without a fault."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings

from actinit_lint import program
from actinit_lint.follow import follow
from actinit_lint.model import Link, Use
from tests.fragments import modules

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@given(modules())
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
def test_following_never_fails(text: str) -> None:
    (facts,) = follow({"code.py": program.parse(text, "code.py")}, {})
    assert facts.errors == []
    for fact in facts.facts:
        if isinstance(fact, (Link, Use)):
            assert all(weight.writes for weight in fact.layer.weights.values())


@given(modules())
@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
def test_following_twice_gives_the_same(text: str) -> None:
    parsed = program.parse(text, "code.py")
    first, second = (follow({"code.py": parsed}, {})[0] for _ in range(2))
    assert [type(fact) for fact in first.facts] == [type(fact) for fact in second.facts]
    assert first.not_followed == second.not_followed


#: Programs that are small and have no end, or no sense.
HARD = {
    "a class that is its own base": "from torch import nn\nclass A(A): pass\nA()\n",
    "classes that build each other": (
        "from torch import nn\n"
        "class A(nn.Module):\n    def __init__(self):\n        self.b = B()\n"
        "class B(nn.Module):\n    def __init__(self):\n        self.a = A()\nA()\n"
    ),
    "a function that calls itself": "from torch import nn\ndef f(x):\n    return f(nn.Linear(x, x))\nf(1)\n",
    "a loop without end": "from torch import nn\nx = []\nwhile True:\n    x.append(nn.Linear(1, 1))\n",
    "a list that holds itself": "from torch import nn\nx = []\nx.append(x)\nnn.Sequential(*x)\nnn.ModuleList(x)\nstr(x)\n",
    "a module that holds itself": (
        "from torch import nn\nm = nn.Sequential(nn.Linear(1, 1))\nm.append(m)\nm.apply(print)\nfor p in m.modules(): p\nm(1)\n"
    ),
    "a large range": "from torch import nn\nnet = nn.Sequential(*[nn.Linear(9, 9) for _ in range(10 ** 9)])\n",
    "powers of powers": "from torch import nn\nnn.Linear(9 ** 9 ** 9 ** 9, 2 ** 2 ** 999)\nx = 'a' * 10 ** 12\ny = [0] * 10 ** 12\n",
    "shifts and huge products": "from torch import nn\nx = 1 << 10 ** 9\nnn.Conv2d(3, 10 ** 400, 10 ** 400)\n",
    "division by zero": "from torch import nn\nnn.Linear(1 // 0, 1 % 0)\nnn.init.normal_(nn.Linear(1, 1).weight, std=1 / 0)\nnn.Linear(0, 0)\n",
    "a lambda of itself": "from torch import nn\nf = lambda g: g(g)\nf(f)\nnn.Linear(1, 1)\n",
    "a property that asks for itself": (
        "from torch import nn\nclass A(nn.Module):\n    @property\n    def a(self):\n        return self.a\n"
        "    def __getattr__(self, n):\n        return getattr(self, n)\n    def forward(self, x):\n        return self.a(x) + self.b\n"
    ),
    "assignments to everything": "from torch import nn\nnn.Linear = 3\nnn = nn\nnn.init.zeros_(nn)\ndel nn\nnn.Linear(1, 1)\n",
    "strange slices": "from torch import nn\nx = nn.Sequential(nn.Linear(1, 1))\nx[::0]; x[5]; x['a']; x[None:..., 1]; x[1.5]; del x[:]\n",
    "deep nesting": "from torch import nn\nx = " + "nn.Sequential(" * 80 + "nn.Linear(1, 1)" + ")" * 80 + "\n",
    "many branches": "from torch import nn\ndef f(c):\n    x = nn.Linear(1, 1)\n" + "    if c.a:\n        x = nn.Linear(2, 2)\n" * 60,
    "many unknown branches of data": (
        "from torch import nn\nclass A(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.f = nn.Linear(1, 1)\n"
        "    def forward(self, x):\n" + "        if x.a: x = self.f(x)\n" * 60 + "        return x\n"
    ),
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("text", HARD.values(), ids=HARD.keys())
def test_hard_programs_end(text: str) -> None:
    (facts,) = follow({"code.py": program.parse(text, "code.py")}, {})
    assert facts.errors == []


@example("from torch import nn\nx = nn.Linear(\x001, 1)\n")
@example("x = 'torch\n")
@example("def f(:\n")
@example("\x0c\x0b\u2028 = torch")
@given(modules().map(lambda text: text[: len(text) * 2 // 3]))
@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
def test_a_text_that_is_no_program_is_a_syntax_problem(text: str) -> None:
    try:
        parsed = program.parse(text, "code.py")
    except program.SyntaxProblem as problem:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\n" not in problem.message
    else:
        follow({"code.py": parsed}, {})
