"""An ingestion may append to a version, and lineage says so."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

RELATIONS = [
    "ingested_from", "cleaned_from", "appended_to", "fitted_on", "trained_on", "evaluated_on", "registered_from",
    "serves",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0006_uploads")]

    operations: ClassVar = [
        migrations.AddField(
            "ingestion",
            "append_to",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appends",
                to="datasets.datasetversion",
            ),
        ),
        migrations.RemoveConstraint("lineageedge", "lineage_edge_relation"),
        migrations.AlterField(
            "lineageedge",
            "relation",
            models.CharField(
                choices=[(name, name.replace("_", " ").title()) for name in RELATIONS],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            "lineageedge",
            models.CheckConstraint(condition=models.Q(relation__in=RELATIONS), name="lineage_edge_relation"),
        ),
    ]
