"""Whether a finding's symptom shows in the numbers, rule by rule. Thresholds are those of the rules and the theory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log10, sqrt

from actinit_lint.finding import Finding
from actinit_lint.judgement import SATURATING
from actinit_lint.model import Chain, Layer, Link
from actinit_lint.probe.evidence import Outlook, Probed
from actinit_lint.probe.join import Joint
from actinit_lint.probe.measurement import ActivationRecord, GateRecord, LayerRecord, LayerRun
from actinit_lint.probe.numbers import (
    chain_m,
    chain_ratios,
    expected_moment,
    expected_share,
    forward_factor,
    middle,
    runs_of,
    slope_share,
    tolerance,
)
from actinit_lint.reference.activations import activation as reference
from actinit_lint.reference.initializers import weight_moments
from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.signal import Verdict, verdict
from actinit_lint.signal.maps import bias_moments
from actinit_lint.signal.predict import LEVELS
from actinit_lint.signal.verdict import DEAD, SATURATED_SHARE, SIGMOID, SIGMOIDS

#: |m| up to which every network that was trained learned, and from which none did with plain SGD and next to none with
#: Adam (THEORY of `signal.predict.LEVELS`): between them training is slow.
HARMLESS, HOPELESS = 1.5, 5.0
#: Decades by which a factor must come nearer to 1 to count as better.
BETTER = 0.02
#: A sigmoid passes at most a quarter of the gradient and of the signal; with gain 1 a layer loses more than half.
SIGMOID_LOSS = 0.5
#: A layer passes half of the signal on or more where its initialiser fits, and a third where it is the default.
SOFTMAX_LOSS = 0.1
SOFTMAXES = frozenset({"softmax", "log_softmax"})
#: A layer of which this share of the units is off passes nothing on.
DEAD_LAYER = 0.99
#: A unit that starts like another: exact, so that any share that is a majority will do.
MAJORITY = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """A finding with the layers that it speaks of, in a model that ran."""

    finding: Finding
    joint: Joint
    layers: tuple[Layer, ...]
    links: tuple[Link, ...]
    normed: tuple[Chain, ...] = ()  # chains through norms that hold one of the layers

    @property
    def chain(self) -> Chain | None:
        """The first that is more than one layer: with what is wrong as a whole, without norms, else through them."""
        plain = [link.chain for link in self.links if link.chain is not None]
        whole = [one.within for one in plain if one.within is not None and verdict(one.within) is not None]
        measured = [one for one in (*whole, *plain, *self.normed) if not one.recurrent]
        return next((one for one in measured if len(one.steps) > 1), next(iter(plain), None))


Judge = Callable[[Case], Probed | None]


def judge(case: Case) -> Probed:
    """The verdict on a finding whose model ran."""
    judged = JUDGES.get(case.finding.code)
    if judged is None:
        return Probed("not-probed", f"{case.finding.code} is about the code, not about a number that could be measured")
    found = judged(case)
    if found is None:
        return Probed("not-probed", "this line did not run with the inferred input")
    weak = case.joint.result.depth_assumed and case.finding.code in DEEP
    return _with_outlook(case, found, weak)


def _with_outlook(case: Case, found: Probed, weak: bool) -> Probed:
    chain = measured_chain(case.joint, case.chain)
    numbers = _ratios(case.joint, chain, cured=False)
    outlook: Outlook | None = found.outlook
    if outlook is None and found.verdict == "confirmed":
        outlook = outlook_of(max(map(abs, numbers.values()), default=0.0))
    cured = _ratios(case.joint, chain, cured=True) if case.finding.remedies else {}
    return replace(found, outlook=outlook, weak=weak, chain=numbers, cured_chain=cured)


def _ratios(joint: Joint, chain: Sequence[int], cured: bool) -> dict[str, float]:
    """log10 of a chain's median ratios, by quantity; those that could not be formed are left out."""
    found = zip(("signal", "gradient"), chain_ratios(joint, chain, cured=cured), strict=True)
    return {name: value for name, values in found if (value := middle(values)) is not None}


def outlook_of(m: float) -> Outlook:
    return "dead" if abs(m) >= HOPELESS else "slow" if abs(m) >= HARMLESS else "harmless"


