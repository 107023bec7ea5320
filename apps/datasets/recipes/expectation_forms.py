"""Kinds of expectations as JSON Schema, as `forms` says it of steps."""

from __future__ import annotations

from apps.datasets.recipes.expectation_words import EXPECTATION_OPTION_WORDS, EXPECTATION_WORDS
from apps.datasets.recipes.forms import INPUTS, Schema, object_form, said_of
from workers.contracts.expectations import KINDS, TOLERANT

EXPECTATION_INPUTS = (*INPUTS, "scalar", "scalars", "dataset")
"""Fields of forms; beside those of steps a value, a list of values, and a dataset of the project."""


def expectation_forms() -> list[Schema]:
    """`[{"kind", "is_tolerant", "title", "description", "x-zh-hans", "schema"}]`, in the kinds' order; the schema is of
    `parameters`."""
    return [
        {
            "kind": name,
            "is_tolerant": name in TOLERANT,
            **said_of(EXPECTATION_WORDS[name]),
            "schema": object_form(kind.options, {key: EXPECTATION_OPTION_WORDS[name, key] for key in kind.options}),
        }
        for name, kind in KINDS.items()
    ]
