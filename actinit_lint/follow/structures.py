"""Nested structures of values: `keras.tree`, `tf.nest`, `jax.tree`. Tuples, lists and dictionaries hold the leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from actinit_lint.follow.state import Run
from actinit_lint.follow.values import Args, DictValue, Fields, ListValue, Unknown, Value
from actinit_lint.model import Place

Leaf = Callable[[Value], bool]


def _no_leaf(value: Value) -> bool:
    return False


def _is_shape(value: Value) -> bool:
    """Whether a sequence is the shape of one tensor: sizes, of which some may be None."""
    parts = value.items if isinstance(value, ListValue) else value if isinstance(value, tuple) else None
    return parts is not None and all(part is None or isinstance(part, (int, Unknown)) for part in parts)


def _leaves(value: Value, is_leaf: Leaf) -> Iterator[Value]:
    if isinstance(value, (tuple, ListValue, DictValue)) and not is_leaf(value):
        parts = value if isinstance(value, tuple) else value.items
        for part in parts.values() if isinstance(parts, dict) else parts:
            yield from _leaves(part, is_leaf)
    else:
        yield value


def _mapped(value: Value, is_leaf: Leaf, change: Callable[[Value], Value]) -> Value:
    """The same structure with other leaves."""
    if is_leaf(value) or not isinstance(value, (tuple, ListValue, DictValue)):
        return change(value)
    if isinstance(value, DictValue):
        items = {key: _mapped(part, is_leaf, change) for key, part in value.items.items()}
        return DictValue(items, value.places, value.open)
    parts = [_mapped(part, is_leaf, change) for part in (value.items if isinstance(value, ListValue) else value)]
    if isinstance(value, ListValue):
        return ListValue(parts, value.kind, value.open)
    return Fields.of(value.names, parts) if isinstance(value, Fields) else tuple(parts)


def _map(is_leaf: Leaf, start: int = 0) -> Callable[[Run, Args, Place], Value]:
    """`map_structure(fn, structure, *others)`: the others are read along with the first, leaf by leaf."""

    def map_structure(run: Run, args: Args, place: Place) -> Value:
        from actinit_lint.follow.calls import call

        given = args.pos[start:]
        if len(given) < 2:
            return Unknown("a structure that is mapped")
        others = [list(_leaves(other, is_leaf)) for other in given[2:]]
        count = sum(1 for _ in _leaves(given[1], is_leaf))
        rows = iter(list(zip(*others))) if others and all(len(o) == count for o in others) else None

        def change(leaf: Value) -> Value:
            step = Args()
            step.add(leaf, place)
            for value in next(rows) if rows is not None else [Unknown("a leaf of another structure") for _ in others]:
                step.add(value, place)
            return call(run, given[0], step, place)

        return _mapped(given[1], is_leaf, change)

    return map_structure


def _flatten(run: Run, args: Args, place: Place) -> Value:
    leaves = list(_leaves(args.pos[0], _no_leaf)) if args.pos else []
    return ListValue(leaves) if args.pos else Unknown("a structure")


FUNCTIONS: dict[str, Callable[[Run, Args, Place], Value]] = {
    **{f"{home}.map_structure": _map(_no_leaf) for home in ("keras.tree", "tensorflow.nest", "tree")},
    **{f"{home}.flatten": _flatten for home in ("keras.tree", "tensorflow.nest", "tree")},
    "keras.tree.map_shape_structure": _map(_is_shape),
    "keras.tree.map_structure_up_to": _map(_no_leaf, 1),
    "jax.tree.map": _map(_no_leaf),
    "jax.tree_util.tree_map": _map(_no_leaf),
    "jax.tree.leaves": _flatten,
    "jax.tree_util.tree_leaves": _flatten,
}
