"""Inputs changed after what a model's error says about them: torch's shape errors, read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from actinit_lint.probe.inference.leaves import LENGTH, SIZES
from actinit_lint.probe.inference.specs import BATCH, Batch, Inputs

Proposals = Iterator[Inputs]
Rule = Callable[[re.Match[str], Inputs], Proposals]


def proposals(error: BaseException, inputs: Inputs) -> Proposals:
    """Inputs worth trying after an error, best first; may repeat what was tried."""
    message = str(error)
    if not inputs.specs:
        return
    for pattern, rule in RULES:
        found = re.search(pattern, message, re.DOTALL)
        if found is not None:
            yield from rule(found, inputs)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _channels(found: re.Match[str], inputs: Inputs) -> Proposals:
    shape, wanted, got = _sizes(found[1]), int(found[2]), int(found[3])
    names = inputs.names()
    axis = -3 if len(shape) >= 4 else -2
    for name in names:
        if inputs.specs[name].shape == shape:
            yield from inputs.resized(name, axis, wanted)
            if len(shape) == 4 and shape[-1] == wanted:  # channels last: written for (N, H, W, C)
                yield from inputs.changed(name, shape=(BATCH, shape[2], shape[3], shape[1]))
    for name in names[1:]:  # what is concatenated to the first input
        spec = inputs.specs[name]
        if len(spec.shape) == len(shape):
            yield from inputs.resized(name, axis, spec.shape[axis] + wanted - got)
    first = inputs.first().shape
    if len(first) >= 3 and len(names) == 1:
        yield from inputs.resized(names[0], 1, first[1] * wanted // got if first[1] * wanted % got == 0 else wanted)
        yield from inputs.resized(names[0], 1, first[1] + wanted - got)
    elif len(first) >= 3:
        yield from inputs.resized(names[0], 1, wanted)


def _matrices(found: re.Match[str], inputs: Inputs) -> Proposals:
    """mat1 (a x got) and mat2 (wanted x b)."""
    got, wanted = int(found[2]), int(found[3])
    names = inputs.names()
    for name in names:
        spec = inputs.specs[name]
        if spec.kind in ("float", "unit", "zeros") and 0 < len(spec.shape) < 4:
            if spec.shape[-1] == got:
                yield from inputs.resized(name, -1, wanted)
            elif spec.shape[-1] * wanted % got == 0:
                yield from inputs.resized(name, -1, spec.shape[-1] * wanted // got)
    first = inputs.first()
    if len(first.shape) >= 4:
        yield from _scaled_image(inputs, (wanted / got) ** 0.5)
        yield from inputs.resized(names[0], 1, first.shape[1] * wanted // got)
    elif len(first.shape) == 3:
        yield from inputs.resized(names[0], -1, max(1, round(first.shape[-1] * wanted / got)))
        yield from inputs.resized(names[0], 1, max(1, round(first.shape[1] * wanted / got)))
        yield from inputs.changed(names[0], shape=(BATCH, wanted))
    elif first.kind == "int" and len(first.shape) == 2:  # embeddings flattened
        yield from inputs.resized(names[0], 1, max(1, round(first.shape[1] * wanted / got)))
    elif first.kind != "int":
        yield from inputs.resized(names[0], -1, wanted)
        yield from inputs.resized(names[0], -1, first.shape[-1] + wanted - got if first.shape else wanted)
    for name in names[1:]:
        spec = inputs.specs[name]
        if spec.kind == "float" and spec.shape:
            yield from inputs.resized(name, -1, spec.shape[-1] + wanted - got)


def _scaled_image(inputs: Inputs, ratio: float) -> Proposals:
    """Square images whose side is the usual one nearest to the scaled side, then the exact one."""
    name, shape = inputs.names()[0], inputs.first().shape
    guess = round(shape[-1] * ratio)
    nearest = sorted(SIZES, key=lambda side: abs(side - guess))[:5]
    for side in (*nearest[:1], guess, *nearest[1:]):
        if side >= 1:
            yield from inputs.changed(name, shape=(*shape[:-2], side, side))


def _rank(found: re.Match[str], inputs: Inputs) -> Proposals:
    """Another number of axes: the one the message asks for first."""
    name, spec = inputs.names()[0], inputs.first()
    shape = spec.shape
    asked = [int(group) for group in re.findall(r"(?:expected|Expected|must be|of)\D{0,24}(\d)-?[dD]\b", found.string)]
    asked += [int(group) for group in re.findall(r"expected (\d)(?:\)|, got| dims)", found.string)]
    asked += [int(group) for group in re.findall(r"\b(\d)D\b", found.string)][:2]
    width = shape[1] if len(shape) >= 4 else shape[-1] if shape else 64
    if isinstance(width, Batch):
        width = 64
    made: dict[int, list[tuple[int, ...]]] = {
        1: [(BATCH,)],
        2: [(BATCH, width)],
        3: [(BATCH, LENGTH, width), (BATCH, width, 128)],
        4: [(BATCH, width, 32, 32), (BATCH, 3, 64, 64), (BATCH, 8, 8, width)],
        5: [(BATCH, 3, 4, 64, 64), (BATCH, width, 4, 32, 32)],
    }
    usual = (1, 2, 3) if spec.kind == "int" else (4, 3, 2, 5)
    for rank in dict.fromkeys([*sorted(asked, reverse=True), *usual]):
        if rank != len(shape):
            for other in made.get(rank, []):
                kind = "float" if spec.kind == "int" and rank >= 4 else spec.kind
                yield from inputs.changed(name, shape=other, kind=kind)
    for other_name in inputs.names()[1:]:
        other_shape = inputs.specs[other_name].shape
        if len(other_shape) == 3 and other_shape[0] == 1 and 2 in asked:
            yield from inputs.changed(other_name, shape=other_shape[1:])
        elif len(other_shape) == 2 and 3 in asked:
            yield from inputs.changed(other_name, shape=(1, *other_shape))
            yield from inputs.changed(other_name, shape=(BATCH, LENGTH, other_shape[-1]))


def _whole_numbers(found: re.Match[str], inputs: Inputs) -> Proposals:
    for name, spec in inputs.specs.items():
        if spec.kind not in ("int", "fill"):
            yield from inputs.changed(name, kind="int", high=8, shape=spec.shape[:2])
            yield from inputs.changed(name, kind="int", high=8, shape=spec.shape[:1])
    for name, spec in inputs.specs.items():
        if spec.kind == "int":
            yield from inputs.changed(name, kind="unit")


def _real_numbers(found: re.Match[str], inputs: Inputs) -> Proposals:
    for name, spec in inputs.specs.items():
        if spec.kind in ("int", "bool", "fill"):
            yield from inputs.changed(name, kind="unit")
            yield from inputs.changed(name, kind="float", shape=(*spec.shape[:2], 64))


def _last_axis(found: re.Match[str], inputs: Inputs) -> Proposals:
    wanted = int(next(group for group in found.groups() if group))
    for name, spec in inputs.specs.items():
        if spec.kind in ("float", "unit", "zeros"):
            yield from inputs.resized(name, -1, wanted)


def _split(found: re.Match[str], inputs: Inputs) -> Proposals:
    yield from inputs.resized(inputs.names()[0], -1, sum(_sizes(found[1])))
    yield from inputs.resized(inputs.names()[0], 1, sum(_sizes(found[1])))


def _running_mean(found: re.Match[str], inputs: Inputs) -> Proposals:
    yield from inputs.resized(inputs.names()[0], 1, int(found[1]))


def _chunks(found: re.Match[str], inputs: Inputs) -> Proposals:
    """einops: an axis that must be divisible."""
    length, part = int(found[1]), int(found[2])
    for name, spec in inputs.specs.items():
        for axis, size in enumerate(spec.shape):
            if size == length:
                yield from inputs.resized(name, axis, max(part, length // part * part))
                yield from inputs.resized(name, axis, part * 4)


def _unequal(found: re.Match[str], inputs: Inputs) -> Proposals:
    """Two tensors whose axes should be equal: `The size of tensor a (5) must match … b (7) … dimension 1`."""
    a, b = int(found[1]), int(found[2])
    for name, spec in inputs.specs.items():
        for axis, size in enumerate(spec.shape):
            if size == a:
                yield from inputs.resized(name, axis, b)
            elif size == b:
                yield from inputs.resized(name, axis, a)
    first = inputs.first()
    name = inputs.names()[0]
    if len(first.shape) >= 4 and first.kind == "float" and a and b:
        for ratio in ((b / a) ** 0.5, (a / b) ** 0.5, (max(b - 1, 1) / max(a - 1, 1)) ** 0.5):
            side = round(first.shape[-1] * ratio)
            if side >= 1:
                yield from inputs.changed(name, shape=(*first.shape[:-2], side, side))
        yield from _other_sides(found, inputs)
    elif len(first.shape) == 3:
        for axis in (1, 2):
            yield from inputs.resized(name, axis, b)
            yield from inputs.resized(name, axis, max(1, first.shape[axis] + b - a))
    if len(inputs.specs) > 1:
        for other in inputs.names()[1:]:
            shape = inputs.specs[other].shape
            if len(shape) == 2 and len(first.shape) >= 3:
                yield from inputs.changed(other, shape=(*shape, *([1] * (len(first.shape) - 2))))


def _other_sides(found: re.Match[str], inputs: Inputs) -> Proposals:
    """The size does not suit: sides that divide well, or those named in the message."""
    name, first = inputs.names()[0], inputs.first()
    shape = first.shape
    named = [
        int(size)
        for size in re.findall(r"\((\d{2,4})\*?\w*", found.string) + re.findall(r"size (\d{2,4})\b", found.string)
    ]
    if len(shape) >= 4:
        for side in dict.fromkeys([*named, 128, 224, 256, 32, 64, 28, 96, 16]):
            if side != shape[-1] and 4 <= side <= 512:
                yield from inputs.changed(name, shape=(*shape[:-2], side, side))
        yield from inputs.changed(name, shape=(shape[0], 3, *shape[2:]))
    elif len(shape) == 3:
        for length in dict.fromkeys([*named, 256, 64, 1024, 16, 4096]):
            yield from inputs.resized(name, 2, length)
            yield from inputs.resized(name, 1, length)
    elif first.kind == "int" and len(shape) == 2:
        for length in dict.fromkeys([*named, 64, 128, 16, 8]):
            yield from inputs.resized(name, 1, length)


def _collection(found: re.Match[str], inputs: Inputs) -> Proposals:
    yield from inputs.changed(inputs.names()[0], wrap="list")
    yield from inputs.changed(inputs.names()[0], wrap="triple")
    for name in inputs.names()[1:]:
        yield from inputs.changed(name, wrap="pair")


def _smaller_numbers(found: re.Match[str], inputs: Inputs) -> Proposals:
    for name, spec in inputs.specs.items():
        if spec.kind == "int" and spec.high > 2:
            yield from inputs.changed(name, high=2)
    for name, spec in inputs.specs.items():  # positions: fewer of them
        if spec.kind == "int" and len(spec.shape) == 2:
            yield from inputs.resized(name, 1, 8)


def _hidden_size(found: re.Match[str], inputs: Inputs) -> Proposals:
    """`Expected hidden[0] size (1, 2, 64), got [1, 32, 64]`."""
    wanted, got = _sizes(found[1]), _sizes(found[2])
    for name, spec in inputs.specs.items():
        if spec.shape == got:
            shape = tuple(old if isinstance(old, Batch) and old == new else new for old, new in zip(got, wanted))
            yield from inputs.changed(name, shape=shape)


_NUMBER_TYPES = (
    r"scalar type|indices.*(Long|Int)|must be (long|int)|dtype int|one_hot|tensors used as indices|expected.*Long"
    r"|index must be|LongTensor"
)
_FLOAT_TYPES = (
    r"must have the same dtype|Float.*Long|Long.*Float|expected.*(Float|floating)|not implemented for 'Long'"
    r"|must be either a floating|not implemented for 'Bool'|bool|floating.point"
)
_RANKS = (
    r"\d-?D\b.*(got|but)|expected \d-?D|[Ee]xpected \dD|too many values to unpack|not enough values to unpack"
    r"|Wrong shape: expected|Input is batched|Dimension out of range|Received.*-dim|must be 3-D|dimensions? .*but"
    r"|number of dims|dims don't match|Dimension specified as|input.dim|same number of dimensions"
)
_SIDES = (
    r"divisible|Sizes of tensors must match|Kernel size can't|too small|invalid for input of size|Padding size"
    r"|greater than actual input|non-negative|can't divide axis|[Ii]mage.*size|[Ii]nput .*(height|size|image)|inference"
)
RULES: list[tuple[str, Rule]] = [
    (r"input\[([\d, ]+)\] to have (\d+) channels, but got (\d+)", _channels),
    (r"shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", _matrices),
    (r"reduction dim, but got \[(\d+), (\d+)\] X \[(\d+), (\d+)\]", _matrices),
    (r"size mismatch, got input \((\d+)\), mat \(\d+x(\d+)\), vec \((\d+)\)", _matrices),
    (r"hidden\[\d\] size \(([\d, ]+)\), got \[([\d, ]+)\]", _hidden_size),
    (r"normalized_shape=\[(\d+)\]", _last_axis),
    (r"input_size\. Expected (\d+), got \d+|inconsistent input_size: got \d+ expected (\d+)", _last_axis),
    (
        r"embed_dim.*?(\d+).*?but got \d+|embedding dimension of (\d+), but got|feature number of src and tgt .*?(\d+)",
        _last_axis,
    ),
    (r"split_sizes=\[([\d, ]+)\]", _split),
    (r"running_mean should contain (\d+) elements", _running_mean),
    (r"length (\d+) in chunks of (\d+)", _chunks),
    (r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", _unequal),
    (r"size mismatch.*\((\d+)\).*\((\d+)\).*dimension", _unequal),
    (r"Expected size (\d+) but got size (\d+) for tensor", _unequal),
    (
        r"Expected size for first two dimensions of batch2 tensor to be: \[\d+, (\d+)\] but got: \[\d+, (\d+)\]",
        _unequal,
    ),
    (_NUMBER_TYPES, _whole_numbers),
    (_FLOAT_TYPES, _real_numbers),
    (_RANKS, _rank),
    (_SIDES, _other_sides),
    (
        r"not iterable|no attribute 'keys'|list indices|iteration over a 0-d|as element|list.*Tensor|Tensor.*list",
        _collection,
    ),
    (r"index out of range|out of bounds|out-of-bounds|index \d+ is out", _smaller_numbers),
    (r"more than 1 value per channel", _other_sides),
]
