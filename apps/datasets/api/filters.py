"""What lists can be narrowed by, beyond plain columns of the table."""

from __future__ import annotations

from django_filters import UUIDFilter

from apps.common.pages import RowFilterSet
from apps.datasets.models import CleaningRun, Profile


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
