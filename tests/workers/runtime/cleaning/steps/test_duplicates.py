"""Which rows are left out as saying again what another says, against statements pair by pair."""

from __future__ import annotations

import itertools
import random
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied
from workers.runtime.cleaning.components import components, neighbours, within
from workers.runtime.cleaning.steps.duplicates import bands_of

FEW = settings(max_examples=12, deadline=None)
rows = st.lists(
    st.tuples(st.none() | st.sampled_from("ab"), st.none() | st.sampled_from([0.0, -0.0, 1.5]), st.integers(-3, 3)),
    max_size=12,
)


@FEW
@given(rows=rows, seed=st.integers(0, 99))
def test_one_of_equal_rows_stays(rows: list[tuple[str | None, float | None, int]], seed: int) -> None:
    data = {
        "s": ("string", [s for s, _, _ in rows]),
        "f": ("float64", [f for _, f, _ in rows]),
        "v": ("int64", [v for _, _, v in rows]),
    }
    ordinals = sorted(random.Random(seed).sample(range(100), len(rows)))
    by_keys = {"kind": "drop_duplicates", "columns": ["s", "f"]}
    keyed: dict[Any, list[int]] = {}
    for place, (s, f, _) in enumerate(rows):
        keyed.setdefault((s, f), []).append(place)

    first = applied(data, by_keys, ordinals=ordinals)
    last = applied(data, {**by_keys, "keep": "last"}, ordinals=ordinals)
    largest = applied(data, {**by_keys, "keep": "largest", "by": "v"}, ordinals=ordinals)

    def of(places: list[int]) -> list[int]:
        return [ordinals[place] for place in sorted(places)]

    assert first.ordinals == of([group[0] for group in keyed.values()])
    assert last.ordinals == of([group[-1] for group in keyed.values()])
    assert largest.ordinals == of([max(group, key=lambda at: (rows[at][2], -at)) for group in keyed.values()])


def test_the_largest_may_be_a_date_and_missing_ones_come_last() -> None:
    data = {
        "k": ("string", ["a", "a", "a", "b", "b"]),
        "d": ("date", [None, date(2024, 1, 1), date(2023, 1, 1), None, None]),
        "n": ("int64", [-(2**63), 2**63 - 1, 0, 5, 5]),
    }
    step = {"kind": "drop_duplicates", "columns": ["k"], "keep": "largest"}

    assert applied(data, {**step, "by": "d"}).ordinals == [1, 3]
    assert applied(data, {**step, "by": "n"}).ordinals == [1, 3]


WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "while",
    "seven",
    "wizards",
    "mix",
    "a",
    "potion",
    "of",
    "plain",
    "water",
]


def jaccard(one: str, two: str, size: int) -> float:
    """Of the parts of two texts, the share that both have."""
    parts = [{text[at : at + size] for at in range(len(text) - size + 1)} for text in (one.lower(), two.lower())]
    return len(parts[0] & parts[1]) / len(parts[0] | parts[1])


def test_texts_that_share_most_of_their_parts_are_one() -> None:
    draw = random.Random(5)
    bases = [" ".join(draw.choices(WORDS, k=60)) for _ in range(12)]
    near = [base.replace(base.split()[3], "otherwise", 1).upper() for base in bases[:6]]
    texts: list[str | None] = [*bases, *near, None, None, "", "", "hi", "hi", "ha"]
    for one, two in itertools.combinations([*bases, *near], 2):
        assert not 0.6 < jaccard(one, two, 5) < 0.85, "a pair too close to the limit for an estimate"

    done = applied({"x": ("string", texts)}, {"kind": "near_duplicate_text", "column": "x", "similarity": 0.72})

    removed = set(range(len(texts))) - set(done.ordinals)
    assert removed == {*range(12, 18), 21, 23}
    assert done.told[0]["groups"] == 8


def test_words_in_another_order_share_no_parts() -> None:
    text = " ".join(WORDS)
    texts = [text, " ".join(reversed(WORDS)), f"  {text.upper()} "]
    step = {"kind": "near_duplicate_text", "column": "x", "unit": "words", "shingle": 3}

    assert applied({"x": ("string", texts)}, step).ordinals == [0, 1]
    assert applied({"x": ("string", texts)}, {**step, "ignore_case": False}).ordinals == [0, 1, 2]


@pytest.mark.parametrize("permutations, similarity", list(itertools.product([16, 128, 512], [0.3, 0.5, 0.8, 0.95])))
def test_bands_find_what_is_just_similar_enough(permutations: int, similarity: float) -> None:
    bands, width = bands_of(permutations, similarity)

    assert bands * width <= permutations
    found = 1 - (1 - similarity**width) ** bands
    assert found >= 0.99 or width == 1


@FEW
@given(
    values=st.lists(st.integers(0, 2**64 - 1), max_size=6),
    turned=st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 63), max_size=6)), max_size=10),
    distance=st.integers(0, 8),
)
def test_images_whose_hashes_differ_in_few_bits_are_one(
    values: list[int], turned: list[tuple[int, set[int]]], distance: int
) -> None:
    hashes: list[int | None] = list(values)
    for place, bits in turned:
        if values:
            flipped = values[place % len(values)]
            for bit in bits:
                flipped ^= 1 << bit
            hashes.append(flipped)
    hashes += [None, None]
    signed = [None if value is None else value - (1 << 64) if value >= 1 << 63 else value for value in hashes]

    done = applied(
        {"phash": ("int64", signed), "n": ("int64", list(range(len(signed))))},
        {"kind": "near_duplicate_images", "distance": distance},
    )

    assert done.ordinals == kept_by_pairs(hashes, distance)


def kept_by_pairs(hashes: list[int | None], distance: int) -> list[int]:
    """Every pair compared, and joined over others."""
    group = list(range(len(hashes)))
    for one, two in itertools.combinations(range(len(hashes)), 2):
        first, second = hashes[one], hashes[two]
        if first is not None and second is not None and (first ^ second).bit_count() <= distance:
            joined = {group[one], group[two]}
            group = [min(joined) if each in joined else each for each in group]
    return [place for place, lowest in enumerate(group) if lowest == place]


@FEW
@given(
    pairs=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=14),
)
def test_rows_are_connected_over_others(pairs: list[tuple[int, int]]) -> None:
    group = list(range(12))
    for one, two in pairs:
        joined = {group[one], group[two]}
        group = [min(joined) if each in joined else each for each in group]

    assert components(np.array(pairs, dtype=np.int64).reshape(-1, 2), 12).tolist() == group


def test_pairs_grow_as_rows_do_where_all_are_alike() -> None:
    keys = np.zeros(20_000, dtype=np.uint64)

    assert len(neighbours(keys)) <= 2 * len(keys)
    assert len(within(keys, 4)) <= len(keys)
