"""What a child process does with one file: list its models, or build, feed and measure one of them."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import traceback
from typing import Any

from actinit_lint.probe.explain import limit_reached
from actinit_lint.probe.inference.subjects import NotProbed, torch_subject
from actinit_lint.probe.inference.targets import class_key, file_of_class, find_targets
from actinit_lint.probe.limits import Wants
from actinit_lint.probe.loading.load import Loaded, LoadFailed, load
from actinit_lint.probe.loading.scripts import one_line
from actinit_lint.probe.subject import Limits, Override, Subject

JSON = dict[str, Any]


def scan(request: JSON) -> JSON:
    """The models of a file: {"targets": […]}, or {"problem": why there are none}."""
    try:
        loaded = load(request["path"])
        targets = find_targets(loaded, request.get("name"))
    except LoadFailed as error:
        return {"problem": str(error), "traceback": _user_traceback(error.__cause__, request["path"])}
    if request.get("name") and not targets:
        known = ", ".join(target.name for target in find_targets(loaded))
        return {"problem": f"no model called {request['name']}" + (f"; there are {known}" if known else "")}
    return {"targets": [target.data() for target in targets], "root": loaded.workspace.root}


def probe(request: JSON, wants: Wants) -> JSON:
    """One model's result, without path and name."""
    path = request["path"]
    try:
        loaded = load(path)
        targets = find_targets(loaded, request["name"])
        if not targets:
            raise NotProbed(f"no model called {request['name']}")
        target = targets[0]
        if target.problem is not None:
            raise NotProbed(target.problem)
        override = Override(**request["override"]) if request.get("override") else None
        subject = _subject(loaded, target, override, Limits(**request["limits"]), wants)
    except LoadFailed as error:
        return {"not_probed": str(error), "traceback": _user_traceback(error.__cause__, path)}
    except NotProbed as error:
        trace = _user_traceback(error.cause or error.__cause__, path)
        return {"not_probed": str(error), "hint": error.hint, "traceback": trace}
    about: JSON = {
        "assumptions": [dataclasses.asdict(assumption) for assumption in subject.assumptions],
        "depth_assumed": subject.depth_assumed,
    }
    try:
        about["covers"] = _covers(loaded, subject)
        measurement = measure_module(request["measure"]).measure(subject, request.get("task"))
    except Exception as error:
        reason = limit_reached(one_line(error), Limits(**request["limits"])) or f"measuring failed: {one_line(error)}"
        return {
            **about,
            "not_probed": reason,
            "traceback": _user_traceback(error, path),
        }
    return {**about, "measurement": measurement}


def _subject(loaded: Loaded, target: Any, override: Override | None, limits: Limits, wants: Wants) -> Subject:
    if target.framework == "torch":
        return torch_subject(loaded, target, override, limits, wants)
    from actinit_lint.probe.keras.subjects import keras_subject

    return keras_subject(loaded, target, override, limits, wants)


def measure_module(name: str) -> Any:
    """The module that measures, by dotted name or by path."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location("actinit_lint_probe_measure", name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _covers(loaded: Loaded, subject: Subject) -> list[str]:
    """The user's classes inside a model, those it derives from included."""
    model = subject.build()
    layers = model.modules() if subject.framework == "torch" else [model, *model._flatten_layers()]
    classes = {parent for layer in layers for parent in type(layer).__mro__}
    return sorted(class_key(c) for c in classes if loaded.workspace.is_user_file(file_of_class(c)))


def _user_traceback(error: BaseException | None, path: str) -> str | None:
    """The end of a traceback, from the first frame of the user's file on."""
    if error is None:
        return None
    frames = traceback.extract_tb(error.__traceback__)
    folder = os.path.dirname(os.path.abspath(path)) + os.sep
    start = next((index for index, frame in enumerate(frames) if frame.filename.startswith(folder)), 0)
    lines = traceback.format_list(frames[start:][-12:]) + traceback.format_exception_only(type(error), error)
    return "".join(lines)
