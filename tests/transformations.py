"""Rewrite a model file so that it says the same in other words: other names, another order, two files, other spellings.

Each transformation gives back new source, or None where the file has nothing that it could change, or where the change
might not keep the meaning.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

#: Names that frameworks look for, and those that rules read as words: changing them changes what the file says.
HOOKS = frozenset([
    "forward", "call", "build", "setup", "reset_parameters", "training_step", "validation_step", "test_step",
    "configure_optimizers", "compute_loss", "post_init", "init_weights", "_init_weights", "weights_init",
    "initialize_weights", "_initialize_weights", "weight_init", "init_params", "init", "config_class",
    "compute_output_shape", "get_config", "from_config", "init_cfg", "weight", "bias", "kernel", "recurrent_kernel",
    "data", "config", "training", "shape", "trainable", "units", "name", "dtype", "device", "built", "in_features",
    "out_features", "in_channels", "out_channels", "kernel_size", "weight_g", "weight_v",
])  # fmt: skip
#: Words in names of init routines, and those of models that are linear on purpose.
WORDS = ("init", "reset", "linearnet", "linear_net", "deeplinear", "deep_linear", "linearmodel", "linear_model")
#: Where the children of a module are walked over, or run in turn, order and nesting are part of what the file says.
WALKS = ("Sequential", "children", "modules", "named_children", "named_modules", "_modules")
Node = ast.AST


def plain(code: str) -> str:
    """The file as Python prints it: other line breaks, quotes and brackets, no comments."""
    return ast.unparse(ast.parse(code))


# Other names --------------------------------------------------------------------------------------


def renamed(code: str) -> str | None:
    """Every class, function, attribute, parameter and variable that the file itself names gets another name."""
    tree = ast.parse(code)
    kept = HOOKS | set(_in_strings(tree)) | set(dir(builtins)) | _imported(tree)
    names = {name for name in _bound(tree) if name not in kept and not _is_read(name)}
    attributes = {name for name in _own_attributes(tree) if name not in kept and not _is_read(name)}
    names -= set(_foreign_keywords(tree))
    both = sorted(names | attributes)
    if not both:
        return None
    new = {name: f"{'Q' if name[:1].isupper() else 'q'}{number}" for number, name in enumerate(both)}
    _Renamer({n: new[n] for n in names}, {n: new[n] for n in attributes}).visit(tree)
    return ast.unparse(tree)


def _is_read(name: str) -> bool:
    """Whether the language or a rule reads the name as a word: a method that is called `init_dense` says what it is."""
    return name.startswith("__") or any(word in name.lower() for word in WORDS)


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str], attributes: dict[str, str]) -> None:
        self.names = names
        self.attributes = attributes
        self.depth = 0

    def visit_Name(self, node: ast.Name) -> Node:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> Node:
        self.generic_visit(node)
        node.arg = self.names.get(node.arg, node.arg)
        return node

    def visit_keyword(self, node: ast.keyword) -> Node:
        self.generic_visit(node)
        if node.arg is not None:
            node.arg = self.names.get(node.arg, node.arg)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Node:
        self.generic_visit(node)
        if not _rooted_in(node.value, ("nn", "F", "torch", "keras", "layers", "tf", "init", "np", "math")):
            node.attr = self.attributes.get(node.attr, node.attr)
        return node

    def visit_Global(self, node: ast.Global) -> Node:
        node.names = [self.names.get(name, name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Node:
        node.names = [self.names.get(name, name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Node:
        self.generic_visit(node)
        if node.name is not None:
            node.name = self.names.get(node.name, node.name)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Node:
        node.name = self.names.get(node.name, node.name)
        for statement in node.body:  # names of a class body are attributes
            for target in _targets(statement):
                if isinstance(target, ast.Name) and target.id in self.attributes:
                    target.id = self.attributes[target.id]
            if isinstance(statement, ast.FunctionDef):
                statement.name = self.attributes.get(statement.name, statement.name)
                self._function(statement)
            else:
                self.visit(statement)
        for part in chain(node.bases, node.keywords, node.decorator_list):
            self.visit(part)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Node:
        node.name = self.names.get(node.name, node.name)
        self._function(node)
        return node

    def _function(self, node: ast.FunctionDef) -> None:
        for part in chain(node.decorator_list, [node.args], node.body):
            self.visit(part)


def _in_strings(tree: Node) -> Iterator[str]:
    """Words in strings: `getattr(self, "fc1")`, `if "conv" in name`, `args.hidden` of a parser's "--hidden"."""
    words: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 80:
            words.update("".join(c if c.isalnum() or c == "_" else " " for c in node.value).split())
    for name in chain(_bound(tree), _own_attributes(tree)):
        if name in words or any(word in name for word in words if len(word) > 2):
            yield name


