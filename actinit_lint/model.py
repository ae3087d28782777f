"""The finished model: what `follow` understood, in the words that rules are written in.

A rule never meets an unknown: a `Link` exists only where layer, effective initialiser and activation were all followed.
What was not followed is a `NotFollowed`, counted and shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from actinit_lint.reference.normal_form import Initializer
from actinit_lint.reference.recurrence import CellKind


class Place(NamedTuple):
    """A piece of source: the file, and the number of an expression in that file's Program (see `program.locate`)."""

    path: str
    at: int


@dataclass(slots=True, eq=False)
class Write:
    """One write to a parameter, in execution order; the last one is effective."""

    initializer: Initializer
    place: Place  # the initialiser call or argument a person would edit
    also: tuple[tuple[Place, str], ...] = ()  # places on the way: the alias, the `apply(fn)` line, the constant
    kind: Literal["default", "argument", "statement", "apply"] = "statement"
    by: str | None = None  # the class whose code made it; None: a function or script
    sweep: bool = False  # made on the way through many modules: `apply`, a loop over `modules()`
    uses: int = 0  # how often something was trained before it
    sweeps: tuple[int, ...] = ()  # numbers of the sweeps it was made in
    under: frozenset[Place] = frozenset()  # conditions on settings of the model that it stands under


@dataclass(slots=True, eq=False)
class Weight:
    """A parameter of a layer, or a raw parameter multiplied with the data."""

    layer: Layer
    name: str  # "weight", "kernel", "recurrent_kernel", "weight_ih_l0", "bias"
    role: Literal["kernel", "recurrent", "bias", "depthwise", "norm", "embedding", "other"]
    shape: tuple[int | None, ...] | None  # None: unknown; an entry None: that size is unknown
    writes: list[Write]
    trainable: bool = True
    stacked: bool = False  # one of several matrices in one tensor

    @property
    def initializer(self) -> Initializer:
        return self.writes[-1].initializer

    @property
    def write(self) -> Write:
        return self.writes[-1]


@dataclass(slots=True, eq=False)
class Layer:
    """One layer instance of a model (see RULES: a module or Keras layer with a weight of two or more dimensions)."""

    path: str  # "net.0", "fc1"; Keras: the layer's name or the variable that holds it
    kind: str  # canonical short name: "Linear", "Conv2d", "Dense", "LSTM", "Parameter"
    framework: Literal["torch", "keras"]
    place: Place  # its constructor
    weights: dict[str, Weight] = field(default_factory=dict)
    fan_in: int | None = None  # inputs summed per output of the *operation*
    fan_out: int | None = None  # outputs that one input reaches
    in_features: int | None = None  # input channels
    out_features: int | None = None  # units, output channels
    kernel: int = 1  # receptive field: product of the kernel sizes; 1 for dense layers
    groups: int = 1
    stride: int = 1
    repeated: bool = False  # built in a loop of unknown length: stands for one or more
    scale_free: bool = (
        False  # weight/spectral normalisation or weight standardisation: scale of the initialiser irrelevant
    )
    recurrent: bool = False
    oriented: bool = True  # which axis of a bare matrix is summed is certain, whatever its size
    depthwise: bool = False  # depthwise or separable convolution
    in_symbol: str | None = None  # names of unknown sizes: equal names are equal sizes
    out_symbol: str | None = None
    built: tuple[tuple[Place, str], ...] = ()  # where the blocks around it were built, the innermost first
    of_class: str | None = None  # name of the class whose code constructed it (None: a script or function)

    @property
    def kernel_weight(self) -> Weight | None:
        """The weight that makes the pre-activation: role `kernel`."""
        return next((w for w in self.weights.values() if w.role == "kernel"), None)

    @property
    def bias(self) -> Weight | None:
        return next((w for w in self.weights.values() if w.role == "bias"), None)


@dataclass(slots=True, frozen=True, eq=False)
class Activation:
    """A non-linearity where it is applied."""

    name: str  # normal form: "relu", "leaky_relu", "tanh", "sigmoid", "gelu", "softmax" ...
    slope: float | None = None  # leaky_relu, prelu, elu alpha ... None: unknown or not applicable
    places: tuple[tuple[Place, str], ...] = ()  # where applied first, then where constructed, with a caption each
    dim: int | None = None  # softmax: the axis, when known

    @property
    def place(self) -> Place:
        return self.places[0][0]


