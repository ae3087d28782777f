"""The probe: builds a model, feeds it and measures it, in processes of its own.

Two halves meet here. `supervisor` runs in the linter and never imports a framework. `child` runs in the interpreter
that has torch or keras, which may be another Python without this package's dependencies: whatever the child imports
uses the standard library and the framework alone, and what crosses the pipe is JSON.

In the child, after the framework and before any of the user's code is loaded, `measure.prepare(framework)` is called
once; then, for each model, `measure.measure(subject, task)`, whose result (JSON data, nan and inf allowed) becomes
`Result.measurement`.

It is no security sandbox: it contains accidents, not attacks.
"""
