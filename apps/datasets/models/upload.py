"""Files that are still on their way."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ScopedStateful, User
from apps.common.states import StateMachine
from apps.datasets.models.dataset import Dataset, Source
from apps.datasets.states import UPLOAD


class Upload(ScopedStateful):
    """A file that arrives in pieces. Once it is whole there is a source, with this id; until then `offset_bytes` says
    how much of it is kept."""

    machine: ClassVar[StateMachine] = UPLOAD
    state = UPLOAD.field()
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="uploads")
    name = models.CharField(max_length=120)
    size_bytes = models.BigIntegerField(editable=False)
    """Of the whole file, as was said at the start."""
    offset_bytes = models.BigIntegerField(default=0, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    """What the whole must be, where the sender said so."""
    fingerprint = models.CharField(max_length=200, blank=True, editable=False)
    """The sender's own mark of the file, by which it finds an upload again that it began."""
    parts = models.JSONField(default=list, editable=False)
    """In a store that cannot append: the names of the pieces, in order."""
    writer = models.UUIDField(null=True, editable=False)
    """Who writes now, until `writer_until` at the latest."""
    writer_until = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(editable=False)
    """Unless something arrives before."""
    source = models.OneToOneField(Source, models.PROTECT, related_name="upload", null=True, editable=False)
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            UPLOAD.constraint("upload_state"),
            models.CheckConstraint(
                condition=models.Q(size_bytes__gt=0, offset_bytes__gte=0, offset_bytes__lte=models.F("size_bytes")),
                name="upload_offset",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="upload_project"),
            models.Index(fields=["id"], condition=models.Q(state="receiving"), name="upload_receiving"),
        ]

    def __str__(self) -> str:
        return self.name
