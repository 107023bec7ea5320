"""From where a project may fetch data."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped, User


class AllowedOrigin(ProjectScoped):
    """One line of a project's list of hosts and buckets, beside those of the installation (`BEDPLATE_FETCH_HOSTS`)."""

    pattern = models.CharField(max_length=255)
    """`data.example.org`, `*.example.org`, `example.org:8443`, `s3://bucket`; see `workers.contracts.origins`."""
    is_private = models.BooleanField(default=False)
    """Whether it may have private addresses: for administrators of the installation to say."""
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "pattern"], name="allowed_origin_once"),
        ]

    def __str__(self) -> str:
        return self.pattern
