"""Output is kept deflated, and tailed by a cursor. Rows that are there already keep their text and have no cursor."""

from django.db import migrations, models

import apps.common.models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial")]

    operations = [
        # Without a default first: old output is no news, and a volatile default would rewrite the table.
        migrations.AddField("logchunk", "transaction_id", models.BigIntegerField(null=True, editable=False)),
        migrations.AlterField(
            "logchunk",
            "transaction_id",
            models.BigIntegerField(
                null=True, db_default=apps.common.models.CurrentTransactionId(), editable=False
            ),
        ),
        migrations.AddField("logchunk", "lines", models.PositiveIntegerField(default=0)),
        migrations.AddField("logchunk", "size_bytes", models.PositiveIntegerField(default=0)),
        migrations.AddField("logchunk", "content", models.BinaryField(null=True)),
        migrations.AlterField("logchunk", "text", models.TextField(blank=True, default="")),
        migrations.RunSQL(
            # It is deflated already.
            "ALTER TABLE quotas_logchunk ALTER COLUMN content SET STORAGE EXTERNAL",
            "ALTER TABLE quotas_logchunk ALTER COLUMN content SET STORAGE EXTENDED",
        ),
        migrations.AddIndex("logchunk", models.Index(fields=["transaction_id", "id"], name="log_chunk_news")),
    ]