def _imported(tree: Node) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((alias.asname or alias.name.split(".")[0]) for alias in node.names)
    return found


def _bound(tree: Node) -> set[str]:
    found: set[str] = set()
    methods = {id(s) for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for s in c.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and id(node) not in methods):
            found.add(node.name)
    return found - _class_level(tree)


def _class_level(tree: Node) -> set[str]:
    """Names that a class body assigns: fields are keywords, attributes and variables in one."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        for target in _targets(statement)
        if isinstance(target, ast.Name)
    }


def _targets(statement: Node) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def _own_attributes(tree: Node) -> set[str]:
    """Attributes that the file's classes set on themselves, and their methods."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            if node.value.id == "self":
                found.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            found.update(s.name for s in node.body if isinstance(s, ast.FunctionDef))
    return found - _class_level(tree)


def _foreign_keywords(tree: ast.Module) -> Iterator[str]:
    """Keywords of calls that are not certainly calls of the file's own functions, classes and methods."""
    own = _bound(tree) | _own_attributes(tree)
    spread = False
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        ours = name in own and not (isinstance(node.func, ast.Attribute) and _rooted_in(node.func, _imported(tree)))
        spread = spread or any(k.arg is None for k in node.keywords)
        if not ours:
            yield from (k.arg for k in node.keywords if k.arg is not None)
    if spread:
        yield from (n.arg for n in ast.walk(tree) if isinstance(n, ast.arg))


def _rooted_in(node: Node, roots: Iterable[str]) -> bool:
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return isinstance(node, ast.Name) and node.id in roots


# Another order ------------------------------------------------------------------------------------


def reordered(code: str) -> str | None:
    """Statements that do not depend on each other stand in the opposite order; methods and classes too."""
    tree = ast.parse(code)
    before = ast.unparse(tree)
    methods = {s.name for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for s in c.body if _is_function(s)}
    ordered = [c for c in ast.walk(tree) if isinstance(c, ast.ClassDef) and any(_mentions(b, WALKS) for b in c.bases)]
    kept = {id(inner) for cls in ordered for inner in ast.walk(cls)}
    for node in ast.walk(tree):
        if id(node) in kept:
            continue
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                setattr(node, name, _turned(block, methods))
    after = ast.unparse(tree)
    return after if after != before else None


def _mentions(node: Node, words: Iterable[str]) -> bool:
    return any(getattr(n, "id", getattr(n, "attr", None)) in words for n in ast.walk(node))


def _is_function(node: Node) -> bool:
    return isinstance(node, ast.FunctionDef)


def _turned(block: list[ast.stmt], methods: set[str]) -> list[ast.stmt]:
    """Runs of statements with known effects, each turned around as far as their dependences allow."""
    out: list[ast.stmt] = []
    run: list[tuple[ast.stmt, set[str], set[str]]] = []

    def flush() -> None:
        placed: list[tuple[ast.stmt, set[str], set[str]]] = []
        for one in run:
            index = len(placed)
            # move it up over all that it does not depend on
            while index and not _depend(placed[index - 1], one):
                index -= 1
            placed.insert(index, one)
        out.extend(statement for statement, _, _ in placed)
        run.clear()

    for statement in block:
        effect = _effect(statement, methods)
        if effect is None:
            flush()
            out.append(statement)
        else:
            run.append((statement, *effect))
    flush()
    return out


