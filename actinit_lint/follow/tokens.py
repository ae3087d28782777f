"""Learned tokens: a parameter whose rows are data themselves, repeated for every sample of the batch."""

from __future__ import annotations

import re

from actinit_lint.follow.calls import flows_in
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import Args, Flow, Obj, Parameter, Unknown, Value, View, options
from actinit_lint.model import Place

#: Functions and methods that leave rows as they are, or repeat them.
REPEATING = frozenset(
    {"expand", "expand_as", "repeat", "tile", "broadcast_to", "to", "cuda", "cpu", "float", "half", "double"}
    | {"bfloat16", "type", "type_as", "contiguous", "clone", "cast", "convert_to_tensor", "identity"}
)
#: `repeat` of einops: the rows of a matrix, or of one behind an axis of size 1, for every sample.
PATTERNS = (
    re.compile(r"(?:1 |\(\) )?(\w+) (\w+) -> (?!\1 |\2 )\w+ \1 \2"),
    re.compile(r"(\w+) (\w+) -> \1 (?!\2 )\w+ \2"),
)


def rows_of(value: Value) -> tuple[Parameter, int] | None:
    """The parameter whose rows a value is, and along which axis they are repeated."""
    if isinstance(value, Parameter):
        return (value, 0) if value.raw or value.role == "embedding" else None
    if isinstance(value, View) and value.repeated is not None:
        return value.parameter, value.repeated
    return None


def laid_out(owner: Parameter | View, name: str, args: Args) -> int | None:
    """Along which axis the rows are repeated in the result of a function or method; None where they are no rows."""
    found = rows_of(owner)
    if found is None:
        return None
    axis = found[1]
    if name in REPEATING:
        return axis
    if name in ("unsqueeze", "expand_dims") and isinstance(owner, Parameter):
        given = args.pos[0] if args.pos else args.kw.get("dim", args.kw.get("axis"))
        return given if given in (0, 1) and not isinstance(given, bool) else None
    return None


def indexed(owner: Parameter | View, index: Value) -> int | None:
    """The same for `tokens[None]` and `tokens[:, None]`."""
    found = rows_of(owner)
    if found is None:
        return None
    parts = list(index) if isinstance(index, tuple) else [index]
    if parts.count(None) != 1 or parts.index(None) > 1 or found[1] != 0:
        return None
    return parts.index(None) if all(part is None or is_all(part) for part in parts) else None


def is_all(part: Value) -> bool:
    """Whether a part of an index is `:` or `...`."""
    if isinstance(part, slice):
        return part == slice(None)
    return isinstance(part, Unknown) and "Ellipsis" in part.reason


def repeated(args: Args) -> View | None:
    """`einops.repeat(tokens, "n d -> b n d", b=batch)`."""
    value, pattern = args.pos[0] if args.pos else None, args.pos[1] if len(args.pos) > 1 else None
    found = rows_of(value)
    if found is None or found[1] != 0 or not isinstance(pattern, str):
        return None
    for axis, known in enumerate(PATTERNS):
        if known.fullmatch(" ".join(pattern.split())):
            return View(found[0], copy=True, repeated=axis)
    return None


#: Masks of the keys, which are the same for every query.
KEY_MASKS = frozenset({"key_padding_mask", "memory_key_padding_mask", "key_mask", "value_mask"})


def attend(run: Run, args: Args, place: Place, name: str, layer: Obj | None = None) -> Flow:
    """Attention to data, with learned tokens among its inputs where it asks with them.

    The node's info says which input the queries are, `query`, and whether one may be treated in another way than the
    others, `masked`.
    """
    value = args.get(0, "query", "tgt")
    query = value if isinstance(value, Flow) else as_data(run, value, place)
    inputs = flows_in(args.values())
    if query is not None and query not in inputs:
        inputs.insert(0, query)
    inputs = inputs or [run.flow(Flow("input", [], place))]
    node = run.flow(Flow("attention", inputs, place, name=name, layer=layer))
    data = 2 if name.startswith("Transformer") else 3  # arguments in front of the masks
    masks = (v for k, v in args.kw.items() if ("mask" in k or "causal" in k) and k not in KEY_MASKS)
    node.info["masked"] = args.open or any(v is not None and v is not False for v in (*args.pos[data:], *masks))
    node.info["query"] = inputs.index(query) if query is not None and name != "Transformer" else None
    return node


def as_data(run: Run, value: Value, place: Place) -> Flow | None:
    """What a layer is fed when it is given the rows of a parameter."""
    alone = options(value)
    found = rows_of(alone[0]) if len(alone) == 1 else None
    if found is None:
        return None
    node = run.flow(Flow("input", [], place))
    node.info["tokens"], node.info["repeated"] = found
    return node
