"""A bar on a logarithmic scale: full while nothing is lost, one cell shorter for each factor of ten."""

from __future__ import annotations

CELLS = 6


def bar(decades: float, unicode: bool = True) -> str:
    """What is left of a signal that changed by 10^decades; `+` for each factor of ten that it grew by.

    `██████` at 1, `████··` at 0.01, `██████+++` at 1000.
    """
    full, empty = ("█", "·") if unicode else ("#", ".")
    left = min(CELLS, max(0, CELLS + round(decades)))
    return full * left + empty * (CELLS - left) + "+" * min(CELLS, max(0, round(decades)))
