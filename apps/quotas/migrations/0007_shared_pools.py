"""Pools that are shared by a tree of cohorts: limits to borrowing and lending, weights, policies, parts of GPUs.

What was there keeps its meaning: quotas are hard caps, GPUs are held whole, and nothing is preempted.
"""

from typing import Any

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


HARD_CAPS = "UPDATE quotas_quota SET borrowing_limit = 0 WHERE borrowing_limit IS NULL"
WHOLE_GPUS = "UPDATE quotas_usagerecord SET gpu_millis = gpus::bigint * 1000 WHERE gpus > 0 AND gpu_millis = 0"
TIME_LIMITS = """
UPDATE quotas_workload
SET time_limit_seconds = LEAST(GREATEST((spec->>'time_limit_seconds')::numeric, 0), 2147483647)::integer
WHERE kind = 'job' AND jsonb_typeof(spec->'time_limit_seconds') = 'number'
"""
SHAPES = """
UPDATE quotas_workload
SET shape = md5(concat_ws('|', cpu_millis, memory_bytes, gpus, gpu_millis, flavor, topology, count_min, count_max))
WHERE shape = ''
"""
"""As `services.requests.shape_of`."""
PRIORITIES = (("low", -100, "never"), ("normal", 0, "never"), ("high", 100, "lower_priority"))


