"""ACT104: SELU behind a weight whose variance is not 1/fan_in, the framework's default included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._pair import pair_hit
from actinit_lint.judgement import mistake, variance_ratio
from actinit_lint.model import Link
from actinit_lint.rule import Hit, Level, on


@on(Link)
def check(link: Link, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the initialiser of a layer that SELU cannot normalise, or the constructor that leaves it to the default."""
    tolerance = options["variance-tolerance"]
    if mistake(link, tolerance=tolerance) != "ACT104":
        return
    measured = variance_ratio(link)
    if measured is None:
        return
    level: Level = "info" if link.rescued else "warning"
    hit = pair_hit(link, level, chosen="The default" if link.initializer.is_default else link.initializer.name)
    hit.caption = f"variance {measured:.2g}/fan_in; SELU wants 1/fan_in"
    hit.numbers = {**hit.numbers, "variance_ratio": measured}
    yield hit
