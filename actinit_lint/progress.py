"""A progress line on stderr, for a terminal that has waited longer than a second."""

from __future__ import annotations

import time
from typing import TextIO

PATIENCE = 1.0  # seconds before anything is shown
PAUSE = 0.1  # seconds between two updates


class Progress:
    """Counts up on one line and takes it away at the end."""

    def __init__(self, out: TextIO, enabled: bool = True) -> None:
        self._out = out
        self._enabled = enabled and out.isatty()
        self._next = time.monotonic() + PATIENCE
        self._shown = False

    def step(self, what: str, done: int, total: int) -> None:
        if not self._enabled or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PAUSE
        self._shown = True
        self._out.write(f"\r\x1b[K{what} {done}/{total}" if total else f"\r\x1b[K{what}")
        self._out.flush()

    def close(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = False