def _depend(one: tuple[ast.stmt, set[str], set[str]], two: tuple[ast.stmt, set[str], set[str]]) -> bool:
    _, reads, writes = one
    _, others, written = two

    def meet(a: set[str], b: set[str]) -> bool:
        return any(x == y or x.startswith(f"{y}.") or y.startswith(f"{x}.") for x in a for y in b)

    return meet(writes, others | written) or meet(reads, written)


def _effect(statement: ast.stmt, methods: set[str]) -> tuple[set[str], set[str]] | None:
    """What a statement reads and writes, as dotted paths; None where it may do more than that."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        parts: list[Node] = [*statement.decorator_list]
        if isinstance(statement, ast.ClassDef):
            parts += [*statement.bases, *statement.body]
            if any(_is_function(s) and s.decorator_list for s in statement.body):
                return None
        else:
            parts += statement.args.defaults
        return {p for part in parts for p in _paths(part)} - {statement.name}, {statement.name}
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = _path(statement.targets[0])
        if target is None or not _harmless(statement.value, methods):
            return None
        return set(_paths(statement.value)), {target}
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if _rooted_in(call.func, ("nn", "init")) and "init" in ast.unparse(call.func) and call.args:
            target = _path(call.args[0])
            if target is not None and target.count(".") > 1:
                rest = [*call.args[1:], *(k.value for k in call.keywords)]
                if all(_harmless(part, methods) for part in rest):
                    return {p for part in rest for p in _paths(part)}, {target}
    return None


def _harmless(node: Node, methods: set[str]) -> bool:
    """Whether evaluating an expression changes nothing: constructors of layers, calls of layers, functions on data."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Await, ast.Yield, ast.NamedExpr, ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            return False
        if isinstance(inner, ast.Call):
            func = inner.func
            layer = isinstance(func, ast.Attribute) and _rooted_in(func, ("self",)) and func.attr not in methods
            if not layer and not _rooted_in(func, ("nn", "F", "torch", "layers", "keras")):
                return False
            if "init." in ast.unparse(func):
                return False
    return True


def _path(node: Node) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _path(node.value)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def _paths(node: Node) -> Iterator[str]:
    """The longest dotted paths that an expression reads."""
    found = _path(node) if isinstance(node, ast.expr) else None
    if found is not None:
        yield found
        return
    for child in ast.iter_child_nodes(node):
        yield from _paths(child)


# Two files ----------------------------------------------------------------------------------------


