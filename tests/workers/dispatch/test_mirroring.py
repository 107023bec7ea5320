"""How a pool is shared, as it is told to whoever else admits work there."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from apps.access.models import Project
from apps.quotas.services.clusters import Checked
from tests.support.clusters import GIB, FakeClusterBackend, make_cluster
from tests.support.factories.access import ProjectFactory
from tests.support.factories.quotas import CohortFactory, QuotaFactory, make_queue
from workers.backends.base import BackendUnavailable
from workers.backends.fake import FakeBackend
from workers.backends.shares import Amount, MirrorsQuotas, Share
from workers.dispatch import clusters
from workers.dispatch.clusters import cluster_check
from workers.dispatch.mirroring import quotas_mirror, shares_of

pytestmark = pytest.mark.django_db


class Mirroring(FakeClusterBackend, MirrorsQuotas):
    """Somebody else admits work there too."""

    error: Exception | None = None

    def mirror(self, shares: Sequence[Share], flavors: Sequence[str]) -> None:
        if self.error is not None:
            raise self.error
        self.told = (list(shares), list(flavors))


def labels_of(project: Project) -> dict[str, str]:
    return {"organisation": project.organisation.name, "team": project.team.name, "project": project.name}


def test_a_pool_is_told_as_a_tree_from_above() -> None:
    cluster, _ = make_cluster("gpu", Mirroring)
    outer = CohortFactory.create(pool=cluster.pool, name="research")
    inner = CohortFactory.create(pool=cluster.pool, name="a-team", parent=outer, weight=2.0)
    QuotaFactory.create(queue=None, cohort=outer, resource="gpus", flavor="H200", nominal=8, borrowing_limit=4)
    credit, other = ProjectFactory.create(name="credit"), ProjectFactory.create(name="other")
    queue = make_queue(cluster.pool, credit, cores=2, memory=4, gpus=1)
    queue.cohort = inner
    queue.save()
    make_queue(cluster.pool, other, cores=1, memory=1)
    assert shares_of(cluster.pool) == [
        Share("pool", "gpu", None, {"cpu": Amount(8000), "memory": Amount(64 * GIB)}),
        Share("cohort", "research", ("pool", "gpu"), {}, {"H200": Amount(8, borrowing_limit=4)}),
        Share("cohort", "a-team", ("cohort", "research"), weight=2.0),
        Share(
            "queue",
            "credit",
            ("cohort", "a-team"),
            {"cpu": Amount(2000, 0), "memory": Amount(4 * GIB, 0)},
            {"": Amount(1, 0)},
            labels=labels_of(credit),
        ),
        Share(
            "queue",
            "other",
            ("pool", "gpu"),
            {"cpu": Amount(1000, 0), "memory": Amount(GIB, 0)},
            {"": Amount(0, 0)},
            labels=labels_of(other),
        ),
    ]


def test_a_cluster_that_is_well_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, made = make_cluster("gpu", Mirroring)
    monkeypatch.setattr(clusters, "cluster_look", lambda cluster: Checked(True, version="v1.36.2"))
    cluster_check(cluster.pk)
    assert made.told == ([Share("pool", "gpu", None, {"cpu": Amount(8000), "memory": Amount(64 * GIB)})], [])


def test_what_cannot_be_told_now_is_told_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    cluster, made = make_cluster("gpu", Mirroring)
    made.error = BackendUnavailable("The API server does not answer.")
    with caplog.at_level(logging.WARNING):
        quotas_mirror(cluster.pool, made)
    assert caplog.messages == ["the quotas of gpu are not mirrored yet: The API server does not answer."]


def test_who_tells_nobody_is_not_asked(fake: FakeBackend) -> None:
    cluster, _ = make_cluster("gpu")
    quotas_mirror(cluster.pool, fake)