@dataclass(slots=True, eq=False)
class Link:
    """layer -> activation: the first non-linearity that the layer's output meets."""

    layer: Layer
    weight: Weight  # the weight judged: kernel, or a recurrent weight before its cell's own activation
    activation: Activation
    model: str
    hidden: bool  # some other layer sits downstream of the activation
    normalised: bool = False  # a normalisation between layer and activation, after it, or directly before the layer
    normalised_by: frozenset[str] = frozenset()  # {"batch", "layer", "rms", "group", "instance"}
    residual: bool = False  # inside a residual branch of at most three layers
    gate: bool = False  # the activation's output multiplies another tensor computed from the input
    single: bool = False  # the model has no other layer
    alternatives: int = 1  # more than one: the same layer meets the same activation on several branches
    confidence: Literal["low", "medium", "high"] = "high"
    branch_end: bool = False  # this layer is the last of a branch that is added to or multiplied with another tensor
    next_is_linear: bool = False  # an activation-free layer follows directly (no activation between)
    downstream: tuple[Layer, ...] = ()  # the layers that the activation's output reaches first
    trainable: bool = True
    norm_between: bool = False  # normalised between layer and activation, where a bias is taken out again
    gated: bool = False  # inside a short branch that ends as a gate: squeeze-and-excitation
    chain: Chain | None = field(default=None, repr=False)  # the chain that this link is part of

    @property
    def rescued(self) -> bool:
        return self.normalised or self.residual or self.layer.scale_free

    @property
    def initializer(self) -> Initializer:
        return self.weight.initializer


@dataclass(slots=True, eq=False)
class Use:
    """A layer whose output was followed to its end: what rules about the weight alone (2xx) look at.

    Exists for every layer that is applied, hidden or head, with or without an activation.
    """

    layer: Layer
    model: str
    end: Literal["activation", "head", "layer", "add", "gate"]  # what the output meets first
    activation: Activation | None
    hidden: bool
    residual: bool = False
    branch_end: bool = False  # last layer of a branch that is added to, or multiplied with, another tensor
    gate: bool = False
    single: bool = False  # the model's only layer
    special: str | None = None  # "embedding", "offset", "modulation", "attention", "lora" ...: left alone by 2xx
    downstream: tuple[Layer, ...] = ()
    confidence: Literal["low", "medium", "high"] = "high"
    #: what the downstream layers' effective initialisers are, where all were followed
    trainable: bool = True
    starved: bool = False  # what it is fed is exactly 0 at the start, whatever the data


@dataclass(slots=True, eq=False)
class EqualTokens:
    """Learned tokens that start equal and that attention takes as its queries, with nothing to tell them apart."""

    layer: Layer  # the parameter, as a layer of its own
    weight: Weight
    model: str
    asked: Place  # the attention
    stay: bool  # all that is made of them treats them alike: they never differ
    noise: bool  # dropout lies on the way
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class LinearPair:
    """Two linear maps in a row with nothing non-linear between them."""

    first: Layer
    second: Layer
    model: str
    confidence: Literal["low", "medium", "high"] = "high"
    #: facts that excuse the pair
    branches: bool = False  # the first one's output is used elsewhere too
    merged: bool = False  # an addition or concatenation with another tensor between
    normalised: bool = False  # a normalisation or max pooling between
    attention: bool = False
    other_axes: bool = False  # each works on an axis of its own, as in a separable convolution
    tied: bool = False
    container: Place | None = None  # the Sequential that holds both
    no_bottleneck: bool = False  # the inner width is unknown, but certainly that of one of the ends
    between: tuple[str, ...] = ()  # names of what lies between: "dropout", "flatten" ...


