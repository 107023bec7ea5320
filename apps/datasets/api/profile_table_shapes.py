"""What a profile tells of columns together, for the API's document. The values pass as they are."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.datasets.api.finding_shapes import TableFindingShape
from apps.datasets.api.shapes import ScalarField

KINDS = ("number", "time", "category")
LEFT_OUT = ("too_many_columns", "constant", "too_many_values")
MEASURES = ("pearson", "correlation_ratio", "cramers_v")
LEAK_MEASURES = ("auc", "accuracy_gain", "r_squared")


def _matrix() -> serializers.ListField:
    row = serializers.ListField(child=serializers.FloatField(allow_null=True))
    return serializers.ListField(
        child=row, help_text="Symmetric, in the order of `columns`; null where nothing is told"
    )


class KeyShape(serializers.Serializer[Any]):
    """Columns of which no row lacks a value and no two rows have the same."""

    columns = serializers.ListField(child=serializers.CharField(), help_text="One, or a pair where no single one is")
    is_exact = serializers.BooleanField(help_text="False where there are too many rows to look at every value")


class DuplicatesShape(serializers.Serializer[Any]):
    """Rows that equal an earlier one in every column."""

    rows = serializers.IntegerField()
    ratio = serializers.FloatField()
    is_exact = serializers.BooleanField()


class RelatedColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)


class UnrelatedColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    reason = serializers.ChoiceField(choices=LEFT_OUT)


class StrongPairShape(serializers.Serializer[Any]):
    columns = serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
    measure = serializers.ChoiceField(choices=MEASURES)
    value = serializers.FloatField()


class RelationsShape(serializers.Serializer[Any]):
    """How strongly columns hang together, of at most 30.

    Pearson's r between numbers and times, Cramér's V without its bias between categories, the correlation ratio
    between a category and a number.
    """

    columns = RelatedColumnShape(many=True)
    values = _matrix()
    ranks = _matrix()
    left_out = UnrelatedColumnShape(many=True)
    strong = StrongPairShape(many=True, help_text="Of 0.95 and more, the strongest first")


class MissingPatternShape(serializers.Serializer[Any]):
    missing = serializers.ListField(child=serializers.IntegerField(), help_text="Places in `columns`")
    rows = serializers.IntegerField()


class MissingShape(serializers.Serializer[Any]):
    """Which columns lack a value in the same rows, of at most 30 that lack any."""

    columns = serializers.ListField(child=serializers.CharField())
    together = _matrix()
    patterns = MissingPatternShape(many=True, help_text="At most 12, the most frequent first")
    rows = serializers.IntegerField(help_text="That were looked at")
    left_out = serializers.IntegerField(help_text="Columns that lack values and are not among these")


class ClassShape(serializers.Serializer[Any]):
    value = ScalarField()
    count = serializers.IntegerField()
    ratio = serializers.FloatField()


EVIDENCE_CLASS = "The value of the target that these rows have most"


class EvidenceShape(serializers.Serializer[Any]):
    """Rows with this value, or between these bounds, and what the target is there. All null: the value is missing."""

    low = serializers.FloatField(allow_null=True, help_text="Not included; of times, seconds since 1970")
    high = serializers.FloatField(allow_null=True, help_text="Included")
    value = ScalarField(allow_null=True)
    rows = serializers.IntegerField()
    share = serializers.FloatField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "class": ScalarField(help_text=EVIDENCE_CLASS)}


class LeakShape(serializers.Serializer[Any]):
    """A column that predicts the target almost alone; learned from every other row, scored on the rest."""

    name = serializers.CharField()
    measure = serializers.ChoiceField(
        choices=LEAK_MEASURES, help_text="Two classes: AUC. More: the share of errors that go away. A number: R²"
    )
    score = serializers.FloatField()
    is_certain = serializers.BooleanField(help_text="0.98 and more")
    evidence = EvidenceShape(many=True, help_text="At most 3; none for a target that is a number")


class TargetShape(serializers.Serializer[Any]):
    """The column that is to be predicted."""

    name = serializers.CharField()
    is_guessed = serializers.BooleanField(help_text="By its name: nobody said which it is")
    is_class = serializers.BooleanField(help_text="Whether it has few values; else it is a number")
    classes = ClassShape(many=True, help_text="At most 10, of all rows, the most frequent first")
    leaks = LeakShape(many=True, help_text="Of 0.9 and more, at most 10")


class CountedShape(serializers.Serializer[Any]):
    value = serializers.CharField()
    count = serializers.IntegerField()


class ImageSizeShape(serializers.Serializer[Any]):
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    count = serializers.IntegerField()


class NearImagesShape(serializers.Serializer[Any]):
    """Pictures that look alike: their perceptual hashes differ in few bits."""

    distance = serializers.IntegerField(help_text="Bits of 64 that may differ")
    groups = serializers.IntegerField()
    rows = serializers.IntegerField(help_text="Pictures in groups, but for the first of each")
    is_sample = serializers.BooleanField()
    examples = serializers.ListField(child=serializers.ListField(child=serializers.CharField()), help_text="Paths")


class ImagesShape(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    corrupt = serializers.IntegerField(help_text="That cannot be read")
    modes = CountedShape(many=True)
    formats = CountedShape(many=True)
    sizes = ImageSizeShape(many=True, help_text="At most 300, the most frequent first")
    sizes_left_out = serializers.IntegerField()
    equal = serializers.IntegerField(help_text="With the bytes of an earlier one")
    near = NearImagesShape()


class ProfileTableShape(serializers.Serializer[Any]):
    """What is told of the table as a whole."""

    rows_looked_at = serializers.IntegerField(
        help_text="Of which relations, missingness and leaks are told; they lie all over the data"
    )
    columns_left_out = serializers.IntegerField(help_text="Beyond the first 200, which are looked at together")
    keys = KeyShape(many=True)
    duplicates = DuplicatesShape()
    relations = RelationsShape()
    missing = MissingShape()
    target = TargetShape(allow_null=True, help_text="Null where nobody named one and no column looks like one")
    images = ImagesShape(allow_null=True, help_text="Of versions of pictures")
    findings = TableFindingShape(many=True)
