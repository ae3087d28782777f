"""Subscripts: reading and writing items of sequences, dictionaries, tensors and containers of layers."""

from __future__ import annotations

from typing import Any

from actinit_lint.follow.attributes import get_attribute
from actinit_lint.follow.iteration import drop_absent
from actinit_lint.follow.keys import key_of
from actinit_lint.follow.namespaces import holds_options, missing
from actinit_lint.follow.records import positions
from actinit_lint.follow.state import MISSING, Run
from actinit_lint.follow.tokens import indexed, is_all
from actinit_lint.follow.values import (
    ClassValue,
    DictValue,
    External,
    Flow,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    Tensor,
    Unknown,
    Value,
    View,
)
from actinit_lint.model import Place
from actinit_lint.reference.normal_form import OPAQUE


def get_item(run: Run, owner: Value, index: Value, place: Place) -> Value:
    if isinstance(owner, tuple):
        return _sequence(run, list(owner), False, index, True)
    if isinstance(owner, ListValue):
        return _sequence(run, owner.items, owner.open, index, False)
    if isinstance(owner, str):
        if isinstance(index, (int, slice)):
            try:
                return owner[index]
            except IndexError:
                return Unknown("index beyond the end")
        return Unknown("item of a text")
    if isinstance(owner, DictValue):
        return _key(run, owner, index)
    if isinstance(owner, Obj):
        return _object(run, owner, index, place)
    if isinstance(owner, Flow):
        pieces = owner.info.get("pieces")
        if pieces is not None and isinstance(index, int) and -len(pieces) <= index < len(pieces):
            return pieces[index]
        return run.flow(Flow("select", [owner], place, name="item", shape=None))
    if isinstance(owner, Parameter):
        return View(owner, data=False, part=True, index=_taken(index), repeated=indexed(owner, index))
    if isinstance(owner, View):
        view = View(owner.parameter, owner.data, True, owner.copy, owner.transposed, clone=owner.clone)
        as_it_lies = not (owner.copy or owner.transposed or owner.reshaped)
        if as_it_lies and _taken(index) and (owner.index or not owner.part):
            view.index = owner.index + _taken(index)
        view.repeated = indexed(owner, index)
        return view
    if isinstance(owner, Tensor):
        return Tensor(owner.initializer, None, owner.place, owner.also)
    if isinstance(owner, OneOf):
        return run.join([get_item(run, option, index, place) for option in owner.options if option is not None])
    if isinstance(owner, ClassValue) and isinstance(index, str):  # `Activation["RELU"]`
        return get_attribute(run, owner, index, place)
    if isinstance(owner, External):
        from actinit_lint.follow.library import subscript

        return subscript(owner, index)
    if isinstance(owner, Unknown) and isinstance(index, (str, int)):
        return owner.part(str(index))
    return Unknown("item of an unknown value")


def _taken(index: Value) -> tuple[int | None, ...]:
    """What an index takes from each leading axis, one element of it; nothing where it does something else."""
    parts = index if isinstance(index, tuple) else (index,)
    single = (isinstance(part, (int, Unknown)) and not isinstance(part, bool) and not is_all(part) for part in parts)
    return tuple(part if isinstance(part, int) else None for part in parts) if all(single) else ()


def _sequence(run: Run, items: list[Value], open_: bool, index: Value, as_tuple: bool) -> Value:
    if isinstance(index, bool):
        index = int(index)
    if isinstance(index, int):
        if open_ and index < 0 and len(items) == 1:
            return drop_absent(items[0])
        if -len(items) <= index < len(items) and not (open_ and index < 0):
            return drop_absent(items[index])
        if open_ and items:
            return drop_absent(items[-1])
        return Unknown("index beyond the end")
    if isinstance(index, slice):
        part = items[index]
        return tuple(part) if as_tuple else ListValue(list(part), "list", open_)
    if items and len(items) <= 4:
        return run.join([drop_absent(item) for item in items])
    return Unknown("item at an unknown index")


def _key(run: Run, owner: DictValue, index: Value) -> Value:
    if isinstance(index, OneOf):
        return run.join([_key(run, owner, option) for option in index.options])
    key = key_of(index)
    if key is MISSING:
        return Unknown("item with an unknown key")
    if key not in owner.items:
        return Unknown("missing key")
    if owner.state and isinstance(owner.items[key], Tensor):
        note_use(run, owner)
    return drop_absent(owner.items[key])


