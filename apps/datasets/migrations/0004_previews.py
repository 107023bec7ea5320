"""Previews of recipes: warm processes, one per project."""

from typing import Any, ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


def to(target: str, **kwargs: Any) -> Any:
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=target, **{"related_name": "+", **kwargs})


NOW = django.db.models.functions.datetime.Now()


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("access", "0001_initial"),
        ("quotas", "0001_initial"),
        ("datasets", "0003_version_companions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Preview",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(db_default=NOW, editable=False)),
                ("state_reason", models.CharField(blank=True, editable=False, max_length=40)),
                ("state_detail", models.TextField(blank=True, editable=False)),
                ("state_at", models.DateTimeField(db_default=NOW, editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("address", models.CharField(blank=True, editable=False, max_length=255)),
                ("used_at", models.DateTimeField(editable=False)),
                ("is_closing", models.BooleanField(default=False, editable=False)),
                ("organisation", to("access.organisation", editable=False)),
                ("project", to("access.project")),
                ("requested_by", to(settings.AUTH_USER_MODEL, editable=False, null=True)),
                ("team", to("access.team", editable=False)),
                ("version", to("datasets.datasetversion", editable=False, related_name="previews")),
                ("workload", to("quotas.workload", editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "-id"], name="preview_project"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])), fields=["id"], name="preview_active"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["cancelled", "failed", "queued", "running", "succeeded"])),
                        name="preview_state",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_closing", False), ("state__in", ["queued", "running"])),
                        fields=("project",),
                        name="preview_once",
                    ),
                ],
            },
        ),
    ]
