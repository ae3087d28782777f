"""From a target to a subject: constructor arguments and inputs that work, with what was assumed on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from actinit_lint.probe.explain import limit_reached
from actinit_lint.probe.inference import globals as unset_globals
from actinit_lint.probe.inference.arguments import Built, Inferrer, RecordedConfig, globals_of, parameters_of
from actinit_lint.probe.inference.callsites import from_call_sites, tensors_made
from actinit_lint.probe.inference.names import IMAGE, LARGE, LISTS, WIDTHS, Profile
from actinit_lint.probe.inference.repair import repair
from actinit_lint.probe.inference.search import Found, NoInput, search
from actinit_lint.probe.inference.sources import SourceFile, parser_defaults, sources_around
from actinit_lint.probe.inference.specs import Inputs, Spec, parse_spec
from actinit_lint.probe.inference.targets import Target, framework_of_class
from actinit_lint.probe.inference.values import Arguments
from actinit_lint.probe.limits import Wants
from actinit_lint.probe.loading.load import Loaded
from actinit_lint.probe.loading.placeholders import Unset
from actinit_lint.probe.loading.scripts import one_line
from actinit_lint.probe.loading.stubs import NotInstalled
from actinit_lint.probe.subject import Assumption, Limits, Override, Subject

_REPAIRS = 6  # of one constructor's arguments
_SHARE = 0.6  # of a model's time that may go into finding out how to run it


class NotProbed(Exception):
    """A model cannot be run; the text says why in one line. `hint` are lines to paste into the settings."""

    def __init__(self, reason: str, hint: str | None = None, cause: BaseException | None = None) -> None:
        super().__init__(reason)
        self.hint, self.cause = hint, cause


class TooLarge(NotProbed):
    """More parameters than the limit."""


class Maker:
    """Calls a target; keeps what all attempts share: source files, parser defaults, globals that were supplied."""

    def __init__(
        self, loaded: Loaded, target: Target, limits: Limits, wants: Wants, profiles: tuple[Profile, ...]
    ) -> None:
        self.profiles = profiles
        self.loaded, self.target, self.limits, self.wants = loaded, target, limits, wants
        self.function = _function(loaded, target)
        self.names = globals_of(self.function) or vars(loaded.module)
        self.sources: list[SourceFile] = sources_around(loaded, target.name)
        self.defaults = parser_defaults(self.sources)
        self.supplied: dict[str, Assumption] = {}

    def candidates(self) -> list[Arguments]:
        """Ways to call the target, best first."""
        if self.target.kind == "instance":
            return [Arguments((), {}, f"{_base(self.loaded.path)}:{self.target.line}")]
        found = from_call_sites(
            self.target.name,
            self.function,
            self.sources,
            self.names,
            self.defaults,
            self.inferrer(self.profiles[0]),
            makes_value,
        )
        required = [p for p in parameters_of(self.function) if p.default is p.empty]
        if not required:
            return [*found, Arguments()]
        names = " ".join(p.name for p in parameters_of(self.function))
        whole = any(part in names.lower() for part in ("class", "img", "image", "label"))
        first, second, *rest = self.profiles
        profiles = (first, second, *rest) if whole else (second, first, *rest)
        return [*found, *(self.inferrer(profile).arguments(self.function) for profile in profiles)]

    def inferrer(self, profile: Profile) -> Inferrer:
        return Inferrer(profile, self.names, self.defaults)

    def supply(self, error: BaseException) -> bool:
        """Whether something outside the arguments could be put right, so that trying again makes sense."""
        made = [a for a in unset_globals.supply(error, self.loaded, self.defaults) if a.text not in self.supplied]
        self.supplied.update({assumption.text: assumption for assumption in made})
        return bool(made)

    def assumptions(self, used: Arguments, inputs: Inputs, places: Mapping[Spec, str]) -> list[Assumption]:
        """What was inferred. `places` says where inputs are from."""
        made = []
        if used.kwargs or used.args or used.origin != "default":
            origin = f"{used.origin}, sizes assumed" if used.assumed and used.origin != "assumed" else used.origin
            made.append(Assumption("args", used.text(self.target.name), origin))
        for name, spec in inputs.specs.items():
            made.append(Assumption("input", f"{name}: {spec.text()}", places.get(spec, "assumed")))
        stubs = (Assumption("stub", package, "not installed") for package in self.loaded.workspace.stubs.packages)
        return [*made, *self.supplied.values(), *stubs]

    def depth_assumed(self, used: Arguments) -> bool:
        objects = [value for value in used.kwargs.values() if isinstance(value, RecordedConfig | Built)]
        return used.depth_assumed or any(one.guesses_depth() for one in objects)

    def build(self, arguments: Arguments) -> tuple[Any, Arguments]:
        """A model, and the arguments after repair. Raises what the constructor raises in the end."""
        first: BaseException | None = None
        repairs = 0
        while True:
            self.wants.network = None
            try:
                args, kwargs = arguments.realised()
                return self.function(*args, **kwargs), arguments
            except (NotInstalled, NotProbed):
                raise
            except Exception as error:
                if self.supply(error):
                    continue
                wanted = self.wants.network is not None or _offline(error)
                first = first or (WantsNetwork(self.wants.network or "", error) if wanted else error)
                changed = repair(error, arguments, self.function, wanted) if repairs < _REPAIRS else None
                if changed is None:
                    raise first from None
                arguments, repairs = changed, repairs + 1


class WantsNetwork(Exception):
    """A constructor asked for something from the network."""

    def __init__(self, address: str, cause: BaseException) -> None:
        super().__init__(address or one_line(cause))
        self.cause = cause


def torch_subject(loaded: Loaded, target: Target, override: Override | None, limits: Limits, wants: Wants) -> Subject:
    """A torch model ready to be measured. Raises NotProbed."""
    maker = Maker(loaded, target, limits, wants, (IMAGE, WIDTHS, LISTS, LARGE))
    candidates, fixed = overridden(maker, override) if override is not None else (maker.candidates(), None)
    called_with = tensors_made(maker.sources, maker.names)
    until = time.monotonic() + limits.seconds * _SHARE
    failures: list[Exception] = []
    tried: set[str] = set()
    for arguments in candidates:
        text = arguments.text(target.name)
        if text in tried or (failures and time.monotonic() > until):
            continue
        tried.add(text)
        try:
            with _counting_parameters(limits):
                model, used = maker.build(arguments)
            _check(model)
            sizes = {name: value for name, value in used.kwargs.items() if type(value) is int}
            found = search(model, limits, [spec for spec, _ in called_with], sizes, fixed, maker.supply)
        except (NotProbed, NotInstalled) as error:
            if not (isinstance(error, TooLarge) and arguments.assumed):  # others of the sizes that were guessed may do
                raise explained(error, maker) from error
            failures.append(error)
            continue
        except Exception as error:
            failures.append(error)
            continue
        places = dict.fromkeys(found.inputs.specs.values(), "settings") if fixed is not None else dict(called_with)
        return _subject(maker, used, found, places)
    raise explained(most_telling(failures), maker)


def _subject(maker: Maker, used: Arguments, found: Found, places: dict[Spec, str]) -> Subject:
    return Subject(
        name=maker.target.name,
        path=maker.loaded.path,
        line=maker.target.line,
        framework="torch",
        build=functools.partial(_fresh, maker, used),
        inputs=found.inputs.make,
        assumptions=maker.assumptions(used, found.inputs, places),
        depth_assumed=maker.depth_assumed(used),
        trains=found.trains,
        batch=found.batch,
    )


def _fresh(maker: Maker, arguments: Arguments) -> Any:
    args, kwargs = arguments.realised()
    return maker.function(*args, **kwargs)


def _function(loaded: Loaded, target: Target) -> Callable[..., Any]:
    """What is called to make the model."""
    if target.kind == "instance":
        script = loaded.script
        assert script is not None
        return lambda: script.rebuild(vars(loaded.module))[target.name]
    return getattr(loaded.module, target.name)


def overridden(maker: Maker, override: Override) -> tuple[list[Arguments], Inputs | None]:
    """What the settings say, the rest as without them."""
    if override.factory is not None:
        maker.function = _factory(maker.loaded, override.factory)
        candidates = [Arguments((), {}, "settings", keeps=True)]
    elif override.args is not None or override.kwargs is not None:
        known = Arguments(tuple(override.args or ()), dict(override.kwargs or {}), "settings", keeps=True)
        candidates = [known]
    else:
        candidates = maker.candidates()
    if override.input is None:
        return candidates, None
    try:
        specs = [parse_spec(text) for text in override.input]
    except ValueError as error:
        raise NotProbed(f"settings: {error}") from None
    return candidates, Inputs({f"input {place}": spec for place, spec in enumerate(specs, start=1)})


def _factory(loaded: Loaded, name: str) -> Callable[..., Any]:
    import importlib

    module_name, _, attribute = name.rpartition(":")
    try:
        module = importlib.import_module(module_name) if module_name else loaded.module
        return getattr(module, attribute)
    except (ImportError, AttributeError) as error:
        raise NotProbed(f"settings: factory {name} cannot be used: {one_line(error)}") from None


@contextlib.contextmanager
def _counting_parameters(limits: Limits) -> Iterator[None]:
    """Stop a constructor as soon as it has registered too many parameters, before memory is filled with them."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    count = 0

    def add(module: Any, name: str, parameter: Any) -> None:
        nonlocal count
        count += 0 if parameter is None or not hasattr(parameter, "shape") else math.prod(_shape(parameter))
        parameter_limit(count, limits)

    handle = register_module_parameter_registration_hook(add)
    try:
        yield
    finally:
        handle.remove()


