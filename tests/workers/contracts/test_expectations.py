"""What an expectation takes, whatever the data."""

from __future__ import annotations

import pytest

from workers.contracts.expectations import problems


@pytest.mark.parametrize("character", ["\ud800", "\0"])
def test_a_pattern_that_cannot_be_stored_is_refused_however_long_it_is(character: str) -> None:
    """PostgreSQL takes neither half of a character nor NUL."""
    found = problems("matches", {"column": "s", "pattern": "a" * 300 + character})
    assert list(found) == ["parameters.pattern"]
    assert problems("matches", {"column": "s", "pattern": "a" * 300}) == {}
    assert problems("matches", {"column": "s", "pattern": "a" * 1001}).keys() == {"parameters.pattern"}


def test_limits_are_above_nothing() -> None:
    assert problems("distribution", {"psi_most": 0}) == {"parameters.psi_most": ["Takes a number above 0, not 0."]}
    found = problems("not_null", {"column": "s", "mostly": 1.5})
    assert found == {"parameters.mostly": ["Takes a number above 0 and at most 1, not 1.5."]}


def test_words_that_are_not_known_are_told_with_what_is_near() -> None:
    (said,) = problems("not_nul", {})["kind"]
    assert said.startswith('"not_nul" is not known; known are ')
    assert said.endswith("Did you mean 'not_null'?")
