"""Data that is fetched: from allowed origins, once or by a schedule."""

from typing import Any, ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


def to(target: str, **kwargs: Any) -> Any:
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=target, **{"related_name": "+", **kwargs})


def base() -> list[tuple[str, Any]]:
    return [
        ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
        ("created_at", models.DateTimeField(db_default=NOW, editable=False)),
        ("organisation", to("access.organisation", editable=False)),
        ("project", to("access.project")),
        ("team", to("access.team", editable=False)),
        ("created_by", to(settings.AUTH_USER_MODEL, editable=False, null=True)),
    ]


NOW = django.db.models.functions.datetime.Now()
STATES = ["active", "paused", "retired"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("access", "0001_initial"),
        ("datasets", "0007_appending"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AddField("source", "origin", models.JSONField(default=dict, editable=False)),
        migrations.AddField("ingestion", "origin", models.JSONField(default=dict, editable=False)),
        migrations.AlterField("ingestion", "source", to("datasets.source", null=True, related_name="ingestions")),
        migrations.CreateModel(
            name="IngestionSchedule",
            fields=[
                *base(),
                ("state_reason", models.CharField(blank=True, editable=False, max_length=40)),
                ("state_detail", models.TextField(blank=True, editable=False)),
                ("state_at", models.DateTimeField(db_default=NOW, editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[(state, state.capitalize()) for state in STATES],
                        default="active",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("dataset", to("datasets.dataset", related_name="schedules")),
                ("origin", models.JSONField()),
                ("options", models.JSONField(default=dict)),
                (
                    "mode",
                    models.CharField(
                        choices=[("replace", "Replace"), ("append", "Append")], default="replace", max_length=10
                    ),
                ),
                ("cron", models.CharField(blank=True, max_length=100)),
                ("every_seconds", models.PositiveIntegerField(null=True)),
                ("time_zone", models.CharField(default="UTC", max_length=60)),
                ("failures_most", models.PositiveSmallIntegerField(default=3)),
                ("next_at", models.DateTimeField(editable=False, null=True)),
                ("last_at", models.DateTimeField(editable=False, null=True)),
                ("skipped_count", models.PositiveIntegerField(default=0, editable=False)),
                ("seen", models.JSONField(default=dict, editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "-id"], name="ingestion_schedule_project"),
                    models.Index(
                        condition=models.Q(("state", "active")), fields=["next_at"], name="ingestion_schedule_due"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("state__in", STATES)), name="ingestion_schedule_state"),
                    models.CheckConstraint(
                        condition=models.Q(cron="", every_seconds__isnull=False)
                        | models.Q(~models.Q(cron=""), every_seconds__isnull=True),
                        name="ingestion_schedule_times",
                    ),
                ],
            },
        ),
        migrations.AddField(
            "ingestion",
            "schedule",
            to("datasets.ingestionschedule", editable=False, null=True, related_name="ingestions"),
        ),
        migrations.CreateModel(
            name="AllowedOrigin",
            fields=[
                *base(),
                ("pattern", models.CharField(max_length=255)),
                ("is_private", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("project", "pattern"), name="allowed_origin_once")],
            },
        ),
    ]