def parameter_limit(count: int, limits: Limits) -> None:
    """Raises NotProbed when a model has more parameters than that."""
    if count > limits.parameters:
        limit = f"limit {_millions(limits.parameters)}; --probe-parameters raises it"
        raise TooLarge(f"at least {_millions(count)} parameters ({limit})")


def _shape(parameter: Any) -> tuple[int, ...]:
    try:
        return tuple(parameter.shape)
    except RuntimeError:  # a lazy layer's, not known yet
        return (0,)


def _check(model: Any) -> None:
    import torch

    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"it returns {type(model).__name__}, not a model")
    if isinstance(model, torch.jit.ScriptModule):
        raise NotProbed("ScriptModule cannot be observed")


def _millions(count: int) -> str:
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.0f} M"


def makes_value(value: type) -> bool:
    """Whether calling a class only builds something: a layer, a configuration."""
    return framework_of_class(value) is not None or dataclasses.is_dataclass(value) or hasattr(value, "_fields")


def most_telling(failures: list[Exception]) -> Exception:
    """The failure that got furthest: inputs refused after a model was built before arguments refused."""
    refused = [error for error in failures if isinstance(error, NoInput)]
    return refused[0] if refused else failures[0] if failures else NotProbed("no way to build it was found")


def explained(error: Exception, maker: Maker) -> NotProbed:
    """The error in the words of the report."""
    name = maker.target.name
    parameters = ", ".join(p.name for p in parameters_of(maker.function) if p.default is p.empty)
    match error:
        case NotProbed():
            return error
        case NotInstalled():
            return NotProbed(f"it {error}", cause=error)
        case WantsNetwork():
            reason = (
                f"the constructor wants the network ({error}); give args in the settings that use no pretrained weights"
            )
            return NotProbed(reason, _block(maker, "args = []"), error)
        case Unset():
            return NotProbed(f"{error}; give args in the settings", _block(maker, "args = []"), error)
        case NoInput(cause=Unset() as unset):
            return NotProbed(f"{unset}; give a factory in the settings", _block(maker, 'factory = "make_model"'), error)
        case NoInput(closest=Inputs() as closest, cause=refused):
            shown = ", ".join(spec.text().replace("N", "2") for spec in closest.specs.values()) or "()"
            said = one_line(refused) if refused is not None else ""
            limit = limit_reached(said, maker.limits)
            if limit is not None:
                return NotProbed(limit, cause=error)
            reason = f"no accepted input after {error.tries} tries; closest {shown} -> {said!r}"
            listed = ", ".join(f'"{spec.text().replace(" ", "")}"' for spec in closest.specs.values())
            return NotProbed(reason, _block(maker, f"input = [{listed}]"), error)
    cause = one_line(error)
    limit = limit_reached(cause, maker.limits)
    if limit is not None:
        return NotProbed(limit, cause=error)
    if maker.target.kind == "class" or parameters:
        reason = f"no working constructor arguments for {name}({parameters}); last error: {cause}"
    else:
        reason = f"{name} cannot be built: {cause}"
    return NotProbed(
        reason, _block(maker, f"args = [{', '.join('…' for _ in parameters.split(', ') if parameters)}]"), error
    )


def _block(maker: Maker, line: str) -> str:
    """A settings table to paste."""
    import os

    path = os.path.relpath(maker.loaded.path, maker.loaded.workspace.root).replace(os.sep, "/")
    return f'[tool.actinit-lint.probe."{path}::{maker.target.name}"]\n{line}'


def _offline(error: BaseException) -> bool:
    text = f"{type(error).__name__} {error}"
    return any(
        part in text for part in ("probe has no network", "URLError", "OfflineMode", "offline mode", "HF_HUB_OFFLINE")
    )


def _base(path: str) -> str:
    import os

    return os.path.basename(path)
