"""Which files of the part store some version names."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from apps.datasets.models import DatasetVersion

_NAMED = """
SELECT DISTINCT f.path FROM {version} v CROSS JOIN LATERAL (
    SELECT file->>'path' FROM jsonb_array_elements(v.manifest->'files') AS file
    UNION ALL SELECT v.preprocessor->>'path'
    UNION ALL SELECT beside.value->>'path' FROM jsonb_each(v.companions) AS beside) AS f (path)
WHERE v.project_id = %s AND f.path = ANY(%s) AND v.data_deleted_at IS NULL AND v.id <> ALL(%s)
"""


def parts_named(project_id: UUID, paths: Collection[str], *, but: Collection[UUID] = ()) -> set[str]:
    """Those of some paths below `parts/<project id>/` that a version of the project with data names. One query.

    Args:
        but: versions that do not count.
    """
    query = _NAMED.format(version=connection.ops.quote_name(DatasetVersion._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(query, [project_id, list(paths), list(but)])
        return {path for (path,) in cursor.fetchall()}
