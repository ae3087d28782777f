"""Stand-ins for packages that are not installed, so that a file which imports them still loads.

Only for what the user's own files import without a fallback: a library's `try: import x` must keep failing, and so must
the user's. A stub can be called, subclassed, used as a decorator or an annotation; computing with one raises
`NotInstalled`.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NoReturn

from actinit_lint.probe.loading import lightning

#: A file that asks for one of these and has none is told so.
NEVER = frozenset(("torch", "numpy", "keras", "triton", "jax", "tensorflow"))


class NotInstalled(RuntimeError):
    """A model needs a package that is not here."""

    def __init__(self, package: str) -> None:
        super().__init__(f"uses {package}, which is not installed here")
        self.package = package


class Stub:
    """Anything of a missing package."""

    def __init__(self, path: str) -> None:
        self.__dict__["_path"] = path

    def __repr__(self) -> str:
        return f"<{self._path}, not installed>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any(_is_tensor(value) for value in (*args, *kwargs.values())):
            _compute(self)
        if len(args) == 1 and not kwargs and isinstance(args[0], (types.FunctionType, type)):
            return args[0]  # a decorator
        return Stub(f"{self._path}()")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Stub(f"{self._path}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __subclasscheck__(self, subclass: type) -> bool:
        return False

    def __getitem__(self, key: Any) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __or__(self, other: Any) -> Any:
        return self

    __ror__ = __or__

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> NoReturn:
        stub = next((value for value in args if isinstance(value, Stub)), None)
        raise NotInstalled(package_of(stub) if stub is not None else "a package")


def package_of(stub: Stub) -> str:
    return str(stub.__dict__["_path"]).partition(".")[0].partition("(")[0]


def _compute(self: Stub, *_: Any) -> NoReturn:
    raise NotInstalled(package_of(self))


for _operation in (
    *("iter", "len", "int", "float", "index", "neg", "lt", "le", "gt", "ge", "add", "radd", "sub", "rsub", "mul"),
    *("rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "pow", "rpow", "matmul", "rmatmul"),
):
    setattr(Stub, f"__{_operation}__", _compute)


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


class StubModule(types.ModuleType):
    """A missing module; `from it import name` gives a stub."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return "0.0.0"
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name == "LightningModule" and self.__name__.partition(".")[0] in lightning.PACKAGES:
            return lightning.lightning_module()
        stub = Stub(f"{self.__name__}.{name}")
        setattr(self, name, stub)
        return stub


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last on `sys.meta_path`: asked only when nothing else has the module."""

    def __init__(self, is_user_file: Callable[[str], bool]) -> None:
        self.is_user_file = is_user_file
        self.packages: list[str] = []  # stubbed, in the order of need

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package = name.partition(".")[0]
        if package in NEVER or package in sys.stdlib_module_names:
            return None
        if package not in self.packages:
            if package in sys.modules:  # there, but without this submodule
                return None
            file, line = _importer()
            if not self.is_user_file(file) or line in guarded_lines(file):
                return None
            self.packages.append(package)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = StubModule(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def _importer() -> tuple[str, int]:
    """File and line of the import statement that is being carried out."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


@lru_cache(maxsize=512)
def guarded_lines(file: str) -> frozenset[int]:
    """Lines of a file whose imports stand in a `try` that handles their failing."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(map(_handles_import, node.handlers)):
            for statement in node.body:
                lines.update(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return frozenset(lines)


def _handles_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
