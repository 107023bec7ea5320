"""Runs that are tracked only, source bundles, logged models, saved views, and what runs say of themselves."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0002_requests_of_no_project'),
        ('datasets', '0013_keeping'),
        ('experiments', '0006_run_priority'),
        ('quotas', '0019_what_if_traces'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LoggedModel',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('state_reason', models.CharField(blank=True, editable=False, max_length=40)),
                ('state_detail', models.TextField(blank=True, editable=False)),
                ('state_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('ready', 'Ready'), ('failed', 'Failed')], default='pending', editable=False, max_length=20)),
                ('name', models.CharField(max_length=256)),
                ('kind', models.CharField(blank=True, max_length=500)),
                ('parameters', models.JSONField(default=dict)),
                ('labels', models.JSONField(default=dict)),
                ('metrics', models.JSONField(default=list)),
                ('deleted_at', models.DateTimeField(editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RunInput',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('name', models.CharField(max_length=500)),
                ('reference', models.CharField(blank=True, max_length=200)),
                ('document', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('name', models.CharField(max_length=120)),
                ('is_shared', models.BooleanField(default=False)),
                ('document', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='SourceBundle',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('sha256', models.CharField(max_length=64, validators=[django.core.validators.RegexValidator('^[0-9a-f]{64}$')])),
                ('path', models.CharField(max_length=500)),
                ('archive_sha256', models.CharField(max_length=64)),
                ('size_bytes', models.BigIntegerField()),
                ('files', models.JSONField(default=list)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='run',
            name='run_name_once',
        ),
        migrations.RemoveConstraint(
            model_name='run',
            name='run_time_limit',
        ),
        migrations.RemoveConstraint(
            model_name='run',
            name='run_kind',
        ),
        # Kept as it was by the name of what it trains: there are built-in trainers of other kinds now.
        migrations.RunSQL(
            "UPDATE experiments_run SET kind = 'tabular_classifier' WHERE kind = 'tabular'",
            "UPDATE experiments_run SET kind = 'tabular' WHERE kind = 'tabular_classifier'",
        ),
        migrations.AddField(
            model_name='experiment',
            name='deleted_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='experiment',
            name='labels',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='description',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='files',
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='inspection',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='labels',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='signature',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='source',
            field=models.CharField(blank=True, editable=False, max_length=1000),
        ),
        migrations.AddField(
            model_name='registeredmodel',
            name='description',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='registeredmodel',
            name='labels',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='run',
            name='command',
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name='run',
            name='deleted_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='run',
            name='environment',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='run',
            name='image',
            field=models.CharField(blank=True, editable=False, max_length=500),
        ),
        migrations.AddField(
            model_name='run',
            name='labels',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='run',
            name='notes',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='run',
            name='provenance',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='run',
            name='requirements',
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name='run',
            name='retries',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='run',
            name='seed',
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='artifact',
            name='attempt',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='quotas.attempt'),
        ),
        migrations.AlterField(
            model_name='artifact',
            name='name',
            field=models.CharField(max_length=500, validators=[django.core.validators.RegexValidator('^(?!.*(?:^|/)\\.{0,2}(?:/|$))[^\\\\\\x00-\\x1f\\x7f]{1,500}$', "a name, below folders where wanted: no '..', no empty name, no backslash and no control character")]),
        ),
        migrations.AlterField(
            model_name='artifact',
            name='run',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='artifacts', to='experiments.run'),
        ),
        migrations.AlterField(
            model_name='checkpoint',
            name='attempt',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='quotas.attempt'),
        ),
        migrations.AlterField(
            model_name='experiment',
            name='name',
            field=models.CharField(max_length=256),
        ),
        migrations.AlterField(
            model_name='metricbatch',
            name='attempt',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='quotas.attempt'),
        ),
        migrations.AlterField(
            model_name='run',
            name='dataset_version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='datasets.datasetversion'),
        ),
        migrations.AlterField(
            model_name='run',
            name='kind',
            field=models.CharField(choices=[('script', 'Script'), ('tabular_classifier', 'Tabular Classifier'), ('tabular_regressor', 'Tabular Regressor'), ('text_classifier', 'Text Classifier'), ('image_classifier', 'Image Classifier'), ('bundle', 'Bundle'), ('image', 'Image'), ('tracked', 'Tracked')], default='script', editable=False, max_length=20),
        ),
        migrations.AlterField(
            model_name='run',
            name='time_limit_seconds',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='loggedmodel',
            name='experiment',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='logged_models', to='experiments.experiment'),
        ),
        migrations.AddField(
            model_name='loggedmodel',
            name='made_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='loggedmodel',
            name='organisation',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.organisation'),
        ),
        migrations.AddField(
            model_name='loggedmodel',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.project'),
        ),
        migrations.AddField(
            model_name='loggedmodel',
            name='run',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='logged_models', to='experiments.run'),
        ),
        migrations.AddField(
            model_name='loggedmodel',
            name='team',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.team'),
        ),
        migrations.AddField(
            model_name='artifact',
            name='logged_model',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='artifacts', to='experiments.loggedmodel'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='logged_model',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='experiments.loggedmodel'),
        ),
        migrations.AddIndex(
            model_name='artifact',
            index=models.Index(condition=models.Q(('logged_model__isnull', False)), fields=['logged_model', 'name'], name='artifact_logged_model'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(('run__isnull', False), ('logged_model__isnull', False), _connector='OR'), name='artifact_owner'),
        ),
        migrations.AddField(
            model_name='runinput',
            name='dataset_version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='datasets.datasetversion'),
        ),
        migrations.AddField(
            model_name='runinput',
            name='organisation',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.organisation'),
        ),
        migrations.AddField(
            model_name='runinput',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.project'),
        ),
        migrations.AddField(
            model_name='runinput',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='inputs', to='experiments.run'),
        ),
        migrations.AddField(
            model_name='runinput',
            name='team',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.team'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='organisation',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.organisation'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='savedview',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.project'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='team',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.team'),
        ),
        migrations.AddField(
            model_name='sourcebundle',
            name='organisation',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.organisation'),
        ),
        migrations.AddField(
            model_name='sourcebundle',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.project'),
        ),
        migrations.AddField(
            model_name='sourcebundle',
            name='team',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.team'),
        ),
        migrations.AddField(
            model_name='sourcebundle',
            name='uploaded_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='run',
            name='bundle',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='experiments.sourcebundle'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'tracked'), _negated=True), fields=('experiment', 'name'), name='run_name_once'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('time_limit_seconds__gte', 1), ('kind', 'tracked'), _connector='OR'), name='run_time_limit'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'tracked'), _negated=True), ('workload__isnull', True), _connector='OR'), name='run_tracked'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['script', 'tabular_classifier', 'tabular_regressor', 'text_classifier', 'image_classifier', 'bundle', 'image', 'tracked'])), name='run_kind'),
        ),
        migrations.AddIndex(
            model_name='loggedmodel',
            index=models.Index(fields=['project', '-id'], name='logged_model_project'),
        ),
        migrations.AddIndex(
            model_name='loggedmodel',
            index=models.Index(fields=['experiment', '-id'], name='logged_model_experiment'),
        ),
        migrations.AddIndex(
            model_name='loggedmodel',
            index=models.Index(fields=['run', '-id'], name='logged_model_run'),
        ),
        migrations.AddConstraint(
            model_name='loggedmodel',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['failed', 'pending', 'ready'])), name='logged_model_state'),
        ),
        migrations.AddIndex(
            model_name='runinput',
            index=models.Index(fields=['run', 'name'], name='run_input_run'),
        ),
        migrations.AddIndex(
            model_name='runinput',
            index=models.Index(fields=['dataset_version'], name='run_input_dataset_version'),
        ),
        migrations.AddConstraint(
            model_name='runinput',
            constraint=models.UniqueConstraint(condition=models.Q(('dataset_version__isnull', False)), fields=('run', 'name'), name='run_input_once'),
        ),
        migrations.AddIndex(
            model_name='savedview',
            index=models.Index(fields=['project', '-id'], name='saved_view_project'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('project', 'owner', 'name'), name='saved_view_name_once'),
        ),
        migrations.AddIndex(
            model_name='sourcebundle',
            index=models.Index(fields=['project', '-id'], name='source_bundle_project'),
        ),
        migrations.AddConstraint(
            model_name='sourcebundle',
            constraint=models.UniqueConstraint(fields=('project', 'sha256'), name='source_bundle_once'),
        ),
        migrations.AddConstraint(
            model_name='sourcebundle',
            constraint=models.CheckConstraint(condition=models.Q(('size_bytes__gte', 0)), name='source_bundle_size'),
        ),
    ]
