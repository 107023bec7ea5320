"""What a workload asks for, as it is stored for admission."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from uuid6 import uuid7

from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.quotas.models import Cohort, PriorityClass, Quota, ResourceFlavor, Workload
from apps.quotas.services.requests import shape_of
from apps.quotas.services.workloads import workload_resize, workload_submit
from tests.support.factories.quotas import (
    CohortFactory,
    PriorityClassFactory,
    QuotaFactory,
    ResourceFlavorFactory,
    job_spec,
    make_pool,
    make_queue,
    serving_spec,
)

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


def submit(spec: Any = None, **kwargs: Any) -> Workload:
    queue = make_queue(make_pool(H200=4), gpus=4)
    share = ResourceFlavor.objects.get(name="H200")
    ResourceFlavorFactory.create(
        pool=queue.pool, name="H200/4", share_of=share, share_millis=250, isolated=False, gpu_memory_bytes=1
    )
    about = {"owner_kind": "run", "owner_id": uuid7(), "name": "w", "requested_by": None, "actor": SYSTEM}
    return workload_submit(project=queue.project, spec=spec or job_spec(), **{**about, **kwargs})


def test_a_share_of_a_device_is_stored_as_its_kind_and_how_much_of_it() -> None:
    made = submit(job_spec(gpus=1, flavor="H200/4"))
    assert (made.flavor, made.gpus, made.gpu_millis) == ("H200", 1, 250)
    assert made.spec_object().resources.flavor == "H200/4"


def test_a_whole_device_is_a_thousand_thousandths() -> None:
    made = submit(job_spec(gpus=2, flavor="H200"))
    assert (made.flavor, made.gpus, made.gpu_millis) == ("H200", 2, 1000)


def test_several_shares_are_refused_with_a_sentence() -> None:
    with pytest.raises(Invalid, match="H200/4 is a share of one device: ask for 1 of it, not for 2"):
        submit(job_spec(gpus=2, flavor="H200/4"))
    assert not Workload.objects.exists()


def test_a_priority_class_gives_its_value_and_its_policy() -> None:
    made = submit(priority=PriorityClassFactory.create(value=70, preemption="lower_priority"))
    assert (made.priority, made.preemption) == (70, "lower_priority")


def test_a_number_as_priority_never_takes_the_place_of_others() -> None:
    made = submit(priority=70)
    assert (made.priority, made.preemption) == (70, "never")


def test_the_declared_limit_is_that_of_the_spec() -> None:
    assert submit(job_spec(time_limit_seconds=77)).time_limit_seconds == 77


@pytest.mark.parametrize("limit", [-1, 1 << 31])
def test_an_absurd_limit_is_refused(limit: int) -> None:
    with pytest.raises(Invalid, match=r"time_limit_seconds: .* is not between 0 and 316224000"):
        submit(job_spec(time_limit_seconds=limit))


@pytest.mark.parametrize("topology", ["x" * 64, " rack", "ra\nck"])
def test_what_is_no_name_of_a_label_is_refused(topology: str) -> None:
    with pytest.raises(Invalid, match="topology"):
        submit(topology=topology)


def test_a_resize_changes_the_shape() -> None:
    made = submit(serving_spec(), count_min=2, count_max=2)
    before = made.shape
    workload_resize(made, count=5, actor=SYSTEM)
    again = Workload.objects.get(pk=made.pk)
    assert again.shape != before
    about = {"cpu_millis": again.cpu_millis, "memory_bytes": again.memory_bytes, "gpus": 0, "gpu_millis": 1000}
    assert again.shape == shape_of(**about, flavor="", topology="", count_min=2, count_max=5)


SHAPE = {
    "cpu_millis": 1,
    "memory_bytes": 1,
    "gpus": 1,
    "gpu_millis": 1000,
    "flavor": "a",
    "topology": "",
    "count_min": 1,
    "count_max": 2,
}


@pytest.mark.parametrize("name", SHAPE)
def test_everything_that_is_asked_for_is_part_of_the_shape(name: str) -> None:
    other = "b" if isinstance(SHAPE[name], str) else 7
    assert shape_of(**{**SHAPE, name: other}) != shape_of(**SHAPE)  # type: ignore[arg-type]


def refused(name: str, change: Any) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        change()


def test_the_database_refuses_quotas_that_make_no_sense() -> None:
    quota = QuotaFactory.create(nominal=5)
    rows = Quota.objects.filter(pk=quota.pk)
    refused("quota_of_queue_or_cohort", lambda: rows.update(queue=None))
    refused("quota_of_queue_or_cohort", lambda: rows.update(cohort=CohortFactory.create()))
    refused("quota_lends_what_it_owns", lambda: rows.update(lending_limit=6))
    refused("quota_lends_what_it_owns", lambda: rows.update(lending_limit=-1))
    refused("quota_borrowing", lambda: rows.update(borrowing_limit=-1))
    for weight in (-1.0, float("nan"), float("inf")):
        refused("quota_weight", lambda weight=weight: rows.update(weight=weight))
    rows.update(lending_limit=5, borrowing_limit=None, weight=0)


def test_a_cohort_has_one_quota_of_a_resource() -> None:
    cohort = CohortFactory.create()
    QuotaFactory.create(queue=None, cohort=cohort)
    refused("quota_once_of_cohort", lambda: QuotaFactory.create(queue=None, cohort=cohort))


def test_the_database_refuses_cohorts_that_make_no_sense() -> None:
    cohort = CohortFactory.create()
    rows = Cohort.objects.filter(pk=cohort.pk)
    refused("cohort_not_its_own_parent", lambda: rows.update(parent=cohort))
    refused("cohort_named", lambda: rows.update(name=""))
    refused("cohort_weight", lambda: rows.update(weight=float("nan")))
    refused("cohort_name_once", lambda: CohortFactory.create(pool=cohort.pool, name=cohort.name))


def test_a_share_is_less_than_a_device_and_not_isolated() -> None:
    whole = ResourceFlavorFactory.create()
    about = {"pool": whole.pool, "name": "H200/2", "share_of": whole}
    refused("flavor_share", lambda: ResourceFlavorFactory.create(**about, share_millis=1000, isolated=False))
    refused("flavor_share", lambda: ResourceFlavorFactory.create(**about, share_millis=500, isolated=True))
    refused("flavor_share", lambda: ResourceFlavor.objects.filter(pk=whole.pk).update(share_millis=500))
    ResourceFlavorFactory.create(**about, share_millis=500, isolated=False)


def test_a_workload_has_a_share_of_one_device_only() -> None:
    made = submit(job_spec(gpus=2, flavor="H200"))
    refused("workload_share", lambda: Workload.objects.filter(pk=made.pk).update(gpu_millis=500))


def test_priorities_from_the_start() -> None:
    """Tables are emptied by tests that commit, so only what is there is looked at."""
    for name, value, preemption in PriorityClass.objects.filter(name__in=["low", "normal", "high"]).values_list(
        "name", "value", "preemption"
    ):
        assert (value, preemption) == {"low": (-100, "never"), "normal": (0, "never"), "high": (100, "lower_priority")}[
            name
        ]