def _object(run: Run, owner: Obj, index: Value, place: Place) -> Value:
    if owner.items is not None:
        if isinstance(index, str) and owner.keys is not None:
            if index in owner.keys:
                return drop_absent(owner.items.items[owner.keys.index(index)])
            return Unknown("missing key")
        if isinstance(index, slice):
            part = owner.items.items[index]
            sliced = Obj(None, owner.kind, {}, place, run.next(), items=ListValue(part, "list", owner.items.open))
            sliced.flags.add("slice")
            return sliced
        if owner.keys is None or isinstance(index, int) or (_is_list(owner) and len(owner.items.items) == 1):
            return _sequence(run, owner.items.items, owner.items.open, index, False)
        return Unknown("item with an unknown key")
    values = positions(owner)
    if values is not None and isinstance(index, (int, slice)):
        return _sequence(run, values, False, index, True)
    if values is not None and isinstance(index, str) and index in owner.attrs:
        return owner.attrs[index]
    if holds_options(owner) and isinstance(index, str):
        return owner.attrs[index] if index in owner.attrs else missing(owner, index)
    if owner.cls is not None and owner.cls.find("__getitem__"):
        from actinit_lint.follow.calls import call_method

        return call_method(run, owner, "__getitem__", [index], place)
    return Unknown("item of an object")


def _is_list(owner: Obj) -> bool:
    """A list of modules or parameters, whose keys are positions: one element stands for all that a loop makes."""
    return owner.kind is not None and owner.kind.name in ("ModuleList", "ParameterList")


def set_item(run: Run, owner: Value, index: Value, value: Value, place: Place) -> None:
    if isinstance(owner, DictValue):
        key = key_of(index)
        if key is MISSING:
            run.assign(owner, "open", True)
        else:
            if owner.state:
                _rebind(run, owner, key, value, place)
            run.store(owner.items, key, value)
            owner.places[key] = place
    elif isinstance(owner, ListValue):
        _set_in(run, owner, index, value)
    elif holds_options(owner) and isinstance(index, str):
        run.store(owner.attrs, index, value)
    elif isinstance(owner, Obj) and owner.items is not None:
        if isinstance(index, str):
            keys = owner.keys if owner.keys is not None else []
            if index in keys:
                _set_in(run, owner.items, keys.index(index), value)
            else:
                run.assign(owner, "keys", [*keys, index])
                run.assign(owner.items, "items", [*owner.items.items, value])
        elif isinstance(index, int):
            _set_in(run, owner.items, index, value)
        else:
            run.assign(owner.items, "items", [*owner.items.items, value])
            run.assign(owner.items, "open", True)
    elif isinstance(owner, Tensor):
        if not (isinstance(index, slice) and index == slice(None)):
            run.assign(owner, "initializer", OPAQUE)
    elif isinstance(owner, (Parameter, View)):
        from actinit_lint.follow.writes import set_part

        set_part(run, owner, index, value, place)


def note_use(run: Run, value: Value) -> None:
    """A state that is handed on, returned, kept or read again is for somebody, who may load it."""
    if isinstance(value, DictValue) and value.state:
        run.assign(value, "state", False)


def _rebind(run: Run, owner: DictValue, key: Any, value: Value, place: Place) -> None:
    """`state["fc.weight"] = torch.randn(3, 4)`: the dictionary holds another tensor, the model still its own."""
    held = owner.items.get(key)
    if isinstance(held, View) and isinstance(value, Tensor):
        run.record("rebound", place, parameter=held.parameter, initializer=value.initializer, state=owner)


def _set_in(run: Run, owner: ListValue, index: Value, value: Value) -> None:
    if isinstance(index, int) and -len(owner.items) <= index < len(owner.items):
        items = list(owner.items)
        items[index] = value
        run.assign(owner, "items", items)
    else:
        if isinstance(value, Flow):  # `levels[i - 1] += x` at an unknown index: any may be it
            items = [run.join([item, value]) if isinstance(item, Flow) else item for item in owner.items]
            run.assign(owner, "items", items)
        run.assign(owner, "open", True)


def delete_item(run: Run, owner: Value, index: Value) -> None:
    if isinstance(owner, DictValue):
        if isinstance(index, (str, int, float, bool, type(None))):
            run.remove(owner.items, index)
        else:
            run.assign(owner, "open", True)
    elif isinstance(owner, ListValue) and isinstance(index, (int, slice)):
        items = list(owner.items)
        if isinstance(index, slice) or -len(items) <= index < len(items):
            del items[index]
            run.assign(owner, "items", items)
    elif isinstance(owner, Obj) and owner.items is not None:
        if isinstance(index, str) and owner.keys is not None and index in owner.keys:
            index = owner.keys.index(index)
        if isinstance(index, (int, slice)):
            delete_item(run, owner.items, index)
            keys = list(owner.keys or [])
            if isinstance(index, slice) or -len(keys) <= index < len(keys):
                del keys[index]
            run.assign(owner, "keys", keys)
