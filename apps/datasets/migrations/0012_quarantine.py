"""Ingestions keep all that they left out in a file, say what they found out, and read more formats."""

from typing import ClassVar

from django.db import migrations, models

FORMATS = ["csv", "tsv", "jsonl", "json", "parquet", "excel", "images", "texts", "archive"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0011_comparisons")]

    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="source", name="source_format"),
        migrations.AddField(
            model_name="ingestion", name="detected", field=models.JSONField(default=dict, editable=False)
        ),
        migrations.AddField(
            model_name="ingestion", name="quarantine", field=models.JSONField(editable=False, null=True)
        ),
        migrations.AlterField(
            model_name="source",
            name="file_format",
            field=models.CharField(
                blank=True,
                choices=[(name, name.title()) for name in FORMATS],
                editable=False,
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="source",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_format__in", ["", *FORMATS])), name="source_format"
            ),
        ),
    ]
