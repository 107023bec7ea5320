"""Files of runs and logged models as trees: what lies in a folder, and which file a name means."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import connection

from apps.experiments.models import Artifact, LoggedModel, Run

ENTRIES_MOST = 10_000
"""Of one folder."""


_ENTRIES = """
SELECT split_part(rest, '/', 1) AS first, bool_or(strpos(rest, '/') > 0), max(size_bytes) FROM (
    SELECT substr(listed.name, %s) AS rest, listed.size_bytes FROM ({rows}) AS listed) AS cut
GROUP BY 1 ORDER BY 1 LIMIT %s"""


class Entry(msgspec.Struct, frozen=True):
    """A file or a folder."""

    name: str
    """Its last word."""
    path: str
    """From the root of its run or model."""
    is_folder: bool
    size_bytes: int | None
    """Of a file."""


def files_listed(owner: Run | LoggedModel) -> Any:
    """Artifacts that are there: of a run what its job left and what came through the server."""
    there = Artifact.objects.filter(deleted_at=None, gone_at=None)
    if isinstance(owner, LoggedModel):
        return there.filter(logged_model=owner)
    return there.filter(run=owner, logged_model=None)


def folder_entries(owner: Run | LoggedModel, folder: str) -> list[Entry]:
    """What lies directly in a folder, by name; nothing where there is no such folder. One query."""
    prefix = f"{folder}/" if folder else ""
    rows = files_listed(owner)
    if prefix:
        rows = rows.filter(name__startswith=prefix)
    inner, values = rows.order_by().values("name", "size_bytes").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES.format(rows=inner), [len(prefix) + 1, *values, ENTRIES_MOST])
        found = cursor.fetchall()
    return [Entry(first, prefix + first, is_folder, None if is_folder else size) for first, is_folder, size in found]


def file_named(owner: Run | LoggedModel, name: str) -> Artifact | None:
    """The newest file of that name. One query."""
    found: Artifact | None = files_listed(owner).filter(name=name).order_by("-id").first()
    return found


def files_below(owner: Run | LoggedModel, folder: str) -> dict[str, Artifact]:
    """All files below a folder, by their names in it; what is empty is the root. The newest of each name."""
    prefix = f"{folder}/" if folder else ""
    rows = files_listed(owner).filter(name__startswith=prefix) if prefix else files_listed(owner)
    return {one.name.removeprefix(prefix): one for one in rows.order_by("id")}
