"""Queues that were made with the whole pool as their quota: guaranteed nothing now, free to use all that is idle."""

from __future__ import annotations

from django.db import migrations

# A quota of a whole pool for every project promised the same machines to all of them. What it meant, that the machines
# alone bound a project, is a nominal of 0 with nothing that limits borrowing.
FREE = """
    WITH has AS (
        SELECT pool_id, 'cpu_millis' AS resource, sum(cpu_millis) AS amount FROM quotas_node GROUP BY pool_id
        UNION ALL
        SELECT pool_id, 'memory_bytes', sum(memory_bytes) FROM quotas_node GROUP BY pool_id
        UNION ALL
        SELECT pool_id, 'gpus', sum(jsonb_array_length(gpus)) FROM quotas_node GROUP BY pool_id
    )
    UPDATE quotas_quota AS q SET nominal = 0, borrowing_limit = NULL
    FROM quotas_queue AS u, has
    WHERE u.id = q.queue_id AND has.pool_id = u.pool_id AND has.resource = q.resource
      AND q.flavor = '' AND q.nominal = has.amount AND q.borrowing_limit = 0
      AND q.lending_limit IS NULL AND q.weight IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0011_elastic")]

    operations = [migrations.RunSQL(FREE, migrations.RunSQL.noop)]
