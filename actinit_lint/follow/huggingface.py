"""Hugging Face transformers: when `_init_weights` is called, and what the base class does there."""

from __future__ import annotations

from actinit_lint.follow.calls import call, flows_in
from actinit_lint.follow.modules import children, parameters
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    Args,
    Flow,
    Obj,
    Unknown,
    Value,
    options,
)
from actinit_lint.follow.writes import write
from actinit_lint.knowledge.initializers import number
from actinit_lint.model import Place
from actinit_lint.reference.normal_form import Initializer, constant, variance_scaling

#: The routine that a model overrides, which is also the mark of the base class that calls it.
HOOK = "_init_weights"
#: The mark of a module that has been initialised, among what is known of it.
INITIALISED = "_is_hf_initialized"


def post_init(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """Hugging Face's `post_init()`: `_init_weights` reaches every module, children first, each once.

    A part that is a model of its own is left to its own `_init_weights`, and keeps what its own `post_init` did
    (`PreTrainedModel.initialize_weights` in transformers/modeling_utils.py, 5.23).
    """
    before = run.via
    run.via = (*before, (place, "applied here"))
    try:
        _initialise(run, owner, owner, place, set())
    finally:
        run.via = before
    return None


def _initialise(run: Run, model: Obj, module: Obj, place: Place, seen: set[int]) -> None:
    seen.add(id(module))
    for _, child in list(children(module)):
        if id(child) not in seen:
            _initialise(run, child if HOOK in child.flags else model, child, place, seen)
    if module.state.get(INITIALISED):
        return
    run.store(module.state, INITIALISED, True)
    own = model.cls.find(HOOK) if model.cls is not None else None
    if own is None:
        huggingface_init(run, model, module, place)
        return
    step = Args()
    step.add(model, place)
    step.add(module, place)
    call(run, own[0], step, place)


def keep_positions(run: Run, args: Args, place: Place) -> Value:
    """`slice_logits_to_keep(hidden_states, logits_to_keep)`: the last positions of a sequence, all of them for 0."""
    flows = flows_in(args.values())
    if not flows:
        return Unknown("positions of something unknown")
    return run.flow(Flow("select", flows[:1], place, name="slice_logits_to_keep", shape=flows[0].shape))


def base_init_weights(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """`super()._init_weights(module)` of Hugging Face."""
    for value in args.pos[:1]:
        for option in options(value):
            if isinstance(option, Obj):
                huggingface_init(run, owner, option, place)
    return None


#: Layers that Hugging Face's dispatcher fills from a normal draw (transformers/modeling_utils.py, 5.23).
HUGGINGFACE_NORMAL = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d"})


def huggingface_init(run: Run, owner: Obj, module: Obj, place: Place) -> None:
    """The base dispatcher: N(0, initializer_range) for linear maps and embeddings, biases zero, LSTM Xavier."""
    kind = module.kind
    if kind is None or kind.framework != "torch" or kind.role not in ("layer", "embedding", "recurrent", "attention"):
        return
    config = owner.attrs.get("config")
    std: Value = None
    if isinstance(config, Obj):
        for name in ("initializer_range", "init_std", "initializer_factor"):
            found = config.attrs.get(name) or (config.cls.find(name) if config.cls is not None else None)
            std = found[0] if isinstance(found, tuple) else found
            if std is not None:
                break
    for _, parameter in parameters(module, recurse=False):
        if parameter.role == "bias":
            initializer = constant(0.0)
        elif kind.role == "embedding" or kind.name in HUGGINGFACE_NORMAL:
            initializer = Initializer("normal", "normal", "normal", mean=0.0, std=number(std))
        elif kind.name == "LSTM":
            initializer = variance_scaling("xavier_uniform", 1.0, "fan_avg", "uniform")
        else:
            continue
        write(run, parameter, initializer, place)
