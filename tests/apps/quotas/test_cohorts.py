"""The tree of a pool: made, changed, moved and removed; what would not be a tree is refused with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.models import AuditEvent, Event
from apps.quotas.models import Cohort, Quota, ResourcePool
from apps.quotas.services.cohorts import DEEPEST, cohort_change, cohort_create, cohort_delete, cohort_move
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.access import TeamFactory
from tests.support.factories.quotas import CohortFactory, QueueFactory, QuotaFactory, ResourcePoolFactory

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


@pytest.fixture
def pool() -> ResourcePool:
    return ResourcePoolFactory.create(name="gpus")


def audits() -> list[tuple[str, Any]]:
    return list(AuditEvent.objects.order_by("id").values_list("action", "detail"))


def below(pool: ResourcePool, *names: str) -> list[Cohort]:
    """Cohorts, each below the one before."""
    made: list[Cohort] = []
    for name in names:
        made.append(CohortFactory.create(pool=pool, name=name, parent=made[-1] if made else None))
    return made


def test_a_cohort_is_made_audited_and_told(pool: ResourcePool, django_capture_on_commit_callbacks: Any) -> None:
    team, above = TeamFactory.create(name="vision"), CohortFactory.create(pool=pool, name="research")
    made = cohort_create(pool=pool, name=" team-vision ", parent=above, team=team, weight=2.5, actor=ACTOR)
    row = Cohort.objects.get(pk=made.pk)
    assert (row.pool, row.name, row.parent, row.team, row.weight) == (pool, "team-vision", above, team, 2.5)
    after = {
        "name": "team-vision",
        "parent": {"id": str(above.pk), "name": "research"},
        "team": {"id": str(team.pk), "name": str(team)},
        "weight": 2.5,
    }
    assert audits() == [("cohort.created", {"after": after})]
    assert list(Event.objects.values_list("kind", "subject")) == [("pool.changed", f"pool.{pool.pk}")]


def test_a_change_is_audited_before_and_after_and_repeating_it_is_none(pool: ResourcePool) -> None:
    cohort = CohortFactory.create(pool=pool, name="old")
    cohort_change(cohort=cohort, name="new", weight=0.0, actor=ACTOR)
    cohort_change(cohort=cohort, name="new", weight=0.0, actor=ACTOR)
    assert Cohort.objects.filter(pk=cohort.pk, name="new", weight=0).exists()
    assert audits() == [
        ("cohort.changed", {"before": {"name": "old", "weight": 1.0}, "after": {"name": "new", "weight": 0.0}})
    ]


def test_a_move_takes_along_what_is_below(pool: ResourcePool) -> None:
    a, b, c = below(pool, "a", "b", "c")
    elsewhere = CohortFactory.create(pool=pool, name="elsewhere")
    cohort_move(cohort=b, parent=elsewhere, actor=ACTOR)
    assert dict(Cohort.objects.values_list("name", "parent__name")) == {
        "a": None,
        "b": "elsewhere",
        "c": "b",
        "elsewhere": None,
    }
    cohort_move(cohort=b, parent=None, actor=ACTOR)
    assert Cohort.objects.get(pk=b.pk).parent is None
    assert (a.pk, c.pk) != (None, None)


@pytest.mark.parametrize(
    ("moved", "to", "sentence"),
    [
        (0, 2, "c is below a, so it cannot be above it"),
        (0, 1, "b is below a, so it cannot be above it"),
        (1, 1, "b cannot be below itself"),
    ],
)
def test_a_cycle_is_refused(pool: ResourcePool, moved: int, to: int, sentence: str) -> None:
    cohorts = below(pool, "a", "b", "c")
    with pytest.raises(Invalid, match=sentence) as caught:
        cohort_move(cohort=cohorts[moved], parent=cohorts[to], actor=ACTOR)
    assert list(caught.value.fields) == ["parent"]
    assert Cohort.objects.get(name="a").parent is None
    assert audits() == []


def test_a_parent_of_another_pool_is_refused(pool: ResourcePool) -> None:
    other = CohortFactory.create(name="theirs", pool=ResourcePoolFactory.create(name="cpus"))
    with pytest.raises(Invalid, match="theirs is a cohort of cpus, not of gpus"):
        cohort_create(pool=pool, name="ours", parent=other, actor=ACTOR)
    assert not Cohort.objects.filter(pool=pool).exists()


def test_a_parent_that_is_gone_is_refused(pool: ResourcePool) -> None:
    gone = CohortFactory.create(pool=pool)
    Cohort.objects.filter(pk=gone.pk).delete()
    with pytest.raises(NotFound):
        cohort_create(pool=pool, name="ours", parent=gone, actor=ACTOR)


def test_a_tree_is_only_so_deep(pool: ResourcePool) -> None:
    deep = below(pool, *(f"level-{n}" for n in range(DEEPEST)))
    with pytest.raises(Invalid, match="more than 12 cohorts above each other"):
        cohort_create(pool=pool, name="one-more", parent=deep[-1], actor=ACTOR)
    top, _ = below(pool, "top", "below-top")
    with pytest.raises(Invalid, match="more than 12 cohorts above each other"):
        cohort_move(cohort=top, parent=deep[-2], actor=ACTOR)
    cohort_move(cohort=top, parent=deep[-3], actor=ACTOR)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb"])
def test_a_name_is_one(pool: ResourcePool, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        cohort_create(pool=pool, name=name, actor=ACTOR)


def test_a_name_is_there_once_in_a_pool(pool: ResourcePool) -> None:
    CohortFactory.create(pool=pool, name="a")
    with pytest.raises(Conflict, match="gpus has a cohort named a already"):
        cohort_create(pool=pool, name="a", actor=ACTOR)
    cohort_create(pool=ResourcePoolFactory.create(), name="a", actor=ACTOR)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf"), 1e7])
def test_what_is_no_weight_is_refused(pool: ResourcePool, weight: float) -> None:
    with pytest.raises(Invalid, match="weight"):
        cohort_create(pool=pool, name="a", weight=weight, actor=ACTOR)


def test_a_cohort_is_removed_with_its_quotas_and_the_trail_keeps_them(pool: ResourcePool) -> None:
    cohort = CohortFactory.create(pool=pool, name="a")
    QuotaFactory.create(queue=None, cohort=cohort, nominal=7, lending_limit=3)
    cohort_delete(cohort=cohort, actor=ACTOR)
    assert (Cohort.objects.count(), Quota.objects.count()) == (0, 0)
    (action, detail) = audits()[0]
    assert action == "cohort.deleted"
    assert detail["before"]["quotas"] == [
        {
            "resource": "cpu_millis",
            "flavor": "",
            "nominal": 7,
            "borrowing_limit": 0,
            "lending_limit": 3,
            "weight": None,
        }
    ]


Below = Callable[[Cohort], object]


@pytest.mark.parametrize(
    ("put", "sentence"),
    [
        (lambda a: CohortFactory.create(pool=a.pool, parent=a), "a has 1 cohort below it: move them first"),
        (
            lambda a: [QueueFactory.create(pool=a.pool, cohort=a) for _ in range(2)],
            "a has 2 queues below it: move them first",
        ),
    ],
)
def test_what_has_something_below_it_stays(pool: ResourcePool, put: Below, sentence: str) -> None:
    cohort = CohortFactory.create(pool=pool, name="a")
    put(cohort)
    with pytest.raises(Conflict, match=sentence):
        cohort_delete(cohort=cohort, actor=ACTOR)
    assert Cohort.objects.filter(pk=cohort.pk).exists()


def test_a_change_asks_for_an_admission_cycle(
    pool: ResourcePool, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(queues, "send", lambda name, *args: sent.append((name, *args)))
    cohort = cohort_create(pool=pool, name="a", actor=ACTOR)
    cohort_change(cohort=cohort, weight=1.0, actor=ACTOR)
    cohort_delete(cohort=cohort, actor=ACTOR)
    assert sent == [("control.admit", pool.pk)] * 2


@pytest.mark.django_db(transaction=True)
def test_two_who_move_cohorts_at_once_make_no_cycle(pool: ResourcePool) -> None:
    a, b = (CohortFactory.create(pool=pool, name=name) for name in "ab")
    with transaction.atomic():
        cohort_move(cohort=a, parent=b, actor=ACTOR)
        second = Thread(lambda: cohort_move(cohort=b, parent=a, actor=ACTOR))
        wait_until_blocked()
    refused = second.join()
    assert isinstance(refused, Invalid)
    assert refused.detail == "parent: a is below b, so it cannot be above it"
    assert dict(Cohort.objects.values_list("name", "parent__name")) == {"a": "b", "b": None}
