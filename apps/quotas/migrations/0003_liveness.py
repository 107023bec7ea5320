"""What works and since when; when an image was there; what was left behind and swept; a limit to waiting."""

from django.db import migrations, models

REASONS = [
    "waiting_for_quota",
    "waiting_for_capacity",
    "waiting_for_approval",
    "budget_exhausted",
    "quality_blocked",
    "backing_off",
    "preempted",
    "reclaimed",
    "evicted",
    "node_lost",
    "no_capacity",
    "start_timeout",
    "completed",
    "exit_nonzero",
    "out_of_memory",
    "time_limit",
    "image_pull",
    "launch_error",
    "lost",
    "exceeds_quota",
    "no_matching_flavor",
    "cancelled_by_user",
    "approval_denied",
    "approval_expired",
    "deleted_externally",
    "scaled_down",
    "idle",
    "queue_timeout",
]


class Migration(migrations.Migration):
    dependencies = [("quotas", "0002_log_content")]

    operations = [
        migrations.CreateModel(
            name="Pulse",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("since", models.DateTimeField(null=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField("attempt", "pulled_at", models.DateTimeField(null=True)),
        migrations.AddField("attempt", "swept_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "attempt",
            models.Index(fields=["ended_at"], condition=models.Q(swept_at=None), name="attempt_unswept"),
        ),
        migrations.AlterField(
            "attempt",
            "outcome",
            models.CharField(
                blank=True, choices=[(one, one.replace("_", " ").title()) for one in REASONS], max_length=40
            ),
        ),
    ]
