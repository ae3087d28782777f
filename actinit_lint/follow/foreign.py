"""Ready-made models of libraries whose parts a script replaces: `resnet18(weights=...)` with another `fc`.

Nothing is known of such a model but what comes last in it, by the name that the library gives to it.
"""

from __future__ import annotations

from actinit_lint.follow.calls import call_unknown, unknown_call
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import Args, Foreign, Obj, Unknown, Value
from actinit_lint.model import Place

#: The last part of the models of torchvision and timm (torchvision/models/*.py, 0.29; timm/models/*.py, 1.0).
LAST = ("fc", "classifier", "heads", "head")
MAKERS = frozenset({"timm.create_model", "timm.models.create_model", "torch.hub.load"})
#: Methods that give the model itself.
SAME = frozenset({"to", "cuda", "cpu", "eval", "train", "float", "half", "double", "requires_grad_", "module"})


def makes_model(name: str) -> bool:
    """Whether a library's function makes a model: `torchvision.models.resnet18`, `timm.create_model`."""
    return name in MAKERS or (name.startswith("torchvision.models.") and name.rsplit(".", 1)[-1][0].islower())


def on_foreign(run: Run, owner: Foreign, name: str, args: Args, place: Place) -> Value:
    if name in SAME:
        return owner
    if name == "forward":
        return call_foreign(run, owner, args, place)
    head = _head(owner)
    if name == "apply" and head is not None:
        from actinit_lint.follow.methods import call_method_of
        from actinit_lint.follow.values import Method

        call_method_of(run, Method(head, name, place), args, place)
    return call_unknown(run, name, args, place)


def call_foreign(run: Run, owner: Foreign, args: Args, place: Place) -> Value:
    """What the model computes is unknown, up to the part that was put in place of its last one."""
    from actinit_lint.follow.apply import data_arguments
    from actinit_lint.follow.modules import call_object

    args = data_arguments(run, args, place)
    features = unknown_call(run, "a model of a library", args, place)
    head = _head(owner)
    if head is None:
        return features
    step = Args()
    step.add(features, place)
    return call_object(run, head, step, place)


def _head(owner: Foreign) -> Obj | None:
    """The part that was put last, or into the last place of the last part: `model.classifier[6] = ...`."""
    parts = owner.parts or {}
    for name in LAST:
        part = parts.get(name)
        if isinstance(part, Unknown) and part.parts:
            numbered = {int(key): value for key, value in part.parts.items() if key.lstrip("-").isdigit()}
            part = numbered.get(-1, numbered[max(numbered)]) if numbered else None
        if isinstance(part, Obj) and part.kind is not None:
            return part
    return None
