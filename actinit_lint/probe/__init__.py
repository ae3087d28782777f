"""The probe: builds a model, feeds it and measures it, in processes of its own.

Two halves meet here. `supervisor` runs in the linter and never imports a framework. `child` runs in the interpreter
that has torch or keras, which may be another Python without this package's dependencies: whatever the child imports
uses the standard library and the framework alone, and what crosses the pipe is JSON.

In the child, after the framework and before any of the user's code is loaded, `measure.prepare(framework)` is called
once; then, for each model, `measure.measure(subject, task)`, whose result (JSON data, nan and inf allowed) becomes
`Result.measurement`.

It is no security sandbox: it contains accidents, not attacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from actinit_lint.probe.inspection import Report


def inspect(model: Any, inputs: Any = None, loss: Callable[[Any], Any] | None = None) -> Report:
    """Measure a model that stands ready in this process: `actinit_lint.probe.inspection.inspect`."""
    from actinit_lint.probe.inspection import inspect as measured

    return measured(model, inputs, loss)
