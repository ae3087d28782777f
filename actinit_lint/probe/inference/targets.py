"""The models a loaded file has: classes, functions that return one, and models made at module level."""

from __future__ import annotations

import ast
import sys
import types
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from actinit_lint.probe.loading.load import Loaded
from actinit_lint.probe.loading.placeholders import Placeholder
from actinit_lint.probe.loading.stubs import Stub, package_of
from actinit_lint.probe.subject import Framework

Kind = Literal["class", "factory", "instance", "broken"]


@dataclass(slots=True)
class Target:
    """Something that yields a model. `uses` are the user's classes it builds, as `path::Class`.

    A "broken" one was recognised but cannot be used; `problem` says why.
    """

    name: str
    kind: Kind
    line: int
    framework: Framework
    uses: list[str] = field(default_factory=list)
    problem: str | None = None

    def data(self) -> dict[str, Any]:
        return asdict(self)


def find_targets(loaded: Loaded, name: str | None = None) -> list[Target]:
    """All models of the file, or what is called `name`."""
    finder = _Finder(loaded)
    if name is not None:
        target = finder.named(name)
        return [target] if target is not None else []
    return list(finder.all())


class _Finder:
    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.names = vars(loaded.module)
        self.nodes: dict[str, ast.AST] = {}
        self.lines: dict[str, int] = {}
        self.given = _given(loaded.tree)
        for node in _definitions(loaded.tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                self.nodes[node.name] = node
                self.lines[node.name] = node.lineno
            else:
                for target in ast.walk(node):
                    if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                        self.lines.setdefault(target.id, node.lineno)

    def all(self) -> list[Target]:
        found = [self._of(name) for name in sorted(self.lines, key=self.lines.__getitem__)]
        return [target for target in found if target is not None]

    def _of(self, name: str) -> Target | None:
        value = self.names.get(name)
        try:
            if isinstance(value, type):
                return self._class(name, value)
            if isinstance(value, types.FunctionType):
                return self._factory(name, value, asked=False)
            if framework_of(value) and file_of_class(type(value)) != self.loaded.path:
                return self._instance(name, value)
            if isinstance(value, Placeholder) and isinstance(self.nodes.get(name), ast.ClassDef):
                return self._broken(name)
        except Exception:  # an object that will not be looked at is no model
            pass
        return None

    def named(self, name: str) -> Target | None:
        value = self.names.get(name)
        if isinstance(value, type):
            return self._class(name, value)
        if isinstance(value, Placeholder):
            return self._broken(name) or Target(name, "broken", self.lines.get(name, 1), "torch", [], repr(value))
        if value is not None and framework_of(value):
            return self._instance(name, value)
        if callable(value):
            return self._factory(name, value, asked=True)
        return None

    def _class(self, name: str, value: type) -> Target | None:
        line = self.lines.get(name, 1)
        framework = framework_of_class(value)
        if framework is None:
            package = next((package_of(b) for b in getattr(value, "__orig_bases__", ()) if isinstance(b, Stub)), None)
            if package is not None and ("forward" in vars(value) or "call" in vars(value)):
                problem = f"the base class comes from {package}, which is not installed here"
                return Target(name, "broken", line, "torch", [], problem)
            return None
        if file_of_class(value) != self.loaded.path or not has_forward(value, framework):
            return None
        return Target(value.__name__, "class", line, framework, self._uses(name, value))

    def _factory(self, name: str, value: Any, asked: bool) -> Target | None:
        """A function that returns a framework's own model; one that returns a user's class stands behind that class."""
        node = self.nodes.get(name)
        made = [self._resolve(call.func) for call in _returned_calls(node)] if isinstance(node, ast.FunctionDef) else []
        classes = [c for c in made if isinstance(c, type) and framework_of_class(c)]
        ours = [c for c in classes if self.loaded.workspace.is_user_file(file_of_class(c))]
        if not asked and (not classes or ours or name.startswith("_")):
            return None
        framework = framework_of_class(classes[0]) if classes else self._framework_of_imports()
        return Target(name, "factory", self.lines.get(name, 1), framework or "torch", self._uses(name, None))

    def _instance(self, name: str, value: Any) -> Target | None:
        framework = framework_of(value)
        if framework is None or self.loaded.script is None:
            return None
        if framework == "keras" and not hasattr(value, "get_config"):
            return None
        layers = value.modules() if framework == "torch" else value._flatten_layers()
        uses = {class_key(type(layer)) for layer in layers if self.loaded.workspace.is_user_file(_file(layer))}
        if framework == "keras" and not isinstance(value, _keras_model()):
            return None
        if framework == "torch" and not any(True for _ in value.parameters()):
            return None  # a loss, an activation
        return Target(name, "instance", self.lines.get(name, 1), framework, sorted(uses))

    def _broken(self, name: str) -> Target | None:
        """A class whose definition failed: a model if its body has a forward pass."""
        node = self.nodes.get(name)
        methods = {s.name for s in getattr(node, "body", []) if isinstance(s, ast.FunctionDef)}
        if not methods & {"forward", "call"}:
            return None
        failed = dict(self.loaded.script.failures) if self.loaded.script else {}
        error = failed.get(node.lineno)  # type: ignore[union-attr]
        reason = str(error) if error is not None else "its definition did not run"
        return Target(name, "broken", self.lines.get(name, 1), "torch", [], " ".join(reason.split()))

    def _uses(self, name: str, value: type | None) -> list[str]:
        """The user's model classes named in a definition, and those it derives from."""
        node = self.nodes.get(name)
        parts = list(ast.walk(node)) if node is not None else []
        parts += self.given.get(name, [])
        found = {class_key(used) for part in parts if (used := self._own_class(part)) is not None and used is not value}
        return sorted(found)

    def _own_class(self, node: ast.AST) -> type | None:
        """The user's model class that a name stands for."""
        used = self._resolve(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
        if isinstance(used, type) and framework_of_class(used) is not None:
            return used if self.loaded.workspace.is_user_file(file_of_class(used)) else None
        return None

    def _resolve(self, expression: ast.expr) -> Any:
        """What a dotted name stands for in the module; None where that is not clear."""
        match expression:
            case ast.Name(id=name):
                value = self.names.get(name)
            case ast.Attribute(value=ast.Name() | ast.Attribute() as owner, attr=attribute):
                inner = self._resolve(owner)
                value = getattr(inner, attribute, None) if isinstance(inner, types.ModuleType) else None
            case _:
                return None
        return None if isinstance(value, (Placeholder, Stub)) else value

    def _framework_of_imports(self) -> Framework:
        return "keras" if "keras" in sys.modules and "torch" not in self.names and "nn" not in self.names else "torch"


def framework_of(value: object) -> Framework | None:
    return framework_of_class(type(value))


def framework_of_class(value: type) -> Framework | None:
    """The framework whose model or layer class this is; keras first: its layers are torch modules on that backend."""
    keras = sys.modules.get("keras")
    if keras is not None and issubclass(value, keras.layers.Layer):
        return "keras"
    torch = sys.modules.get("torch")
    if torch is not None and issubclass(value, torch.nn.Module):
        return "torch"
    return None


def has_forward(value: type, framework: Framework) -> bool:
    """Whether a class says what it computes."""
    if framework == "torch":
        import torch

        forward = getattr(value, "forward", None)
        return callable(forward) and forward is not torch.nn.Module.forward
    import keras

    return getattr(value, "call", None) is not keras.layers.Layer.call and not getattr(
        value, "__abstractmethods__", None
    )


def class_key(value: type) -> str:
    return f"{file_of_class(value)}::{value.__name__}"


def file_of_class(value: type) -> str:
    module = sys.modules.get(value.__module__)
    return getattr(module, "__file__", None) or ""


def _file(layer: object) -> str:
    return file_of_class(type(layer))


def _keras_model() -> type:
    import keras

    return keras.Model


def _definitions(tree: ast.Module) -> list[ast.stmt]:
    """Top-level statements, those under `if` and `try` included."""
    found: list[ast.stmt] = []
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        statement = waiting.pop(0)
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            waiting[:0] = [s for s in ast.iter_child_nodes(statement) if isinstance(s, ast.stmt)]
        else:
            found.append(statement)
    return found


def _given(tree: ast.Module) -> dict[str, list[ast.AST]]:
    """What is handed to each name that is called, variables replaced by what they were made with.

    `ResNet(Block, [2, 2])` and `net = Encoder(8); Siamese(net)` say that one class holds the other.
    """
    found: dict[str, list[ast.AST]] = {}
    for scope in ast.walk(tree):
        if not isinstance(scope, (ast.Module, ast.FunctionDef)):
            continue
        made: dict[str, ast.expr] = {}
        for node in ast.walk(scope):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and isinstance(node.targets[0], ast.Name)
            ):
                made.setdefault(node.targets[0].id, node.value.func)
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                    inner = argument.func if isinstance(argument, ast.Call) else argument
                    inner = made.get(inner.id, inner) if isinstance(inner, ast.Name) else inner
                    found.setdefault(node.func.id, []).append(inner)
    return found


def _returned_calls(function: ast.FunctionDef) -> list[ast.Call]:
    """The calls a function returns: `return Net()`, or `model = Net() … return model`."""
    found: list[ast.Call] = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        value: ast.expr | None = node.value
        if isinstance(value, ast.Name):
            value = _assigned(function, value.id)
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            receiver = value.func.value
            if not isinstance(receiver, ast.Call):
                break
            value = receiver  # Net().to(device)
        if isinstance(value, ast.Call):
            found.append(value)
    return found


def _assigned(function: ast.FunctionDef, name: str) -> ast.expr | None:
    values = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]
    return values[0] if values else None
