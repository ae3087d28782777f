"""The observer: one TorchFunctionMode that sees every function call, and a stack that knows the module around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from actinit_lint.probe.observe import functions, layers
from actinit_lint.probe.observe.activations import Activations
from actinit_lint.probe.observe.book import Book
from actinit_lint.probe.observe.call import Call
from actinit_lint.probe.observe.functions import known_activation
from actinit_lint.probe.observe.places import calling_line
from actinit_lint.probe.observe.tags import Bend, Tag, put, tag_of, take_off, tensors_in, together
from actinit_lint.probe.observe.weights import Owner

#: Multiples of a base that are kept to compare with.
MOST_IMAGES = 6
#: What of a function's results is looked at.
_RESULTS = (torch.Tensor, list, tuple)


class Watch(TorchFunctionMode):  # type: ignore[misc]
    """Watches one forward pass. Statistics are taken at once; of the tensors nothing is kept beyond their lifetime."""

    def __init__(self, book: Book, owners: Mapping[str, Owner], batch: int) -> None:
        super().__init__()
        self.modules: list[str] = [""]
        self.blocked: set[str] = set()
        self.faults: set[str] = set()
        self.paused = False
        self._book = book
        self._owners = owners
        self._activations = Activations(book, batch)

    def __enter__(self) -> Watch:
        for name, owner in self._owners.items():
            put(owner.parameter, Tag(weights=(name,)))
        super().__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        for owner in self._owners.values():
            take_off(owner.parameter)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        name, call = functions.plain_name(func), None
        if name in functions.ELEMENTWISE:
            call = Call(func, name, args, kwargs, self.modules[-1])
        result = func(*args, **kwargs)
        if not isinstance(result, _RESULTS):
            return result
        if call is None:
            call = Call(func, name, args, kwargs, self.modules[-1])
        if name in functions.BLOCKS and any(one.requires_grad for one in call.operands):
            self.blocked.add(name)
        try:
            if isinstance(result, torch.Tensor):
                self._note(call, result)
            elif call.operands:
                made = [one for one in tensors_in(result) if one.dtype.is_floating_point]
                if made:
                    self._passed(call, name, made)
        except Exception as problem:  # a fault of the observer is no fault of the model
            text = " ".join(f"{type(problem).__name__}: {problem}".split())
            self.faults.add(f"{name} was not observed: {text}")
        return result

    def finish(self, leaves: list[torch.Tensor]) -> None:
        """Take what the model gives back as consumed."""
        for leaf in leaves:
            self._activations.consume(leaf, tag_of(leaf), "output")

    def _note(self, call: Call, result: torch.Tensor) -> None:
        """Tell layers, elementwise functions and all others apart."""
        if not call.operands:
            return
        if call.of_weights_alone:
            names = tuple(dict.fromkeys(one for tag in call.tags if tag is not None for one in tag.weights))
            if result is not call.operands[0]:
                put(result, Tag(weights=names))
            return
        found = layers.linear_map(call, self._owners) if call.name in functions.LINEAR else None
        if found is not None:
            self._activations.consume(found.fed, found.tag, "layer")
            layers.record(self._book, found, result)
        elif call.name in functions.ELEMENTWISE and any(one.shape == result.shape for one in call.operands):
            self._elementwise(call, result)
        elif call.name in functions.SOFTMAXES:
            self._softmax(call, result)
        else:
            self._passed(call, call.name, [result])

    def _passed(self, call: Call, name: str, results: list[torch.Tensor]) -> None:
        """Anything that is neither elementwise nor a layer: it consumes, and what it makes is a new base."""
        data = call.data
        merged = len(data) > 1 and len({id(tag) for _, tag in data}) > 1
        end = name
        if merged and name in functions.MULTIPLIES:
            end = "gate"
        elif merged and name in functions.ADDS:
            end = "add"
        for one, tag in data:
            self._activations.consume(one, tag, end)
        sources, via = together(tag for _, tag in data)
        via |= functions.words(name)
        if merged:
            via |= {end if end in ("gate", "add") else "joined"}
        for _, tag in data:
            if tag.bends:
                via |= {"activation", *(bend.known.name if bend.known else bend.name for bend in tag.bends)}
        for result in results:
            put(result, Tag(sources, via))

    def _elementwise(self, call: Call, result: torch.Tensor) -> None:
        """A step of a function that may be written in several calls: of one tensor, or of several from one base."""
        pairs = zip(call.operands, call.tags)
        wide = [(one, tag) for one, tag in pairs if one.numel() > 1 or one.shape == result.shape]
        data = [(one, tag) for one, tag in wide if tag is not None and not tag.weights]
        parametric = call.name == "prelu"
        if not data or (len(data) < len(wide) and not parametric):
            if not data and not any(tag is not None for _, tag in wide):
                self._bend(call, call.operands[0], None, result)  # an activation of the bare input
            else:
                self._passed(call, "shift", [result])
            return
        bases = {id(tag.base) if tag.base is not None else id(one) for one, tag in data}
        if len(bases) > 1:
            kind = "gate" if call.name in functions.MULTIPLIES else "add"
            for one, tag in data:
                self._activations.consume(one, tag, kind)
            sources, via = together(tag for _, tag in data)
            extra = {kind} | ({"activation"} if any(tag.bends for _, tag in data) else set())
            put(result, Tag(sources, via | extra))
            return
        if len(data) == 1 or parametric:
            self._bend(call, data[0][0], data[0][1], result)
            return
        first = max((tag for _, tag in data), key=lambda tag: len(tag.bends))
        base = next((tag.base for _, tag in data if tag.base is not None), data[0][0].detach())
        bends = tuple(dict.fromkeys(bend for _, tag in data for bend in tag.bends))
        images = {id(image): image for _, tag in data for image in tag.images}
        where = calling_line(), call.module
        put(result, Tag(first.sources, first.via, (), base, bends, tuple(images.values())[-MOST_IMAGES:], where))

    def _bend(self, call: Call, operand: torch.Tensor, tag: Tag | None, result: torch.Tensor) -> None:
        """A function of one tensor."""
        before = call.before if call.before is not None else operand.detach()
        if tag is None:
            tag = Tag()
            put(operand, tag)
        if tag.base is None:
            tag.base = before  # noted on the operand too: what else is made from it has the same base
        bends, images = tag.bends, tag.images
        if call.name in functions.STRAIGHT:
            if not bends and tag.met is None:
                images = (*images, result.detach())[-MOST_IMAGES:]
        elif result.dtype.is_floating_point:
            known = known_activation(call.name, call.args, call.kwargs)
            sample = call.sample if operand is call.operands[0] else None
            bend = Bend(call.name, known, before, result.detach(), calling_line(), call.module, sample)
            bends = (*bends, bend)
        put(result, Tag(tag.sources, tag.via, (), tag.base, bends, images, tag.met))

    def _softmax(self, call: Call, result: torch.Tensor) -> None:
        operand, tag = call.operands[0], call.tags[0]
        self._activations.consume(operand, tag, call.name)
        tag = tag or Tag()
        bend = Bend(call.name, None, operand.detach(), result.detach(), calling_line(), call.module, None)
        self._activations.record(bend, tag, "")
        put(result, Tag(tag.sources, tag.via | {"activation", call.name}))
