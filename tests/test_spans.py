"""Positions of pieces of source against libcst's own PositionProvider, which needs a walk through the whole tree."""

from __future__ import annotations

import libcst as cst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libcst.metadata import MetadataWrapper, PositionProvider

from actinit_lint import program
from actinit_lint.program.lower import lower
from actinit_lint.program.spans import LINE_END
from tests.fragments import modules

TEXTS = {
    "decorators": """\
@register
@wrap(1, name="x")
class Net(nn.Module):
    @torch.no_grad()
    @property
    def first(self): return self.fc1

    @staticmethod
    async def block(a, *b, c=1, **d) -> int:
        return await nn.Linear(a, c)
""",
    "parentheses": """\
x = ((a))
y = (nn.Linear(
    1, 2,
))
z = (a + (b)) * ( c )
w = (yield_)
f((lambda: (1)), (i for i in (x)))
t = (1,), (), [ ( 2 ) ], {(3): (4)}
(a.b).c((d))[(e)]
print((yy := (3)))
""",
    "several lines": '''\
net = nn.Sequential(
    nn.Linear(1, 2),  # a comment, with (brackets
    nn.ReLU(),

    *[nn.Linear(2, 2) for _ in range(3) if _],
)
text = """
  lines ' of "
""" "and more" \\
    'and more'
value = a + \\
    b
''',
    "statements": """\
import a.b as c, d
from . import (e, f as g)
from ..h import *
if a: b()
elif c:
    d()
else:
    e()
for i, (j, k) in enumerate(x): continue
else: pass
while not a: break
with a as b, c: d()
with (
    a() as b,
    c(),
): pass
try:
    a()
except (B, C) as e: d()
except: raise
else: f()
finally: g()
del a.b, c[0]
global q
x: int = 1
y: str
x += 1; y **= 2; assert a, b
match a:
    case 1: b()
    case _: c()
return_ = not -+~a
def f(a, /, b=1, *, c: int = 2): yield a; return b
lambda *a, b=1, **c: a
a < b <= c != d is not e not in f
a if b else c or d and e
a[1], a[1:2], a[::3], a[:, None, ...]
{**a, "b": 1}; {1, 2}; {k: v for k, v in a}; {x async for x in y}
""",
    "carriage returns": (
        "class A:\r\n    x = nn.Linear(1,\r\n        2)\r\n\r\n    def f(self):\r\n        return self.x(y)\r\n"
    ),
    "old Macintosh": "a = b(1)\rc = d(\r  2)\r",
    "tabs": "class A:\n\tdef f(self):\n\t\tx = nn.Linear(1,\t2)\t# tab\n\t\treturn\tself.x(\ty\t)\n",
    "mixed indentation": "if a:\n  b(1)\n  if c:\n        d(2)\nelse:\n\te(3)\n",
    "form feeds": "a = f(1)\n\x0cclass B:\n    x = g(2)\n\x0c\n    y = h(3)\n\x0c    z = h(4)\n    \x0cw = h(5)\n",
    "unicode": 'größe = netz("Ü 🙂 é", λ=nn.Linear(1, 2)); ω = "\u2028" + f("🙂")\nnaïve = größe(ω)\n',
    "nested f-strings": """\
a = f"{f'{b.c(1)}' + d!r:>{width}} {{x}} {e['k']}" f'{g}'
b = rf'{h(2)}\\d' 'tail'
setattr(self, f'fc{i + 1}', nn.Linear(1, 2))
""",
    "nothing at the end of the file": "a = f(1)\nb = g(2)",
    "only comments": "# a\n\n# b\n",
    "leading blank lines and a shebang": "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n\nx = f(1)\n",
    "semicolons and spaces": "a = f( 1 ) ;b = g (2 );  c = a [ 0 ] . d  (e  =  1)\n",
    "deep brackets": "x = " + "f(" * 40 + "1" + ")" * 40 + "\n",
}  # fmt: skip


#: No finding points at these, and libcst notes no position for them on the way.
WITHOUT_POSITION = (cst.Slice, cst.FormattedStringText, cst.FormattedStringExpression)


def compare(text: str) -> int:
    """Compare every numbered piece with the parser's own position and with the text; how many there were."""
    module = cst.parse_module(text)
    nodes: list[cst.CSTNode] = []
    lower(module, "code.py", nodes)
    wanted = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    found = program.locate(text, "code.py", range(len(nodes)))
    lines = LINE_END.split(text)
    lossless = module.code == text
    for at, node in enumerate(nodes):
        if isinstance(node, WITHOUT_POSITION):
            assert at not in found
            continue
        line, column, end_line, end_column = found[at]
        if lossless:
            start, end = wanted[node].start, wanted[node].end
            assert found[at] == (start.line, start.column + 1, end.line, end.column + 1)
        if line == end_line and not getattr(node, "lpar", ()) and isinstance(node, cst.BaseExpression):
            assert lines[line - 1][column - 1 : end_column - 1] == module.code_for_node(node)
    return len(nodes)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_positions_agree_with_the_parser_s_own(text: str) -> None:
    compare(text)


def test_a_piece_is_what_its_position_says() -> None:
    text = TEXTS["unicode"]
    parsed = program.parse(text, "code.py")
    positions = program.locate(text, "code.py", range(parsed.nodes))
    pieces = {text.split("\n")[line - 1][column - 1 : end - 1] for line, column, last, end in positions.values()}
    assert {"nn.Linear(1, 2)", 'f("🙂")', "größe(ω)", '"Ü 🙂 é"'} <= pieces


def test_numbers_that_the_file_does_not_have_are_left_out() -> None:
    assert program.locate("a = 1\n", "code.py", [10**6]) == {}
    assert program.locate("a = 1\n", "code.py", []) == {}


@given(st.sampled_from(sorted(TEXTS)), st.sampled_from(sorted(TEXTS)))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_positions_agree_in_two_texts_one_after_the_other(first: str, second: str) -> None:
    text = TEXTS[first].replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n" + TEXTS[second]
    compare(text)


@given(modules())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_positions_agree_in_programs_of_fragments(text: str) -> None:
    assert compare(text) > 0