def split(code: str) -> dict[str, str] | None:
    """The first definitions go into a module of their own, from which the rest imports what it uses."""
    tree = ast.parse(code)
    body = tree.body
    if any(isinstance(n, (ast.Global, ast.If, ast.Try)) for n in body) or "__file__" in code:
        return None
    imports = [s for s in body if isinstance(s, (ast.Import, ast.ImportFrom))]
    rest = [s for s in body if s not in imports and not _is_docstring(s)]
    for cut in sorted(range(1, len(rest)), key=lambda i: abs(i - len(rest) / 2)):
        first, second = rest[:cut], rest[cut:]
        made, later = _defined(first), _defined(second)
        if not made or made & later or _used(first) & later or not _used(second) & made:
            continue
        if any(isinstance(s, (ast.Expr, ast.For, ast.AugAssign)) for s in first):
            continue
        bring = ast.ImportFrom("parts", [ast.alias(name) for name in sorted(_used(second) & made)], 0)
        return {
            "parts.py": ast.unparse(ast.fix_missing_locations(ast.Module([*imports, *first], []))),
            "main.py": ast.unparse(ast.fix_missing_locations(ast.Module([*imports, bring, *second], []))),
        }
    return None


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _defined(block: list[ast.stmt]) -> set[str]:
    found: set[str] = set()
    for statement in block:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            found.add(statement.name)
        else:
            found.update(n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return found


def _used(block: list[ast.stmt]) -> set[str]:
    return {n.id for s in block for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


# Other spellings of an activation -----------------------------------------------------------------


def functional(code: str) -> str | None:
    """`self.act = nn.ReLU()` goes, `self.act(x)` becomes `F.relu(x)`; a Sequential is taken apart for that."""
    tree = ast.parse(code)
    changed = False
    for cls in [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]:
        if not _mentions(tree, WALKS[1:]):
            changed |= _take_apart(cls)
        changed |= _inline_relu(cls)
    if not changed:
        return None
    tree.body.insert(0, ast.parse("import torch.nn.functional as F").body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


def spelled(function: Callable[[ast.expr], ast.expr]) -> Callable[[str], str | None]:
    """`F.relu(x)`, `torch.relu(x)` and `x.relu()` in one spelling."""

    def change(code: str) -> str | None:
        tree = ast.parse(code)
        changer = _Spelling(function)
        changer.visit(tree)
        if not changer.changed:
            return None
        tree.body[0:0] = ast.parse("import torch\nimport torch.nn.functional as F").body
        return ast.unparse(ast.fix_missing_locations(tree))

    return change


class _Spelling(ast.NodeTransformer):
    def __init__(self, function: Callable[[ast.expr], ast.expr]) -> None:
        self.function = function
        self.changed = False

    def visit_Call(self, node: ast.Call) -> Node:
        self.generic_visit(node)
        data = None
        if ast.unparse(node.func) in ("F.relu", "torch.relu", "torch.nn.functional.relu") and len(node.args) == 1:
            data = node.args[0]
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "relu" and not node.args:
            data = node.func.value
        if data is None or _rooted_in(data, ("layers", "keras", "tf")):
            return node
        self.changed = True
        return self.function(data)


def as_method(data: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(data, "relu", ast.Load()), [], [])


def as_function(data: ast.expr) -> ast.expr:
    return ast.Call(ast.parse("torch.relu", mode="eval").body, [data], [])


def as_clamp(data: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(data, "clamp", ast.Load()), [], [ast.keyword("min", ast.Constant(0))])


# Other ways to write the same program -------------------------------------------------------------


def imported_by_name(code: str) -> str | None:
    """`nn.Linear` becomes `Linear` with `from torch.nn import Linear`; so do `nn.init` functions and Keras layers."""
    tree = ast.parse(code)
    if not _bound(tree).isdisjoint(LIBRARIES):
        return None
    changer = _ByName(_bound(tree) | _imported(tree))
    changer.visit(tree)
    if not changer.wanted:
        return None
    lines = [f"from {module} import {name}" for module, name in sorted(changer.wanted)]
    first = next((i for i, s in enumerate(tree.body) if not _is_docstring(s) and not _is_future(s)), 0)
    tree.body[first:first] = ast.parse("\n".join(lines)).body
    return ast.unparse(ast.fix_missing_locations(tree))


#: What these names are in the files that the tests have.
LIBRARIES = {"nn": "torch.nn", "nn.init": "torch.nn.init", "layers": "keras.layers", "F": "torch.nn.functional"}


class _ByName(ast.NodeTransformer):
    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.wanted: set[tuple[str, str]] = set()

    def visit_Attribute(self, node: ast.Attribute) -> Node:
        library = LIBRARIES.get(_path(node.value) or "")
        plain = node.attr not in ("init", "functional", "utils", "modules", "parameter") and node.attr not in self.taken
        if library is not None and library.split(".")[-1] in {*self.taken, "init", "functional"} and plain:
            self.wanted.add((library, node.attr))
            return ast.Name(node.attr, ast.Load())
        self.generic_visit(node)
        return node


def _is_future(statement: Node) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def in_methods(code: str) -> str | None:
    """What `__init__` does after `super().__init__()` moves into a method that it calls."""
    tree = ast.parse(code)
    changed = False
    for cls in [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]:
        init = next((s for s in cls.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)
        if init is None or init.args.vararg or init.args.kwarg or len(init.body) < 2:
            continue
        index = next((i for i, s in enumerate(init.body) if ast.unparse(s).startswith("super().__init__(")), None)
        rest = init.body[index + 1 :] if index is not None else []
        if not rest or any(_mentions(s, ("super", "__class__")) for s in rest):
            continue
        names = [a.arg for a in chain(init.args.posonlyargs, init.args.args, init.args.kwonlyargs)]
        if init.body[:index] and any(not _is_docstring(s) for s in init.body[:index]):
            continue
        name = f"make_parts_of_{cls.name}"  # no subclass has one of the same name
        header = f"def {name}({', '.join(names)}): pass"
        method = ast.parse(header).body[0]
        assert isinstance(method, ast.FunctionDef)
        method.body = rest
        call = ast.parse(f"{names[0]}.{name}({', '.join(names[1:])})").body[0]
        init.body = [*init.body[: (index or 0) + 1], call]
        cls.body.insert(cls.body.index(init) + 1, method)
        changed = True
    return ast.unparse(ast.fix_missing_locations(tree)) if changed else None


def with_activation_layers(code: str) -> str | None:
    """`Dense(8, activation="relu")(x)` becomes `Activation("relu")(Dense(8)(x))`."""
    tree = ast.parse(code)
    changer = _TakenOut()
    changer.visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree)) if changer.changed else None


class _TakenOut(ast.NodeTransformer):
    changed = False

    def visit_Call(self, node: ast.Call) -> Node:
        self.generic_visit(node)
        made = node.func
        if not isinstance(made, ast.Call) or ast.unparse(made.func) not in ("layers.Dense", "layers.Conv2D"):
            return node
        given = [k for k in made.keywords if k.arg == "activation"]
        if len(given) != 1 or any(k.arg is None for k in made.keywords):
            return node
        made.keywords.remove(given[0])
        self.changed = True
        return ast.Call(ast.Call(ast.parse("layers.Activation", mode="eval").body, [given[0].value], []), [node], [])


def _inline_relu(cls: ast.ClassDef) -> bool:
    """Replace calls of `self.act`, where that is a ReLU and only ever called."""
    init = next((s for s in cls.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)
    if init is None:
        return False
    changed = False
    for statement in list(init.body):
        name = _attribute_of_self(statement)
        if name is None or not isinstance(statement, ast.Assign) or not _is_relu(statement.value):
            continue
        calls = [n for n in ast.walk(cls) if isinstance(n, ast.Call) and _path(n.func) == f"self.{name}"]
        uses = [n for n in ast.walk(cls) if isinstance(n, ast.Attribute) and n.attr == name]
        if not calls or len(uses) != len(calls) + 1:
            continue
        init.body.remove(statement)
        for one in calls:
            one.func = ast.parse("F.relu", mode="eval").body
        changed = True
    return changed


def _is_relu(node: Node) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("nn.ReLU", "torch.nn.ReLU", "ReLU")


def _attribute_of_self(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        path = _path(statement.targets[0])
        if path is not None and path.startswith("self.") and path.count(".") == 1:
            return path[5:]
    return None


def _take_apart(cls: ast.ClassDef) -> bool:
    """`self.net = nn.Sequential(a, b)` and `self.net(x)` become `self.net_0 = a` … `self.net_1(self.net_0(x))`."""
    init = next((s for s in cls.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)
    if init is None:
        return False
    changed = False
    for statement in list(init.body):
        name = _attribute_of_self(statement)
        if name is None or not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        made = statement.value
        if ast.unparse(made.func) not in ("nn.Sequential", "torch.nn.Sequential") or made.keywords:
            continue
        if not all(isinstance(a, ast.Call) for a in made.args) or not any(_is_relu(a) for a in made.args):
            continue
        calls = [n for n in ast.walk(cls) if isinstance(n, ast.Call) and _path(n.func) == f"self.{name}"]
        uses = [n for n in ast.walk(cls) if isinstance(n, ast.Attribute) and n.attr == name]
        if not calls or len(uses) != len(calls) + 1 or any(len(c.args) != 1 for c in calls):
            continue
        parts = [ast.parse(f"self.{name}_{i} = {ast.unparse(a)}").body[0] for i, a in enumerate(made.args)]
        index = init.body.index(statement)
        init.body[index : index + 1] = parts
        for one in calls:
            data = one.args[0]
            for i in range(len(made.args) - 1):
                data = ast.Call(ast.parse(f"self.{name}_{i}", mode="eval").body, [data], [])
            one.func = ast.parse(f"self.{name}_{len(made.args) - 1}", mode="eval").body
            one.args = [data]
        changed = True
    return changed
