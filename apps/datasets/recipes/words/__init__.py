"""Titles and descriptions of steps and options in English and Simplified Chinese, for the forms that people fill in."""

from __future__ import annotations

from apps.datasets.recipes.words import (
    columns,
    dates,
    encodings,
    expressions,
    missing,
    numbers,
    parsing,
    privacy,
    rows,
    splits,
    text,
)
from apps.datasets.recipes.words.base import Choices, StepWords, Words
from apps.datasets.recipes.words.parsing import PARSING_WORDS

_FAMILIES = (columns, text, dates, expressions, missing, rows, privacy, numbers, splits, encodings)
_STEPS: dict[str, StepWords] = {kind: words for family in _FAMILIES for kind, words in family.STEPS.items()}

KIND_WORDS: dict[str, Words] = {kind: words.kind for kind, words in _STEPS.items()}
OPTION_WORDS: dict[tuple[str, str], Words] = {
    (kind, option): words for kind, found in _STEPS.items() for option, words in found.options.items()
}
CHOICE_WORDS: Choices = {value: words for family in (*_FAMILIES, parsing) for value, words in family.CHOICES.items()}
"""What a choice is called, wherever it stands."""

__all__ = ["CHOICE_WORDS", "KIND_WORDS", "OPTION_WORDS", "PARSING_WORDS", "Words"]
