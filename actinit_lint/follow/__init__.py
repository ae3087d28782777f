"""Follow: from Programs to Models, by running the code abstractly. Nothing of it is ever executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actinit_lint.disk import Disk
from actinit_lint.model import FileFacts
from actinit_lint.program import Program

__all__ = ["follow"]


def follow(
    programs: Mapping[str, Program],
    wrappers: Mapping[str, Any] | None = None,
    disk: Disk | None = None,
    spare: Mapping[str, Program] | None = None,
) -> list[FileFacts]:
    """Follow all files of a run together; one FileFacts for each, in the order given.

    `spare` are files that are there to be imported, and reported on only where others use them.
    """
    from actinit_lint.follow.project import Project

    return Project(programs, wrappers or {}, disk or Disk(), spare or {}).facts()
