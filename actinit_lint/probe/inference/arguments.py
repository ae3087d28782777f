"""Values for required parameters, from their annotations and names, under a profile of sizes."""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import enum
import functools
import inspect
import re
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from actinit_lint.probe.inference.configs import RecordingConfig, guesses_depth, is_config_name, text_of
from actinit_lint.probe.inference.names import DEPTH_ROLES, Profile, plain_value, role_of, snake
from actinit_lint.probe.inference.values import Arguments, Fresh, realise, show
from actinit_lint.probe.inference.words import words_for
from actinit_lint.probe.loading.placeholders import Placeholder
from actinit_lint.probe.loading.stubs import Stub

_NOTHING: Any = object()
_DEEPEST = 2  # levels of objects built as arguments of objects
#: Names of parameters that take a model, whatever else they may say.
_MODEL_NAME = re.compile(
    r"(?!(d|dim|n|num|use|has)_)(.*_)?(encoder|decoder|backbone|net|network|model|module|discriminator|generator"
    r"|extractor|submodule|unet|vit|vae|actor|critic|transformer)"
)
#: Names that take a layer where nothing else fits.
_LAYER_NAME = re.compile(
    r"(.*_)?(layer|fn|func|head|embed(ding|der)?|policy|base|features|classifier|trunk|body|neck|attention|attn|mlp|ff)"
)


