"""ACT101: Xavier's gain 1 on a hidden layer in front of a rectifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._pair import pair_hit
from actinit_lint.judgement import mistake
from actinit_lint.model import Link
from actinit_lint.rule import Hit, on


@on(Link)
def check(link: Link, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the initialiser whose gain ignores that a rectifier lets through half of the second moment."""
    if mistake(link, ratio=options["gain-ratio"]) == "ACT101":
        yield pair_hit(link)
