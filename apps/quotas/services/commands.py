"""Changes of what shares a pool as commands: their arguments are plain JSON, so that somebody else can decide them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from apps.access.models import Project, Team
from apps.common.audit import Actor
from apps.common.errors import NotFound
from apps.quotas.models import Cohort, PriorityClass, Queue, Quota, ResourcePool
from apps.quotas.services.arguments import LABEL, Read, flag, key, number, or_none, read_all, text, whole
from apps.quotas.services.cohorts import cohort_change, cohort_create, cohort_delete
from apps.quotas.services.policies import pool_policy_change
from apps.quotas.services.priorities import priority_class_change, priority_class_create
from apps.quotas.services.queues import queue_change
from apps.quotas.services.quotas import owner_of, quota_check, quota_remove, quota_set

Wanted = dict[str, Any]
LIMITS: Mapping[str, Read] = {
    "borrowing_limit": or_none(whole),
    "lending_limit": or_none(whole),
    "weight": or_none(number),
}
CAPS: Mapping[str, Read] = {
    "running_most": or_none(whole),
    "gpus_per_run_most": or_none(whole),
    "run_seconds_most": or_none(whole),
}
POLICY: Mapping[str, Read] = {
    "half_life_seconds": whole,
    "entry_penalty_seconds": whole,
    "ageing_seconds": whole,
    "ageing_points": whole,
    "min_run_seconds": whole,
    "reclaim_after_seconds": whole,
    "preemption_grace_seconds": whole,
    "preemption": flag,
    "backfill": flag,
    "changes_need_approval": flag,
}
TREE: Mapping[str, Read] = {"parent": or_none(key), "team": or_none(key), "weight": number}


@dataclass(frozen=True, slots=True)
class Change:
    """One command.

    Args:
        apply: does it by the rules as they are now; takes what was changed, the rest of the arguments, and who does it.
        about: the argument that names what is changed, and its table; nothing where something is made.
    """

    name: str
    apply: Callable[[Any, Wanted, Actor], models.Model | None]
    about: tuple[str, type[models.Model]] | None = None
    needed: Mapping[str, Read] = field(default_factory=dict)
    optional: Mapping[str, Read] = field(default_factory=dict)

    def checked(self, arguments: Wanted) -> Wanted:
        """The arguments as they are stored; raises Invalid."""
        named = {self.about[0]: key} if self.about else {}
        return read_all(self.name, arguments, needed={**named, **self.needed}, optional=self.optional)

    def target(self, arguments: Wanted) -> models.Model | None:
        """What is to be changed; raises NotFound when it is gone."""
        return row(self.about[1], arguments[self.about[0]]) if self.about else None

    def run(self, arguments: Wanted, actor: Actor) -> models.Model | None:
        """What was changed or made, as it is now; None: it is gone."""
        target = self.target(arguments)
        about = {LABEL, self.about[0]} if self.about else {LABEL}
        return self.apply(target, {name: value for name, value in arguments.items() if name not in about}, actor)


class QuotaChange(Change):
    """A quota is named by what it is about: a queue or a cohort, a resource, a kind of GPU."""

    def checked(self, arguments: Wanted) -> Wanted:
        owner = "cohort" if "cohort" in arguments else "queue"
        needed: dict[str, Read] = {owner: key, "resource": text, "nominal": whole}
        found = read_all(self.name, arguments, needed=needed, optional={"flavor": text, **LIMITS})
        found.setdefault("flavor", "")
        quota_check(found["resource"], found["flavor"], found["nominal"])
        return found

    def target(self, arguments: Wanted) -> models.Model | None:
        return row(Cohort, arguments["cohort"]) if "cohort" in arguments else row(Queue, arguments["queue"])


def row(table: type[models.Model], pk: Any) -> models.Model:
    """The row of that id; raises NotFound."""
    found = table._default_manager.filter(pk=pk).first()
    if found is None:
        raise NotFound(f"There is no {table._meta.verbose_name} {pk} any more.")
    return found


def _rows(wanted: Wanted, **tables: type[models.Model]) -> Wanted:
    """Rows instead of ids."""
    return {
        name: row(tables[name], value) if name in tables and value is not None else value
        for name, value in wanted.items()
    }


def _quota_set(owner: Any, wanted: Wanted, actor: Actor) -> models.Model:
    rest = {name: value for name, value in wanted.items() if name in LIMITS}
    return quota_set(owner, wanted["resource"], wanted["flavor"], wanted["nominal"], actor=actor, **rest)


def _quota_remove(quota: Any, wanted: Wanted, actor: Actor) -> None:
    quota_remove(quota=quota, actor=actor)


def _cohort_create(_: Any, wanted: Wanted, actor: Actor) -> models.Model:
    return cohort_create(**_rows(wanted, pool=ResourcePool, parent=Cohort, team=Team), actor=actor)


def _cohort_delete(cohort: Any, wanted: Wanted, actor: Actor) -> None:
    cohort_delete(cohort=cohort, actor=actor)


CHANGES: Mapping[str, Change] = {
    change.name: change
    for change in (
        QuotaChange("quota.set", _quota_set),
        Change("quota.remove", _quota_remove, ("quota", Quota)),
        Change(
            "queue.change",
            lambda queue, wanted, actor: queue_change(queue=queue, actor=actor, **_rows(wanted, cohort=Cohort)),
            ("queue", Queue),
            optional={"cohort": or_none(key), "weight": number, **CAPS},
        ),
        Change("cohort.create", _cohort_create, needed={"pool": key, "name": text}, optional=TREE),
        Change(
            "cohort.change",
            lambda cohort, wanted, actor: cohort_change(
                cohort=cohort, actor=actor, **_rows(wanted, parent=Cohort, team=Team)
            ),
            ("cohort", Cohort),
            optional={"name": text, **TREE},
        ),
        Change("cohort.delete", _cohort_delete, ("cohort", Cohort)),
        Change(
            "priority_class.create",
            lambda _, wanted, actor: priority_class_create(**wanted, actor=actor),
            needed={"name": text, "value": whole},
            optional={"preemption": text},
        ),
        Change(
            "priority_class.change",
            lambda found, wanted, actor: priority_class_change(priority_class=found, actor=actor, **wanted),
            ("priority_class", PriorityClass),
            optional={"name": text, "value": whole, "preemption": text},
        ),
        Change(
            "pool.change",
            lambda pool, wanted, actor: pool_policy_change(pool=pool, actor=actor, **wanted),
            ("pool", ResourcePool),
            optional=POLICY,
        ),
    )
}
"""By the name under which an approval request keeps them."""


def project_of(target: models.Model | None) -> Project | None:
    """Whose matter a change is; None: the whole installation's."""
    owner = owner_of(target) if isinstance(target, Quota) else target
    return owner.project if isinstance(owner, Queue) else None


def pool_of(target: models.Model | None, arguments: Wanted) -> ResourcePool | None:
    """The pool that a change is about; None: all of them."""
    owner = owner_of(target) if isinstance(target, Quota) else target
    if isinstance(owner, Queue | Cohort):
        return owner.pool
    if isinstance(owner, ResourcePool):
        return owner
    return ResourcePool.objects.filter(pk=arguments["pool"]).first() if "pool" in arguments else None
