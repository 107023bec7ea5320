"""Uploads that can be continued."""

from typing import Any, ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


def to(target: str, **kwargs: Any) -> Any:
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=target, **{"related_name": "+", **kwargs})


NOW = django.db.models.functions.datetime.Now()
STATES = ["receiving", "completed", "failed", "cancelled", "expired"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("access", "0001_initial"),
        ("datasets", "0005_expectations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(db_default=NOW, editable=False)),
                ("state_reason", models.CharField(blank=True, editable=False, max_length=40)),
                ("state_detail", models.TextField(blank=True, editable=False)),
                ("state_at", models.DateTimeField(db_default=NOW, editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[(state, state.capitalize()) for state in STATES],
                        default="receiving",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("size_bytes", models.BigIntegerField(editable=False)),
                ("offset_bytes", models.BigIntegerField(default=0, editable=False)),
                ("sha256", models.CharField(blank=True, editable=False, max_length=64)),
                ("fingerprint", models.CharField(blank=True, editable=False, max_length=200)),
                ("parts", models.JSONField(default=list, editable=False)),
                ("writer", models.UUIDField(editable=False, null=True)),
                ("writer_until", models.DateTimeField(editable=False, null=True)),
                ("expires_at", models.DateTimeField(editable=False)),
                ("dataset", to("datasets.dataset", related_name="uploads")),
                ("organisation", to("access.organisation", editable=False)),
                ("project", to("access.project")),
                (
                    "source",
                    models.OneToOneField(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="upload",
                        to="datasets.source",
                    ),
                ),
                ("team", to("access.team", editable=False)),
                ("uploaded_by", to(settings.AUTH_USER_MODEL, editable=False, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "-id"], name="upload_project"),
                    models.Index(condition=models.Q(("state", "receiving")), fields=["id"], name="upload_receiving"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("state__in", sorted(STATES))), name="upload_state"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("offset_bytes__gte", 0),
                            ("offset_bytes__lte", models.F("size_bytes")),
                            ("size_bytes__gt", 0),
                        ),
                        name="upload_offset",
                    ),
                ],
            },
        ),
    ]
