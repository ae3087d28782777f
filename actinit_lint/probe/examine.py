"""From findings to measurements and back: which models run, with which remedies, and what that says of each finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import msgspec

from actinit_lint.checking import describe
from actinit_lint.finding import Finding, Related, Span
from actinit_lint.model import Chain, FileFacts, Layer, Link, Place
from actinit_lint.probe.evidence import Probed
from actinit_lint.probe.jobs import Wish, jobs_for, runnable
from actinit_lint.probe.join import Joint, Static, join, layers_of, links_of
from actinit_lint.probe.measurement import Line, Measurement
from actinit_lint.probe.subject import Job, Result, RunOptions
from actinit_lint.probe.symptoms import Symptom, symptoms
from actinit_lint.probe.verdicts import JUDGES, Case, judge, measured_chain
from actinit_lint.rule import Hit
from actinit_lint.source.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Static rules that say the same as a measured symptom: one mistake, one finding.
EXPLAINED: dict[str, frozenset[str]] = {
    "ACT701": frozenset({"ACT201", "ACT202", "ACT403", "ACT405", "ACT401", "ACT302", "ACT402"}),
    "ACT702": frozenset({"ACT102", "ACT103", "ACT401", "ACT404", "ACT202"}),
    "ACT703": frozenset(
        {"ACT101", "ACT102", "ACT103", "ACT104", "ACT201", "ACT202", "ACT302", "ACT401", "ACT402", "ACT403", "ACT404"}
        | {"ACT405", "ACT503", "ACT303"}
    ),
    "ACT704": frozenset({"ACT101", "ACT102", "ACT103", "ACT104", "ACT302", "ACT401", "ACT202", "ACT303"}),
    "ACT705": frozenset({"ACT201", "ACT202", "ACT203", "ACT204"}),
    "ACT706": frozenset({"ACT301", "ACT401", "ACT504"}),
    "ACT707": frozenset({"ACT201", "ACT202", "ACT401", "ACT402", "ACT403", "ACT404", "ACT405", "ACT503", "ACT506"}),
}
#: What shows far from its cause: a dead layer takes the gradient from those before it and behind it.
ANYWHERE = frozenset({"ACT706", "ACT707"})


#: A hit of a measured rule: code, place, other places, and the rest.
MeasuredHit = tuple[str, Span, list[Related], Hit]


class Run(Protocol):
    """`supervisor.run`, or a stand-in."""

    def __call__(
        self, jobs: Sequence[Job], options: RunOptions, progress: Callable[[int, int, str], None] | None
    ) -> Iterator[Result]: ...


@dataclass(slots=True)
class Examined:
    """One model's result, with its measurement joined to the code where it ran."""

    result: Result
    joint: Joint | None
    symptoms: list[Symptom] = field(default_factory=list)
    path: str = ""  # as it was given


@dataclass(slots=True)
class Examination:
    """All models of a run, verdicts by finding, and hits of the measured rules."""

    models: list[Examined] = field(default_factory=list)
    hits: list[MeasuredHit] = field(default_factory=list)


def examine(
    facts: Sequence[FileFacts],
    findings: Sequence[Finding],
    spans: dict[Place, Span],
    texts: Texts,
    wish: Wish,
    run: Run,
    progress: Callable[[str, int, int], None],
) -> Examination:
    """Probe every file that holds a model, and write a verdict into each finding."""
    examination = Examination()

    def step(done: int, total: int, name: str) -> None:
        progress(f"probing {name}" if name else "probing", done, total)

    with runnable(facts, texts) as files:
        static = Static(layers_of(facts), spans, texts, links_of(facts), files)
        shown = {there: path for path, there in files.items()}
        jobs = list(jobs_for(facts, findings, static, wish))
        for result in run(jobs, wish.options, step) if jobs else ():
            examined = _examined(result, static)
            examined.path = shown.get(result.path, result.path)
            examination.models.append(examined)
    for finding in findings:
        try:
            finding.probe = _verdict(finding, facts, examination.models)
        except Exception as problem:
            finding.probe = Probed("not-probed", f"the probe failed: {describe(problem)}")
    for model in examination.models:
        if model.joint is not None:
            joint = model.joint
            model.symptoms = [one for one in model.symptoms if not _explained(one, joint, facts, findings)]
            examination.hits += _hits(model, static, shown)
    return examination


def _examined(result: Result, static: Static) -> Examined:
    if result.measurement is None:
        return Examined(result, None)
    try:
        measurement = msgspec.convert(result.measurement, Measurement, strict=False)
        joint = join(result, measurement, static)
        return Examined(result, joint, symptoms(joint))
    except Exception as problem:  # a fault of the probe never stops the linter
        return Examined(replace(result, not_probed=f"the probe failed: {describe(problem)}"), None)


# -- findings


