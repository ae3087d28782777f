"""Rule pages: code and name from a file's name, everything else from its front matter, opened only when needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from actinit_lint.settings import Confidence, Level, parse_toml

if TYPE_CHECKING:
    from actinit_lint.rule import Hit

HEADINGS = (
    "What it does",
    "Why is this bad?",
    "Example",
    "Use instead",
    "When it stays silent",
    "Fix safety",
    "References",
)
_FILE_NAME = re.compile(r"(ACT\d{3})-([a-z0-9]+(?:-[a-z0-9]+)*)\.md")


class FrontMatter(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The TOML between `+++` lines."""

    code: str
    name: str
    summary: str
    level: Level
    confidence: Confidence
    frameworks: list[str]
    fix: Literal["safe", "unsafe", "none"]
    since: str
    message: str  # str.format template, filled from a Hit
    help: str | None = None  # likewise
    references: list[str] = []
    check: bool = True  # false: the tool itself reports it, there is no check module
    options: dict[str, Any] = {}


class PageProblem(Exception):
    """A page that cannot be read: the rule author's mistake, said in one line."""


class Page(msgspec.Struct, frozen=True, eq=False):
    """A rule's page. Code and name are known without opening the file."""

    code: str
    name: str
    file: Path
    opened: dict[str, Any] = {}

    @property
    def stem(self) -> str:
        """The name of the check's module."""
        return self.name.replace("-", "_")

    @property
    def matter(self) -> FrontMatter:
        self._open()
        matter: FrontMatter = self.opened["matter"]
        return matter

    @property
    def body(self) -> str:
        """The Markdown after the front matter."""
        self._open()
        body: str = self.opened["body"]
        return body

    def _open(self) -> None:
        if not self.opened:
            matter, body = parse_page(self.file.read_text(encoding="utf-8"), self.file.name)
            if (matter.code, matter.name) != (self.code, self.name):
                raise PageProblem(f"{self.file.name}: says {matter.code} {matter.name}, its file name says otherwise")
            self.opened.update(matter=matter, body=body)

    def message(self, hit: Hit) -> str:
        return self.matter.message.format_map(_values(hit))

    def help(self, hit: Hit) -> str | None:
        if hit.help is not None or self.matter.help is None:
            return hit.help
        return self.matter.help.format_map(_values(hit))


def _values(hit: Hit) -> dict[str, object]:
    """What templates can name. A check's own fields win over numbers, numbers over the hit's names."""
    names = {"model": hit.model, "layer": hit.layer, "initializer": hit.initializer, "activation": hit.activation}
    return {**names, **hit.numbers, **hit.fields}


def parse_page(text: str, file_name: str) -> tuple[FrontMatter, str]:
    """Front matter and body of a page's text; raises PageProblem."""
    parts = re.split(r"^\+\+\+[ \t]*\n", text, maxsplit=2, flags=re.MULTILINE)
    if len(parts) != 3 or parts[0].strip():
        raise PageProblem(f"{file_name}: must begin with TOML front matter between two +++ lines")
    try:
        return msgspec.convert(parse_toml(parts[1]), FrontMatter), parts[2].lstrip("\n")
    except (ValueError, msgspec.ValidationError) as error:
        raise PageProblem(f"{file_name}: bad front matter: {error}") from None


def rules_folder() -> Path:
    """Where the pages lie: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "_rules"
    return packaged if packaged.is_dir() else here.parent / "rules"


@cache
def pages() -> Mapping[str, Page]:
    """Every page by code, in order of code, read from file names alone."""
    matches = (_FILE_NAME.fullmatch(file.name) for file in sorted(rules_folder().iterdir()))
    folder = rules_folder()
    return {m.group(1): Page(m.group(1), m.group(2), folder / m.group(0)) for m in matches if m}


def find(word: str) -> Page | None:
    """The page of a code or a name, however it is capitalised."""
    for page in pages().values():
        if word.upper() == page.code or word.lower() == page.name:
            return page
    return None
