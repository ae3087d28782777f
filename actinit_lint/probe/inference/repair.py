"""Constructor arguments changed after what the constructor's error says about them. Only assumed ones are touched."""

from __future__ import annotations

import dataclasses
import linecache
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from actinit_lint.probe.inference.arguments import Inferrer, RecordedConfig, globals_of, lacking, parameters_of
from actinit_lint.probe.inference.configs import RecordingConfig, text_of
from actinit_lint.probe.inference.names import DEPTH_ROLES, IMAGE, role_of
from actinit_lint.probe.inference.values import Arguments, Fresh

_PLURAL = re.compile(r".*(s|list|dims|shape|size|channels|mult)$")


def repair(
    error: BaseException, arguments: Arguments, function: Callable[..., Any], wants_network: bool
) -> Arguments | None:
    """Other arguments worth trying, or None."""
    if arguments.keeps:
        return None
    if wants_network:
        return without_download(arguments, function)
    message = str(error)
    passed_on = _passed_on(error, arguments, function)
    if passed_on is not None:
        return passed_on
    given = _left_out(error, arguments, function)
    if given is not None:
        return given
    near = _mentioned(error)
    assumed = {name: arguments.kwargs[name] for name in arguments.assumed if name in arguments.kwargs}
    for pattern, rule in _RULES:
        found = re.search(pattern, message)
        if found is None:
            continue
        for name, value in rule(found, _ordered(assumed, near)):
            if arguments.kwargs.get(name) is not value:
                deeper = arguments.depth_assumed or isinstance(value, (list, tuple))
                return dataclasses.replace(arguments, kwargs={**arguments.kwargs, name: value}, depth_assumed=deeper)
    return None


def _passed_on(error: BaseException, arguments: Arguments, function: Callable[..., Any]) -> Arguments | None:
    """With what the constructor turns out to need beside its required arguments."""
    new = lacking(error, function, arguments.kwargs, IMAGE)
    if not new:
        return None
    deeper = arguments.depth_assumed or any(role_of(name) in DEPTH_ROLES for name in new)
    kwargs = {**arguments.kwargs, **new}
    return dataclasses.replace(arguments, kwargs=kwargs, assumed=arguments.assumed | set(new), depth_assumed=deeper)


def _left_out(error: BaseException, arguments: Arguments, function: Callable[..., Any]) -> Arguments | None:
    """With a value for each parameter that is None by default and was at the line of the constructor that failed."""
    place = _constructor_at(error, function)
    if place is None or not (isinstance(error, AssertionError) or "NoneType" in str(error)):
        return None
    line, found = place
    inferrer = Inferrer(IMAGE, globals_of(function), {})
    new = {
        parameter.name: inferrer.needed(parameter, function)
        for parameter in parameters_of(function)
        if parameter.default is None
        and parameter.name not in arguments.kwargs
        and found.get(parameter.name, parameter) is None
        and re.search(rf"\b{parameter.name}\b", line)
    }
    if not new:
        return None
    return dataclasses.replace(
        arguments,
        kwargs={**arguments.kwargs, **new},
        assumed=arguments.assumed | set(new),
        depth_assumed=arguments.depth_assumed or inferrer.depth_assumed,
    )


