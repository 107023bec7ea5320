"""What is inside the JSON columns of ingestions, for the API's document. The values pass as they are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.messages import message_of
from apps.common.stories import StateMessageField
from apps.datasets.recipes.parsing import FORMATS, TYPES

FOUND = "Found from the file where null"


class RejectedRowShape(serializers.Serializer[Any]):
    line = serializers.IntegerField(
        allow_null=True,
        help_text="In the file, from 1; of a sheet the row, of a JSON list the element; null of a picture",
    )
    column = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    message = StateMessageField(help_text="What `reason` says, to be said in another language")
    text = serializers.CharField()
    file = serializers.CharField(required=False, help_text="Of an archive: which file in it")


class RejectedShape(serializers.Serializer[Any]):
    count = serializers.IntegerField(required=False)
    samples = RejectedRowShape(many=True, required=False)


class QuarantineShape(serializers.Serializer[Any]):
    """A file with all rows that were left out: `GET /ingestions/{id}/quarantine`."""

    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class DetectedShape(serializers.Serializer[Any]):
    """What was found out about a file, or was said; what does not concern its format is not there."""

    format = serializers.ChoiceField(choices=FORMATS, required=False)
    packing = serializers.CharField(required=False, help_text="gzip, zstd, zip or tar")
    files = serializers.IntegerField(required=False, help_text="In an archive, of those that were read")
    ignored = serializers.IntegerField(required=False, help_text="In an archive, of other kinds")
    encoding = serializers.CharField(required=False)
    encoding_confidence = serializers.FloatField(required=False, help_text="From 0 to 1")
    line_ending = serializers.ChoiceField(choices=["lf", "crlf", "cr", "mixed", "none"], required=False)
    delimiter = serializers.CharField(required=False)
    quote = serializers.CharField(required=False)
    header = serializers.BooleanField(required=False)
    sheet = serializers.CharField(required=False)
    sheets = serializers.ListField(child=serializers.CharField(), required=False, help_text="All of the workbook")


class DeclaredColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=TYPES)
    nullable = serializers.BooleanField(required=False, default=True)


class IngestionOptionsShape(serializers.Serializer[Any]):
    """How to parse a file; what is left out is as `GET /ingestion-options` says."""

    format = serializers.ChoiceField(choices=FORMATS, required=False, allow_null=True, help_text="By the file's name")
    encoding = serializers.CharField(required=False, allow_null=True, help_text=FOUND)
    delimiter = serializers.CharField(required=False, allow_null=True, help_text=f"One ASCII character. {FOUND}")
    header = serializers.BooleanField(required=False, allow_null=True, help_text=FOUND)
    null_values = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False)
    quote = serializers.CharField(required=False, allow_null=True, allow_blank=True, help_text=FOUND)
    escape = serializers.CharField(required=False, allow_null=True)
    comment = serializers.CharField(required=False, allow_null=True)
    skip_rows = serializers.IntegerField(required=False)
    decimal = serializers.CharField(required=False)
    thousands = serializers.CharField(required=False, allow_null=True)
    date_format = serializers.CharField(required=False, allow_null=True)
    timestamp_format = serializers.CharField(required=False, allow_null=True)
    sheet = serializers.CharField(required=False, allow_null=True)
    types = serializers.DictField(child=serializers.ChoiceField(choices=TYPES), required=False)
    schema = DeclaredColumnShape(many=True, required=False, allow_null=True)
    max_rejected_ratio = serializers.FloatField(required=False)
    max_rejected_rows = serializers.IntegerField(required=False, allow_null=True)


@extend_schema_field(RejectedShape)
class RejectedField(serializers.JSONField):
    """Rows that were left out; empty until the ingestion has ended."""

    def to_representation(self, value: Any) -> Any:
        samples = value.get("samples")
        if not samples:
            return value
        said = [{**sample, "message": message_of(str(sample["reason"]), faults=True)} for sample in samples]
        return {**value, "samples": said}


@extend_schema_field(QuarantineShape)
class QuarantineField(serializers.JSONField):
    """The file of rows that were left out; null where there are none."""

    def to_representation(self, value: Any) -> Any:
        return value and {name: value[name] for name in ("size_bytes", "sha256")}


@extend_schema_field(DetectedShape)
class DetectedField(serializers.JSONField):
    """What was found out about the file; empty until its rows were read."""


@extend_schema_field(IngestionOptionsShape)
class OptionsField(serializers.JSONField):
    """How a file is parsed."""


@extend_schema_field(IngestionOptionsShape)
class IngestionOptionsField(serializers.DictField):
    """The same, taken: the service says which option is wrong."""
