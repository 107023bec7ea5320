"""Rates and budgets, and a ledger that the database itself keeps append only."""

import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.db import migrations, models

LEDGER = """
CREATE FUNCTION quotas_usage_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND to_jsonb(NEW) - ARRAY['attempt_id', 'used_at', 'closed_at']
            = to_jsonb(OLD) - ARRAY['attempt_id', 'used_at', 'closed_at']
        AND (OLD.attempt_id IS NULL OR NEW.attempt_id IS NOT DISTINCT FROM OLD.attempt_id)
        AND (OLD.used_at IS NULL OR NEW.used_at IS NOT DISTINCT FROM OLD.used_at)
        AND (OLD.closed_at IS NULL OR NEW.closed_at IS NOT DISTINCT FROM OLD.closed_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the ledger is append only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER usage_append_only BEFORE UPDATE OR DELETE ON quotas_usagerecord
    FOR EACH ROW EXECUTE FUNCTION quotas_usage_append_only();

CREATE FUNCTION quotas_rate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rates are append only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER rate_append_only BEFORE UPDATE OR DELETE ON quotas_rate
    FOR EACH ROW EXECUTE FUNCTION quotas_rate_append_only();
"""
LEDGER_BACK = """
DROP TRIGGER rate_append_only ON quotas_rate;
DROP FUNCTION quotas_rate_append_only();
DROP TRIGGER usage_append_only ON quotas_usagerecord;
DROP FUNCTION quotas_usage_append_only();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_initial'),
        ('quotas', '0007_shared_pools'),
    ]

    operations = [
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('name', models.SlugField(max_length=60)),
                ('unit', models.CharField(choices=[('gpu_hours', 'Gpu Hours'), ('money', 'Money')], max_length=20)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=18)),
                ('period', models.CharField(choices=[('month', 'Month'), ('quarter', 'Quarter'), ('fixed', 'Fixed')], max_length=20)),
                ('starts_on', models.DateField(blank=True, null=True)),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('thresholds', models.JSONField(default=list)),
                ('reached', models.JSONField(default=list, editable=False, encoder=django.core.serializers.json.DjangoJSONEncoder)),
            ],
        ),
        migrations.CreateModel(
            name='BudgetHold',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('settled_at', models.DateTimeField(editable=False, null=True)),
                ('is_exempt', models.BooleanField(default=False, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='Rate',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('resource', models.CharField(choices=[('cpu_millis', 'Cpu Millis'), ('memory_bytes', 'Memory Bytes'), ('gpus', 'Gpus')], max_length=20)),
                ('flavor', models.CharField(blank=True, default='', max_length=60)),
                ('price', models.DecimalField(decimal_places=6, max_digits=18)),
                ('valid_from', models.DateTimeField()),
            ],
        ),
        migrations.AddIndex(
            model_name='usagerecord',
            index=models.Index(fields=['project', 'closed_at'], name='usage_project_closed'),
        ),
        migrations.AddField(
            model_name='budget',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.organisation'),
        ),
        migrations.AddField(
            model_name='budget',
            name='project',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='budgets', to='access.project'),
        ),
        migrations.AddField(
            model_name='budget',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.team'),
        ),
        migrations.AddField(
            model_name='budgethold',
            name='approval',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.approvalrequest'),
        ),
        migrations.AddField(
            model_name='budgethold',
            name='organisation',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.organisation'),
        ),
        migrations.AddField(
            model_name='budgethold',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.project'),
        ),
        migrations.AddField(
            model_name='budgethold',
            name='team',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.team'),
        ),
        migrations.AddField(
            model_name='budgethold',
            name='workload',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='budget_holds', to='quotas.workload'),
        ),
        migrations.AddField(
            model_name='rate',
            name='pool',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rates', to='quotas.resourcepool'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('organisation', 'name'), name='budget_name_once'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='budget_amount'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('unit__in', ['gpu_hours', 'money'])), name='budget_unit'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('period', 'fixed'), _negated=True), models.Q(('ends_on__isnull', False), ('starts_on__isnull', False)), _connector='OR'), name='budget_fixed_dates'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('starts_on', None), ('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='budget_forward'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('project', None), ('team__isnull', False), _connector='OR'), name='budget_of_project_names_team'),
        ),
        migrations.AddIndex(
            model_name='budgethold',
            index=models.Index(condition=models.Q(('is_exempt', True)), fields=['workload'], name='budget_hold_exempt'),
        ),
        migrations.AddIndex(
            model_name='budgethold',
            index=models.Index(condition=models.Q(('settled_at', None)), fields=['organisation'], name='budget_hold_waits'),
        ),
        migrations.AddConstraint(
            model_name='budgethold',
            constraint=models.UniqueConstraint(condition=models.Q(('settled_at', None)), fields=('workload',), name='budget_hold_open'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.UniqueConstraint(fields=('pool', 'resource', 'flavor', 'valid_from'), name='rate_once'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='rate_price'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(('resource__in', ['cpu_millis', 'memory_bytes', 'gpus'])), name='rate_resource'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('resource', 'gpus'), models.Q(('flavor', ''), _negated=True)), models.Q(models.Q(('resource', 'gpus'), _negated=True), ('flavor', '')), _connector='OR'), name='rate_flavor_of_gpus'),
        ),
        migrations.RunSQL(LEDGER, LEDGER_BACK),
    ]