@dataclass(slots=True, eq=False)
class Stack:
    """An activation whose input is another activation's output, with nothing but transparent operations between."""

    first: Activation
    second: Activation
    model: str
    second_is_output: bool = False
    gate: bool = False
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class OneSided:
    """A rectifier that makes an output's score, or a summand of it, in front of a sigmoid or a loss with one inside."""

    first: Activation
    layer: Layer  # whose units are rectified
    model: str
    place: Place  # where the sigmoid is applied, or the loss
    added: bool  # other scores are added: the layer has one unit, as the output has
    also: tuple[tuple[Place, str], ...] = ()
    loss: str | None = None  # normal form of the loss; None: a sigmoid of the model
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class HiddenSoftmax:
    """softmax whose output feeds a later layer without multiplying another tensor."""

    activation: Activation
    layer: Layer | None
    model: str
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class OneUnitSoftmax:
    """softmax over an axis of size 1."""

    activation: Activation
    layer: Layer
    model: str
    is_output: bool
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class Loss:
    """A loss that was followed to what it is computed from."""

    name: str  # normal form: "cross_entropy", "nll", "bce", "bce_with_logits", "categorical_crossentropy", ...
    framework: Literal["torch", "keras"]
    place: Place  # its construction, the functional call, or the Keras loss= argument
    from_logits: bool | None
    output: Literal["raw", "activation"]  # what feeds it: a layer directly, or an activation
    activation: Activation | None
    layer: Layer | None  # the layer before, when known
    model: str
    units: int | None = None
    also: tuple[tuple[Place, str], ...] = ()
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class InitCall:
    """A call of an initialiser function or class with its arguments: what 6xx rules look at."""

    name: str  # as the framework spells it: "kaiming_normal_", "xavier_uniform", "calculate_gain", "he_normal"
    framework: Literal["torch", "keras", "tensorflow"]
    place: Place
    nonlinearity: str | None = None
    nonlinearity_place: Place | None = None  # where the name came from, when elsewhere (a parameter's default)
    target: Literal["tensor", "module", "unknown"] = "unknown"
    target_name: str | None = None  # "fc1.bias"
    target_dims: int | None = None  # number of dimensions of the target tensor, when known
    attribute_missing: bool = False  # the module has no such attribute
    also: tuple[tuple[Place, str], ...] = ()
    confidence: Literal["low", "medium", "high"] = "high"
    model: str | None = None


@dataclass(slots=True, eq=False)
class Spelling:
    """A name that a framework does not (or no longer) know: Keras strings, Keras 1 arguments, TF 1 initialisers."""

    kind: Literal["initializer", "activation", "argument", "function"]
    name: str
    framework: Literal["torch", "keras", "tensorflow"]
    place: Place
    state: Literal["unknown", "deprecated"]
    replacement: str | None = None
    near: tuple[str, ...] = ()
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class EmptyParameter:
    """A parameter made from uninitialised memory that no followed code ever fills."""

    layer: Layer
    weight: Weight
    place: Place
    model: str
    confidence: Literal["low", "medium", "high"] = "high"
    activation: Activation | None = None  # what the product with it meets, where that was followed
    owners: tuple[str, ...] = ()  # the class that holds it, and the bases of that


@dataclass(slots=True, eq=False)
class Recurrence:
    """What becomes of the candidate activations of a recurrent layer from one time step to the next."""

    cell: CellKind
    weight: Weight  # hidden to hidden
    biases: tuple[Weight, ...]
    forget_bias: float = 0.0  # added to that of an LSTM's forget gate
    directions: int = 1


@dataclass(slots=True, eq=False)
class Step:
    """One link of a chain, and what lies on the way to the next layer. Pooling, flatten and the like change nothing."""

    link: Link
    dropout: tuple[float | None, ...] = ()  # probabilities; None: dropout of an unknown one
    norm: str | None = None  # "layer", "rms", "group": only in chains that go through such norms
    recurrence: Recurrence | None = None  # of one of the layers that a recurrent layer stacks
    merges: bool = False  # other data is concatenated, or weights averaged with: attention pooling

    @property
    def layer(self) -> Layer:
        return self.link.layer

    @property
    def activation(self) -> Activation:
        return self.link.activation

    @property
    def initializer(self) -> Initializer:
        return self.link.weight.initializer


