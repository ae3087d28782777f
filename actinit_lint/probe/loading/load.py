"""From a path to a loaded module, whatever its top level would do."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys
import traceback
import types
from dataclasses import dataclass

from actinit_lint.probe.loading.scripts import Script, one_line
from actinit_lint.probe.loading.workspace import Workspace, module_name, silence_command_line


class LoadFailed(Exception):
    """The file gives no module; the text says why in one line."""


@dataclass(slots=True)
class Loaded:
    """A user's file as a module. `script` is None for a module of a package that was imported as it is."""

    path: str
    module: types.ModuleType
    tree: ast.Module
    source: str
    script: Script | None
    workspace: Workspace


def load(path: str) -> Loaded:
    """Load a file for its definitions. Raises LoadFailed."""
    path = os.path.abspath(path)
    try:
        read = Script.read(path)
    except OSError as error:
        raise LoadFailed(f"cannot be read: {error.strerror or error}") from None
    except (SyntaxError, ValueError) as error:
        raise LoadFailed(f"does not parse: {one_line(error)}") from None
    silence_command_line(path)
    workspace = Workspace(path)
    workspace.open()
    name, in_package = module_name(path)
    try:
        module = _import(name, workspace) if in_package else _execute(_free_name(name), path, workspace)
    except Exception as error:
        raise LoadFailed(_import_failure(error, path)) from error
    return Loaded(path, module, read.tree, read.source, workspace.scripts.get(path), workspace)


def _import(name: str, workspace: Workspace) -> types.ModuleType:
    """A package's module, as it is; when that fails, with every file of the user's pruned."""
    try:
        return importlib.import_module(name)
    except Exception:
        workspace.prune_packages = True
        for loaded, module in list(sys.modules.items()):
            if workspace.is_user_file(getattr(module, "__file__", None) or ""):
                del sys.modules[loaded]
        importlib.invalidate_caches()
        return importlib.import_module(name)


def _execute(name: str, path: str, workspace: Workspace) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, loader=workspace)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    workspace.exec_module(module)
    return module


def _free_name(name: str) -> str:
    """The name the file's siblings import it by, unless something else goes by it (a file called types.py)."""
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"
    return name.replace(".", "_")


def _import_failure(error: BaseException, path: str) -> str:
    """`import failed at line 12: ImportError: …`, the line being the last one of this file that was reached."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    at = f" at line {lines[-1]}" if lines and lines[-1] else ""
    return f"import failed{at}: {one_line(error)}"
