"""ACT102: He's gain, which belongs to a rectifier, on a weight that feeds a saturating activation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._pair import pair_hit
from actinit_lint.judgement import mistake, spell
from actinit_lint.model import Link
from actinit_lint.rule import Hit, on


@on(Link)
def check(link: Link, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the He call in front of tanh, sigmoid and the like, or on a recurrent cell that has them inside."""
    if mistake(link, ratio=options["gain-ratio"]) != "ACT102":
        return
    after = spell(link.activation)
    inside = f"on {link.weight.name} of {link.layer.kind}, whose {after}"
    yield pair_hit(link, where=inside if link.layer.recurrent else f"in front of {after}, which")
