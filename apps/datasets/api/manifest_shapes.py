"""What a program reads a version by."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.datasets.api.examples import DATASET_VERSION, SHA256
from apps.datasets.api.shapes import ColumnsField, SplitsField
from apps.datasets.states import VersionState


class ManifestFileShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    rows = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    url = serializers.CharField(help_text="Takes the same token, and `Range`")


class ManifestShape(serializers.Serializer[Any]):
    """A version and its data files, in the order of the rows."""

    id = serializers.UUIDField()
    reference = serializers.CharField(help_text="`project/dataset@number`: always means this version")
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=VersionState.choices)
    digest = serializers.CharField()
    schema = ColumnsField()
    row_count = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    splits = SplitsField()
    files = ManifestFileShape(many=True)


MANIFEST = {
    "reference": "risk/loans@2",
    **{
        name: DATASET_VERSION[name]
        for name in ("id", "number", "state", "digest", "schema", "row_count", "size_bytes", "splits")
    },
    "files": [
        {
            "name": "part-00000.parquet",
            "rows": 4452,
            "size_bytes": 118204,
            "sha256": SHA256,
            "url": f"/api/v1/dataset-versions/{DATASET_VERSION['id']}/files/part-00000.parquet",
        }
    ],
}
