"""A progress line on stderr, for a terminal that has waited longer than a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from threading import Timer

PATIENCE = 1.0  # seconds before anything is shown
PAUSE = 0.1  # seconds between two updates of one stage


class Progress:
    """Counts up on one line and takes it away at the end."""

    def __init__(self, out: TextIO, enabled: bool = True) -> None:
        self._out = out
        self._enabled = enabled and out.isatty()
        self._next = time.monotonic() + PATIENCE
        self._what = self._text = ""
        self._shown = False
        self._timer: Timer | None = None

    def step(self, what: str, done: int, total: int) -> None:
        """Say where the run is; `total` 0 where a stage cannot count."""
        if not self._enabled:
            return
        self._text = f"{what} {done}/{total}" if total else f"{what} ..."
        now = time.monotonic()
        if self._timer is None:
            # a stage that takes long without a step of its own must be shown too
            from threading import Timer

            self._timer = Timer(PATIENCE, self._show)
            self._timer.daemon = True
            self._timer.start()
        elif self._shown and (now >= self._next or what != self._what):
            self._show()
        self._what = what

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = False

    def _show(self) -> None:
        self._next = time.monotonic() + PAUSE
        self._shown = True
        self._out.write(f"\r\x1b[K{self._text}")
        self._out.flush()
