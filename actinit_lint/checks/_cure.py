"""A remedy in the words of the layer's framework."""

from __future__ import annotations

from collections.abc import Sequence

from actinit_lint.knowledge.written import keras_string, keras_written, torch_written
from actinit_lint.reference.normal_form import Initializer
from actinit_lint.rule import Remedy


def cure(remedy: Remedy | None, framework: str) -> str:
    """`use "he_normal"`, or what to do where no initialiser helps."""
    if remedy is None:
        return "use ReLU with He's initialiser"
    return f"use {words(remedy.initializer, framework)}"


def words(initializer: Initializer, framework: str) -> str:
    """An initialiser as the framework writes it, `…` for the tensor."""
    if framework == "keras":
        written = keras_written(initializer)
        if written is None:
            return initializer.name
        string = keras_string(written)
        return f'"{string}"' if string else f"{written.function}({written.listed})"
    written = torch_written(initializer)
    if written is None:
        return f"nn.init.normal_(…, std={initializer.gain:.3g} / fan_in ** 0.5)"
    return f"nn.init.{written.function}({', '.join(part for part in ('…', written.listed) if part)})"


def example(remedies: Sequence[Remedy], framework: str) -> str:
    """`, for instance with nn.init.xavier_uniform_(…)`, or nothing."""
    return f", for instance with {words(remedies[0].initializer, framework)}" if remedies else ""
