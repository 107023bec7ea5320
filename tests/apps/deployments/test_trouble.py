"""What a user is told of a revision whose replicas do not get ready."""

from __future__ import annotations

from typing import Any

import pytest

from apps.common.errors import Forbidden
from apps.common.models import Event
from apps.deployments.analysis.replicas import trouble_of
from apps.deployments.models import Revision
from apps.deployments.services.reconcile import reconcile_due
from apps.deployments.services.revisions import revision_reconcile
from apps.deployments.services.trouble import replica_trouble_note
from apps.quotas.models import Attempt
from tests.apps.deployments.test_revisions import RUNNING, moved, revision_of, serve, workload_of
from tests.support.factories.datasets import attempt_of

SAID = "The model cannot be loaded: ValueError: the model takes 2 features and its preprocessor makes 4"


def member(index: int = 0, **changes: Any) -> dict[str, Any]:
    seen = {"phase": "running", "ready": False, "address": "", "exit_code": None, "reason": "", "restarts": 0}
    return {"index": index, **seen, **changes}


TROUBLES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "none yet": ([member()], ""),
    "ready after a restart": ([member(restarts=4, ready=True)], ""),
    "an error": (
        [member(restarts=1, reason="exit_nonzero")],
        "Replica 0 ended with an error and is started again.",
    ),
    "the same all the time": (
        [member(restarts=9, reason="exit_nonzero", exit_code=1)],
        "Replica 0 ended with an error and is started again and again.",
    ),
    "slow to load": (
        [member(1, restarts=1, reason="start_timeout"), member()],
        "Replica 1 was not ready in time and is started again.",
    ),
    "memory": (
        [member(restarts=1, reason="out_of_memory")],
        "Replica 0 needed more memory than it may have and is started again.",
    ),
    "cannot be started": (
        [member(1, phase="pending", reason="image_pull", detail="Its image is not there."), member()],
        "Its image is not there.",
    ),
    "many": (
        [member(index, restarts=1, reason="completed") for index in (4, 2, 0, 3, 1)],
        "Replica 0 ended by itself and is started again. Replica 1 ended by itself and is started again. "
        "Replica 2 ended by itself and is started again. So it is with 2 more.",
    ),
}


@pytest.mark.parametrize("members, says", TROUBLES.values(), ids=TROUBLES.keys())
def test_sentences(members: list[dict[str, Any]], says: str) -> None:
    assert trouble_of(members) == says


def loading() -> tuple[Revision, Attempt]:
    """A revision whose replica was just started."""
    revision = moved(revision_of(serve()), *RUNNING)
    workload = workload_of(revision)
    return revision, workload.attempts.filter(ended_at=None).first() or attempt_of(workload)


def seen(revision: Revision, attempt: Attempt, *members: dict[str, Any]) -> Revision:
    Attempt.objects.filter(pk=attempt.pk).update(members=list(members))
    reconcile_due()
    return Revision.objects.get(pk=revision.pk)


@pytest.mark.django_db
class TestRevisions:
    def test_it_says_why_it_is_not_ready_and_stops_saying_it_once_it_is(self) -> None:
        revision, attempt = loading()
        replica_trouble_note(attempt, rank=0, detail=SAID)
        failing = seen(revision, attempt, member(restarts=1, reason="exit_nonzero"))
        assert (failing.state, failing.state_detail) == (
            "loading",
            f"Replica 0 ended with an error and is started again. {SAID}",
        )
        ready = seen(revision, attempt, member(restarts=1, reason="exit_nonzero", ready=True, address="127.0.0.1:1"))
        assert (ready.state, ready.state_detail, ready.trouble) == ("ready", "", "")

    def test_what_stays_the_same_is_no_news(self) -> None:
        revision, attempt = loading()
        seen(revision, attempt, member(restarts=3, reason="exit_nonzero", exit_code=1))
        before = Event.objects.count()
        seen(revision, attempt, member(restarts=4, reason="exit_nonzero"))
        assert Event.objects.count() == before
        assert not revision_reconcile(workload_of(revision).pk)

    def test_a_ready_revision_tells_of_the_replica_that_is_not(self) -> None:
        revision, attempt = loading()
        well = member(0, ready=True, address="127.0.0.1:1")
        found = seen(revision, attempt, well, member(1, restarts=1, reason="out_of_memory"))
        assert (found.state, found.ready_replicas) == ("ready", 1)
        found = seen(found, attempt, well, member(1, restarts=2, reason="out_of_memory"))
        assert found.state_detail == "Replica 1 needed more memory than it may have and is started again."

    def test_only_a_replica_has_trouble_and_it_is_cleaned_and_short(self) -> None:
        revision, attempt = loading()
        replica_trouble_note(attempt, rank=0, detail="a\x00b" + "x" * 2000)
        kept = Revision.objects.get(pk=revision.pk).trouble
        assert (len(kept), "\x00" in kept) == (1000, False)
        Revision.objects.update(workload=None)
        with pytest.raises(Forbidden):
            replica_trouble_note(attempt, rank=0, detail=SAID)
