"""Recipes: checked for their shape, numbered under their name, never changed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from apps.access.models import Project, User
from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.datasets.models import Recipe
from workers.contracts import recipes


@transaction.atomic
def recipe_create(
    *, project: Project, name: str, steps: list[Any], description: str = "", created_by: User | None, actor: Actor
) -> Recipe:
    """The next recipe of a name.

    Raises:
        Invalid: with the places in `steps` that no job could follow: `steps[2].kind`.
    """
    faults = recipes.faults(steps)
    if faults:
        raise Invalid(
            "; ".join(f"{fault.place}: {fault.detail}" for fault in faults),
            fields=recipes.by_place(faults),
            faults=[fault.to_json() for fault in faults],
        )
    Project.objects.select_for_update(of=("self",)).get(pk=project.pk)  # so that the next number is the next
    last = Recipe.objects.filter(project=project, name=name).aggregate(last=Max("number"))["last"]
    whole = recipes.normalised(steps)
    recipe: Recipe = Recipe.objects.create(
        project=project,
        name=name,
        number=(last or 0) + 1,
        description=description,
        steps=whole,
        digest=recipes.digest(whole),
        created_by=created_by,
    )
    record(actor, "recipe.created", recipe, detail={"number": recipe.number, "digest": recipe.digest})
    return recipe
