"""Filters and orders of MLflow's searches: `metrics.auc > 0.8 AND params."my lr" = '0.1' AND tags.team IS NOT NULL`.

What may be named in which search is a `Vocabulary`. Conditions are joined by AND, there is nothing else. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from apps.experiments.search.words import BadSearch, Kind, Word, quoted, words_of

METRIC: Final = "metric"
PARAM: Final = "parameter"
TAG: Final = "tag"
ATTRIBUTE: Final = "attribute"
DATASET: Final = "dataset"

GROUPS: Final[Mapping[str, str]] = {
    "metric": METRIC, "metrics": METRIC,
    "parameter": PARAM, "parameters": PARAM, "param": PARAM, "params": PARAM,
    "tag": TAG, "tags": TAG,
    "attribute": ATTRIBUTE, "attributes": ATTRIBUTE, "attr": ATTRIBUTE, "run": ATTRIBUTE,
    "dataset": DATASET, "datasets": DATASET,
}  # fmt: skip
"""How a group is written → the group."""

NUMERIC: Final = (">", ">=", "!=", "=", "<", "<=")
LISTS: Final = ("IN", "NOT IN")
PATTERNS: Final = ("LIKE", "ILIKE")
NULLS: Final = ("IS NULL", "IS NOT NULL")
TEXTUAL: Final = ("=", "!=", *PATTERNS, *LISTS, *NULLS)
CONDITIONS_MOST: Final = 100
VALUES_MOST: Final = 1000
"""In one list."""

Value = str | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a search may name.

    Args:
        texts: attributes that are text, as they may be written → as they are called.
        numbers: the same of attributes that are numbers.
        groups: which of the groups there are, attributes aside.
        dataset_keys: what may be asked of a dataset.
        only_ordered: attributes by which can be ordered, and nothing else.
    """

    texts: Mapping[str, str]
    numbers: Mapping[str, str]
    groups: Collection[str] = frozenset({METRIC, PARAM, TAG, DATASET})
    dataset_keys: Collection[str] = ("name", "digest", "context")
    only_ordered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Name:
    """What is compared or ordered by."""

    group: str
    key: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name operator value`: text, a number, some texts for IN and NOT IN, None for IS NULL and IS NOT NULL."""

    name: Name
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Order:
    name: Name
    is_downward: bool = False


def filter_of(text: str, vocabulary: Vocabulary) -> list[Comparison]:
    """Comparisons that must all hold; none for an empty filter. Raises BadSearch."""
    reader = _Reader(text, vocabulary)
    found: list[Comparison] = []
    if reader.is_over():
        return found
    while True:
        found.append(reader.comparison())
        if len(found) > CONDITIONS_MOST:
            raise BadSearch(f"A filter has at most {CONDITIONS_MOST} conditions.")
        reader.skip(";")
        if reader.is_over():
            return found
        if not reader.is_word("AND"):
            raise reader.wrong("AND, or the end")
        reader.step()


def order_of(text: str, vocabulary: Vocabulary) -> Order:
    """One clause of an order: `metrics.auc DESC`; upward where nothing is said. Raises BadSearch."""
    reader = _Reader(text, vocabulary)
    name = reader.name(is_order=True)
    is_downward = reader.is_word("DESC")
    if is_downward or reader.is_word("ASC"):
        reader.step()
    if not reader.is_over():
        raise reader.wrong("ASC, DESC, or the end")
    return Order(name, is_downward)


def filter_text(comparisons: Sequence[Comparison]) -> str:
    """The filter that means these."""
    return " AND ".join(_said(each) for each in comparisons)


def order_text(order: Order) -> str:
    return f"{_name_said(order.name)} {'DESC' if order.is_downward else 'ASC'}"


class _Reader:
    """Takes a search word by word."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._words = words_of(text)
        self.vocabulary = vocabulary
        self.here: Word = next(self._words)

    def step(self) -> Word:
        """The word here; goes on to the next."""
        found = self.here
        if found.kind is not Kind.END:
            self.here = next(self._words)
        return found

    def is_over(self) -> bool:
        return self.here.kind is Kind.END

    def is_word(self, *texts: str) -> bool:
        return self.here.kind is Kind.WORD and self.here.text.upper() in texts

    def skip(self, sign: str) -> bool:
        is_there = self.here.kind is Kind.SIGN and self.here.text == sign
        if is_there:
            self.step()
        return is_there

    def wrong(self, wanted: str) -> BadSearch:
        found = self.here.said if self.here.kind is not Kind.END else "the end"
        return BadSearch(f"At character {self.here.at + 1}: expected {wanted}, found {found[:100]}.")

    def comparison(self) -> Comparison:
        name = self.name()
        is_number = self._is_number(name)
        operator = self._operator(NUMERIC if is_number else TEXTUAL, name)
        if operator in NULLS:
            return Comparison(name, operator, None)
        if operator in LISTS:
            return Comparison(name, operator, self._list())
        return Comparison(name, operator, self._number(name) if is_number else self._text(name))

    def name(self, *, is_order: bool = False) -> Name:
        """`group.key`, or an attribute alone."""
        first = self.step()
        if first.kind not in (Kind.WORD, Kind.TICKED, Kind.TEXT):
            raise BadSearch(f"At character {first.at + 1}: expected what to look at, such as metrics.<key>.")
        group, dot, key = first.text.partition(".") if first.kind is Kind.WORD else (first.text, "", "")
        if first.kind is Kind.TICKED and self.here.kind is Kind.WORD and self.here.text.startswith("."):
            dot, key = ".", self.step().text[1:]
        if not dot:
            return self._attribute(self._spelled(group, first), first, is_order=is_order)
        if not key:
            if self.here.kind not in (Kind.TICKED, Kind.TEXT):
                raise self.wrong(f"a key after {group}.")
            key = self.step().text
        kind = GROUPS.get(group)
        if kind is None or kind not in (*self.vocabulary.groups, ATTRIBUTE):
            raise BadSearch(f"At character {first.at + 1}: {group[:100]!r} is none of {', '.join(self._groups())}.")
        if kind == ATTRIBUTE:
            return self._attribute(self._spelled(key, first), first, is_order=is_order)
        if kind == DATASET and (key not in self.vocabulary.dataset_keys or is_order):
            raise BadSearch(f"At character {first.at + 1}: of a dataset ask {', '.join(self.vocabulary.dataset_keys)}.")
        return Name(kind, key)

    def _spelled(self, text: str, first: Word) -> str:
        """An attribute of two words may stand without quotes: `run name`."""
        both = f"{text} {self.here.text}"
        if first.kind is Kind.WORD and self.here.kind is Kind.WORD and both in self.vocabulary.texts:
            self.step()
            return both
        return text

    def _attribute(self, text: str, first: Word, *, is_order: bool) -> Name:
        known = {**self.vocabulary.texts, **self.vocabulary.numbers}
        known |= self.vocabulary.only_ordered if is_order else {}
        if text not in known:
            valid = ", ".join(sorted(set(known.values())))
            raise BadSearch(f"At character {first.at + 1}: {text[:100]!r} is no attribute. Valid ones are {valid}.")
        return Name(ATTRIBUTE, known[text])

    def _groups(self) -> list[str]:
        return [ATTRIBUTE, *sorted(self.vocabulary.groups)]

    def _is_number(self, name: Name) -> bool:
        is_numeric = name.group == ATTRIBUTE and name.key in self.vocabulary.numbers.values()
        return is_numeric or name.group == METRIC

    def _operator(self, valid: Sequence[str], name: Name) -> str:
        said = self.here
        word = said.text.upper()
        if said.kind is Kind.SIGN or (said.kind is Kind.WORD and word in ("LIKE", "ILIKE", "IN", "NOT", "IS")):
            self.step()
        if said.kind is Kind.WORD and word == "NOT":
            word = f"NOT {self.step().text.upper()}"
        elif said.kind is Kind.WORD and word == "IS":
            word = f"IS {self.step().text.upper()}"
            word = f"IS NOT {self.step().text.upper()}" if word == "IS NOT" else word
        word = {"==": "=", "<>": "!="}.get(word, word)
        if word not in valid:
            raise BadSearch(
                f"At character {said.at + 1}: {(word or 'the end')[:40]!r} does not compare {name.group}"
                f" {name.key[:100]!r}. Valid are {', '.join(valid)}."
            )
        return word

    def _number(self, name: Name) -> float:
        if self.here.kind is not Kind.NUMBER:
            raise self.wrong(f"a number for {name.group} {name.key[:100]!r}")
        return float(self.step().text)

    def _text(self, name: Name) -> str:
        if self.here.kind is not Kind.TEXT:
            raise self.wrong(f"a text in quotes for {name.group} {name.key[:100]!r}")
        return self.step().text

    def _list(self) -> tuple[str, ...]:
        if not self.skip("("):
            raise self.wrong("a list: ('a', 'b')")
        found: list[str] = []
        while True:
            if self.here.kind is not Kind.TEXT:
                raise self.wrong("a text in quotes")
            found.append(self.step().text)
            if len(found) > VALUES_MOST:
                raise BadSearch(f"A list has at most {VALUES_MOST} values.")
            if not self.skip(","):
                break
        if not self.skip(")"):
            raise self.wrong("a comma or the end of the list")
        return tuple(found)


def _said(one: Comparison) -> str:
    name = f"{_name_said(one.name)} {one.operator}"
    if one.value is None:
        return name
    if isinstance(one.value, tuple):
        return f"{name} ({', '.join(map(quoted, one.value))})"
    return f"{name} {quoted(one.value) if isinstance(one.value, str) else repr(one.value)}"


def _name_said(name: Name) -> str:
    return f"{name.group}.{quoted(name.key, '`')}"