def measured_chain(joint: Joint, chain: Chain | None) -> list[int]:
    """The layer records of a chain in its order; empty unless at least two of its layers ran."""
    if chain is None:
        return []
    found: list[int] = []
    for step in chain.steps:
        found += [index for index in joint.of(step.layer, step.link.weight.name) if index not in found]
    return found if len(found) > 1 else []


# -- an initialiser in front of an activation


def _pair(case: Case) -> Probed | None:
    """101 to 104: the factor of a layer with its activation is as predicted, and nearer to 1 with the remedy."""
    answers = [one for link in case.links for one in [_pair_of(case, link)] if one is not None]
    if not answers:
        return None
    confirmed = [one for one in answers if one.verdict == "confirmed"]
    return (confirmed or answers)[0]


def _pair_of(case: Case, link: Link) -> Probed | None:
    gates = case.joint.gates.get(id(link.layer))
    if gates is not None:
        return _gate_pair(case, link, gates)
    indices = case.joint.of(link.layer, link.weight.name)
    if not indices:
        return None
    record = case.joint.measurement.layers[indices[0]]
    met = case.joint.activation(indices, link.activation.name)
    if met is None or not met.identified:
        return None
    phi = reference(met.name, *met.parameters.values())
    sources = met.sources if set(met.sources) & set(indices) else indices
    expected = expected_moment(case.joint, sources)
    answers = []
    for quantity in ("slope", "map") if met.name in SATURATING else ("pair",):
        measured = _factors(case.joint, record.runs, met, phi, quantity, cured=False)
        cured = _factors(case.joint, record.runs, met, phi, quantity, cured=True)
        predicted = None if expected is None else _predicted_factor(case.joint, indices[0], phi, expected, quantity)
        allowed = tolerance(met.runs[0].units, len(measured))
        answers.append(_compare(measured, cured, predicted, allowed, QUANTITIES[quantity].format(phi=met.name)))
    known = [one for one in answers if one is not None]
    return next((one for one in known if one.verdict == "confirmed"), next(iter(known), None))


#: What a pair can be judged by: the slope that a saturating activation is left with, and where that is the same for any
#: scale (hard sigmoid) the layer alone; a layer with its activation for the others.
QUANTITIES = {
    "slope": "what {phi} lets through of a gradient",
    "map": "root mean square through the layer",
    "pair": "root mean square per layer",
}


def _factors(
    joint: Joint, into: Sequence[LayerRun], met: ActivationRecord, phi: Nonlinearity, quantity: str, *, cured: bool
) -> list[float]:
    """The factor of a pair in every run of one kind."""
    runs, found = joint.measurement.runs, []
    layers = {one.run: one for one in into}
    for one in met.runs:
        run, layer = runs[one.run], layers.get(one.run)
        if run.cured != cured or run.distribution != "normal" or run.birth or layer is None:
            continue
        if quantity == "slope":
            if one.slope:
                found.append(slope_share(phi, one.slope))
        elif layer.fed > 0 and one.second_out > 0 and layer.second > 0:
            out = layer.second if quantity == "map" else one.second_out
            if quantity == "pair" and "norm" in met.via:
                # behind a normalisation the initialiser's scale shows in front of it alone
                out = moments(phi, layer.second).second
            found.append(forward_factor(out, layer.fed))
    return found


def _predicted_factor(joint: Joint, index: int, phi: Nonlinearity, expected: float, quantity: str) -> float | None:
    if quantity == "slope":
        return expected_share(phi, expected)
    fed = middle(one.fed for one in runs_of(joint.measurement.layers[index], joint.measurement))
    return forward_factor(expected if quantity == "map" else moments(phi, expected).second, fed) if fed else None


