"""Which values never exist side by side: those that different branches of one condition make."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import inf

from actinit_lint.follow.values import tick


@dataclass(slots=True)
class Ways:
    """The branches that were run so far, as spans of time. Spans nest as the branches do."""

    starts: list[int] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    conditions: list[int] = field(default_factory=list)  # the condition that a branch belongs to
    outer: list[int] = field(default_factory=list)  # the branch that it lies in; -1: none
    inside: int = -1  # the branch that runs now
    count: int = 0

    def condition(self) -> int:
        """A number for the condition whose branches are run next."""
        self.count += 1
        return self.count

    def enter(self, condition: int) -> int:
        """Begin a branch; when it began."""
        start = tick()
        self.starts.append(start)
        self.ends.append(inf)
        self.conditions.append(condition)
        self.outer.append(self.inside)
        self.inside = len(self.starts) - 1
        return start

    def leave(self) -> None:
        """End the branch that runs now."""
        self.ends[self.inside] = tick()
        self.inside = self.outer[self.inside]

    def exclude(self, born: int, other: int) -> bool:
        """Whether two values, by when they were made, come from different branches of one condition."""
        if born == other:
            return False
        branches = self._around(born)
        return any(branches.get(condition, branch) != branch for condition, branch in self._around(other).items())

    def _around(self, born: int) -> dict[int, int]:
        """The branches that a value was made in, by their conditions."""
        found: dict[int, int] = {}
        branch = bisect_right(self.starts, born) - 1
        while branch >= 0:
            if born < self.ends[branch]:
                found[self.conditions[branch]] = branch
            branch = self.outer[branch]
        return found
