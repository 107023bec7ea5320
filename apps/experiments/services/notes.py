"""What people write on runs: notes."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.events import emit
from apps.experiments.models import Run

NOTES_CHARACTERS_MOST: Final = 20_000


@transaction.atomic
def run_notes_set(*, run: Run, notes: str, actor: Actor) -> Run:
    """Put these notes, in Markdown, on a run in the place of those it has.

    Raises:
        Invalid: they are too long.
    """
    wanted = notes.strip()
    if len(wanted) > NOTES_CHARACTERS_MOST:
        raise Invalid(
            f"notes: {len(wanted)} characters", fields={"notes": [f"at most {NOTES_CHARACTERS_MOST} characters"]}
        )
    locked: Run = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
    if locked.notes != wanted:
        audit.record(actor, "run.noted", locked, detail={"characters": len(wanted), "before": len(locked.notes)})
        locked.notes = wanted
        locked.save(update_fields=["notes"])
        emit("run.noted", locked)
    return locked
