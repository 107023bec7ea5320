"""Versions have names that move and tags; a cleaning run says by which words its version was named."""

from typing import ClassVar

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("access", "0001_initial"),
        ("datasets", "0008_origins"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="cleaningrun",
            name="input_reference",
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="tags",
            field=models.JSONField(default=list),
        ),
        migrations.CreateModel(
            name="VersionAlias",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^(?!latest$)[a-z][a-z0-9_-]{0,59}$",
                                "a letter, then letters, digits, '_' and '-', in lower case; not 'latest'",
                            )
                        ],
                    ),
                ),
                ("moved_at", models.DateTimeField(editable=False)),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="aliases",
                        to="datasets.dataset",
                    ),
                ),
                (
                    "moved_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.organisation",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.project"
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.team"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="aliases",
                        to="datasets.datasetversion",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "version aliases",
                "indexes": [models.Index(fields=["project", "-id"], name="version_alias_project")],
                "constraints": [models.UniqueConstraint(fields=("dataset", "name"), name="version_alias_once")],
            },
        ),
    ]