def _constructor_at(error: BaseException, function: Callable[..., Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The line where the constructor was when it failed, and its variables."""
    code = getattr(function.__init__ if isinstance(function, type) else function, "__code__", None)  # type: ignore[misc]
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code is code:
            return linecache.getline(frame.f_code.co_filename, number), frame.f_locals
    return None


def without_download(arguments: Arguments, function: Callable[..., Any]) -> Arguments | None:
    """The same call with random weights instead of ones from the network."""
    changed = dict(arguments.kwargs)
    for parameter in parameters_of(function):
        if (
            re.fullmatch(r"(.*_)?(pretrained|imagenet|download)(_.*)?", parameter.name)
            and changed.get(parameter.name) is not False
        ):
            changed[parameter.name] = False
        elif re.fullmatch(r"(.*_)?weights", parameter.name) and isinstance(parameter.default, (str, bool)):
            changed[parameter.name] = None
    if changed == dict(arguments.kwargs):
        return None
    return dataclasses.replace(
        arguments, kwargs=changed, assumed=arguments.assumed | (changed.keys() - arguments.kwargs.keys())
    )


def _mentioned(error: BaseException) -> str:
    """The source lines the error passed through, innermost first, as one text."""
    return "\n".join(frame.line or "" for frame in reversed(traceback.extract_tb(error.__traceback__)))


def _ordered(assumed: Mapping[str, Any], near: str) -> dict[str, Any]:
    """The parameters named nearest to where it failed first."""

    def place(name: str) -> int:
        found = re.search(rf"\b{re.escape(name)}\b", near)
        return found.start() if found else len(near) + (0 if _PLURAL.match(name) else 1)

    return {name: assumed[name] for name in sorted(assumed, key=place)}


Changes = Iterator[tuple[str, Any]]


def _several(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    for name, value in assumed.items():
        if type(value) is int:
            yield name, [value] * 4


def _single(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    for name, value in assumed.items():
        if isinstance(value, (list, tuple)) and value:
            yield name, value[0]


def _longer(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    for name, value in assumed.items():
        if isinstance(value, (list, tuple)) and 0 < len(value) < 12:
            yield name, type(value)([*value, value[-1], value[-1]])


def _callable(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    import torch

    for name, value in assumed.items():
        if value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool)):
            yield name, torch.nn.ReLU if role_of(name) == "activation" else torch.nn.Identity
        elif isinstance(value, Fresh):
            yield name, torch.nn.ReLU if value.describe() == "ReLU()" else torch.nn.Identity


def _module(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    import torch

    for name, value in assumed.items():
        if isinstance(value, (int, str, type)) or value is None or callable(value):
            made = torch.nn.ReLU if role_of(name) == "activation" else torch.nn.Identity
            yield name, Fresh(made, (made.__name__ + "()").__str__)


def _object(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    """A number whose attributes are asked for: an object with any attribute."""
    asked: dict[str, Any] = {}
    for name, value in assumed.items():
        if type(value) is int or value is None or value == "default":
            yield name, RecordedConfig(lambda: RecordingConfig(IMAGE, {}, asked), lambda: text_of(asked), [(asked, {})])
            return


def _divisible(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    for name, value in assumed.items():
        if type(value) is int and value not in (1, 2, 4, 8, 64):
            yield name, 64


def _whole(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    for name, value in assumed.items():
        if type(value) is float:
            yield name, 1 if value < 1 else int(value)


def _listed_word(found: re.Match[str], assumed: Mapping[str, Any]) -> Changes:
    """One of the words the message offers."""
    words = [word for word in re.findall(r"['\"]([\w\-]+)['\"]", found.string) if word != "default"]
    for name, value in assumed.items():
        if isinstance(value, str):
            for word in words:
                if word != value:
                    yield name, word


_RULES: list[tuple[str, Callable[[re.Match[str], Mapping[str, Any]], Changes]]] = [
    (r"object is not (iterable|subscriptable)|has no len\(\)|must be an iterable|argument after \* must be", _several),
    (r"is not a Module subclass|cannot assign .* as child module", _module),
    (r"object is not callable", _callable),
    (r"'(int|NoneType|str)' object has no attribute", _object),
    (r"index out of range", _longer),
    (r"not enough values to unpack|zip\(\) argument", _longer),
    (r"(unsupported operand|must be|cannot be interpreted|can't multiply|can only concatenate).*(list|tuple)", _single),
    (r"expected an? (positive )?(int|integer)\b|tuple of ints.* type list|must be int, not (list|tuple)", _single),
    (r"divisible|divide|multiple of", _divisible),
    (r"'float' object cannot be interpreted|must be tuple of ints, .*float|expected int.*float", _whole),
    (
        r"(?i)unknown|invalid|not supported|unsupported|must be one of|not implemented|should be|expected|not found",
        _listed_word,
    ),
]
