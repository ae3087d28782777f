"""Imports: names from other files of the project, and from libraries."""

from __future__ import annotations

from actinit_lint.follow.state import MISSING, Run
from actinit_lint.follow.values import Deferred, External, ProjectModule, Unknown, Value
from actinit_lint.knowledge.keras import is_internal
from actinit_lint.knowledge.names import canonical
from actinit_lint.program import language as la

#: Modules that are libraries wherever they stand; a file of the project never stands for them.
LIBRARIES = frozenset(
    [
        "torch",
        "torchvision",
        "torchaudio",
        "keras",
        "tensorflow",
        "tf_keras",
        "numpy",
        "math",
        "functools",
        "itertools",
        "collections",
        "copy",
        "os",
        "sys",
        "re",
        "typing",
        "typing_extensions",
        "abc",
        "dataclasses",
        "enum",
        "logging",
        "warnings",
        "json",
        "random",
        "time",
        "pathlib",
        "einops",
        "timm",
        "transformers",
        "lightning",
        "pytorch_lightning",
        "scipy",
        "sklearn",
        "pandas",
        "matplotlib",
        "tqdm",
        "PIL",
        "cv2",
        "jax",
        "flax",
        "diffusers",
        "mmcv",
        "mmengine",
        "fvcore",
        "torch_geometric",
        "huggingface_hub",
        "operator",
        "string",
        "types",
        "inspect",
        "importlib",
        "contextlib",
        "argparse",
        "pickle",
    ]
)


#: Files of libraries whose behaviour is known by table: not followed even when the library itself is linted.
TABLED = frozenset({"transformers.modeling_utils", "transformers.initialization", "transformers.activations"})


def import_module(run: Run, node: la.Import) -> None:
    module = node.module
    scope = run.frame.scope
    current = scope.globals
    target: Value
    if node.name is not None:
        target = find(run, module, 0, current)
        run.store(scope.vars, node.name, target)
        return
    head = module.split(".", 1)[0]
    target = find(run, head, 0, current)
    if isinstance(target, ProjectModule):
        find(run, module, 0, current)
    run.store(scope.vars, head, target)


def find(run: Run, name: str, level: int, current: ProjectModule) -> Value:
    """The module of that name: a file of the project, or a library."""
    if level == 0 and name.split(".", 1)[0] in LIBRARIES and not _own(name, current):
        return External(canonical(name))
    module = run.load(name, level, current)
    if module is not None:
        return External(module.name) if module.name in TABLED else module
    if level:
        return Unknown(f"module {'.' * level}{name} is not found")
    return External(canonical(name))


def _own(name: str, current: ProjectModule) -> bool:
    """Whether the file itself belongs to the library of that name (linting a library's own source)."""
    head, *parts = name.split(".")
    own = current.name.split(".", 1)[0] if current.name else ""
    if own != head or head in ("torch", "tensorflow"):
        return False
    return head != "keras" or is_internal(parts)


def import_from(run: Run, node: la.ImportFrom) -> None:
    scope = run.frame.scope
    current = scope.globals
    module = find(run, node.module, node.level, current)
    for name, bound in node.names:
        if name == "*":
            _star(run, module, scope.globals)
            continue
        run.store(scope.vars, bound, _member(run, module, name, node, current))


def _member(run: Run, module: Value, name: str, node: la.ImportFrom, current: ProjectModule) -> Value:
    if isinstance(module, ProjectModule):
        value = module.scope.vars.get(name, MISSING)
        if value is not MISSING:
            return value
        full = f"{node.module}.{name}" if node.module else name
        inner = run.load(full, node.level, current)
        if inner is not None:
            return inner
        if module.busy:
            return Deferred(module, name)
        for library in module.stars:
            return External(canonical(f"{library}.{name}"))
        return Unknown(f"{name} is not defined in {node.module or 'the package'}")
    if isinstance(module, External):
        from actinit_lint.follow.library import CONSTANTS

        full = f"{node.module}.{name}"
        if _own(full, current):
            inner = run.load(full, node.level, current)
            if inner is not None:
                return inner
        full = canonical(f"{module.name}.{name}")
        return CONSTANTS[full] if full in CONSTANTS else External(full)
    return Unknown(f"{name} comes from a module that is not found")


def _star(run: Run, module: Value, into: ProjectModule) -> None:
    if isinstance(module, ProjectModule):
        for name, value in list(module.scope.vars.items()):
            if not name.startswith("_"):
                run.store(run.frame.scope.vars, name, value)
        into.stars.extend(s for s in module.stars if s not in into.stars)
    elif isinstance(module, External):
        into.stars.append(module.name)
