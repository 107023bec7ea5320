from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0015_reclaim_patience"),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="starts",
            field=models.JSONField(db_default={}, default=dict, editable=False),
        ),
    ]
