"""Patterns: what is taken, what is refused, and that a match is found in linear time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.contracts.expressions.matching import Matcher
from workers.contracts.expressions.patterns import PatternError, pattern
from workers.contracts.expressions.spelling import spelled


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"^\d{3}$", r"^[\x{30}-\x{39}]{3,3}$"),
        (r"[^\d]", r"[\x{0}-\x{2F}\x{3A}-\x{D7FF}\x{E000}-\x{10FFFF}]"),
        (r"a|b*?", r"(?:\x{61}|\x{62}*)"),
        (r"(?:ab)+", r"(?:\x{61}\x{62})+"),
        (r"[a-][-a][\]^]", r"[\x{2D}\x{61}][\x{2D}\x{61}][\x{5D}-\x{5E}]"),
        (".", r"[\x{0}-\x{9}\x{B}-\x{D7FF}\x{E000}-\x{10FFFF}]"),
        ("中", r"\x{4E2D}"),
    ],
)
def test_a_pattern_is_spelled_out(text: str, written: str) -> None:
    assert spelled(pattern(text)) == written


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("a", 0),
        ("(a)(b)", 2),
        (r"\((a)", 1),
        ("[(](?:b)(c)", 1),
        (r"[\]()](x)", 1),
        (r"[^\]()](x)", 1),
        ("((a)|b)+", 2),
    ],
)
def test_groups_are_counted(text: str, groups: int) -> None:
    assert pattern(text).groups == groups


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(a", "a `(` is not closed"),
        ("a)", "a `)` closes nothing"),
        ("[a", "a `[` is not closed"),
        ("[]", "a class is empty"),
        ("[[:alpha:]]", "in a class `[` is written"),
        ("[a&&b]", "in a class `&` is written"),
        ("[z-a]", "from the lower character"),
        (r"[\d-z]", "a range goes from one character"),
        ("*", "repeats nothing"),
        ("a**", "repeated again"),
        ("^*", "cannot be repeated"),
        ("a{", "begins a count"),
        ("a{,3}", "begins a count"),
        ("a{3,2}", "the smaller first"),
        ("a{1001}", "at most 1000"),
        ("(a{100}){100}", "more than 1000 characters"),
        ("(?i)a", "flags, names and look-around"),
        ("(?=a)", "flags, names and look-around"),
        (r"\bx", r"\\b is not taken"),
        (r"(a)\1", r"\\1 is not taken"),
        (r"\pL", r"\\p is not taken"),
        ("\\", "stands at the end"),
        ("}", "as a sign"),
        ("(" * 40, "nested more than"),
    ],
)
def test_what_not_every_engine_takes_is_refused(text: str, problem: str) -> None:
    with pytest.raises(PatternError, match=re.escape(problem).replace(r"\\\\", r"\\")):
        pattern(text)


_LEAF = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", r"\d", r"\W", r"\.", "^", "$", "1", "[0-9b]"])
PATTERNS = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(PATTERNS, st.lists(st.text("ab1.\n", max_size=6), min_size=1, max_size=6))
def test_python_finds_the_same(text: str, subjects: list[str]) -> None:
    matcher = Matcher(pattern(text))
    theirs = re.compile(text.replace("$", r"\Z"), re.ASCII)  # to Python `$` is also before a last line feed

    assert [matcher.found(each) for each in subjects] == [bool(theirs.search(each)) for each in subjects]


def test_nothing_takes_for_ever() -> None:
    begun = time.process_time()
    matcher = Matcher(pattern("(a|a)*(a+)+$"))

    assert not matcher.found("a" * 20_000 + "b")
    assert time.process_time() - begun < 2
