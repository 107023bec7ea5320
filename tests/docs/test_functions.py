"""The guide's table of functions is made of what functions are."""

from __future__ import annotations

import pytest

from docs.functions import HEADS, page_of, written
from tests.docs.reading import LANGUAGES
from workers.contracts.expressions import FUNCTIONS


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guide_has_the_functions_that_there_are(language: str) -> None:
    page = page_of(language).read_text(encoding="utf-8")

    assert set(HEADS) == set(LANGUAGES)
    assert page == written(page, language), "run `make guide-steps`"
    assert all(f"| `{name}`(" in page for name in FUNCTIONS)
