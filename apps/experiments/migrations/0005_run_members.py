"""Runs of several members."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0004_run_reference'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='count_max',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='run',
            name='count_min',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
    ]
