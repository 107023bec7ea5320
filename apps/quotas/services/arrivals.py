"""How a workload comes to be: its row and its news in one statement, however often it is asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db import connection

from apps.access.models import Project
from apps.common.audit import Actor
from apps.common.events import also_of, subject_of
from apps.common.models import Event
from apps.common.rows import document
from apps.quotas.models import Budget, Workload

STAMPED = ("created_at", "state_at")
"""Columns of which the database says what is in them."""
_BUDGETS = f"""
SELECT FROM {Budget._meta.db_table} AS b WHERE b.project_id = n.project_id
OR (b.project_id IS NULL AND b.team_id = n.team_id)
OR (b.project_id IS NULL AND b.team_id IS NULL AND b.organisation_id = n.organisation_id)
"""


def workload_insert(project: Project, *, actor: Actor, **columns: Any) -> tuple[Workload, bool]:
    """Store a new workload and tell of it. Returns also whether there are budgets that count the work of its project.

    Args:
        columns: all that have no default.
    """
    place = {"organisation_id": project.organisation_id, "team_id": project.team_id, "project": project}
    workload = Workload(**place, **columns)
    row = {field.attname: getattr(workload, field.attname) for field in Workload._meta.concrete_fields}
    for column in STAMPED:
        del row[column]
    values: dict[str, Any] = {
        "row": document(row),
        "subject": subject_of(workload),
        "also": also_of(workload),
        "payload": document({"actor": actor.name}),
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(), values)
        workload.created_at, workload.state_at, is_counted = cursor.fetchone()
    workload._state.adding, workload._state.db = False, connection.alias
    return workload, bool(is_counted)


@lru_cache(maxsize=1)
def _statement() -> str:
    table = Workload._meta.db_table
    names = ", ".join(field.attname for field in Workload._meta.concrete_fields if field.attname not in STAMPED)
    return f"""
WITH n AS (
    INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, %(row)s::jsonb)
    RETURNING created_at, state_at, project_id, team_id, organisation_id
), news AS (
    INSERT INTO {Event._meta.db_table} (kind, subject, project_id, also, payload)
    SELECT 'workload.submitted', %(subject)s, project_id, %(also)s::text[], %(payload)s::jsonb FROM n
)
SELECT created_at, state_at, EXISTS({_BUDGETS}) FROM n
"""  # noqa: S608 - names from models
