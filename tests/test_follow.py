"""The Markdown files in tests/follow show what is seen of a snippet: Python in, one line for each layer out.

A case is a `##` heading, one or more Python fences (several have a file name each, and are one project) and a text
fence with what must be seen. A layer's line says which weight it has, who wrote it last, what its output meets first,
and where: `Net.fc1 Linear(784→256) xavier_uniform@14 → relu@23 hidden`. Learned tokens that are equal have a line of
their own, with the attention that asks with them: `Net.tokens zeros@8 → asked@13 noise`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose, sqrt
from pathlib import Path

import pytest

from actinit_lint import program
from actinit_lint.follow import follow
from actinit_lint.model import Activation, EqualTokens, FileFacts, Link, Place, Use, Weight
from actinit_lint.reference.normal_form import Initializer

FOLDER = Path(__file__).parent / "follow"
_FENCE = re.compile(r"```(\w*)[ \t]*(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Gains that a name says already.
USUAL = {"kaiming": sqrt(2), "he_": sqrt(2)}


@dataclass(frozen=True)
class Case:
    """A snippet and what must be seen of it."""

    page: str
    title: str
    files: dict[str, str] = field(compare=False)
    seen: str

    def __str__(self) -> str:
        return f"{self.page}: {self.title}"


def cases() -> Iterator[Case]:
    for page in sorted(FOLDER.glob("*.md")):
        _, *sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for section in sections:
            title = section.split("\n", 1)[0]
            fences = _FENCE.findall(section)
            files = {name or "code.py": code for language, name, code in fences if language == "python"}
            (seen,) = (code for language, _, code in fences if language == "text")
            yield Case(page.stem, title, files, seen)


def look(folder: Path, files: Mapping[str, str]) -> str:
    """What is seen of the files, which are written below `folder`, the working directory."""
    for name, code in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
    facts = follow({name: program.parse(code, name) for name, code in files.items()}, {})
    lines: list[str] = []
    for file in facts:
        assert file.errors == []
        seen = list(_Seen(file, files).lines())
        if seen and len(files) > 1:
            lines.append(f"{file.path}:")
        lines.extend(seen)
    return "".join(f"{line}\n" for line in lines)


class _Seen:
    """The facts of one file in words."""

    def __init__(self, facts: FileFacts, files: Mapping[str, str]) -> None:
        self.facts = facts
        self.positions: dict[Place, int] = {}
        wanted: dict[str, set[int]] = {}
        for place in self._places():
            wanted.setdefault(place.path, set()).add(place.at)
        for path, ats in wanted.items():
            for at, (line, *_) in program.locate(files[path], path, ats).items():
                self.positions[Place(path, at)] = line

    def _places(self) -> Iterator[Place]:
        for fact in self.facts.facts:
            if isinstance(fact, Use):
                for weight in fact.layer.weights.values():
                    yield weight.write.place
                if fact.activation is not None:
                    yield fact.activation.place
            elif isinstance(fact, EqualTokens):
                yield from (fact.weight.write.place, fact.asked)
        yield from (unknown.place for unknown in self.facts.not_followed)

    def lines(self) -> Iterator[str]:
        links: dict[int, list[Link]] = {}
        for fact in self.facts.facts:
            if isinstance(fact, Link):
                links.setdefault(id(fact.layer), []).append(fact)
        uses = [fact for fact in self.facts.facts if isinstance(fact, Use)]
        layers = dict.fromkeys((id(use.layer), self.use(use, links.get(id(use.layer), []))) for use in uses)
        yield from (line for _, line in layers)  # a layer that is applied twice in the same way has one line
        for fact in self.facts.facts:
            if isinstance(fact, EqualTokens):
                notes = ["stay equal"] * fact.stay + ["noise"] * fact.noise
                tokens = f"{fact.model}.{fact.layer.path} {self.written(fact.weight)}"
                yield " ".join([f"{tokens} → asked@{self.where(fact.asked)}", *notes])
        unknown = sorted({(self.positions[entry.place], entry.reason) for entry in self.facts.not_followed})
        for line, reason in unknown:
            yield f"not followed: line {line} {reason}"

    def use(self, use: Use, links: Sequence[Link]) -> str:
        layer = use.layer
        sizes = f"({_size(layer.in_features)}→{_size(layer.out_features)})"
        return (
            f"{use.model}.{layer.path} {layer.kind}{sizes} {', '.join(self.weights(use))}"
            f" → {' '.join([self.end(use), *_notes(use, links)])}"
        )

    def weights(self, use: Use) -> Iterator[str]:
        """The kernel's initialiser, then what was written to other weights, by name."""
        weights = list(use.layer.weights.values())
        kernel = use.layer.kernel_weight or weights[0]
        yield self.written(kernel)
        for weight in weights:
            if weight is not kernel and weight.write.kind != "default":
                yield f"{weight.name} {self.written(weight)}"

    def written(self, weight: Weight) -> str:
        return f"{initializer(weight.initializer)}@{self.where(weight.write.place)}"

    def end(self, use: Use) -> str:
        if use.activation is None:
            return use.end
        return f"{activation(use.activation)}@{self.where(use.activation.place)}"

    def where(self, place: Place) -> str:
        line = self.positions[place]
        return str(line) if place.path == self.facts.path else f"{place.path}:{line}"


def activation(found: Activation) -> str:
    return found.name if found.slope is None else f"{found.name}({found.slope:g})"


def initializer(found: Initializer) -> str:
    """The name, and the number that makes it where the name does not say it."""
    if found.is_default:
        return found.name
    if found.family in ("normal", "sparse"):
        mean = f"mean {found.mean:g}, " if found.mean else ""
        return f"{found.name}({mean}std {_number(found.std)})"
    if found.family == "uniform":
        return f"{found.name}({_number(found.low)} to {_number(found.high)})"
    if found.name == "constant":
        return f"constant({_number(found.value)})"
    if found.gain is None or isclose(found.gain, _usual_gain(found.name), rel_tol=1e-6):
        return found.name
    return f"{found.name}(gain {found.gain:.3g})"


def _usual_gain(name: str) -> float:
    return next((gain for start, gain in USUAL.items() if name.startswith(start)), 1.0)


def _notes(use: Use, links: Sequence[Link]) -> Iterator[str]:
    if use.end != "head":
        yield "hidden" if use.hidden else "head"
    by = sorted({name for link in links for name in link.normalised_by})
    if by:
        yield f"normalised({', '.join(by)})"
    if use.residual:
        yield "residual"
    if use.gate and use.end != "gate":
        yield "gate"
    if use.layer.scale_free:
        yield "scale-free"
    if use.layer.repeated:
        yield "repeated"
    if not use.trainable:
        yield "frozen"
    if use.special:
        yield use.special


def _size(number: int | None) -> str:
    return "?" if number is None else str(number)


def _number(number: float | None) -> str:
    return "?" if number is None else f"{number:.3g}"


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_what_is_seen(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert look(tmp_path, case.files) == case.seen
