"""Which top-level statements of a script are kept: those that define things, not those that do things.

Kept: imports, functions, classes, assignments whose calls only build values (containers, numbers, argument parsers,
layers), model-building calls (`model.add(…)`, `net.apply(init)`), loops and branches made of such statements alone.
Dropped: training loops, data sets, files, plots, `if __name__ == "__main__"`. Positions stay those of the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

#: Packages whose lower-case functions make values and touch nothing else, except those in REFUSED.
VALUE_PACKAGES = frozenset(
    (
        *("torch", "keras", "tensorflow", "numpy", "einops", "math", "cmath", "functools", "itertools", "collections"),
        *("operator", "typing", "typing_extensions", "enum", "dataclasses", "copy", "string", "re", "types", "numbers"),
        *("fractions", "decimal", "logging", "pathlib"),
    )
)
BUILTINS = frozenset(
    (
        *("dict", "list", "tuple", "set", "frozenset", "range", "len", "int", "float", "str", "bool", "min", "max"),
        *("sum", "abs", "round", "sorted", "reversed", "zip", "enumerate", "map", "filter", "getattr", "hasattr"),
        *("isinstance", "issubclass", "callable", "type", "super", "pow", "divmod", "any", "all", "slice", "id"),
        *("complex", "bytes", "repr", "chr", "ord", "iter", "next", "vars", "object", "format", "hash", "setattr"),
    )
)
#: Methods that make or change a value in memory.
METHODS = frozenset(
    (
        *("add_argument", "add_argument_group", "add_mutually_exclusive_group", "set_defaults", "parse_args"),
        *("parse_known_args", "get", "items", "keys", "values", "copy", "format", "split", "rsplit", "strip", "lower"),
        *("upper", "replace", "join", "startswith", "endswith", "append", "extend", "insert", "update", "setdefault"),
        *("pop", "index", "count", "sort", "reverse", "is_available", "device_count", "get_layer"),
        *("to", "cpu", "cuda", "eval", "float", "double", "half", "bfloat16", "apply", "requires_grad_", "modules"),
        *("children", "parameters", "named_modules", "named_parameters", "named_children", "add", "add_module"),
        *("register_module", "build", "reshape", "view", "size", "numel", "item", "tolist", "astype", "fill_", "zero_"),
        *("normal_", "uniform_", "init_weights", "reset_parameters", "initialize", "weights_init", "state_dict"),
        *("dirname", "abspath", "basename", "exists", "isfile", "isdir", "expanduser", "getenv", "resolve"),
    )
)
#: Functions and methods that read, write, download, train or wait, whatever they belong to.
REFUSED = frozenset(
    (
        *("fit", "fit_generator", "train_on_batch", "backward", "step", "evaluate", "predict", "load", "load_data"),
        *("save", "savetxt", "loadtxt", "genfromtxt", "fromfile", "memmap", "load_state_dict", "load_weights"),
        *("from_pretrained", "get_file", "urlretrieve", "urlopen", "download", "open", "input", "print", "show"),
        *("savefig", "imread", "imshow", "read_csv", "read_text", "write_text", "mkdir", "makedirs", "unlink"),
        *("rmtree", "remove", "system", "run", "Popen", "spawn", "start", "init_process_group", "manual_seed", "seed"),
        *("set_random_seed", "set_seed", "basicConfig", "exit", "quit", "sleep", "hub", "random_split", "set_device"),
        *("cmdline", "exec", "compile_model", "save_pretrained", "synchronize", "create_connection"),
    )
)
#: Parts of class names that are no models: making one reads data, starts something or holds a training's state.
REFUSED_CLASSES = (
    *("Dataset", "Loader", "MNIST", "CIFAR", "ImageFolder", "Trainer", "Writer", "Thread", "Process", "Pool", "Client"),
    *(
        "Env",
        "Session",
        "Server",
        "Logger",
        "Generator(",
        "Checkpoint",
        "Socket",
        "Tuner",
        "Accelerator",
        "VideoCapture",
    ),
)


@dataclass(slots=True)
class Pruned:
    """`kept` statements, in order; `dropped` ones; the names that only dropped statements bind, with their lines."""

    kept: list[ast.stmt] = field(default_factory=list)
    dropped: list[ast.stmt] = field(default_factory=list)
    unset: dict[str, int] = field(default_factory=dict)


def prune(tree: ast.Module) -> Pruned:
    judge = _Judge(tree)
    pruned = Pruned()
    for statement in tree.body:
        kept = judge.keep(statement, pruned.dropped)
        if kept is not None:
            pruned.kept.append(kept)
    # names bound under a condition are unset until the branch runs
    conditional = [s for s in pruned.kept if isinstance(s, (ast.If, ast.Try, ast.For, ast.With))]
    for statement in (*pruned.dropped, *conditional):
        for name in bound_names(statement):
            pruned.unset.setdefault(name, statement.lineno)
    return pruned


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """The module's names a statement binds, those inside functions and classes left out."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        waiting += ast.iter_child_nodes(node)


