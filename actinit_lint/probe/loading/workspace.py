"""One user's project in this process: whose files are the user's, how they are imported, what was stood in for."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

from actinit_lint.probe.loading.scripts import Script
from actinit_lint.probe.loading.stubs import StubFinder

_PROJECT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")


class Workspace(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the user's scripts pruned; modules inside packages are imported as they are, unless `prune_packages`."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.root, self.top = project_root(self.path), top_folder(self.path)
        self.scripts: dict[str, Script] = {}  # by file
        self.stubs = StubFinder(self.is_user_file)
        self.prune_packages = False

    def is_user_file(self, file: str) -> bool:
        inside = file.startswith((self.root + os.sep, self.top + os.sep))
        return inside and not _installed(file, self.root, self.top)

    def open(self) -> None:
        """Put the project on the import path, its own folders first, and stubs last."""
        ancestors = [self.top]
        while ancestors[-1] != self.root and len(ancestors) < 6:
            ancestors.append(os.path.dirname(ancestors[-1]))
        ancestors += [os.path.join(self.root, "src")]
        sys.path[:0] = [ancestors[0]]
        sys.path += [folder for folder in ancestors[1:] if folder not in sys.path and os.path.isdir(folder)]
        sys.meta_path.insert(0, self)
        sys.meta_path.append(self.stubs)

    def close(self) -> None:
        """Undo `open` and forget the user's modules: for a process that goes on to other files."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in (self, self.stubs)]
        for name, module in list(sys.modules.items()):
            if self.is_user_file(getattr(module, "__file__", None) or "") or isinstance(module.__loader__, StubFinder):
                del sys.modules[name]

    # the finder and loader of the user's files

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py") or not self.is_user_file(spec.origin):
            return None  # the ordinary finders have their turn
        if not self.prune_packages and ("." in name or spec.submodule_search_locations is not None):
            return None
        spec.loader = self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        assert module.__file__ is not None
        script = self.scripts[module.__file__] = Script.read(module.__file__)
        script.execute(module.__dict__)

    # for `inspect.getsource` and `linecache`
    def get_source(self, name: str) -> str | None:
        file = getattr(sys.modules.get(name), "__file__", None)
        return self.scripts[file].source if file in self.scripts else None


def module_name(path: str) -> tuple[str, bool]:
    """The dotted name a file is imported by, and whether it lies in a package."""
    folder, base = os.path.split(os.path.abspath(path))
    parts = [] if base == "__init__.py" else [base.removesuffix(".py")]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, name = os.path.split(folder)
        parts.insert(0, name)
    return ".".join(parts), len(parts) > 1 or base == "__init__.py"


def top_folder(path: str) -> str:
    """The folder that holds a file, or the package it is in."""
    folder = os.path.dirname(path)
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def project_root(path: str) -> str:
    """The nearest folder above a file that looks like a project's; its package's folder when none does."""
    folder = top = top_folder(path)
    while True:
        if any(os.path.exists(os.path.join(folder, mark)) for mark in _PROJECT_MARKS):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return top
        folder = parent


def _installed(file: str, *roots: str) -> bool:
    """Whether a file below the project belongs to an environment that lies there too."""
    longest = max((root for root in roots if file.startswith(root + os.sep)), key=len)
    parts = file[len(longest) :].split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts or "actinit_lint" in parts[:1]


def silence_command_line(path: str) -> None:
    """Have every argument parser return its defaults."""
    import argparse

    sys.argv = [path]
    parse = argparse.ArgumentParser.parse_known_args

    def defaults(self: Any, args: Any = None, namespace: Any = None) -> Any:
        for action in self._actions:
            action.required = False
        for group in self._mutually_exclusive_groups:
            group.required = False
        return parse(self, [], namespace)

    def parse_args(self: Any, args: Any = None, namespace: Any = None) -> Any:
        return defaults(self, args, namespace)[0]

    argparse.ArgumentParser.parse_known_args = defaults  # type: ignore[method-assign]
    argparse.ArgumentParser.parse_args = parse_args  # type: ignore[method-assign]
