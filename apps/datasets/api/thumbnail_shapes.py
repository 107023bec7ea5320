"""Small pictures of a dataset of pictures, for the API's document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.datasets.api.examples import VERSION_ID


class ThumbnailShape(serializers.Serializer[Any]):
    ordinal = serializers.IntegerField(help_text="Number of the row since ingestion, from 0")
    image = serializers.CharField(
        allow_null=True, help_text="A data URI, 64 pixels at most; null where the picture cannot be decoded"
    )


class ThumbnailsShape(serializers.Serializer[Any]):
    """Of some rows of the sample, at most 48; of a version without pictures none."""

    version = serializers.UUIDField()
    column = serializers.CharField(allow_null=True, help_text="The column of pictures")
    thumbnails = ThumbnailShape(many=True)


THUMBNAILS = {
    "version": VERSION_ID,
    "column": "image",
    "thumbnails": [{"ordinal": 0, "image": "data:image/webp;base64,UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="}],
}
