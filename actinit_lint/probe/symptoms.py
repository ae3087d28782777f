"""What the numbers alone say is wrong: rules 701 to 707. Thresholds of THEORY's healthy and sick networks, by majority.

Only plain chains are judged by ratios: through additions, gates and branches a ratio of two layers says little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import le, lt

from actinit_lint.probe.join import Joint
from actinit_lint.probe.measurement import ActivationRecord, GateRecord, Line
from actinit_lint.probe.numbers import R, Record, chain_ratios, middle, runs_of
from actinit_lint.reference.activations import CATALOGUE
from actinit_lint.reference.dead_units import dead_on_batch
from actinit_lint.rule import Level

#: Of 35 healthy networks the worst: half of the units dead, 6 % saturated, ratios from 0.013 to 13 (first to last
#: hidden layer, batch signal and gradient); thresholds keep a factor of ten from them.
DEAD_ANYWHERE, DEAD_LAST, DEAD_EXCESS = 0.99, 0.90, 0.25
SATURATED, SOME_SATURATED = 0.50, 0.30
LEAST_RATIO, HOPELESS_RATIO = 3.0, 5.0  # decades
#: Batch standard deviation of pre-activations beyond which they are out of any range.
LARGEST = 1e4
#: Rows that a unit must have met before it is called dead.
ROWS = 64
#: Layers that a chain must have before a ratio is about depth.
LAYERS = 3
TWINS = 0.5
#: Activations of which a unit is saturated by its scale alone.
SATURATING = frozenset({"tanh", "sigmoid", "softsign"})
#: Ways between two layers that a ratio of them does not survive.
MERGES = frozenset({"add", "gate", "joined"})

DISTRIBUTIONS = ("normal", "uniform")


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was measured, at the layer or activation where it shows."""

    code: str
    level: Level | None  # None: the page's
    line: Line | None
    layer: str
    records: frozenset[int]  # layers concerned
    activation: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)
    also: tuple[Line, ...] = ()  # where else the same shows
    gates: frozenset[str] = frozenset()  # recurrent layers concerned, which run as one function


def symptoms(joint: Joint) -> list[Symptom]:
    """All symptoms of a model, gravest kinds first; what is not finite has no other symptom."""
    broken = list(_not_finite(joint))
    if broken:
        return broken[:1]
    found: list[Symptom] = []
    for look in (_symmetric, _dead, _saturated):
        found += _once(list(look(joint)))
    if not any(one.code == "ACT701" and one.level is None for one in found):  # dead units are why
        found += _once(list(_without_gradient(joint)))
    return [*found, *_fading(joint)]


def _once(found: Sequence[Symptom]) -> Iterator[Symptom]:
    """One symptom of each level for all layers that show it, at the first of them."""
    for level in dict.fromkeys(one.level for one in found):
        first, *more = [one for one in found if one.level == level]
        records = frozenset(record for one in (first, *more) for record in one.records)
        gates = frozenset(layer for one in (first, *more) for layer in one.gates)
        places = [one.line for one in more if one.line is not None and one.line != first.line]
        told = f" (and {len(more)} more)" if more else ""
        yield replace(
            first, records=records, gates=gates, also=tuple(dict.fromkeys(places)),
            numbers={**first.numbers, "layers": 1 + len(more)}, fields={**first.fields, "more": told},
        )  # fmt: skip


def _holds(values: Mapping[str, Sequence[float]], crossed: Callable[[float], bool]) -> bool:
    """In most draws, with every kind of input that was measured."""
    known = [numbers for numbers in values.values() if numbers]
    return bool(known) and all(sum(map(crossed, numbers)) > len(numbers) / 2 for numbers in known)


