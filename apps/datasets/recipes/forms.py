"""Steps and options as JSON Schema (2020-12), so that a dashboard can build its forms from them.

`title` and `description` are English; `x-zh-hans` beside them holds both in Simplified Chinese. The house's own words
begin with `x-`: `x-input` names the field of a form that suits (`INPUTS`), `x-column-types` the columns that it offers,
`x-choices` what the values of an `enum`, or of the entries of a list, are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.datasets.recipes.parsing import OPTIONS
from apps.datasets.recipes.words import CHOICE_WORDS, KIND_WORDS, OPTION_WORDS, PARSING_WORDS, Words
from workers.contracts.recipes import FAMILY_OF, KINDS, Option

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
INPUTS = (
    "column", "columns", "text", "texts", "integer", "number", "numbers", "choice", "choices", "mapping", "renames",
    "values", "factors", "switch", "expression", "pattern", "zone", "secret", "delimiter", "encoding", "column-types",
    "columns-declared",
)  # fmt: skip
"""Fields of forms that an option may ask for."""


def step_forms() -> list[Schema]:
    """`[{"kind", "family", "is_fitted", "is_once", "title", "description", "x-zh-hans", "schema"}]`, in their order."""
    return [
        {
            "kind": name,
            "family": FAMILY_OF[name],
            "is_fitted": kind.fitted,
            "is_once": kind.once,
            **said_of(KIND_WORDS[name]),
            "schema": object_form(
                kind.options, {key: OPTION_WORDS[name, key] for key in kind.options}, kind={"const": name}
            ),
        }
        for name, kind in KINDS.items()
    ]


def parsing_form() -> Schema:
    """The schema of an ingestion's options."""
    return object_form(OPTIONS, PARSING_WORDS)


def object_form(options: Mapping[str, Option], words: Mapping[str, Words], **fixed: Schema) -> Schema:
    required = [*fixed, *(name for name, option in options.items() if option.required)]
    return {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": {**fixed, **{name: _property(option, words[name]) for name, option in options.items()}},
    }


def _property(option: Option, words: Words) -> Schema:
    found: Schema = {**said_of(words), **option.schema}
    choices = choices_of(found)
    if choices:
        found["x-choices"] = [
            {"value": value, "title": CHOICE_WORDS[value][0], "x-zh-hans": {"title": CHOICE_WORDS[value][1]}}
            for value in choices
        ]
    if "enum" in found and option.default is None:
        found["enum"] = [*found["enum"], None]
    return found if option.required else {**found, "default": option.default}


def choices_of(schema: Mapping[str, Any]) -> list[str]:
    """The values that an option, or each entry of its list, is one of; none where it is free."""
    items = schema.get("items", {})
    return list(schema.get("enum") or (items.get("enum") if isinstance(items, Mapping) else None) or ())


def said_of(words: Words) -> Schema:
    return {
        "title": words.title,
        "description": words.description,
        "x-zh-hans": {"title": words.title_zh, "description": words.description_zh},
    }
