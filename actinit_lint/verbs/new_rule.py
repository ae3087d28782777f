"""`actinit-lint rule --new CODE NAME`: a page and a check that already run, to be filled in."""

from __future__ import annotations

import re
from pathlib import Path

from actinit_lint import __version__
from actinit_lint.pages import pages, rules_folder
from actinit_lint.problem import UserProblem

PAGE = """\
+++
code = "{code}"
name = "{name}"
summary = "What is wrong, in one line"
level = "warning"
confidence = "high"
frameworks = ["torch", "keras"]
fix = "none"
since = "{version}"
message = "{{layer}} meets {{activation}}: say what is wrong with it"
help = "say what to write instead"
references = []

[options]
+++

# {name} ({code})

## What it does

## Why is this bad?

## Example

```python
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 256)
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        return self.head(self.hidden(x).relu())
```

Mark the line that must be reported with `# error: [{code}]`.

## Use instead

```python
from torch import nn
```

## When it stays silent

## Fix safety

There is no automatic fix.

## References
"""

CHECK = '''\
"""{code} {name}: what it finds, in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import Link
from actinit_lint.rule import Hit, on


@on(Link)
def check(link: Link, options: Mapping[str, Any]) -> Iterator[Hit]:
    if not link.hidden:
        return
    if link.rescued:
        return
    # one early return for each case that is left alone, in the order a person would ask; then:
    if link.initializer.name != "the one that is wrong":
        return
    yield Hit(
        at=link.weight.write.place,
        caption="say what is wrong here",
        also=((link.layer.place, "this layer"), *link.activation.places),
        confidence=link.confidence,
        model=link.model,
        layer=link.layer.path,
        initializer=link.initializer.name,
        activation=link.activation.name,
    )
'''


def create(code: str, name: str) -> list[Path]:
    """Write both files; refuses what exists, what is spelt wrong, and an installed package."""
    code = code.upper()
    if not re.fullmatch(r"ACT\d{3}", code):
        raise UserProblem(f'"{code}" is no rule code: expected ACT and three digits')
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UserProblem(
            f'"{name}" is no rule name: expected words in lower case with hyphens between, like xavier-before-relu'
        )
    for page in pages().values():
        if code == page.code or name == page.name:
            raise UserProblem(f"{page.code} {page.name} exists already; choose another code and name")
    folder = rules_folder()
    if folder.name != "rules":
        raise UserProblem("new rules are written in a checkout of actinit-lint, installed with `pip install -e .`")
    files = {
        folder / f"{code}-{name}.md": PAGE,
        folder.parent / "actinit_lint" / "checks" / f"{name.replace('-', '_')}.py": CHECK,
    }
    for file in files:
        if file.exists():
            raise UserProblem(f"{file}: exists already")
    for file, template in files.items():
        file.write_text(template.format(code=code, name=name, version=__version__), encoding="utf-8")
    return list(files)
