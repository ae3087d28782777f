"""Whatever a file says, parsing and following it ends, and without a fault."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings

import actinit_lint.follow.project  # noqa: F401 - it raises the recursion limit, which must not happen within a test
from actinit_lint import program
from actinit_lint.follow import follow
from actinit_lint.model import Link, Use
from tests.fragments import modules

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@given(modules())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=SLOW)
def test_following_never_fails(text: str) -> None:
    (facts,) = follow({"code.py": program.parse(text, "code.py")}, {})
    assert facts.errors == []
    for fact in facts.facts:
        if isinstance(fact, (Link, Use)):
            assert all(weight.writes for weight in fact.layer.weights.values())


@given(modules())
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=SLOW)
def test_following_twice_gives_the_same(text: str) -> None:
    parsed = program.parse(text, "code.py")
    first, second = (follow({"code.py": parsed}, {})[0] for _ in range(2))
    assert [type(fact) for fact in first.facts] == [type(fact) for fact in second.facts]
    assert first.not_followed == second.not_followed


#: Programs that are small and have no end, or no sense.
HARD = {
    "a class that is its own base": """\
from torch import nn
class A(A): pass
A()
""",
    "classes that build each other": """\
from torch import nn
class A(nn.Module):
    def __init__(self):
        self.b = B()
class B(nn.Module):
    def __init__(self):
        self.a = A()
A()
""",
    "a function that calls itself": """\
from torch import nn
def f(x):
    return f(nn.Linear(x, x))
f(1)
""",
    "a loop without end": """\
from torch import nn
x = []
while True:
    x.append(nn.Linear(1, 1))
""",
    "a list that holds itself": """\
from torch import nn
x = []
x.append(x)
nn.Sequential(*x)
nn.ModuleList(x)
str(x)
""",
    "a module that holds itself": """\
from torch import nn
m = nn.Sequential(nn.Linear(1, 1))
m.append(m)
m.apply(print)
for p in m.modules(): p
m(1)
""",
    "a large range": """\
from torch import nn
net = nn.Sequential(*[nn.Linear(9, 9) for _ in range(10 ** 9)])
""",
    "powers of powers": """\
from torch import nn
nn.Linear(9 ** 9 ** 9 ** 9, 2 ** 2 ** 999)
x = 'a' * 10 ** 12
y = [0] * 10 ** 12
""",
    "shifts and huge products": """\
from torch import nn
x = 1 << 10 ** 9
nn.Conv2d(3, 10 ** 400, 10 ** 400)
""",
    "division by zero": """\
from torch import nn
nn.Linear(1 // 0, 1 % 0)
nn.init.normal_(nn.Linear(1, 1).weight, std=1 / 0)
nn.Linear(0, 0)
""",
    "a lambda of itself": """\
from torch import nn
f = lambda g: g(g)
f(f)
nn.Linear(1, 1)
""",
    "a property that asks for itself": """\
from torch import nn
class A(nn.Module):
    @property
    def a(self):
        return self.a
    def __getattr__(self, n):
        return getattr(self, n)
    def forward(self, x):
        return self.a(x) + self.b
""",
    "assignments to everything": """\
from torch import nn
nn.Linear = 3
nn = nn
nn.init.zeros_(nn)
del nn
nn.Linear(1, 1)
""",
    "strange slices": """\
from torch import nn
x = nn.Sequential(nn.Linear(1, 1))
x[::0]; x[5]; x['a']; x[None:..., 1]; x[1.5]; del x[:]
""",
    "negative sizes": """\
from torch import nn
nn.Linear(-1, 2)
nn.LSTM(3, -1)(x)
nn.Conv2d(-3, 4, -2)(x)
""",
    "deep nesting": "from torch import nn\nx = " + "nn.Sequential(" * 80 + "nn.Linear(1, 1)" + ")" * 80 + "\n",
    "many branches": """\
from torch import nn
def f(c):
    x = nn.Linear(1, 1)
""" + "    if c.a:\n        x = nn.Linear(2, 2)\n" * 60,
    "many unknown branches of data": """\
from torch import nn
class A(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(1, 1)
    def forward(self, x):
""" + "        if x.a: x = self.f(x)\n" * 60 + "        return x\n",
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
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=SLOW)
def test_a_text_that_is_no_program_is_a_syntax_problem(text: str) -> None:
    try:
        parsed = program.parse(text, "code.py")
    except program.SyntaxProblem as problem:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\n" not in problem.message
    else:
        follow({"code.py": parsed}, {})
