"""Old batches are merged; what a member has sent is kept beside them, so that a batch sent again is known for good."""

import django.db.models.deletion
from django.db import migrations, models

RECEIVED = """
INSERT INTO experiments_metricsender (attempt_id, rank, received, loose_batches)
SELECT attempt_id, rank, jsonb_agg(jsonb_build_array(low, high) ORDER BY low), sum(high - low)
FROM (
    SELECT attempt_id, rank, min(sequence) AS low, max(sequence) + 1 AS high
    FROM (
        SELECT attempt_id, rank, sequence,
               sequence - dense_rank() OVER (PARTITION BY attempt_id, rank ORDER BY sequence) AS island
        FROM experiments_metricbatch
    ) AS numbered
    GROUP BY attempt_id, rank, island
) AS ranges
GROUP BY attempt_id, rank
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0001_initial"), ("quotas", "0002_log_content")]

    operations = [
        migrations.CreateModel(
            name="MetricSender",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("rank", models.PositiveIntegerField()),
                ("received", models.JSONField(default=list, editable=False)),
                ("loose_batches", models.PositiveIntegerField(db_default=0, editable=False)),
                (
                    "attempt",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="quotas.attempt",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("loose_batches__gt", 1)),
                        fields=["loose_batches"],
                        name="metric_sender_loose",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("attempt", "rank"), name="metric_sender_once")],
            },
        ),
        migrations.AddField("metricbatch", "merged_transaction_id", models.BigIntegerField(editable=False, null=True)),
        migrations.AddField("metricbatch", "merged_id", models.BigIntegerField(editable=False, null=True)),
        migrations.AddField("metricbatch", "preview", models.BinaryField(editable=False, null=True)),
        migrations.AddIndex(
            "metricbatch", models.Index(fields=["run", "transaction_id", "id"], name="metric_batch_run_cursor")
        ),
        migrations.RunSQL(RECEIVED, migrations.RunSQL.noop),
    ]
