"""What is said about a finding once its model ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["confirmed", "not-observed", "not-probed"]
Outlook = Literal["harmless", "slow", "dead"]


@dataclass(frozen=True, slots=True)
class Probed:
    """A verdict with its evidence: numbers as predicted, as measured, and as measured with the remedies."""

    verdict: Verdict
    evidence: str  # one line; the reason where nothing was measured
    outlook: Outlook | None = None  # how bad it is at this depth
    weak: bool = False  # the depth was assumed
    quantity: str | None = None  # what the numbers below are
    predicted: float | None = None
    measured: float | None = None
    cured: float | None = None
    chain: dict[str, float] = field(default_factory=dict)  # log10 of the ratios over the whole chain
    cured_chain: dict[str, float] = field(default_factory=dict)  # the same with the remedies