def _gate_pair(case: Case, link: Link, gates: Sequence[GateRecord]) -> Probed | None:
    """The same for recurrent layers, at their gates."""
    gate = next((one for one in gates if one.name == link.activation.name), gates[0])
    kinds = case.joint.measurement.runs
    phi = reference(gate.name)
    measured = [sqrt(one.slope) for one in gate.runs if not kinds[one.run].cured]
    cured = [sqrt(one.slope) for one in gate.runs if kinds[one.run].cured]
    expected = 0.0
    for role, fed in (
        ("kernel", middle(one.fed for one in gate.runs if not kinds[one.run].cured)),
        ("recurrent", middle(one.state for one in gate.runs if not kinds[one.run].cured)),
    ):
        weight = next((w for w in link.layer.weights.values() if w.role == role), None)
        shape = None if weight is None or weight.shape is None or None in weight.shape else weight.shape
        drawn = None if weight is None or shape is None else weight_moments(weight.initializer, shape=shape)  # type: ignore[arg-type]
        if drawn is None or fed is None or shape is None:
            return _compare(measured, cured, None, 0.0, f"what the {gate.name} of the gates lets through of a gradient")
        expected += (shape[1] or 0) * (drawn.variance + drawn.mean**2) * fed
        for bias in (w for w in link.layer.weights.values() if w.role == "bias" and w.initializer.is_default):
            known = bias_moments(bias.initializer, shape[0] or 1, shape[1] or 1)
            expected += (known[1] if known else 0.0) / 2
    units = link.layer.out_features or 16
    quantity = f"what the {gate.name} of the gates lets through of a gradient"
    return _compare(measured, cured, expected_share(phi, expected), tolerance(units, len(measured)), quantity)


def _compare(
    measured: Sequence[float], cured: Sequence[float], predicted: float | None, allowed: float, quantity: str
) -> Probed | None:
    """Confirmed when measured and predicted agree, and the remedy brings the factor nearer to 1 in most draws."""
    now, then = middle(measured), middle(cured)
    if now is None or now <= 0:
        return None
    agrees = predicted is None or abs(log10(now / predicted)) <= allowed
    said = f"{quantity}: ×{now:.2g} measured"
    if predicted is not None:
        said += f", ×{predicted:.2g} predicted"
    if then is not None and then > 0:
        said += f", ×{then:.2g} with the remedy"
        pairs = list(zip(measured, cured))
        better = sum(abs(log10(after)) < abs(log10(before)) for before, after in pairs if before > 0 and after > 0)
        helps = abs(log10(then)) < abs(log10(now)) - BETTER and better > len(pairs) / 2
    else:
        helps = abs(log10(now)) > BETTER
    if agrees and helps:
        return Probed("confirmed", said, None, False, quantity, predicted, now, then)
    why = "the remedy brings it no nearer to 1" if agrees else "the two do not agree"
    return Probed("not-observed", f"{said}: {why}", None, False, quantity, predicted, now, then)


# -- chains


def _chain(case: Case) -> Probed | None:
    """302, 401, 402, 404: signal or gradient leaves the range of the finding's level."""
    chain = case.chain
    if case.finding.code == "ACT402" and _through_recurrent_layers(case):
        return Probed("not-probed", "what recurrent layers hand on to the next layer is not measured")
    if chain is None:
        return _gates_saturated(case)
    found = verdict(chain)
    if found is not None and found.code == "ACT401" and found.saturated is not None:
        return _saturated(case, found)
    indices = measured_chain(case.joint, chain)
    seen = chain_m(case.joint, indices) if indices else None
    if seen is None:
        return _blocked(case, indices) if indices else None
    m, by_gradient = seen
    predicted = case.finding.numbers.get("m")
    healed = chain_m(case.joint, indices, cured=True)
    what = "gradient" if by_gradient else "signal"
    steps = max(1, len(indices) - 1)
    said = f"{what} {_ratio(m)} over {len(indices)} layers measured"
    if predicted:
        said += f", {_ratio(predicted)} predicted"
    if healed is not None:
        said += f", {_ratio(healed[0])} with the remedy"
    least = next(least for least, level in LEVELS if level == case.finding.level)
    margin = case.finding.numbers.get("uncertainty", 0.0)
    crossed = abs(m) >= least - margin and (not predicted or m * predicted > 0)
    if not crossed and _is_sigmoid_stack(chain):
        crossed = 10 ** (-abs(m) / steps) <= SIGMOID_LOSS and m < 0
    return Probed(
        "confirmed" if crossed else "not-observed",
        said if crossed else f"{said}: less than the factor 1e{least:.0f} that counts",
        outlook_of(m) if crossed else None,
        False,
        f"log10 of the {what}'s ratio",
        predicted,
        m,
        None if healed is None else healed[0],
    )


