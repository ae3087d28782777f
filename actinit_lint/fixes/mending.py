"""From a finding to the patches that would cure it, as far as the code says without doubt where they go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import libcst as cst

from actinit_lint.checks._cure import words
from actinit_lint.finding import Finding
from actinit_lint.fixes import draws, repairs
from actinit_lint.fixes.arguments import mentions, parameters_of
from actinit_lint.fixes.containers import contained
from actinit_lint.fixes.imports import taken_names
from actinit_lint.fixes.names import Names
from actinit_lint.fixes.patch import Patch, disjoint
from actinit_lint.fixes.tree import Tree
from actinit_lint.judgement import agree, reference_gains
from actinit_lint.model import FileFacts, Link, Place
from actinit_lint.program import Program
from actinit_lint.reference.normal_form import Initializer
from actinit_lint.rule import Mend

Writer = Callable[[Tree, Names, Mend], "list[Patch] | None"]
WRITERS: dict[str, Writer] = {
    "draw": draws.draw,
    "rename": repairs.rename,
    "argument": repairs.argument,
    "text": repairs.text,
    "guard": repairs.guard,
    "data": repairs.data,
    "unwrap": repairs.unwrap,
    "probabilities": repairs.probabilities,
}


class Workshop:
    """What mending needs to know of a run: trees of the files, made when needed, and who else uses a call."""

    def __init__(
        self, programs: Mapping[str, Program], facts: Iterable[FileFacts], text_of: Callable[[str], str]
    ) -> None:
        self._programs, self._text_of = programs, text_of
        self._trees: dict[str, tuple[Tree, Names] | None] = {}
        self._drawn: dict[Place, list[Link]] = defaultdict(list)
        for file in facts:
            for fact in file.facts:
                if isinstance(fact, Link) and fact.weight.writes:
                    self._drawn[fact.weight.write.place].append(fact)

    def tree(self, path: str) -> tuple[Tree, Names] | None:
        """None for a text that cannot be written back as it is."""
        if path not in self._trees:
            try:
                tree = Tree(self._text_of(path), path)
                self._trees[path] = (tree, Names(tree))
            except Exception:  # whatever is wrong with the file, other rules have said it, and it stays as it is
                self._trees[path] = None
        return self._trees[path]

    def patches(self, finding: Finding) -> list[Patch] | None:
        """What would cure the finding, in the file that it points at; None where that is not certain."""
        path = finding.span.path
        if not finding.mends or any(mend.at.path != path for mend in finding.mends):
            return None
        found = self.tree(path)
        mends = None if found is None else one_each(finding.mends)
        if found is None or mends is None:
            return None
        tree, names = found
        if any(mend.how == "draw" and self._serves_others(tree, mend) for mend in mends):
            return None
        boxed = contained(tree, names, mends)
        if boxed is None:
            return None
        patches, mends = boxed
        for mend in mends:
            made = WRITERS[mend.how](tree, names, mend)
            if not made:
                return None
            patches += [patch for patch in made if patch not in patches]
        return patches if disjoint(patches) else None

    def _serves_others(self, tree: Tree, mend: Mend) -> bool:
        """Whether a call also draws weights that want something else, or sits in a function that other files use."""
        wanted = mend.to
        for link in self._drawn[mend.at]:
            gains = reference_gains(link.activation)
            if not isinstance(wanted, Initializer) or wanted.gain is None or not (link.hidden or link.gate):
                continue
            if mend.built and link.weight.name != mend.of:
                continue
            if gains and not any(agree(wanted.gain, gain) for gain in gains):
                return True
        node = tree.at(mend.at.at)
        if node is not None and not mend.built and _fills_tables(tree, node):
            return True
        function = None if node is None else tree.function(node)
        if function is None or mend.built or (not parameters_of(function) and not function.params.params):
            return False
        if tree.indent(function):
            return False  # a method: whoever inherits it is followed
        return any(function.name.value in taken_names(p) for path, p in self._programs.items() if path != tree.path)


def one_each(mends: Sequence[Mend]) -> list[Mend] | None:
    """One mend for each place; None where a place is to become two things.

    Of initialisers with one gain the first will do for all: Xavier on the inputs of a cell and an orthogonal matrix
    between its steps come from one call.
    """
    wanted: dict[tuple[Place, str | None], Mend] = {}
    for mend in mends:
        there = wanted.setdefault((mend.at, mend.of if mend.built or mend.how == "argument" else None), mend)
        if there.to == mend.to:
            continue
        if not (isinstance(there.to, Initializer) and isinstance(mend.to, Initializer)):
            return None
        if there.to.gain is None or there.to.gain != mend.to.gain:
            return None
    return list(wanted.values())


def _fills_tables(tree: Tree, node: cst.CSTNode) -> bool:
    """Whether a call sits below a test that lets embeddings through, whose rows are looked up and never summed."""
    inside = node
    for around in tree.above(node):
        if isinstance(around, (cst.If, cst.IfExp)) and inside is not around.orelse:
            if mentions(around.test, {"Embedding", "EmbeddingBag"}):
                return True
        inside = around
    return False


TITLES = {
    "rename": "Spell it {to}",
    "argument": "Spell the argument {to}",
    "text": 'Name "{to}" instead',
    "guard": "Leave out parameters of one dimension",
    "data": "Write through .data",
    "unwrap": "Hand the raw scores to the loss",
    "probabilities": "Tell the loss that it gets probabilities",
}


def title(mends: Sequence[Mend]) -> str:
    """What a fix does, in a line."""
    mend = mends[0]
    if isinstance(mend.to, Initializer):
        return f"Draw with {words(mend.to, mend.framework)}"
    return TITLES[mend.how].format(to=mend.to)
