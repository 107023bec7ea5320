"""A version may be profiled once for each column that is to be predicted."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0009_version_aliases")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="profile",
            name="target",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=200),
        ),
        migrations.RemoveConstraint(model_name="profile", name="profile_once"),
        migrations.AddConstraint(
            model_name="profile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running", "succeeded"])),
                fields=("version", "target"),
                name="profile_once",
            ),
        ),
    ]
