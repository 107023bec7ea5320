"""Ways to look at the table of runs that people keep, for themselves or for everybody in the project."""

from __future__ import annotations

import json
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.access.models import Project, User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.experiments.models import SavedView

DOCUMENT_BYTES_MOST: Final = 16_384
VIEWS_MOST: Final = 200
"""Of one person in one project."""


@transaction.atomic
def view_save(
    *,
    project: Project,
    owner: User,
    name: str,
    document: dict[str, Any],
    actor: Actor,
    is_shared: bool = False,
    is_default: bool = False,
) -> SavedView:
    """Keep a view.

    Raises:
        Conflict: the owner has one of this name.
        Invalid: the document is too large, or the owner has too many.
    """
    _check(document)
    if SavedView.objects.filter(project=project, owner=owner).count() >= VIEWS_MOST:
        raise Invalid(f"There are {VIEWS_MOST} views already; delete one first.", fields={"name": ["too many views"]})
    view = SavedView(project=project, owner=owner, name=name, document=document, is_shared=is_shared)
    _keep(view, is_default=is_default)
    audit.record(actor, "saved_view.created", view, detail={"name": name, "shared": is_shared})
    return view


@transaction.atomic
def view_change(*, view: SavedView, actor: Actor, changes: dict[str, Any]) -> SavedView:
    """Change a view: `name`, `document`, `is_shared`, `is_default`, as far as they are named.

    Raises:
        Conflict: the owner has another of this name.
        Invalid: the document is too large.
    """
    locked: SavedView = SavedView.objects.select_for_update(of=("self",), no_key=True).get(pk=view.pk)
    for name in ("name", "document", "is_shared"):
        setattr(locked, name, changes.get(name, getattr(locked, name)))
    _check(locked.document)
    _keep(locked, is_default=changes.get("is_default", locked.is_default))
    audit.record(actor, "saved_view.changed", locked, detail={"changed": sorted(changes)})
    return locked


@transaction.atomic
def view_delete(*, view: SavedView, actor: Actor) -> None:
    """Forget a view."""
    audit.record(actor, "saved_view.deleted", view, detail={"name": view.name})
    view.delete()


def _keep(view: SavedView, *, is_default: bool) -> None:
    """Write it; the one that was the default before is so no more."""
    if is_default:
        others = SavedView.objects.filter(project=view.project_id, owner=view.owner_id, is_default=True)
        others.exclude(pk=view.pk).update(is_default=False)
    view.is_default = is_default
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        if "saved_view_name_once" not in str(error):
            raise
        raise Conflict(f"You have a view {view.name!r} in this project already.") from None


def _check(document: dict[str, Any]) -> None:
    size = len(json.dumps(document))
    if size > DOCUMENT_BYTES_MOST:
        raise Invalid(f"document: {size} bytes", fields={"document": [f"at most {DOCUMENT_BYTES_MOST} bytes"]})