class Inferrer:
    """Infers under one profile. `names` are the globals of the file that defines what is called."""

    def __init__(self, profile: Profile, names: Mapping[str, Any], defaults: Mapping[str, tuple[Any, str]]) -> None:
        self.profile, self.names, self.defaults = profile, names, defaults
        self.depth_assumed = False

    def arguments(self, function: Callable[..., Any]) -> Arguments:
        """All required parameters of a class or function."""
        values = self.required(function)
        return Arguments((), values, "assumed", frozenset(values), self.depth_assumed)

    def required(self, function: Callable[..., Any], level: int = 0, but: Mapping[str, Any] = {}) -> dict[str, Any]:
        values = {}
        for parameter in parameters_of(function):
            if parameter.default is parameter.empty and parameter.name not in but:
                values[parameter.name] = self.value(parameter, function, level)
        return values

    def value(self, parameter: inspect.Parameter, function: Callable[..., Any], level: int = 0) -> Any:
        """One parameter's value; there always is one."""
        name = parameter.name
        role = role_of(name)
        if role in DEPTH_ROLES:
            self.depth_assumed = True
        value = self._annotated(annotation_of(parameter, function), name, function, level)
        if value is _NOTHING and is_config_name(name):
            value = self._config(level)
        if value is _NOTHING and _MODEL_NAME.fullmatch(snake(name)):
            value = self._module_called(name, level, function)
        if value is _NOTHING and role is not None:
            value = self._by_role(role, name, function)
        if value is _NOTHING and _LAYER_NAME.fullmatch(snake(name)):
            value = self._module_called(name, level, function)
        return self.profile.width if value is _NOTHING else value

    def needed(self, parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
        """The value of an optional parameter that turns out to be required."""
        annotation = annotation_of(parameter, function)
        if typing.get_origin(annotation) in (typing.Union, types.UnionType):
            inner = tuple(part for part in typing.get_args(annotation) if part is not type(None))
            annotation = typing.Union[inner]  # noqa: UP007 -- of as many as there are
        return self.value(parameter.replace(annotation=annotation), function)

    def _by_role(self, role: str, name: str, function: Callable[..., Any]) -> Any:
        words = words_for(name, function)
        if words and (role in ("word", "activation", "norm", "block", "zero")):
            return words[0]
        value = plain_value(role, self.profile)
        if value is not None:
            return value
        import torch

        if role == "dtype":
            return torch.float32
        if role == "activation":
            return self._activation()
        if role == "norm":
            return torch.nn.BatchNorm2d if "Conv2d" in _source(function) else torch.nn.LayerNorm
        if role == "block":
            own = [c for n, c in self._modules(self._is_own) if re.search("block|bottleneck", n, re.IGNORECASE)]
            return own[0] if own else torch.nn.Identity
        return _NOTHING

    def _word(self, role: str | None, by_name: Any) -> str:
        return by_name if isinstance(by_name, str) else "relu" if role == "activation" else "default"

    def _activation(self) -> Any:
        import torch

        forms = {
            "class": torch.nn.ReLU,
            "object": Fresh(torch.nn.ReLU, lambda: "ReLU()"),
            "function": torch.relu,
            "name": "relu",
        }
        return forms[self.profile.activation]

    def _annotated(self, annotation: Any, name: str, function: Callable[..., Any], level: int) -> Any:
        """By annotation, the name deciding where that leaves a choice; `_NOTHING` when it says nothing."""
        if annotation in (inspect.Parameter.empty, Any, object, None) or isinstance(
            annotation, (str, Stub, Placeholder)
        ):
            return _NOTHING
        role = role_of(name)
        by_name = plain_value(role, self.profile)
        origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            return self._annotated(inner[0], name, function, level)
        if origin in (typing.Union, types.UnionType):
            return self._union(inner, name, role, function, level)
        if origin is typing.Literal:
            return inner[0]
        if annotation is bool:
            return False
        if annotation is int:
            return by_name if type(by_name) is int else self.profile.width
        if annotation is float:
            return (
                float(by_name)
                if type(by_name) in (int, float) and role in ("rate", "dropout", "epsilon", "ratio")
                else 0.1
            )
        if annotation is str:
            return (words_for(name, function) or [self._word(role, by_name)])[0]
        if _is_sequence(origin) or annotation in (list, tuple):
            return self._sequence(annotation, origin, inner, name, by_name, function, level)
        if annotation is dict or origin in (dict, collections.abc.Mapping):
            return {}
        if origin is collections.abc.Callable or annotation in (typing.Callable, collections.abc.Callable):
            return (
                self._by_role(role, name, function) if role in ("activation", "norm", "block") else self._activation()
            )
        if origin is type or annotation is type:
            return self._class_wanted(inner, role, name, function)
        if isinstance(annotation, type):
            return self._instance(annotation, name, level, function)
        return _NOTHING

    def _union(
        self, inner: tuple[Any, ...], name: str, role: str | None, function: Callable[..., Any], level: int
    ) -> Any:
        if type(None) in inner and role is None:
            return None
        for part in inner:
            if part is not type(None):
                value = self._annotated(part, name, function, level)
                if value is not _NOTHING:
                    return value
        return None if type(None) in inner else _NOTHING

    def _sequence(
        self, annotation: Any, origin: Any, inner: tuple[Any, ...], name: str, by_name: Any, function: Any, level: int
    ) -> Any:
        kind: type = tuple if tuple in (annotation, origin) else list
        if isinstance(by_name, (list, tuple)):
            return kind(by_name)
        fixed = kind is tuple and inner and inner[-1] is not Ellipsis
        count = len(inner) if fixed else 4 if self.profile.depth_list else 2
        part = self._annotated(inner[0], name, function, level) if inner else by_name
        if part is _NOTHING or part is None:
            part = self.profile.width
        if not fixed:
            self.depth_assumed = True  # its length is often the number of layers
        return kind([part] * count)

    def _class_wanted(self, inner: tuple[Any, ...], role: str | None, name: str, function: Callable[..., Any]) -> Any:
        import torch

        if role in ("activation", "norm", "block"):
            value = self._by_role(role, name, function)
            return value if isinstance(value, type) else torch.nn.ReLU
        if inner and isinstance(inner[0], type) and inner[0] is not torch.nn.Module:
            return inner[0]
        return torch.nn.Identity

    def _instance(self, wanted: type, name: str, level: int, function: Callable[..., Any]) -> Any:
        """An object of an annotated class, its own arguments inferred in turn."""
        import torch

        if wanted is torch.Tensor:
            width = self.profile.width
            return Fresh(lambda: torch.randn(width), lambda: f"randn({width})")
        if wanted is torch.device:
            return torch.device("cpu")
        if wanted is torch.dtype:
            return torch.float32
        if issubclass(wanted, enum.Enum):
            return next(iter(wanted), _NOTHING)
        if wanted in (torch.nn.Module, torch.nn.Sequential):
            found = self._module_called(name, level, function)
            return (
                Fresh(lambda: torch.nn.Sequential(torch.nn.Identity()), lambda: "Sequential(Identity())")
                if (found is _NOTHING or wanted is torch.nn.Sequential)
                else found
            )
        if wanted is torch.nn.ModuleList:
            return Fresh(lambda: torch.nn.ModuleList([torch.nn.Identity()]), lambda: "ModuleList([Identity()])")
        buildable = issubclass(wanted, torch.nn.Module) or dataclasses.is_dataclass(wanted) or self._is_own(wanted)
        return self._built(wanted, level) if buildable and level < _DEEPEST else _NOTHING

    def _config(self, level: int) -> Any:
        """The file's own configuration class, else an object that makes values up by name."""
        if level < _DEEPEST:
            for name, value in self.names.items():
                if isinstance(value, type) and re.search(
                    r"(Config|Cfg|Args|Params|Options|Opts?|HParams|Settings)$", name
                ):
                    if dataclasses.is_dataclass(value) or self._is_own(value):
                        return self._built(value, level)
        asked: dict[str, Any] = {}
        known = {name: value for name, (value, _) in self.defaults.items()}

        def make() -> RecordingConfig:
            config = RecordingConfig(self.profile, known, asked)
            return config

        fresh = RecordedConfig(make, lambda: text_of(asked))
        fresh.register(asked, known)
        return fresh

    def _module_called(self, name: str, level: int, function: Callable[..., Any] | None = None) -> Any:
        """A module class whose name fits the parameter's, or that has what the function reads of it.

        Of the file, or for the latter of its package too; else one that passes its input on.
        """
        import torch

        wanted = snake(name).replace("_", "")
        if level < _DEEPEST:
            own = [(class_name.lower(), value) for class_name, value in self._modules(self._is_own)]
            exact = [value for class_name, value in own if class_name == wanted]
            close = [value for class_name, value in own if wanted in class_name and len(wanted) > 3]
            read = attributes_read(function, name) if function is not None else set()
            alike = [value for _, value in self._modules(self._is_near) if value is not function] if read else []
            fitting = [value for value in alike if read <= attributes_of(value)]
            for value in (*exact, *close, *fitting):
                return self._built(value, level)
        return Fresh(torch.nn.Identity, lambda: "Identity()")

    def _built(self, wanted: type, level: int) -> Any:
        return Built.of(wanted, self.required(wanted, level + 1), self.profile)

    def _modules(self, among: Callable[[type], bool]) -> list[tuple[str, type]]:
        import torch

        return [
            (name, value)
            for name, value in self.names.items()
            if isinstance(value, type) and issubclass(value, torch.nn.Module) and among(value)
        ]

    def _is_own(self, value: type) -> bool:
        return value.__module__ == self.names.get("__name__")

    def _is_near(self, value: type) -> bool:
        return value.__module__.partition(".")[0] == str(self.names.get("__name__")).partition(".")[0]


@dataclasses.dataclass(frozen=True, slots=True)
class Built(Fresh):
    """An object of a class; what its constructor turns out to need beside its required arguments is added."""

    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    added: dict[str, Any] = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(wanted: type, kwargs: dict[str, Any], profile: Profile) -> Built:
        added: dict[str, Any] = {}

        def make() -> Any:
            while True:
                try:
                    return wanted(**realise(kwargs), **realise(added))
                except Exception as error:
                    more = lacking(error, wanted, {**kwargs, **added}, profile)
                    if not more:
                        raise
                    added.update(more)

        def describe() -> str:
            given = {**kwargs, **added}
            return f"{wanted.__name__}({', '.join(f'{key}={show(value)}' for key, value in given.items())})"

        return Built(make, describe, kwargs, added)

    def guesses_depth(self) -> bool:
        inner = (value for value in self.kwargs.values() if isinstance(value, Built))
        return any(role_of(name) in DEPTH_ROLES for name in self.added) or any(one.guesses_depth() for one in inner)


#: What says that an argument is needed that no signature asks for.
_LACKING = re.compile(
    r"missing \d+ required .*arguments?: (?P<listed>.*)"
    r"|[`'\"]?\b(?P<named>\w+)[`'\"]? must be (passed|given|specified|provided|supplied|set)\b"
)


def lacking(
    error: BaseException, function: Callable[..., Any], given: Mapping[str, Any], profile: Profile
) -> dict[str, Any]:
    """More arguments, after an error about what a constructor hands on: `Encoder(**kwargs)` -> `Layers(dim)`."""
    found = _LACKING.search(str(error))
    names: list[str] = []
    if found is not None:
        names = re.findall(r"'(\w+)'", found["listed"]) if found["listed"] else [found["named"]]
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        names = [error.args[0]]
    taken = {parameter.name for parameter in parameters_of(function)}
    names = [name for name in names if name in taken or (name.isidentifier() and takes_any_keyword(function))]
    values = {name: plain_value(role_of(name), profile) for name in names if name not in given}
    return {name: value for name, value in values.items() if value is not None}


def attributes_read(function: Callable[..., Any], name: str) -> set[str]:
    """The attributes of a parameter that a class or function reads, those that every module has left out."""
    import torch

    found = {
        node.attr
        for node in ast.walk(_tree(function))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and _is_called(node.value, name)
    }
    return {one for one in found if not hasattr(torch.nn.Module, one) and one != "training"}


def _is_called(expression: ast.expr, name: str) -> bool:
    match expression:
        case ast.Name(id=found):
            return found == name
        case ast.Attribute(value=ast.Name(id="self"), attr=found):
            return found == name
    return False


def attributes_of(value: type) -> set[str]:
    """What objects of a class have: what it and those it derives from define or assign to `self`."""
    return set(dir(value)) | {
        node.attr
        for parent in value.__mro__
        if parent.__module__.partition(".")[0] not in ("torch", "builtins")
        for node in ast.walk(_tree(parent))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_called(node.value, "self")
    }


@functools.lru_cache(maxsize=256)
def _tree(function: Callable[..., Any]) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(_source(function)))
    except SyntaxError:
        return ast.Module([], [])


