"""A stand-in for an untyped `config` or `args`: every attribute gets a value by its name; what was asked is noted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.probe.inference.names import DEPTH_ROLES, Profile, plain_value, role_of, snake

#: Parameters that take such an object.
CONFIG_NAME = re.compile(
    r"(.*_)?(config|cfg|conf|args?|opts?|options|hparams|params|hps?|configs|configuration|settings|flags)"
)
#: Attributes that are groups of attributes.
_GROUP = re.compile(
    r"(.*_)?(model|net|network|data|dataset|train|training|optim|optimizer|encoder|decoder|backbone|generator|discriminator)"
)


def is_config_name(name: str) -> bool:
    return CONFIG_NAME.fullmatch(snake(name)) is not None


class RecordingConfig:
    """`known` are values from the user's own argument parser, used before names are guessed at."""

    def __init__(self, profile: Profile, known: Mapping[str, Any], asked: dict[str, Any], prefix: str = "") -> None:
        self.__dict__.update(_profile=profile, _known=known, _asked=asked, _prefix=prefix)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        value = self._value(name)
        self.__dict__[name] = value
        return value

    def _value(self, name: str) -> Any:
        full = self._prefix + name
        if name in self._known:
            value = self._known[name]
        elif role_of(name) is not None and not _GROUP.fullmatch(snake(name)):
            value = plain_value(role_of(name), self._profile)
            value = "relu" if value is None else value  # activations and norms go by name in a config
        elif is_config_name(name) or _GROUP.fullmatch(snake(name)):
            return RecordingConfig(self._profile, self._known, self._asked, f"{full}.")
        else:
            value = self._profile.width
        self._asked[full] = value
        return value

    def get(self, name: str, default: Any = None) -> Any:
        return default if default is not None else getattr(self, name)

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise TypeError("the probe's stand-in for a configuration is asked for names only")
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the probe's stand-in for a configuration is not iterable")

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


def text_of(asked: Mapping[str, Any]) -> str:
    return f"config({', '.join(f'{name}={value!r}' for name, value in asked.items())})"


def guesses_depth(asked: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a depth was asked for that the user's own defaults do not give."""
    names = (name.rpartition(".")[2] for name in asked)
    return any(role_of(name) in DEPTH_ROLES and name not in known for name in names)
