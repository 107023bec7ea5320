"""Datasets."""

from __future__ import annotations

from django.db import transaction

from apps.access.models import Project, User
from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.datasets.models import Dataset


@transaction.atomic
def dataset_create(
    *, project: Project, name: str, title: str = "", description: str = "", created_by: User | None, actor: Actor
) -> Dataset:
    """A new, empty dataset.

    Raises:
        Invalid: the project has one of this name.
    """
    dataset, made = Dataset.objects.get_or_create(
        project=project, name=name, defaults={"title": title, "description": description, "created_by": created_by}
    )
    if not made:
        raise Invalid(f"The project has a dataset {name!r} already.", fields={"name": ["is taken"]})
    record(actor, "dataset.created", dataset)
    found: Dataset = dataset
    return found
