"""Rules say which versions keep their data; a version says when it lost its own."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("access", "0001_initial"),
        ("datasets", "0012_quarantine"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="KeepRule",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("keep_last", models.PositiveIntegerField(null=True)),
                ("keep_days", models.PositiveIntegerField(null=True)),
                ("keep_named", models.BooleanField(default=True)),
                ("keep_parents", models.BooleanField(default=False)),
                ("grace_days", models.PositiveIntegerField(default=7)),
                ("changed_at", models.DateTimeField(editable=False)),
            ],
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="data_deleted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="data_gone_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="data_tombstoned_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="is_pinned",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="datasetversion",
            index=models.Index(
                condition=models.Q(("data_gone_at", None), ("data_tombstoned_at__isnull", False)),
                fields=["data_tombstoned_at"],
                name="dataset_version_tombstoned",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("data_deleted_at", None),
                    models.Q(("data_tombstoned_at__lt", models.F("data_deleted_at")), ("is_pinned", False)),
                    _connector="OR",
                ),
                name="dataset_version_deleted",
            ),
        ),
        migrations.AddField(
            model_name="keeprule",
            name="changed_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="keeprule",
            name="dataset",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="keep_rules", to="datasets.dataset"
            ),
        ),
        migrations.AddField(
            model_name="keeprule",
            name="organisation",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organisation"
            ),
        ),
        migrations.AddField(
            model_name="keeprule",
            name="project",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.project"),
        ),
        migrations.AddField(
            model_name="keeprule",
            name="team",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.team"
            ),
        ),
        migrations.AddIndex(
            model_name="keeprule",
            index=models.Index(fields=["project", "-id"], name="keep_rule_project"),
        ),
        migrations.AddConstraint(
            model_name="keeprule",
            constraint=models.UniqueConstraint(fields=("dataset",), name="keep_rule_of_dataset"),
        ),
        migrations.AddConstraint(
            model_name="keeprule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("dataset", None)), fields=("project",), name="keep_rule_of_project"
            ),
        ),
        migrations.AddConstraint(
            model_name="keeprule",
            constraint=models.CheckConstraint(
                condition=models.Q(("keep_last__gte", 1), ("keep_days__gte", 1), _connector="OR"),
                name="keep_rule_keeps",
            ),
        ),
        migrations.AddConstraint(
            model_name="keeprule",
            constraint=models.CheckConstraint(condition=models.Q(("grace_days__gte", 1)), name="keep_rule_grace"),
        ),
    ]