def priorities_name(apps: Any, schema_editor: Any) -> None:
    """Names that are taken keep what they mean."""
    named = apps.get_model("quotas", "PriorityClass")
    named.objects.bulk_create(
        [named(name=name, value=value, preemption=preemption) for name, value, preemption in PRIORITIES],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_initial'),
        ('quotas', '0006_held_workloads'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Cohort',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('name', models.CharField(max_length=60)),
                ('weight', models.FloatField(default=1.0)),
            ],
        ),
        migrations.CreateModel(
            name='QueueHistory',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('resource', models.CharField(choices=[('cpu_millis', 'Cpu Millis'), ('memory_bytes', 'Memory Bytes'), ('gpus', 'Gpus')], max_length=20)),
                ('flavor', models.CharField(blank=True, default='', max_length=60)),
                ('amount', models.FloatField(default=0.0)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='queue',
            name='queue_weight',
        ),
        migrations.AddField(
            model_name='node',
            name='drain_reason',
            field=models.TextField(blank=True, db_default='', default='', editable=False),
        ),
        migrations.AddField(
            model_name='node',
            name='drained_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='node',
            name='labels',
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name='node',
            name='lost_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='priorityclass',
            name='preemption',
            field=models.CharField(choices=[('never', 'Never'), ('lower_priority', 'Lower Priority')], db_default='never', default='never', max_length=20),
        ),
        migrations.AddField(
            model_name='queue',
            name='gpus_per_run_most',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='queue',
            name='run_seconds_most',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='queue',
            name='running_most',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='quota',
            name='borrowing_limit',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='quota',
            name='lending_limit',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='quota',
            name='weight',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='resourceflavor',
            name='isolated',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name='resourceflavor',
            name='share_millis',
            field=models.PositiveIntegerField(db_default=1000, default=1000),
        ),
        migrations.AddField(
            model_name='resourceflavor',
            name='share_of',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='shares', to='quotas.resourceflavor'),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='ageing_points',
            field=models.PositiveSmallIntegerField(db_default=10, default=10),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='ageing_seconds',
            field=models.PositiveIntegerField(db_default=21600, default=21600),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='backfill',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='changes_need_approval',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='entry_penalty_seconds',
            field=models.PositiveIntegerField(db_default=60, default=60),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='half_life_seconds',
            field=models.PositiveIntegerField(db_default=86400, default=86400),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='min_run_seconds',
            field=models.PositiveIntegerField(db_default=300, default=300),
        ),
        migrations.AddField(
            model_name='resourcepool',
            name='preemption',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='gpu_millis',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='workload',
            name='checkpoint_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='workload',
            name='gpu_millis',
            field=models.PositiveIntegerField(db_default=1000, default=1000),
        ),
        migrations.AddField(
            model_name='workload',
            name='nominated',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='workload',
            name='nominated_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='workload',
            name='nominated_flavor',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=60),
        ),
        migrations.AddField(
            model_name='workload',
            name='preempted_for',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='workload',
            name='preemption',
            field=models.CharField(choices=[('never', 'Never'), ('lower_priority', 'Lower Priority')], db_default='never', default='never', max_length=20),
        ),
        migrations.AddField(
            model_name='workload',
            name='shape',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name='workload',
            name='time_limit_seconds',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='workload',
            name='topology',
            field=models.CharField(blank=True, db_default='', default='', max_length=63),
        ),
        migrations.AlterField(
            model_name='queue',
            name='weight',
            field=models.FloatField(default=1.0),
        ),
        migrations.AlterField(
            model_name='quota',
            name='queue',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quotas', to='quotas.queue'),
        ),
        migrations.AddConstraint(
            model_name='priorityclass',
            constraint=models.CheckConstraint(condition=models.Q(('preemption__in', ['never', 'lower_priority'])), name='priority_preemption'),
        ),
        migrations.AddConstraint(
            model_name='resourceflavor',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('share_millis', 1000), ('share_of', None)), models.Q(('isolated', False), ('share_millis__range', (1, 999)), ('share_of__isnull', False)), _connector='OR'), name='flavor_share'),
        ),
        migrations.AddConstraint(
            model_name='resourceflavor',
            constraint=models.CheckConstraint(condition=models.Q(('share_of', None), models.Q(('share_of', models.F('id')), _negated=True), _connector='OR'), name='flavor_not_its_own_share'),
        ),
        migrations.AddConstraint(
            model_name='resourcepool',
            constraint=models.CheckConstraint(condition=models.Q(('half_life_seconds__gte', 1)), name='pool_half_life'),
        ),
        migrations.AddConstraint(
            model_name='resourcepool',
            constraint=models.CheckConstraint(condition=models.Q(('ageing_seconds__gte', 1)), name='pool_ageing'),
        ),
        migrations.AddConstraint(
            model_name='workload',
            constraint=models.CheckConstraint(condition=models.Q(('gpu_millis', 1000), models.Q(('gpu_millis__range', (1, 999)), ('gpus', 1)), _connector='OR'), name='workload_share_of_one_device'),
        ),
        migrations.AddField(
            model_name='cohort',
            name='parent',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='quotas.cohort'),
        ),
        migrations.AddField(
            model_name='cohort',
            name='pool',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cohorts', to='quotas.resourcepool'),
        ),
        migrations.AddField(
            model_name='cohort',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.team'),
        ),
        migrations.AddField(
            model_name='queue',
            name='cohort',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='queues', to='quotas.cohort'),
        ),
        migrations.AddField(
            model_name='quota',
            name='cohort',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quotas', to='quotas.cohort'),
        ),
        migrations.AddConstraint(
            model_name='queue',
            constraint=models.CheckConstraint(condition=models.Q(('weight__range', (0, 1000000.0))), name='queue_weight'),
        ),
        migrations.AddConstraint(
            model_name='quota',
            constraint=models.UniqueConstraint(fields=('cohort', 'resource', 'flavor'), name='quota_once_of_cohort'),
        ),
        migrations.AddConstraint(
            model_name='quota',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cohort__isnull', False), ('queue', None)), models.Q(('cohort', None), ('queue__isnull', False)), _connector='OR'), name='quota_of_queue_or_cohort'),
        ),
        migrations.AddConstraint(
            model_name='quota',
            constraint=models.CheckConstraint(condition=models.Q(('borrowing_limit', None), ('borrowing_limit__gte', 0), _connector='OR'), name='quota_borrowing'),
        ),
        migrations.AddConstraint(
            model_name='quota',
            constraint=models.CheckConstraint(condition=models.Q(('lending_limit', None), models.Q(('lending_limit__gte', 0), ('lending_limit__lte', models.F('nominal'))), _connector='OR'), name='quota_lends_what_it_owns'),
        ),
        migrations.AddConstraint(
            model_name='quota',
            constraint=models.CheckConstraint(condition=models.Q(('weight', None), ('weight__range', (0, 1000000.0)), _connector='OR'), name='quota_weight'),
        ),
        migrations.AddField(
            model_name='queuehistory',
            name='queue',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='history', to='quotas.queue'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.UniqueConstraint(fields=('pool', 'name'), name='cohort_name_once'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='cohort_named'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(('weight__range', (0, 1000000.0))), name='cohort_weight'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(('parent', None), models.Q(('parent', models.F('id')), _negated=True), _connector='OR'), name='cohort_not_its_own_parent'),
        ),
        migrations.AddConstraint(
            model_name='queuehistory',
            constraint=models.UniqueConstraint(fields=('queue', 'resource', 'flavor'), name='queue_history_once'),
        ),
        migrations.AddConstraint(
            model_name='queuehistory',
            constraint=models.CheckConstraint(condition=models.Q(('amount__range', (0, 1e+30))), name='queue_history_amount'),
        ),
        migrations.RunSQL(HARD_CAPS, migrations.RunSQL.noop),
        migrations.RunSQL(WHOLE_GPUS, migrations.RunSQL.noop),
        migrations.RunSQL(TIME_LIMITS, migrations.RunSQL.noop),
        migrations.RunSQL(SHAPES, migrations.RunSQL.noop),
        migrations.RunPython(priorities_name, migrations.RunPython.noop),
    ]
