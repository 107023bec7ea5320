"""What catches the eye in statistics, for the API's document. The values pass as they are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from workers.contracts.recipes import NAMES

COLUMN_FINDINGS = (
    "all_missing",
    "mostly_missing",
    "some_missing",
    "constant",
    "likely_key",
    "numbers_as_text",
    "missing_markers",
    "spelling_variants",
    "dates_as_text",
    "personal_data",
    "blanks_around",
    "far_extreme",
    "outside_fences",
    "heavy_tail",
    "near_duplicate_texts",
    "ordered",
    "one_value_dominates",
)
TABLE_FINDINGS = (
    "duplicate_rows",
    "key_pair",
    "same_twice",
    "leak",
    "imbalanced",
    "corrupt_images",
    "equal_images",
    "near_images",
)
SEVERITIES = ("info", "warning")

STEP = {
    "type": "object",
    "properties": {"kind": {"type": "string", "enum": sorted(NAMES)}},
    "required": ["kind"],
    "additionalProperties": True,
    "nullable": True,
    "description": "A step of a recipe that would help; options that it does not name have their defaults",
}


@extend_schema_field(STEP)
class SuggestionField(serializers.JSONField):
    """A step of a recipe, or null."""


class _Finding(serializers.Serializer[Any]):
    severity = serializers.ChoiceField(choices=SEVERITIES)
    detail = serializers.CharField(help_text="A sentence in English")
    figures = serializers.DictField(child=serializers.FloatField())
    examples = serializers.ListField(
        child=serializers.CharField(), help_text="Texts that the sentence needs: values, or names of columns"
    )
    suggestion = SuggestionField()


class FindingShape(_Finding):
    """What catches the eye in a column. `figures` are what the sentence of its code needs."""

    code = serializers.ChoiceField(choices=COLUMN_FINDINGS)


class TableFindingShape(_Finding):
    """What catches the eye in a table as a whole."""

    code = serializers.ChoiceField(choices=TABLE_FINDINGS)
