"""What an origin is, for the API's document: where an ingestion fetches from."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.datasets.services.origins import KINDS
from apps.datasets.states import JobState


class OriginShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS)
    url = serializers.CharField(
        required=False, help_text="`https://…`, `s3://bucket/key` or `gs://bucket/key`; without credentials in it"
    )
    credentials = serializers.CharField(
        required=False,
        help_text="Name of a secret of the project. For https `name:password` or `Bearer …`; for s3 JSON with "
        "`access_key_id` and `secret_access_key`; for gs a token",
    )
    query = serializers.CharField(
        required=False,
        help_text="Of a database: one SELECT. The secret is `postgresql://name:password@host/database`, or `mysql://…`",
    )
    partition_column = serializers.CharField(required=False, help_text="A number: ranges of it are read at once")
    partitions = serializers.CharField(required=False, help_text="How many ranges, 1 to 16")
    region = serializers.CharField(required=False, help_text="Of an S3 bucket; `us-east-1` by default")
    endpoint = serializers.CharField(required=False, help_text="Address of an S3 store of one's own")


@extend_schema_field(OriginShape)
class OriginField(serializers.JSONField):
    """The service says which field is wrong. An empty one is shown as null."""

    def to_representation(self, value: Any) -> Any:
        return value or None


class SeenShape(serializers.Serializer[Any]):
    """What came last from a scheduled origin."""

    sha256 = serializers.CharField(required=False)
    etag = serializers.CharField(required=False)
    last_modified = serializers.CharField(required=False)
    digest = serializers.CharField(required=False, help_text="Of the version that was made of it")


class ScheduledShape(serializers.Serializer[Any]):
    """The newest ingestion of a schedule."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=JobState.choices)
    state_reason = serializers.CharField()
    created_at = serializers.DateTimeField()
