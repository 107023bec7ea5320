"""Secrets of a project: encrypted at rest, given to jobs as files."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from apps.access.models.scoped import ProjectScoped


class Secret(ProjectScoped):
    """One named value, AES-256-GCM with a key from the installation's key file. No API returns the value."""

    name = models.CharField(max_length=60, validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")])
    """Also the name of the file that a job finds."""
    key_id = models.CharField(max_length=40, editable=False)
    nonce = models.BinaryField(max_length=12)
    ciphertext = models.BinaryField()
    """With the 16-byte tag at its end; the associated data is `<project id>/<name>`."""
    replaced_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "name"], name="secret_name_once")]

    def __str__(self) -> str:
        return self.name
