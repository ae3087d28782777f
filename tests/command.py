"""Run the command in this process and keep what it wrote, byte for byte."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actinit_lint.cli import main

GOOD = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 256)
        self.head = nn.Linear(256, 10)
        nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity="relu")

    def forward(self, x):
        return self.head(self.hidden(x).relu())
"""

#: As GOOD, with Xavier in line 9.
BAD = GOOD.replace('kaiming_uniform_(self.hidden.weight, nonlinearity="relu")', "xavier_uniform_(self.hidden.weight)")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """Codes of the findings of a JSON report."""
        return [finding["code"] for finding in self.json["findings"]]


class _Stdin(io.TextIOWrapper):
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")


@contextlib.contextmanager
def _stdin(data: bytes) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = _Stdin(data)
    try:
        yield
    finally:
        sys.stdin = before


def actinit_lint(*argv: str | Path, stdin: bytes = b"", encoding: str = "utf-8") -> Result:
    """The exit code, standard output and standard error of a command line."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n", write_through=True)
    err = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _stdin(stdin):
        code = main([str(argument) for argument in argv])
    out.flush()
    written = out.buffer
    assert isinstance(written, io.BytesIO)
    return Result(code, written.getvalue().decode(encoding), err.getvalue())


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write a tree of files and give back its folder."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
