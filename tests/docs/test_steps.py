"""The guide's tables of cleaning steps are made of what steps are."""

from __future__ import annotations

import pytest

from docs.steps import HEADS, page_of, tables, written
from tests.docs.reading import LANGUAGES
from workers.contracts.recipes import KINDS


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guide_has_the_steps_that_there_are(language: str) -> None:
    page = page_of(language).read_text(encoding="utf-8")

    assert page == written(page, language), "run `make guide-steps`"


def test_every_step_and_option_is_in_the_tables() -> None:
    assert set(HEADS) == set(LANGUAGES)
    made = tables("en")
    for kind, found in KINDS.items():
        assert f"`{kind}`" in made
        assert all(f"`{option}`" in made for option in found.options)
    assert "| Unit `unit` | must be told |" in made
    assert "| Trim `trim` | `true` |" in made