def is_main_test(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


class _Judge:
    """Decides, knowing what the module's names stand for."""

    def __init__(self, tree: ast.Module) -> None:
        self.packages: dict[str, str] = {}  # name -> top package it was imported from
        self.functions: dict[str, ast.FunctionDef] = {}
        self.harmless: dict[str, bool] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.packages[(alias.asname or alias.name).partition(".")[0]] = alias.name.partition(".")[0]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.packages[alias.asname or alias.name] = node.module.partition(".")[0]
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef):
                self.functions[statement.name] = statement

    def keep(self, statement: ast.stmt, dropped: list[ast.stmt]) -> ast.stmt | None:
        """The statement, or what is kept of it; parts that are not go to `dropped`."""
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return statement
            case ast.Pass() | ast.Global():
                return statement
            case ast.Expr(value=ast.Constant()):
                return statement
            case ast.Expr(value=ast.Call() as call) if self._builds(call):
                return statement
            case ast.Assign() | ast.AugAssign() if self._assigns_in_memory(statement) and self.safe(statement.value):
                return statement
            case ast.AnnAssign() if statement.value is None or self.safe(statement.value):
                return statement
            case ast.Try():
                return self._try(statement, dropped)
            case ast.If() if not is_main_test(statement.test) and self.safe(statement.test):
                body = self._body(statement.body, dropped)
                orelse = self._body(statement.orelse, dropped)
                if body or orelse:
                    return ast.copy_location(ast.If(statement.test, body or [_pass(statement)], orelse), statement)
                return None
            case ast.For() if self.safe(statement.iter):
                lost: list[ast.stmt] = []
                body = self._body(statement.body, lost)
                if body and not lost and not statement.orelse:
                    return statement
            case ast.With() if all(_only_scopes(item.context_expr) for item in statement.items):
                body = self._body(statement.body, dropped)
                if body:  # where the statements run does not matter here: as `if True:`
                    always = ast.copy_location(ast.Constant(True), statement)
                    return ast.copy_location(ast.If(always, body, []), statement)
                return None
        dropped.append(statement)
        return None

    def safe(self, expression: ast.AST) -> bool:
        """Whether every call in an expression only makes values."""
        waiting = [expression]
        while waiting:
            node = waiting.pop()
            if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom)):
                return False
            if isinstance(node, ast.Lambda):
                continue  # defined, not called
            if isinstance(node, ast.Call) and not self._safe_call(node.func):
                return False
            waiting += ast.iter_child_nodes(node)
        return True

    def _safe_call(self, function: ast.expr) -> bool:
        match function:
            case ast.Name(id=name):
                if name in REFUSED or _refused_class(name):
                    return False
                if name in self.functions:
                    return self._harmless(name)
                return name in BUILTINS or name[:1].isupper() or self.packages.get(name) in VALUE_PACKAGES
            case ast.Attribute(attr=name):
                if name in REFUSED or _refused_class(name):
                    return False
                root = _root(function)
                if root is not None and self.packages.get(root) in VALUE_PACKAGES:
                    return True
                return name in METHODS or name[:1].isupper() or _in_model_namespace(function)
            case ast.Call() | ast.Subscript():  # Dense(64)(x), ARCHITECTURES[name]()
                return True  # the inner call is looked at by itself
        return False

    def _harmless(self, name: str) -> bool:
        """Whether one of the file's own functions, when called, only builds."""
        if name not in self.harmless:
            self.harmless[name] = True  # of a recursive one: the rest decides
            body = self.functions[name]
            self.harmless[name] = not any(
                isinstance(node, (ast.Global, ast.Await, ast.Yield, ast.YieldFrom))
                or (isinstance(node, ast.Call) and not self._tolerable(node.func))
                for node in ast.walk(body)
            )
        return self.harmless[name]

    def _tolerable(self, function: ast.expr) -> bool:
        """As `_safe_call`, for what a builder may do on its way: printing and unknown functions are let pass."""
        match function:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                if name in ("print", "compile", "summary"):
                    return True
                if name in REFUSED or _refused_class(name):
                    return False
                return self._harmless(name) if isinstance(function, ast.Name) and name in self.functions else True
        return True

    def _builds(self, call: ast.Call) -> bool:
        """A bare call that changes a model or container: `model.add(…)`, `init.zeros_(…)`, `parser.add_argument(…)`"""
        match call.func:
            case ast.Attribute(attr=name, value=receiver):
                root = _root(call.func)
                package = self.packages.get(root) if root is not None else None
                if name in REFUSED or (package is not None and package not in VALUE_PACKAGES):
                    return False
                known = name in METHODS or (name.endswith("_") and package in VALUE_PACKAGES)
                return known and self.safe(receiver) and all(map(self.safe, _arguments(call)))
            case ast.Name(id=name):
                writes = name.endswith("_") and self.packages.get(name) in VALUE_PACKAGES
                return (writes or name == "setattr") and all(map(self.safe, _arguments(call)))
        return False

    def _assigns_in_memory(self, statement: ast.Assign | ast.AugAssign) -> bool:
        """Not `os.environ["…"] = …`: that would reach the framework."""
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return not any(
            isinstance(target, (ast.Attribute, ast.Subscript)) and _root(target) in self.packages for target in targets
        )

    def _body(self, statements: list[ast.stmt], dropped: list[ast.stmt]) -> list[ast.stmt]:
        return [kept for s in statements if (kept := self.keep(s, dropped)) is not None]

    def _try(self, statement: ast.Try, dropped: list[ast.stmt]) -> ast.stmt | None:
        body = self._body(statement.body, dropped)
        if not body:
            return None
        handlers = [
            ast.copy_location(
                ast.ExceptHandler(h.type, h.name, self._body(h.body, dropped) or [_pass(h)]),
                h,
            )
            for h in statement.handlers
        ]
        orelse = self._body(statement.orelse, dropped)
        final = self._body(statement.finalbody, dropped)
        if not handlers and not final:
            final = [_pass(statement)]
        return ast.copy_location(ast.Try(body, handlers, orelse if handlers else [], final), statement)


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _pass(at: ast.AST) -> ast.stmt:
    return ast.copy_location(ast.Pass(), at)


def _root(expression: ast.expr) -> str | None:
    while isinstance(expression, (ast.Attribute, ast.Subscript)):
        expression = expression.value
    return expression.id if isinstance(expression, ast.Name) else None


def _refused_class(name: str) -> bool:
    return name[:1].isupper() and any(part in name for part in REFUSED_CLASSES)


def _in_model_namespace(function: ast.Attribute) -> bool:
    """`layers.concatenate`, `nn.init.zeros_`, `K.sum`: the module before the last dot holds building functions."""
    value = function.value
    name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    return name in ("layers", "nn", "init", "initializers", "activations", "regularizers", "ops", "functional")


def _only_scopes(context: ast.expr) -> bool:
    """`with strategy.scope():`, `with torch.no_grad():`, `with tf.device(…):`, `with tf.name_scope(…):`."""
    function = context.func if isinstance(context, ast.Call) else context
    return isinstance(function, ast.Attribute) and function.attr in ("scope", "no_grad", "device", "name_scope")
