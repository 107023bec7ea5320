"""Expectations, what became of them, what waits for them and what went past them."""

from typing import Any, ClassVar

import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


def to(target: str, *, kind: Any = models.ForeignKey, **kwargs: Any) -> Any:
    return kind(on_delete=django.db.models.deletion.PROTECT, to=target, **{"related_name": "+", **kwargs})


NOW = django.db.models.functions.datetime.Now()


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("access", "0001_initial"),
        ("datasets", "0004_previews"),
        ("quotas", "0006_held_workloads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ValidationRun",
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
                (
                    "results",
                    models.JSONField(editable=False, encoder=django.core.serializers.json.DjangoJSONEncoder, null=True),
                ),
                ("passed_count", models.PositiveIntegerField(default=0, editable=False)),
                ("warned_count", models.PositiveIntegerField(default=0, editable=False)),
                ("blocked_count", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "organisation",
                    to("access.organisation", editable=False),
                ),
                (
                    "project",
                    to("access.project"),
                ),
                (
                    "requested_by",
                    to(settings.AUTH_USER_MODEL, editable=False, null=True),
                ),
                (
                    "team",
                    to("access.team", editable=False),
                ),
                (
                    "version",
                    to("datasets.datasetversion", related_name="validation_runs"),
                ),
                (
                    "workload",
                    to("quotas.workload", editable=False),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QualityOverride",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(db_default=NOW, editable=False)),
                ("failing", models.JSONField(default=list)),
                (
                    "approval",
                    to("access.approvalrequest", kind=models.OneToOneField),
                ),
                (
                    "organisation",
                    to("access.organisation", editable=False),
                ),
                (
                    "project",
                    to("access.project"),
                ),
                (
                    "team",
                    to("access.team", editable=False),
                ),
                (
                    "version",
                    to("datasets.datasetversion", related_name="quality_override", kind=models.OneToOneField),
                ),
                (
                    "validation",
                    to("datasets.validationrun", null=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Expectation",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(db_default=NOW, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("not_null", "Not Null"),
                            ("unique", "Unique"),
                            ("between", "Between"),
                            ("in_set", "In Set"),
                            ("matches", "Matches"),
                            ("type", "Type"),
                            ("row_count", "Row Count"),
                            ("freshness", "Freshness"),
                            ("foreign_key", "Foreign Key"),
                            ("distribution", "Distribution"),
                            ("custom", "Custom"),
                        ],
                        max_length=20,
                    ),
                ),
                ("parameters", models.JSONField()),
                (
                    "severity",
                    models.CharField(choices=[("block", "Block"), ("warn", "Warn")], default="block", max_length=10),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("revision", models.PositiveIntegerField(default=1, editable=False)),
                ("changed_at", models.DateTimeField(editable=False)),
                (
                    "created_by",
                    to(settings.AUTH_USER_MODEL, editable=False, null=True),
                ),
                (
                    "dataset",
                    to("datasets.dataset", related_name="expectations"),
                ),
                (
                    "organisation",
                    to("access.organisation", editable=False),
                ),
                (
                    "project",
                    to("access.project"),
                ),
                (
                    "team",
                    to("access.team", editable=False),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "-id"], name="expectation_project"),
                    models.Index(
                        condition=models.Q(("is_active", True)), fields=["dataset", "id"], name="expectation_active"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "not_null",
                                    "unique",
                                    "between",
                                    "in_set",
                                    "matches",
                                    "type",
                                    "row_count",
                                    "freshness",
                                    "foreign_key",
                                    "distribution",
                                    "custom",
                                ],
                            )
                        ),
                        name="expectation_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["block", "warn"])), name="expectation_severity"
                    ),
                    models.CheckConstraint(condition=models.Q(("revision__gte", 1)), name="expectation_revision"),
                ],
            },
        ),
        migrations.CreateModel(
            name="QualityHold",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(db_default=NOW, editable=False)),
                ("settled_at", models.DateTimeField(editable=False, null=True)),
                (
                    "organisation",
                    to("access.organisation", editable=False),
                ),
                (
                    "project",
                    to("access.project"),
                ),
                (
                    "team",
                    to("access.team", editable=False),
                ),
                (
                    "version",
                    to("datasets.datasetversion", related_name="holds"),
                ),
                (
                    "workload",
                    to("quotas.workload"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "-id"], name="quality_hold_project"),
                    models.Index(
                        condition=models.Q(("settled_at", None)), fields=["version"], name="quality_hold_open"
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("workload", "version"), name="quality_hold_once")],
            },
        ),
        migrations.AddIndex(
            model_name="validationrun",
            index=models.Index(fields=["project", "-id"], name="validation_run_project"),
        ),
        migrations.AddIndex(
            model_name="validationrun",
            index=models.Index(fields=["version", "-id"], name="validation_run_version"),
        ),
        migrations.AddIndex(
            model_name="validationrun",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "running"])), fields=["id"], name="validation_run_active"
            ),
        ),
        migrations.AddConstraint(
            model_name="validationrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["cancelled", "failed", "queued", "running", "succeeded"])),
                name="validation_run_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="validationrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("version",),
                name="validation_run_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="validationrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("results", None), ("state", "succeeded"), _connector="OR"),
                name="validation_run_results",
            ),
        ),
        migrations.AddIndex(
            model_name="qualityoverride",
            index=models.Index(fields=["project", "-id"], name="quality_override_project"),
        ),
    ]
