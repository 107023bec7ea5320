"""Writing experiments."""

from __future__ import annotations

from django.db import transaction

from apps.access.models import Project
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.experiments.models import Experiment


@transaction.atomic
def experiment_create(
    *, project: Project, name: str, goal_metric: str = "", goal_mode: str = "", actor: Actor
) -> Experiment:
    """A question to answer by runs.

    Raises:
        Invalid: the project has one of this name.
    """
    experiment, made = Experiment.objects.get_or_create(
        project=project, name=name, defaults={"goal_metric": goal_metric, "goal_mode": goal_mode}
    )
    if not made:
        raise Invalid(f"The project has an experiment {name!r} already.", fields={"name": ["is taken"]})
    audit.record(actor, "experiment.created", experiment)
    created: Experiment = experiment
    return created