@dataclass(slots=True, eq=False)
class Chain:
    """A maximal run of links, each feeding the next layer and nothing else; the head is no part of it.

    It ends at batch normalisation, residual additions, branch points, gates, cells unrolled by hand and
    self-attention, and holds only layers of known kernel and bias initialisers and activations. A layer of unknown
    repetition (`layer.repeated`) stands for one or more and counts once. Where recurrent layers are among the links,
    or other data is concatenated on the way, what lies between those is a chain of its own besides.
    """

    steps: tuple[Step, ...]
    model: str
    confidence: Literal["low", "medium", "high"] = "high"
    start: float | None = 1.0  # second moment of what the first layer is fed; None: not known
    normed: bool = False  # goes through layer, RMS or group normalisation, which do not heal a sigmoid
    within: Chain | None = field(default=None, repr=False)  # the chain that this is a plain part of
    modulates: bool = False  # ends in a gate or a modulation: no plain chain, but its units can start saturated
    #: what `signal` made of it, once somebody asked
    prediction: object = field(default=None, repr=False)
    verdict: object = field(default=None, repr=False)

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(step.link for step in self.steps)

    @property
    def recurrent(self) -> bool:
        return any(step.recurrence is not None for step in self.steps)

    @property
    def plain(self) -> bool:
        """Whether every layer's input is what the activation before it makes, so that the signal can be told."""
        return not self.recurrent and not any(step.merges for step in self.steps[:-1])


@dataclass(slots=True, eq=False)
class Gates:
    """A weight in front of saturating gates: of a recurrent layer, or of a cell written by hand."""

    layer: Layer
    weight: Weight
    names: tuple[str, ...]  # normal forms of the activations
    model: str
    fan_in: int | None  # None: a size that is not known
    start: float | None  # second moment of what the weight is multiplied with; None: not known, the state of the cell
    places: tuple[tuple[Place, str], ...] = ()
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class SharedInitializer:
    """Keras: kernels of one shape that draw the same numbers, from one instance or one fixed seed."""

    place: Place  # where the (first) instance is made
    initializer: Initializer
    spelled: str  # "GlorotUniform"
    seed: int | None  # the fixed seed, when several instances have the same one
    layers: tuple[Layer, ...]  # those with equal kernels, at least two
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class Clones:
    """Copies of one layer or block by `copy.deepcopy` in a loop, all of them starting equal."""

    place: Place  # the deepcopy call
    source: str  # class name of what is copied
    source_place: Place
    count: int | None  # None: a loop of unknown length
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class LeftOut:
    """A layer that an init routine met and passed over because of its kind."""

    link: Link | None  # the layer's link, where it has one
    layer: Layer
    hidden: bool
    model: str
    kinds: Place  # the line that picks the kinds
    handled: tuple[str, ...]  # kinds that the routine initialises
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class NeverApplied:
    """An initialisation function or method that nothing calls."""

    place: Place  # the `def`
    name: str
    owner: str | None  # class name of a method
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class NoEffect:
    """An initialisation that changes nothing in the model that is then used."""

    why: Literal["overwritten", "copy", "rebound", "dropped", "early", "parametrized"]
    place: Place  # the init call (for "early": the apply call)
    target: str | None  # "fc1.weight"
    initializer: Initializer | None
    also: tuple[tuple[Place, str], ...] = ()  # the later write, the apply line ...
    model: str | None = None
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class SeluCompanion:
    """Plain dropout or batch normalisation in a self-normalising (SELU) network."""

    place: Place  # its construction, or the functional call
    kind: Literal["dropout", "batch_norm"]
    activation: Activation
    model: str
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, eq=False)
class InPlaceInit:
    """An in-place write to a leaf parameter outside of `no_grad` and `.data`: torch raises RuntimeError."""

    place: Place
    method: str  # "normal_"
    target: str  # "fc1.weight"
    confidence: Literal["low", "medium", "high"] = "high"


@dataclass(slots=True, frozen=True)
class NotFollowed:
    """What the code did not say, and where."""

    reason: str
    place: Place


@dataclass(slots=True)
class FileFacts:
    """All that following one root file gave: the checks' input."""

    path: str
    facts: list[object] = field(default_factory=list)  # Link, Use, LinearPair, Loss, InitCall ... in source order
    not_followed: list[NotFollowed] = field(default_factory=list)
    models: int = 0
    layers_followed: int = 0
    layers_not_followed: int = 0
    errors: list[str] = field(default_factory=list)  # faults of the follower itself, one line each
    seconds: float = 0.0  # CPU time that following it took, without reading and parsing

    def of(self, kind: type) -> Sequence[object]:
        return [fact for fact in self.facts if type(fact) is kind]
