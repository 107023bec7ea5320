"""A run says by which words its dataset version was named."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("experiments", "0003_run_kind_and_tags")]

    operations: ClassVar = [
        migrations.AddField(
            "run", "dataset_reference", models.CharField(blank=True, editable=False, max_length=200)
        ),
    ]