def _by_distribution(joint: Joint, record: Record[R], name: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for distribution in DISTRIBUTIONS:
        runs = runs_of(record, joint.measurement, distribution=distribution)
        values = [getattr(one, name) for one in runs]
        found[distribution] = [value for value in values if value is not None]
    return found


def hidden(joint: Joint) -> set[int]:
    """Layers whose output reaches another layer."""
    return {source for record in joint.measurement.layers for source in record.sources}


def _not_finite(joint: Joint) -> Iterator[Symptom]:
    for index, record in enumerate(joint.measurement.layers):
        runs = [one for d in DISTRIBUTIONS for one in runs_of(record, joint.measurement, distribution=d)]
        bad = sum(not one.finite for one in runs)
        if bad > len(runs) / 2:
            name = record.layer or record.weight
            yield Symptom(
                "ACT706", None, record.constructed, name, frozenset({index}), fields={"where": f"the output of {name}"}
            )
    for met in joint.measurement.activations:
        seen = [one for d in DISTRIBUTIONS for one in runs_of(met, joint.measurement, distribution=d)]
        if sum(not one.finite for one in seen) > len(seen) / 2:
            yield Symptom(
                "ACT706", None, met.called, met.module, frozenset(met.sources), met.name,
                fields={"where": f"the output of {met.name}"},
            )  # fmt: skip


def _symmetric(joint: Joint) -> Iterator[Symptom]:
    for index, record in enumerate(joint.measurement.layers):
        runs = runs_of(record, joint.measurement)
        values = {"normal": [one.gradient_twins for one in runs if one.gradient_twins is not None]}
        if record.trainable and _holds(values, lambda share: share >= TWINS) and runs[0].units > 1:
            share = middle(values["normal"]) or 0.0
            name = record.layer or record.weight
            yield Symptom(
                "ACT705", None, record.constructed, name, frozenset({index}), numbers={"share": share},
                fields={"units": f"{share:.0%}", "weight": record.weight},
            )  # fmt: skip


def _without_gradient(joint: Joint) -> Iterator[Symptom]:
    if joint.measurement.blocked_by:
        return
    for stuck in joint.measurement.stuck:
        index = next((i for i, r in enumerate(joint.measurement.layers) if r.weight == stuck.weight), None)
        if index is None:
            continue  # no linear map that was seen: an embedding, a table, a mask
        if not middle(run.fed for run in runs_of(joint.measurement.layers[index], joint.measurement)):
            continue  # fed with zeros, as the state of a recurrent cell is at first
        yield Symptom(
            "ACT707", None, stuck.constructed, stuck.layer or stuck.weight, frozenset({index}),
            numbers={"steps": joint.measurement.steps}, fields={"weight": stuck.weight},
        )  # fmt: skip


def _dead(joint: Joint) -> Iterator[Symptom]:
    inner = hidden(joint)
    rectifiers = [
        one
        for one in joint.measurement.activations
        if one.identified and CATALOGUE[one.name].family == "rectifier" and set(one.sources) & inner
        and one.end not in ("gate", "output") and any(run.dead is not None for run in one.runs)
    ]  # fmt: skip
    for met in rectifiers:
        if min(one.rows for one in met.runs) < ROWS:
            continue
        values = _by_distribution(joint, met, "dead")
        last = met is rectifiers[-1]
        limit = DEAD_LAST if last else DEAD_ANYWHERE
        share = _middle_of(values)
        numbers = {"dead_units": share, "expected": _expected_dead(joint, met)}
        told: dict[str, object] = {"dead": f"{share:.0%}", "normal": f"{numbers['expected']:.0%}"}
        level: Level | None = None
        if not _holds(values, partial(le, limit)):
            usual = numbers["expected"] + DEAD_EXCESS
            if not _holds(values, partial(lt, usual)):
                continue
            level = "info"
        yield _at_activation("ACT701", level, joint, met, numbers, told)


def _expected_dead(joint: Joint, met: ActivationRecord) -> float:
    """What chance alone makes of a batch whose pre-activations have this correlation."""
    runs = runs_of(met, joint.measurement)
    q, s = middle(one.second_in for one in runs), middle(one.signal_in for one in runs)
    return dead_on_batch(q, s, runs[0].rows) if q and s else 0.0


def _saturated(joint: Joint) -> Iterator[Symptom]:
    inner, around = hidden(joint), _around(joint)
    for met in joint.measurement.activations:
        if not met.identified or met.name not in SATURATING or met.end in ("gate", "output"):
            continue
        if not set(met.sources) & inner or set(met.sources) & around:
            continue
        values = _by_distribution(joint, met, "saturated")
        share = _middle_of(values)
        if not _holds(values, lambda value: value >= SOME_SATURATED):
            continue
        level: Level | None = None if _holds(values, lambda value: value >= SATURATED) else "info"
        yield _at_activation(
            "ACT702", level, joint, met, {"saturated_units": share}, {"saturated": f"{share:.0%}", "where": "behind"}
        )
    yield from _saturated_gates(joint)


def _saturated_gates(joint: Joint) -> Iterator[Symptom]:
    """702 inside recurrent layers, where most units of one kind are saturated and those of no kind are free of it.

    A bias that holds a gate open or shut on purpose saturates that gate and leaves the candidate of the state alone;
    too wide a spread of the weights saturates all of them.
    """
    for inside in _recurrent(joint).values():
        kinds = {record.name for record, _ in inside}
        some = {record.name for record, shares in inside if _holds(shares, partial(le, SOME_SATURATED))}
        if kinds != some:
            continue
        worst, shares = max(inside, key=lambda one: _middle_of(one[1]))
        share = _middle_of(shares)
        level: Level | None = None if any(_holds(one, partial(le, SATURATED)) for _, one in inside) else "info"
        numbers, told = {"saturated_units": share}, {"saturated": f"{share:.0%}", "where": "inside"}
        if isinstance(worst, ActivationRecord):
            yield _at_activation("ACT702", level, joint, worst, numbers, told)
        else:
            yield Symptom(
                "ACT702", level, worst.constructed, worst.layer, frozenset(), worst.name, numbers, told,
                gates=frozenset({worst.layer}),
            )  # fmt: skip


def _middle_of(values: Mapping[str, Sequence[float]]) -> float:
    return middle([value for found in values.values() for value in found]) or 0.0


#: A gate, or an activation at every step of a recurrent layer, with the shares of it that are saturated.
Inside = tuple[ActivationRecord | GateRecord, dict[str, list[float]]]


def _recurrent(joint: Joint) -> dict[str, list[Inside]]:
    """What bends inside every recurrent layer: gates found by replaying it, or seen at every step behind its kernel."""
    found: dict[str, list[Inside]] = {}
    for gate in joint.measurement.gates:
        found.setdefault(gate.layer, []).append((gate, _by_distribution(joint, gate, "saturated")))
    around = _around(joint)
    for met in joint.measurement.activations:
        if met.identified and met.name in SATURATING and set(met.sources) & around:
            found.setdefault(met.module, []).append((met, _by_distribution(joint, met, "saturated")))
    return found


def _around(joint: Joint) -> set[int]:
    """Weights that Keras's recurrent layers multiply their state with."""
    layers = joint.measurement.layers
    return {index for index, record in enumerate(layers) if record.weight.rpartition("/")[2] == "recurrent_kernel"}


def _at_activation(
    code: str,
    level: Level | None,
    joint: Joint,
    met: ActivationRecord,
    numbers: Mapping[str, float],
    told: Mapping[str, object],
) -> Symptom:
    first = joint.measurement.layers[met.sources[0]]
    layer = first.layer or first.weight
    return Symptom(code, level, met.called, layer, frozenset(met.sources), met.name, numbers, told)


def plain_chains(joint: Joint, through_norms: bool) -> list[list[int]]:
    """Maximal runs of hidden layers, each fed by the one before it alone, which feeds nothing else."""
    layers, inner = joint.measurement.layers, hidden(joint)
    followers: dict[int, list[int]] = {}
    for index, record in enumerate(layers):
        for source in record.sources:
            followers.setdefault(source, []).append(index)

    def next_of(index: int) -> int | None:
        after = followers.get(index, [])
        if len(after) != 1 or layers[after[0]].sources != [index] or after[0] <= index:
            return None
        via = set(layers[after[0]].via)
        if via & MERGES or "activation" not in via or ("norm" in via and not through_norms):
            return None
        return after[0]

    starts = set(range(len(layers))) - {after for index in range(len(layers)) if (after := next_of(index)) is not None}
    chains = []
    for start in sorted(starts):
        chain, here = [start], next_of(start)
        while here is not None:
            chain.append(here)
            here = next_of(here)
        chains.append([index for index in chain if index in inner])
    return [chain for chain in chains if len(chain) >= LAYERS]


def _fading(joint: Joint) -> Iterator[Symptom]:
    """703 and 704: over plain chains the gradient and the signal, through norms the gradient alone."""
    seen: set[int] = set()
    for through_norms in (False, True):
        for chain in plain_chains(joint, through_norms):
            if seen & set(chain):
                continue
            found = _of_chain(joint, chain, through_norms)
            if found is not None:
                seen |= set(chain)
                yield found
    for index, record in enumerate(joint.measurement.layers if not seen else ()):
        runs = {d: [one.signal for one in runs_of(record, joint.measurement, distribution=d)]
                for d in DISTRIBUTIONS}  # fmt: skip
        if _holds(runs, lambda value: value > LARGEST**2):
            spread = (middle(runs["normal"] or runs["uniform"]) or 0.0) ** 0.5
            yield Symptom(
                "ACT704", None, record.constructed, record.layer or record.weight, frozenset({index}),
                numbers={"std": spread},
                fields={"told": f"pre-activations of {record.layer or record.weight} spread by {spread:.1e}"},
            )  # fmt: skip
            return


def _beyond(sign: int, value: float) -> bool:
    return sign * value >= LEAST_RATIO


def _of_chain(joint: Joint, chain: list[int], through_norms: bool) -> Symptom | None:
    signals: dict[str, list[float]] = {}
    gradients: dict[str, list[float]] = {}
    for distribution in DISTRIBUTIONS:
        signals[distribution], gradients[distribution] = chain_ratios(joint, chain, distribution=distribution)
    quantities = [("gradient", gradients)] if through_norms else [("gradient", gradients), ("signal", signals)]
    first = joint.measurement.layers[chain[0]]
    for what, values in quantities:
        for sign, code in ((-1, "ACT703"), (1, "ACT704")):
            if not _holds(values, partial(_beyond, sign)):
                continue
            m = middle(values["normal"] or values["uniform"]) or 0.0
            level: Level | None = "error" if abs(m) >= HOPELESS_RATIO else None
            fate = f"leaves {10**m:.1g} of the {what}" if m < 0 else f"makes the {what} {10**m:.1g} times as large"
            return Symptom(
                code, level, first.constructed, first.layer or first.weight, frozenset(chain),
                numbers={"layers": len(chain), "ratio": 10**m, "m": m},
                fields={"told": f"a chain of {len(chain)} layers {fate}"},
            )  # fmt: skip
    return None
