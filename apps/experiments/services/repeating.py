"""Running exactly the same again: only where everything is still there and still the same."""

from __future__ import annotations

from django.db import transaction

from apps.access.models import User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict
from apps.experiments.models import Run
from apps.experiments.selectors.images import image_exactly, images_seen
from apps.experiments.selectors.provenance import REPEATS, obstacles, versions_read
from apps.experiments.services.again import again_check, free_name, pool_of, run_asked
from apps.experiments.services.runs import run_submit


class CannotRepeat(Conflict):
    """`fields` says by name what is gone or is not the same."""

    code, title = "cannot_repeat", "It cannot be run exactly as it was"


@transaction.atomic
def run_repeat(*, run: Run, name: str, actor: Actor, requested_by: User | None) -> Run:
    """A new run of exactly the same: code, packages, data, parameters, seed, resources; of the image by its digest, as
    the nodes said which one it ran.

    Raises:
        CannotRepeat: with all that is gone or differs.
        Conflict: it has not ended, or ran elsewhere.
        Invalid: the name is taken.
    """
    again_check(run)
    fields: dict[str, list[str]] = {}
    images = images_seen(run)
    for what, why in obstacles(run, versions_read(run), images):
        fields.setdefault(what, []).append(why)
    if fields:
        said = "; ".join(f"{what} {texts[0]}" for what, texts in fields.items())
        raise CannotRepeat(f"{run.name} cannot be run exactly as it was: {said}", fields=fields)
    asked = run_asked(run)
    if run.image:
        asked["image"] = image_exactly(run, images)
    made = run_submit(
        experiment=run.experiment, name=name or free_name(run), retry_of=run, actor=actor, requested_by=requested_by,
        pool=pool_of(run), **asked,
    )  # fmt: skip
    made.provenance = {**made.provenance, REPEATS: str(run.pk)}
    made.save(update_fields=["provenance"])
    audit.record(actor, "run.repeated", made, detail={REPEATS: str(run.pk)})
    return made
