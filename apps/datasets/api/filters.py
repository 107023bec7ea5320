"""What lists can be narrowed by, beyond plain columns of the table."""

from __future__ import annotations

from typing import Any

from django_filters import CharFilter, UUIDFilter

from apps.common.pages import RowFilterSet
from apps.datasets.models import CleaningRun, DatasetVersion, Profile, ValidationRun


class VersionFilter(RowFilterSet):
    tag = CharFilter(field_name="tags", method="having")

    class Meta:
        model = DatasetVersion
        fields = ("project", "dataset", "number", "state", "digest", "parent")

    def having(self, queryset: Any, name: str, value: str) -> Any:
        """Those that have this tag."""
        return queryset.filter(tags__contains=[value])


class ProfileFilter(RowFilterSet):
    dataset = UUIDFilter(field_name="version__dataset")

    class Meta:
        model = Profile
        fields = ("project", "version", "state")


class CleaningRunFilter(RowFilterSet):
    dataset = UUIDFilter(field_name="output_dataset")

    class Meta:
        model = CleaningRun
        fields = ("project", "recipe", "input_version", "state")


class ValidationRunFilter(RowFilterSet):
    dataset = UUIDFilter(field_name="version__dataset")

    class Meta:
        model = ValidationRun
        fields = ("project", "version", "state")