@dataclasses.dataclass(frozen=True, slots=True)
class RecordedConfig(Fresh):
    """A fresh `RecordingConfig`; what was asked of it is known after a build."""

    asked: list[tuple[dict[str, Any], dict[str, Any]]] = dataclasses.field(default_factory=list)

    def register(self, asked: dict[str, Any], known: dict[str, Any]) -> None:
        self.asked.append((asked, known))

    def guesses_depth(self) -> bool:
        return any(guesses_depth(asked, known) for asked, known in self.asked)


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that can be given by name or place; empty where there is no signature."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [parameter for parameter in signature.parameters.values() if parameter.kind in kinds]


def takes_any_keyword(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return False
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)


def annotation_of(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    """A parameter's annotation, evaluated if it is text and that works."""
    annotation = parameter.annotation
    if not isinstance(annotation, str):
        return annotation
    defined = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    names = getattr(defined, "__globals__", {})
    try:
        return eval(annotation, names)  # what the interpreter does for annotations that are not postponed
    except Exception:
        return inspect.Parameter.empty


def _is_sequence(origin: Any) -> bool:
    return origin in (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def globals_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The module names a class or function sees."""
    if isinstance(function, type):
        module = sys.modules.get(function.__module__)
        return vars(module) if module is not None else {}
    return getattr(function, "__globals__", {})
