"""What people write on runs: notes."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Invalid, StaleState
from apps.common.events import emit
from apps.experiments.models import Run

NOTES_CHARACTERS_MOST: Final = 20_000


@transaction.atomic
def run_notes_set(*, run: Run, notes: str, actor: Actor, before: str | None = None) -> Run:
    """Put these notes, in Markdown, on a run in the place of those it has.

    Args:
        before: what the writer saw there; None: whatever is there is replaced.

    Raises:
        Invalid: they are too long.
        StaleState: somebody else wrote something other there meanwhile.
    """
    wanted = notes.strip()
    if len(wanted) > NOTES_CHARACTERS_MOST:
        raise Invalid(
            f"notes: {len(wanted)} characters", fields={"notes": [f"at most {NOTES_CHARACTERS_MOST} characters"]}
        )
    locked: Run = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
    if before is not None and locked.notes not in (before.strip(), wanted):
        raise StaleState("Somebody else has written other notes on this run meanwhile; read them first.")
    if locked.notes != wanted:
        audit.record(actor, "run.noted", locked, detail={"characters": len(wanted), "before": len(locked.notes)})
        locked.notes = wanted
        locked.save(update_fields=["notes"])
        emit("run.noted", locked)
    return locked
