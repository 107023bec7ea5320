"""Runs that name a priority."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0005_run_members'),
        ('quotas', '0013_estimates'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='priority_class',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='quotas.priorityclass'),
        ),
    ]
