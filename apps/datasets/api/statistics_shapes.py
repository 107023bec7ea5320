"""Statistics of versions, for the API's document. The values pass as they are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.datasets.api.finding_shapes import FindingShape
from apps.datasets.api.profile_table_shapes import ProfileTableShape
from apps.datasets.api.shapes import ScalarField
from apps.datasets.recipes.parsing import COLUMN_TYPES

ORDERS = ("strictly_increasing", "increasing", "strictly_decreasing", "decreasing")
TEXT_KINDS = (
    "number", "grouped_number", "money", "percentage", "truth", "email", "url", "uuid", "ip_address", "phone", "date",
    "timestamp", "time", "digest", "json", "path",
)  # fmt: skip


class HistogramShape(serializers.Serializer[Any]):
    """Bins at round places, the last one closed; there is one edge more than counts."""

    edges = serializers.ListField(
        child=serializers.FloatField(), help_text="Of dates and times: seconds since 1970 in UTC"
    )
    counts = serializers.ListField(child=serializers.IntegerField())
    below = serializers.IntegerField(help_text="Values below the first edge, far from all others")
    above = serializers.IntegerField(help_text="Values above the last edge")
    is_discrete = serializers.BooleanField(help_text="Whether of each bin only the middle is a value")


class TopValueShape(serializers.Serializer[Any]):
    value = ScalarField()
    count = serializers.IntegerField()


class TextLengthShape(serializers.Serializer[Any]):
    """Characters of the texts that are there."""

    minimum = serializers.IntegerField()
    maximum = serializers.IntegerField()
    mean = serializers.FloatField()
    histogram = HistogramShape()


class FencesShape(serializers.Serializer[Any]):
    """Tukey's fences, 1.5 times the distance of the quartiles beyond them, and how many values lie outside."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    below = serializers.IntegerField()
    above = serializers.IntegerField()


class TextShapeShape(serializers.Serializer[Any]):
    """How texts are written: `9` for a digit, `A` and `a` for letters, `文` for a Chinese character."""

    shape = serializers.CharField(help_text="Of coarse shapes, `9+` stands for several digits")
    count = serializers.IntegerField()
    share = serializers.FloatField()
    example = serializers.CharField()


class TextKindShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=TEXT_KINDS)
    count = serializers.IntegerField()
    share = serializers.FloatField()


class PatternsShape(serializers.Serializer[Any]):
    values = serializers.IntegerField(help_text="Rows that were looked at")
    is_sample = serializers.BooleanField(help_text="Whether there are more")
    is_coarse = serializers.BooleanField(help_text="Whether several signs of a class are drawn together in a shape")
    shapes = TextShapeShape(many=True, help_text="At most 8, the most frequent first")
    kinds = TextKindShape(many=True, help_text="What at least 5 % of the texts are")


class NearTextsShape(serializers.Serializer[Any]):
    """Texts of at most 5,000 rows that are nearly the same: estimated by MinHash, from a similarity of 0.8 on."""

    texts = serializers.IntegerField()
    is_sample = serializers.BooleanField()
    groups = serializers.IntegerField()
    rows = serializers.IntegerField(help_text="Texts in groups, but for the first of each")
    examples = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))


class ColumnProfileShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=COLUMN_TYPES)
    null_count = serializers.IntegerField()
    distinct_count = serializers.IntegerField(help_text="Of values that are there")
    distinct_is_exact = serializers.BooleanField(help_text="False for an estimate (HyperLogLog), off by some percent")
    minimum = ScalarField(allow_null=True, help_text="Null for text")
    maximum = ScalarField(allow_null=True, help_text="Null for text")
    mean = serializers.FloatField(allow_null=True, help_text="Numbers only, as std and quantiles")
    std = serializers.FloatField(allow_null=True, help_text="Of the population")
    quantiles = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, help_text="0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99"
    )
    quantiles_error = serializers.FloatField(
        allow_null=True, help_text="How far the rank of a quantile may be off, of 1; 0 where they are exact"
    )
    histogram = HistogramShape(allow_null=True, help_text="Of numbers, dates and times")
    log_histogram = HistogramShape(
        allow_null=True, help_text="At powers of ten and between, for numbers that are better looked at so"
    )
    fences = FencesShape(allow_null=True, help_text="Numbers only")
    text_length = TextLengthShape(allow_null=True, help_text="Of text")
    patterns = PatternsShape(allow_null=True, help_text="Of text that is no prose")
    near_duplicates = NearTextsShape(allow_null=True, help_text="Of prose")
    order = serializers.ChoiceField(
        choices=ORDERS, allow_null=True, help_text="Of numbers and times that rise or fall from row to row"
    )
    top_values = TopValueShape(many=True, help_text="At most 10, the most frequent first")
    findings = FindingShape(many=True)


class ProfileShape(serializers.Serializer[Any]):
    format = serializers.IntegerField(help_text="1: of earlier times, without `table` and some figures; 2")
    row_count = serializers.IntegerField()
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="Figures that columns lack because there are very many columns"
    )
    columns = ColumnProfileShape(many=True)
    table = ProfileTableShape(allow_null=True, help_text="What is told of columns together; null in format 1")


_ABSENT: dict[str, Any] = {
    **dict.fromkeys(("minimum", "maximum", "mean", "std", "quantiles", "quantiles_error", "histogram")),
    **dict.fromkeys(("log_histogram", "fences", "text_length", "patterns", "near_duplicates", "order")),
    "distinct_is_exact": True,
}
"""What columns of earlier times, and of very wide data, do not say."""


_BARS = {"below": 0, "above": 0, "is_discrete": False}


@extend_schema_field(ProfileShape)
class ProfileField(serializers.JSONField):
    """Statistics; null until the profile has succeeded."""

    def to_representation(self, value: Any) -> Any:
        """Profiles of earlier times are made whole."""
        columns = [_whole(column) for column in value["columns"]]
        return {"format": 1, "left_out": [], "table": None, **value, "columns": columns}


def _whole(column: dict[str, Any]) -> dict[str, Any]:
    found = {**_ABSENT, "top_values": [], "findings": [], **column}
    if found["histogram"]:
        found["histogram"] = {**_BARS, **found["histogram"]}
    if found["text_length"]:
        length = found["text_length"]
        found["text_length"] = {**length, "histogram": {**_BARS, **length["histogram"]}}
    found["findings"] = [{"examples": [], "suggestion": None, **finding} for finding in found["findings"]]
    return found
