"""How far a version is from another, for the API's document. The values pass as they are."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.datasets.api.shapes import ScalarField
from apps.datasets.recipes.parsing import COLUMN_TYPES

LEVELS = ("none", "small", "large")
COMPARED_BY = ("value", "category", "length")
LEFT_OUT = ("not_in_reference", "not_in_current", "type_changed", "no_values", "too_many_columns")


class DriftMethodShape(serializers.Serializer[Any]):
    """What the figures rest on."""

    bins = serializers.IntegerField(help_text="Quantile bins of the reference, at most")
    smoothing = serializers.FloatField(help_text="Added to every bin before shares are taken")
    psi_small = serializers.FloatField()
    psi_large = serializers.FloatField()
    p_value = serializers.FloatField(help_text="A shift counts where chance alone brings it less often")
    rows_compared = serializers.IntegerField(help_text="Of each side, for numbers and lengths, at most")


class DriftRowsShape(serializers.Serializer[Any]):
    reference = serializers.IntegerField()
    current = serializers.IntegerField()


class DriftMissingShape(serializers.Serializer[Any]):
    """Shares of missing values, and how far they are apart."""

    reference = serializers.FloatField(allow_null=True)
    current = serializers.FloatField(allow_null=True)
    psi = serializers.FloatField(allow_null=True)
    p_value = serializers.FloatField(allow_null=True)


class KolmogorovSmirnovShape(serializers.Serializer[Any]):
    statistic = serializers.FloatField()
    p_value = serializers.FloatField()
    values = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)


class ChiSquareShape(serializers.Serializer[Any]):
    statistic = serializers.FloatField()
    degrees = serializers.IntegerField()


class DriftValueShape(serializers.Serializer[Any]):
    value = ScalarField()
    reference = serializers.IntegerField()
    current = serializers.IntegerField()


class OneSidedShape(serializers.Serializer[Any]):
    """Values that only one side has."""

    count = serializers.IntegerField()
    rows = serializers.IntegerField()
    values = DriftValueShape(many=True, help_text="At most 20, the most frequent first")


class DriftCategoriesShape(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Different values of both sides")
    distance = serializers.FloatField(allow_null=True, help_text="Of Jensen and Shannon, from 0 to 1")
    chi_square = ChiSquareShape(allow_null=True)
    values = DriftValueShape(many=True, help_text="At most 20, the most frequent first")
    new = OneSidedShape()
    vanished = OneSidedShape()


class DriftBinsShape(serializers.Serializer[Any]):
    edges = serializers.ListField(child=serializers.FloatField())
    reference = serializers.ListField(child=serializers.IntegerField())
    current = serializers.ListField(child=serializers.IntegerField())


class ColumnDriftShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=COLUMN_TYPES)
    compared_by = serializers.ChoiceField(
        choices=COMPARED_BY, help_text="Text with more than 1,000 different values is compared by its lengths"
    )
    level = serializers.ChoiceField(choices=LEVELS, help_text="What PSI and p-value say, of values or of missing ones")
    psi = serializers.FloatField(allow_null=True, help_text="Population stability index; null where a side is empty")
    p_value = serializers.FloatField(
        allow_null=True, help_text="Of the KS test for numbers, of chi-square for categories"
    )
    missing = DriftMissingShape()
    ks = KolmogorovSmirnovShape(allow_null=True)
    categories = DriftCategoriesShape(allow_null=True)
    bins = DriftBinsShape(allow_null=True, help_text="Of the PSI: up to the first edge, …, over the last")
    overlay = DriftBinsShape(allow_null=True, help_text="Equal widths over what both sides have, but for far values")


class DriftLeftOutShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    reason = serializers.ChoiceField(choices=LEFT_OUT)


class DriftSummaryShape(serializers.Serializer[Any]):
    """How many columns shifted, and which, the farthest first."""

    compared = serializers.IntegerField()
    none = serializers.IntegerField()
    small = serializers.IntegerField()
    large = serializers.IntegerField()
    shifted = serializers.ListField(child=serializers.CharField())


class DriftShape(serializers.Serializer[Any]):
    """How far the values of a version are from those of the one it is held against."""

    method = DriftMethodShape()
    rows = DriftRowsShape()
    columns = ColumnDriftShape(many=True)
    left_out = DriftLeftOutShape(many=True)
    summary = DriftSummaryShape()
