"""The sentences that text reports share: summary, statistics, what was not followed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from actinit_lint.outcome import Outcome
from actinit_lint.report.look import Look
from actinit_lint.selection import LEVELS

if TYPE_CHECKING:
    from actinit_lint.finding import Finding


def count(number: int, word: str, plural: str | None = None) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {word if number == 1 else plural or word + 's'}"


def summary_lines(outcome: Outcome) -> list[str]:
    """What was found and, always, what was understood: silence must not read as approval."""
    summary = outcome.summary
    layers = f"{count(summary.models, 'model')}, {count(summary.layers_followed, 'layer')} followed"
    unknown = ""
    if summary.layers_not_followed:
        unknown = f", {summary.layers_not_followed} not followed (--show-unknown)"
    elif outcome.not_followed:
        unknown = f", {count(len(outcome.not_followed), 'place')} not followed (--show-unknown)"
    if outcome.shown:
        levels = Counter(finding.level for finding in outcome.shown)
        found = ", ".join(
            f"{levels[level]} info" if level == "info" else count(levels[level], level)
            for level in reversed(LEVELS)
            if levels[level]
        )
        line = f"{found} in {count(summary.files, 'file')}. {layers}{unknown}."
    else:
        line = f"All checks passed: {count(summary.files, 'file')}, {layers}{unknown}."
    return [" ".join([line, *_asides(outcome)]), *_fixable(outcome)]


#: Marks a finding that has a fix.
FIXABLE = "[*]"


def _fixable(outcome: Outcome) -> list[str]:
    """How many findings a fix would take away, and how to ask for it."""
    safeties = Counter(finding.fix.safety for finding in outcome.shown if finding.fix is not None)
    safe, unsafe = safeties["safe"], safeties["unsafe"]
    if safe and unsafe:
        return [f"{FIXABLE} {safe} fixable with --fix, {unsafe} more with --fix --unsafe-fixes."]
    if safe or unsafe:
        return [f"{FIXABLE} {safe or unsafe} fixable with --fix{'' if safe else ' --unsafe-fixes'}."]
    return []


def _asides(outcome: Outcome) -> list[str]:
    asides = []
    if outcome.fixed:
        asides.append(f"{outcome.fixed} fixed in {count(outcome.fixed_files, 'file')}.")
    for level in reversed(LEVELS):
        hidden = outcome.hidden_by_level[level]
        if hidden:
            asides.append(f"{f'{hidden} info' if level == 'info' else count(hidden, level)} hidden (--level {level}).")
    if outcome.hidden_by_confidence:
        asides.append(f"{outcome.hidden_by_confidence} less certain hidden (--min-confidence low).")
    if outcome.suppressed:
        asides.append(f"{outcome.suppressed} suppressed.")
    if outcome.baselined:
        asides.append(f"{outcome.baselined} in the baseline.")
    if outcome.outside_change:
        asides.append(f"{outcome.outside_change} outside the change (--diff-base).")
    if outcome.summary.skipped:
        asides.append(f"{count(outcome.summary.skipped, 'file')} skipped.")
    return asides


#: A gradient that arrives with no more than this change is not worth a word.
UNCHANGED = 0.1


def signal_line(finding: Finding) -> str | None:
    """What becomes of the chain that a finding speaks of; None where nothing is predicted, or nothing is lost.

    `×0.71 per layer, 0.13 of it left after the 6 layers of Net; gradient ×0.8 per layer, 0.3 left`.
    """
    numbers = finding.numbers
    layers, signal, gradient = (numbers.get(key) for key in ("layers", "signal_ratio", "gradient_ratio"))
    if layers is None or signal is None or gradient is None or layers < 2:
        return None
    steps = 1 / (layers - 1)
    of = f" of {finding.model}" if finding.model else ""
    said = f"×{signal**steps:.2g} per layer, {_left(signal)} of it left after the {layers:.0f} layers{of}"
    if abs(gradient - 1) > UNCHANGED:
        said += f"; gradient ×{gradient**steps:.2g} per layer, {_left(gradient)} left"
    return said


def _left(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f} times" if ratio < 1e6 else f"{ratio:.0e} times"


def statistics_lines(outcome: Outcome) -> list[str]:
    """Counts per rule, the commonest first, and the files that took long."""
    counts = Counter((finding.code, finding.name) for finding in outcome.shown)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(str(number)) for _, number in ordered), default=0)
    slow = [f"{seconds:.1f} s to follow {path}" for path, seconds in outcome.slow[:MOST_SLOW]]
    return [*(f"{number:>{width}}  {code} {name}" for (code, name), number in ordered), *slow]


MOST_SLOW = 10  # slow files in the statistics


def unknown_lines(outcome: Outcome, look: Look) -> list[str]:
    """What was not followed, grouped by reason, the commonest reason first."""
    if not look.show_unknown or not outcome.not_followed:
        return []
    places: dict[str, list[str]] = defaultdict(list)
    for entry in outcome.not_followed:
        cell = f"cell {entry.cell}:" if entry.cell is not None else ""
        places[entry.reason].append(entry.path if entry.line is None else f"{entry.path}:{cell}{entry.line}")
    lines = ["Not followed:"]
    for reason, where in sorted(places.items(), key=lambda item: (-len(item[1]), item[0])):
        lines.append(f"  {reason} ({len(where)})")
        lines += [f"    {place}" for place in dict.fromkeys(where)]
    return [*lines, ""]


def printable(text: str) -> str:
    """One line without control characters: source text must not steer a terminal."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)
