"""The warm child: imports the framework once, then answers requests, each in its own process where that can be had.

Requests and answers are lines of JSON on stdin and stdout. Runs in the interpreter that has the framework; uses the
standard library and the framework alone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from actinit_lint.probe import cage, limits, worker
from actinit_lint.probe.explain import explain
from actinit_lint.probe.limits import Wants
from actinit_lint.probe.loading.scripts import one_line
from actinit_lint.probe.subject import Limits

JSON = dict[str, Any]


def main(options: JSON) -> None:
    """Serve until stdin ends. `options`: folder, fork, network."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sink = os.open(os.devnull, os.O_WRONLY)
    limits.silence(sink)

    def answer(message: JSON) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    limits.move_into(options["folder"])
    try:
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
    except Exception as error:
        answer({"problem": f"PyTorch cannot be imported in this Python ({sys.executable}): {one_line(error)}"})
        return
    answer({"ready": torch.__version__})
    serve = _forking if options["fork"] else _inline
    serve(requests, answer, options)


def _prepared(requests: Any, answer: Any) -> Iterator[JSON]:
    """The requests whose framework is there; the others are answered with their problem."""
    while line := requests.readline():
        request = json.loads(line)
        problem = _prepare(request)
        if problem is None:
            yield request
        else:
            answer({"problem": problem})


def _forking(requests: Any, answer: Any, options: JSON) -> None:
    from actinit_lint.probe import processes

    processes.adopt_orphans()
    for request in _prepared(requests, answer):
        folder = tempfile.mkdtemp(dir=options["folder"])
        bounds = Limits(**request["limits"])
        ended = cage.run(partial(work, request), bounds, folder, options["network"], requests.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        if ended.how == "abandoned":
            return
        if ended.how == "done":
            answer(ended.value)
        else:
            answer({"not_probed": explain(ended, bounds, request["path"])})


def _inline(requests: Any, answer: Any, options: JSON) -> None:
    """Without fork: in this process; the parent ends it when a model takes too long or the file changes."""
    wants = limits.guard(options["folder"], options["network"])
    for request in _prepared(requests, answer):
        try:
            answer(work(request, wants))
        except BaseException as error:
            ended = cage.Ended("raised", one_line(error))
            answer({"not_probed": explain(ended, Limits(**request["limits"]), request["path"])})


def work(request: JSON, wants: Wants) -> JSON:
    _before_user_code(request)
    return worker.scan(request) if request["op"] == "scan" else worker.probe(request, wants)


def _prepare(request: JSON) -> str | None:
    """Import, once, what the file needs beside torch; why that cannot be."""
    if request["keras"] and "keras" not in sys.modules:
        try:
            importlib.import_module("keras")
        except Exception as error:
            return f"Keras cannot be imported in this Python ({sys.executable}): {one_line(error)}"
    return None


def _before_user_code(request: JSON) -> None:
    import torch

    if request["keras"]:
        from actinit_lint.probe.keras import leniency, tensorflow

        tensorflow.provide()
        leniency.relax()
    torch.compile = _unchanged
    if request["op"] == "probe":
        prepare = getattr(worker.measure_module(request["measure"]), "prepare", None)
        if prepare is not None:
            prepare("keras" if request["keras"] else "torch")
    torch.manual_seed(0)


def _unchanged(model: Any = None, *_: Any, **__: Any) -> Any:
    """In place of `torch.compile`: the model itself, also when used as a decorator with options."""
    return model if model is not None else _unchanged


with contextlib.suppress(AttributeError):
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