def _through_recurrent_layers(case: Case) -> bool:
    """Whether the finding is about a chain with recurrent layers, of which a link knows only the part it stands in."""
    whole = (link.chain.within for link in case.links if link.chain is not None)
    return any(layer.recurrent for layer in case.layers) or any(
        chain is not None and chain.recurrent and verdict(chain) is not None for chain in whole
    )


def _is_sigmoid_stack(chain: Chain) -> bool:
    return sum(step.activation.name in SIGMOID for step in chain.steps) >= SIGMOIDS


def _ratio(m: float) -> str:
    return f"×{10**m:.2g}"


def _blocked(case: Case, indices: Sequence[int]) -> Probed:
    """No ratio could be formed: somewhere signal and gradient are beyond all numbers, or exactly zero."""
    layers = case.joint.measurement.layers
    burst = next((i for i in indices if _overflows(case, i)), None)
    if burst is not None:
        return Probed("confirmed", f"NaN or infinity at {layers[burst].layer or layers[burst].weight}", "dead")
    dead = next((i for i in indices if all(not one.signal for one in runs_of(layers[i], case.joint.measurement))), None)
    if dead is None:
        return Probed("not-probed", "no gradient reached this chain")
    return Probed("confirmed", f"nothing of the input is left at {layers[dead].layer or layers[dead].weight}", "dead")


def _overflows(case: Case, index: int) -> bool:
    """Whether a layer's output is not finite in most draws."""
    runs = runs_of(case.joint.measurement.layers[index], case.joint.measurement)
    return sum(not one.finite for one in runs) > len(runs) / 2


def _saturated(case: Case, found: Verdict) -> Probed | None:
    """401: more than half of the units start saturated."""
    worst: tuple[float, str] | None = None
    for step in found.at:
        met = case.joint.activation(case.joint.of(step.layer, step.link.weight.name), step.activation.name)
        if met is None:
            continue
        shares = [_median_of(case.joint, met, "saturated", distribution) for distribution in ("normal", "uniform")]
        share = max((one for one in shares if one is not None), default=None)
        if share is not None and (worst is None or share > worst[0]):
            worst = share, step.layer.path
    if worst is None:
        return None
    return _at_least_slow(_share(worst[0], found.saturated, SATURATED_SHARE, "units saturated at the start"), case)


def _gates_saturated(case: Case) -> Probed | None:
    """401 on a recurrent layer: the gates."""
    kinds = case.joint.measurement.runs
    shares = [
        middle(one.saturated for one in gate.runs if not kinds[one.run].cured)
        for layer in case.layers
        for gate in case.joint.gates.get(id(layer), ())
    ]
    for layer in case.layers:
        indices = case.joint.of(layer)
        for met in case.joint.measurement.activations:
            if set(indices) & set(met.sources) and met.name in SATURATING:
                shares.append(_median_of(case.joint, met, "saturated", "normal"))
    known = [share for share in shares if share is not None]
    if not known:
        return None
    return _at_least_slow(_share(max(known), None, SATURATED_SHARE, "gates saturated at the start"), case)


def _at_least_slow(found: Probed, case: Case, dead: bool = False) -> Probed:
    """Units that are stuck slow a network down whatever the depth, and stop it where all of a layer's are."""
    m = chain_m(case.joint, measured_chain(case.joint, case.chain))
    outlook = "dead" if dead else outlook_of(max(HARMLESS, abs(m[0]) if m is not None else 0.0))
    return replace(found, outlook=outlook)


def _median_of(joint: Joint, met: ActivationRecord, name: str, distribution: str, cured: bool = False) -> float | None:
    runs = runs_of(met, joint.measurement, cured=cured, distribution=distribution)
    return middle(getattr(one, name) for one in runs)


def _share(measured: float, predicted: float | None, least: float, quantity: str, cured: float | None = None) -> Probed:
    said = f"{measured:.0%} of the {quantity}"
    if predicted is not None:
        said += f", {predicted:.0%} predicted"
    if cured is not None:
        said += f", {cured:.0%} with the remedy"
    crossed = measured > least
    if not crossed:
        said += f": not more than {least:.0%}"
    return Probed("confirmed" if crossed else "not-observed", said, None, False, quantity, predicted, measured, cured)


