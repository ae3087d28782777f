"""Pages and checks belong together: one page a rule, one module a page, every placeholder filled."""

from __future__ import annotations

import importlib
import re
import string
from collections import Counter
from pathlib import Path

import pytest
from facts import REPORTED

import actinit_lint.checks
from actinit_lint import model
from actinit_lint.knowledge import initializers
from actinit_lint.pages import HEADINGS, Page, pages
from actinit_lint.rule import Hit

MODULES = sorted(
    file.stem for file in Path(actinit_lint.checks.__file__).parent.glob("*.py") if not file.stem.startswith("_")
)
WITH_CHECK = [page for page in pages().values() if page.matter.check]
CODES = [page.code for page in WITH_CHECK]
#: Facts built by hand are a convenience: a rule without them is tried by the examples of its page alone.
WITH_FACTS = [page for page in WITH_CHECK if page.code in REPORTED]


def hits_of(page: Page) -> list[Hit]:
    check = importlib.import_module(f"actinit_lint.checks.{page.stem}").check
    return [hit for fact in REPORTED[page.code] for hit in check(fact, page.matter.options)]


def test_every_page_has_its_check_and_every_check_its_page() -> None:
    assert sorted(page.stem for page in WITH_CHECK) == MODULES


def test_codes_and_names_are_unique() -> None:
    for words in ([p.code for p in pages().values()], [p.name for p in pages().values()]):
        assert [word for word, count in Counter(words).items() if count > 1] == []


def test_every_file_in_the_folder_is_a_page_or_the_readme() -> None:
    folder = next(iter(pages().values())).file.parent
    names = {file.name for file in folder.iterdir()} - {page.file.name for page in pages().values()}
    assert names <= {"README.md"}


@pytest.mark.parametrize("page", pages().values(), ids=lambda page: page.code)
def test_a_page_has_the_fixed_headings_in_order(page: Page) -> None:
    headings = re.findall(r"^## (.+)$", re.sub(r"```.*?```", "", page.body, flags=re.DOTALL), re.MULTILINE)
    assert tuple(headings) == HEADINGS


@pytest.mark.parametrize("page", pages().values(), ids=lambda page: page.code)
def test_every_section_of_a_page_says_something(page: Page) -> None:
    sections = re.split(r"^## .+$", page.body, flags=re.MULTILINE)[1:]
    assert all(section.strip() for section in sections)


@pytest.mark.parametrize("page", WITH_CHECK, ids=CODES)
def test_a_page_names_its_frameworks(page: Page) -> None:
    assert page.matter.frameworks
    assert set(page.matter.frameworks) <= {"torch", "keras"}


@pytest.mark.parametrize("page", WITH_CHECK, ids=CODES)
def test_every_framework_of_a_page_has_an_example_that_is_reported(page: Page) -> None:
    marked = [fence for fence in re.findall(r"```python\n(.*?)```", page.body, re.DOTALL) if f"[{page.code}]" in fence]
    for framework in page.matter.frameworks:
        assert any(re.search(rf"^(?:import|from) {framework}\b", fence, re.MULTILINE) for fence in marked), framework


@pytest.mark.parametrize("page", WITH_CHECK, ids=CODES)
def test_every_option_is_explained_in_the_page(page: Page) -> None:
    prose = re.sub(r"```.*?```", "", page.body, flags=re.DOTALL)
    assert [option for option in page.matter.options if f"`{option}`" not in prose] == []


@pytest.mark.parametrize("page", WITH_CHECK, ids=CODES)
def test_a_check_says_which_facts_it_looks_at(page: Page) -> None:
    kinds = importlib.import_module(f"actinit_lint.checks.{page.stem}").check.kinds
    assert kinds
    assert all(getattr(model, kind.__name__) is kind for kind in kinds)


@pytest.mark.parametrize("page", WITH_CHECK, ids=CODES)
def test_a_check_reads_no_option_that_its_page_does_not_have(page: Page) -> None:
    text = Path(importlib.import_module(f"actinit_lint.checks.{page.stem}").__file__ or "").read_text(encoding="utf-8")
    assert set(re.findall(r'options\["([^"]+)"\]', text)) <= set(page.matter.options)


@pytest.mark.parametrize("page", WITH_FACTS, ids=lambda page: page.code)
def test_real_hits_fill_every_placeholder(page: Page) -> None:
    hits = hits_of(page)
    assert len(hits) >= len(REPORTED[page.code])
    for hit in hits:
        words = f"{page.message(hit)}\n{page.help(hit) or ''}\n{hit.caption}"
        assert "{" not in words and "None" not in words, words
        assert "  " not in words and not words.startswith(" "), words
        assert hit.caption


@pytest.mark.parametrize("page", WITH_FACTS, ids=lambda page: page.code)
def test_a_message_uses_no_template_value_that_may_be_missing(page: Page) -> None:
    templates = page.matter.message + (page.matter.help or "")
    asked = {name for _, name, _, _ in string.Formatter().parse(templates) if name}
    for hit in hits_of(page):
        given = {**hit.numbers, **hit.fields, "model": hit.model, "layer": hit.layer}
        assert [name for name in asked if given.get(name) is None] == []


def test_torchs_gain_table_is_the_one_that_the_page_lists() -> None:
    supported = pages()["ACT601"].matter.options["supported"]
    assert {name for name in (*supported, "gelu", "swish", "ReLU") if initializers.known_nonlinearity(name)} == set(
        supported
    )


def test_the_nearest_names_are_names_that_torch_knows() -> None:
    options = pages()["ACT601"].matter.options
    assert set(options["instead"].values()) <= set(options["supported"])


def test_dimensions_are_those_of_torchs_initialisers() -> None:
    for name, (least, most) in pages()["ACT602"].matter.options["dimensions"].items():
        known = initializers.TORCH[name]
        assert (known.least_dims, known.most_dims or 99) == (least, most), name


def test_usual_names_stand_for_names_that_keras_knows() -> None:
    from actinit_lint.knowledge import keras

    for name, known in pages()["ACT605"].matter.options["usual"].items():
        assert known in initializers.KERAS_NAMES or known in keras.ACTIVATIONS, name
        assert name not in initializers.KERAS_NAMES and name not in keras.ACTIVATIONS, name