def _verdict(finding: Finding, facts: Sequence[FileFacts], models: Sequence[Examined]) -> Probed:
    """From the model that the finding names where it ran, else from any model that its layers are part of."""
    meant = list(_meant(finding, facts))
    layers = {id(layer): layer for _, _, layer in meant}
    links = [fact for _, fact, _ in meant if isinstance(fact, Link)]
    normed = [fact for file in facts for fact in file.facts if isinstance(fact, Chain) and fact.normed]
    normed = [chain for chain in normed if any(id(step.layer) in layers for step in chain.steps)]
    files = {path for path, _, _ in meant} or {finding.span.path}
    links.sort(key=lambda link: (link.layer.path != finding.layer, link.activation.name != finding.activation))
    own_first = sorted(models, key=lambda one: one.result.name != finding.model or one.path not in files)
    fallback: Probed | None = None
    for model in own_first:
        if model.joint is None or not _has_any(model.joint, layers.values()):
            continue
        found = judge(Case(finding, model.joint, tuple(layers.values()), tuple(links), tuple(normed)))
        if found.verdict != "not-probed":
            return found
        fallback = fallback or found
    return fallback or Probed("not-probed", _why_not(finding, models, files))


def _meant(finding: Finding, facts: Sequence[FileFacts]) -> Iterator[tuple[str, object, Layer]]:
    """(file, fact, layer) of what a finding speaks of: in its own file, unless that only holds the initialiser."""
    wanted = {(finding.model, finding.layer)} | {(one.model, one.layer) for one in finding.remedies}
    found = [
        (file.path, fact, layer)
        for file in facts
        for fact in file.facts
        if isinstance(layer := getattr(fact, "layer", None), Layer)
        and (getattr(fact, "model", None), layer.path) in wanted
    ]
    here = [one for one in found if one[0] == finding.span.path]
    yield from here or found


def _has_any(joint: Joint, layers: Iterable[Layer]) -> bool:
    return any(joint.of(layer) or id(layer) in joint.gates for layer in layers)


def _why_not(finding: Finding, models: Sequence[Examined], files: set[str]) -> str:
    """The reason of the model itself, of its file, or of the code."""
    if finding.code not in JUDGES:
        return f"{finding.code} is about the code, not about a number that could be measured"
    here = [one for one in models if one.path in files]
    named = [one for one in here if one.result.name == finding.model]
    whole = [one for one in here if not one.result.name]  # the file itself did not load
    for model in (*named, *whole):
        if model.result.not_probed:
            return model.result.not_probed
    if any(one.joint is not None for one in here):
        return "this line did not run with the inferred input"
    failed = [one.result.not_probed for one in here if one.result.not_probed]
    return failed[0] if failed else "no model was found in this file that could be built alone"


def _explained(symptom: Symptom, joint: Joint, facts: Sequence[FileFacts], findings: Sequence[Finding]) -> bool:
    """Whether a finding of the code already says it, about one of the same layers, and was not measured to be wrong."""
    codes = EXPLAINED.get(symptom.code, frozenset())
    for finding in findings:
        if finding.code not in codes or finding.level == "info":
            continue
        if finding.probe is not None and finding.probe.verdict == "not-observed":
            continue
        for _, fact, layer in _meant(finding, facts):
            concerned = set(joint.of(layer))
            if isinstance(fact, Link):
                concerned |= set(measured_chain(joint, fact.chain))
            inside = {gate.layer for gate in joint.gates.get(id(layer), ())}
            if concerned & symptom.records or inside & symptom.gates or (concerned and symptom.code in ANYWHERE):
                return True
    return False


# -- measured rules


def _hits(model: Examined, static: Static, shown: dict[str, str]) -> Iterator[MeasuredHit]:
    joint = model.joint
    assert joint is not None
    for symptom in model.symptoms:
        span = _span(symptom, joint, static, shown)
        if span is None:
            continue  # made by a library, or by a file that is not linted
        places = [found for line in symptom.also if (found := _whole_line(line, static, shown)) is not None]
        related = [Related(place, "here too") for place in places if place != span]
        hit = Hit(
            Place(span.path, 0),
            caption="measured here",
            level=symptom.level,
            confidence="medium" if joint.result.depth_assumed else "high",
            model=joint.result.name,
            layer=symptom.layer or None,
            activation=symptom.activation,
            numbers=symptom.numbers,
            fields=symptom.fields,
        )
        yield symptom.code, span, related, hit


def _span(symptom: Symptom, joint: Joint, static: Static, shown: dict[str, str]) -> Span | None:
    """The expression at the measured line where the code was followed, else the whole line."""
    for index in sorted(symptom.records):
        layer = joint.static.get(index)
        span = static.spans.get(layer.place) if layer is not None else None
        if span is not None and symptom.line is not None and span.line <= symptom.line[1] <= span.end_line:
            return span
    return None if symptom.line is None else _whole_line(symptom.line, static, shown)


def _whole_line(where: Line, static: Static, shown: dict[str, str]) -> Span | None:
    """None for a file that is not linted."""
    if where[0] not in shown:
        return None
    path, line = shown[where[0]], where[1]
    lines = static.texts.lines(path)
    if not 0 < line <= len(lines):
        return None
    text = lines[line - 1]
    start = len(text) - len(text.lstrip()) + 1
    return Span(path, line, start, line, max(start + 1, len(text.rstrip()) + 1))