def _dead_bias(case: Case) -> Probed | None:
    """403: units that hardly any input switches on, with both kinds of input."""
    for link in case.links:
        met = case.joint.activation(case.joint.of(link.layer), link.activation.name)
        if met is None:
            continue
        shares = [_median_of(case.joint, met, "quiet", distribution) for distribution in ("normal", "uniform")]
        known = [share for share in shares if share is not None]
        if not known:
            continue
        predicted = case.finding.numbers.get("dead_units")
        least = 0.0 if predicted is None else max(0.0, predicted - 0.25)
        cured = _median_of(case.joint, met, "quiet", "normal", cured=True)
        told = _share(min(known), predicted, least, "units on for less than 1% of the inputs", cured)
        return _at_least_slow(told, case, min(known) >= DEAD_LAYER)
    return None


def _born_dead(case: Case) -> Probed | None:
    """405: for how many draws and inputs some layer has no active unit."""
    runs = [one for one in case.joint.measurement.runs if not one.cured and one.distribution == "normal"]
    silent = [one.silent for one in runs if one.silent is not None]
    if not silent:
        return None
    share = sum(silent) / len(silent)
    error = 2 * sqrt(max(share * (1 - share), 1e-4) / len(silent))
    found = None if case.chain is None else verdict(case.chain)
    predicted = None if found is None else found.dead
    quantity = f"inputs meet a layer without an active unit, over {len(silent)} draws"
    return _at_least_slow(_share(share, predicted, max(DEAD / 2, DEAD - error), quantity), case, share > MAJORITY)


def _squeezed(case: Case) -> Probed | None:
    """503: what differs between inputs is next to nothing behind the softmax."""
    records = case.joint.measurement.layers
    for layer in case.layers:
        indices = set(case.joint.of(layer))
        behind = [one for one in records if indices & set(one.sources) and SOFTMAXES & set(one.via)]
        before = [records[index] for index in sorted(indices)]
        if not behind:
            continue
        had, has = (max(_signal(case.joint, one) for one in ends) for ends in (before, behind))
        if not had:
            continue
        left = sqrt(has / had)
        name = behind[0].layer or behind[0].weight
        said = f"×{left:.2g} of the signal of {layer.path} is left in {name}, behind the softmax"
        if left > SOFTMAX_LOSS:
            return Probed("not-observed", f"{said}: more than ×{SOFTMAX_LOSS:g}")
        return _at_least_slow(Probed("confirmed", said, None, False, "ratio of the signals", None, left), case)
    return None


def _signal(joint: Joint, record: LayerRecord) -> float:
    return middle(run.signal for run in runs_of(record, joint.measurement)) or 0.0


# -- symmetry


def _symmetric(case: Case) -> Probed | None:
    """201 and 202: the units of a layer start equal."""
    for layer in case.layers:
        for index in case.joint.of(layer):
            record = case.joint.measurement.layers[index]
            runs = runs_of(record, case.joint.measurement)
            if not runs:
                continue
            twins = middle(one.twins for one in runs) or 0.0
            same = middle(one.gradient_twins for one in runs)
            still = any(stuck.weight == record.weight for stuck in case.joint.measurement.stuck)
            if twins <= MAJORITY:
                return Probed("not-observed", f"{twins:.0%} of the units of {layer.path} equal another")
            said = f"{twins:.0%} of the units of {layer.path} have the weights of another"
            if still:
                said += f", and no gradient after {case.joint.measurement.steps} steps"
            elif same is not None:
                said += f", and {same:.0%} its gradient too" if same > 0 else ", but other gradients"
            outlook: Outlook = "dead" if still or (same or 0.0) > MAJORITY else "slow"
            return Probed("confirmed", said, outlook, False, "units equal to another", 1.0, twins)
    return None


#: Whose verdict hangs on the depth.
DEEP = frozenset({"ACT302", "ACT401", "ACT402", "ACT404", "ACT405"})
JUDGES: dict[str, Judge] = {
    **dict.fromkeys(("ACT101", "ACT102", "ACT103", "ACT104", "ACT303"), _pair),
    **dict.fromkeys(("ACT302", "ACT401", "ACT402", "ACT404"), _chain),
    "ACT403": _dead_bias,
    "ACT405": _born_dead,
    "ACT503": _squeezed,
    "ACT201": _symmetric,
    "ACT202": _symmetric,
}
