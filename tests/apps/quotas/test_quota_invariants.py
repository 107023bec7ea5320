"""What `manage.py verify` says of workloads, places, the ledger and logs: nothing while all is well, else by name."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from apps.access.models import User
from apps.common import queues
from apps.common.audit import Actor
from apps.quotas.invariants import CHECKS
from apps.quotas.models import Attempt, Node, Queue, UsageRecord, Workload
from apps.quotas.services.attempts import attempt_observed, attempt_submitted
from apps.quotas.services.logs import log_append
from apps.quotas.services.quotas import quota_set
from apps.quotas.services.workloads import workload_resize, workload_stop
from tests.apps.quotas.driving import LOST, RUNNING, SUCCEEDED, begun, replicas, running
from tests.support.damage import damage, everything, found, warnings, wrong
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import (
    CohortFactory,
    QuotaFactory,
    WorkloadFactory,
    make_pool,
    make_queue,
    serving_spec,
)
from tests.support.jobs import admit, fresh
from workers.contracts.observation import Phase

SYSTEM = Actor.system("test")


@dataclass(frozen=True)
class World:
    """Workloads that went through services only."""

    queue: Queue
    running: Workload
    attempt: Attempt
    ended: Workload
    """Lost once, then succeeded."""
    waiting: Workload
    usage: UsageRecord
    """The open interval of what runs."""

    def named(self, text: str) -> str:
        """The text with the ids of these rows in it."""
        names = {"running": self.running, "attempt": self.attempt, "ended": self.ended, "waiting": self.waiting}
        ids = {name: row.pk for name, row in names.items()}
        return text.format(**ids, queue=self.queue.pk, usage=self.usage.pk)


@pytest.fixture
def world(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(queues, "send", lambda *args, **kwargs: None)
    ended, lost = running(queue)
    attempt_observed(lost.pk, LOST)
    Workload.objects.filter(pk=ended.pk).update(not_before=None)
    second = begun(admit(fresh(ended)))
    attempt_submitted(second.pk, count=1)
    attempt_observed(second.pk, RUNNING)
    attempt_observed(second.pk, SUCCEEDED)
    workload, attempt = running(queue)
    for sequence, line in enumerate((1, 3, 5)):
        log_append(attempt, rank=0, sequence=sequence, text="a\nb\n", first_line=line)
    usage = UsageRecord.objects.get(workload=workload)
    return World(queue, workload, attempt, fresh(ended), WorkloadFactory.create(queue=queue), usage)


def test_work_that_went_through_the_services_is_well(world: World) -> None:
    person = UserFactory.create()
    served, _ = running(world.queue, spec_object=serving_spec(), count_min=1, count_max=2)
    workload_resize(served, count=1, actor=SYSTEM)
    attempt = served.attempts.get()
    Attempt.objects.filter(pk=attempt.pk).update(count_told=1)
    attempt_observed(attempt.pk, replicas(Phase.RUNNING))
    assert UsageRecord.objects.filter(workload=served).count() == 2
    workload_stop(world.waiting, reason="cancelled_by_user", actor=Actor.user(person))
    workload_stop(world.running, reason="cancelled_by_user", actor=Actor.user(person))
    assert everything(CHECKS) == []


RUNNING_ID = "WHERE id = '{running}'"
STEP = "object_id = '{running}' AND to_state"
WRONG = {
    "workload.story": {
        "a step is missing": (
            f"DELETE FROM common_transition WHERE {STEP} = 'launching'",
            "workload {running}: step LAST goes from launching, and the one before it led to admitted",
        ),
        "the row was set past its story": (
            f"UPDATE quotas_workload SET state = 'stopping' {RUNNING_ID}",
            "workload {running} is stopping, and its story ends in running",
        ),
        "a reason that is none": (
            f"UPDATE common_transition SET reason = 'bored' WHERE {STEP} = 'running'",
            "workload {running}: step LAST to running has the reason 'bored', which is none of its reasons",
        ),
        "a row without a story": (
            "DELETE FROM common_transition WHERE object_id = '{running}'",
            "workload {running} is running, and its story ends in pending",
        ),
    },
    "workload.attempt_numbers": {
        "a hole": (
            "UPDATE quotas_attempt SET number = 2 WHERE id = '{attempt}'",
            "workload {running} was launched 1 times; it has 1 attempts, the last one number 2",
        ),
        "one that nobody made": (
            f"UPDATE quotas_workload SET attempts_made = 3 {RUNNING_ID}",
            "workload {running} was launched 3 times; it has 1 attempts, the last one number 1",
        ),
    },
    "workload.open_attempt": {
        "closed while it runs": (
            "UPDATE quotas_attempt SET ended_at = now() WHERE id = '{attempt}'",
            "workload {running} is running and has 0 open attempts of 1",
        ),
        "open after the end": (
            "UPDATE quotas_attempt SET ended_at = NULL WHERE workload_id = '{ended}' AND number = 1",
            "workload {ended} is succeeded and has 1 open attempts of 2",
        ),
    },
    "workload.ends": {
        "an end without a time": (
            "UPDATE quotas_workload SET ended_at = NULL WHERE id = '{ended}'",
            "workload {ended} is succeeded and ended at None",
        ),
        "success without having run": (
            "UPDATE quotas_workload SET started_at = NULL WHERE id = '{ended}'",
            "workload {ended} has succeeded without having run",
        ),
    },
    "workload.grant": {
        "a place too few": (
            f"UPDATE quotas_workload SET assignments = '[]' {RUNNING_ID}",
            "workload {running} is running with 1 members granted and 0 places",
        ),
        "places of what waits": (
            "UPDATE quotas_workload SET assignments = '[{{}}]' WHERE id = '{waiting}'",
            "workload {waiting} is pending with 0 members granted and 1 places",
        ),
    },
    "node.devices": {
        "more than it asked for": (
            f"UPDATE quotas_workload SET assignments = jsonb_set(assignments, '{{{{0,devices}}}}', '[]'), gpus = 1 "
            f"{RUNNING_ID}",
            "workload {running} asked for 1 GPUs a member and holds [] on node-0",
        ),
    },
    "usage.open": {
        "nobody is billed": (
            "UPDATE quotas_usagerecord SET closed_at = clock_timestamp() WHERE id = '{usage}'",
            "workload {running} is running and has 0 open intervals",
        ),
        "billed for ever": (
            "UPDATE quotas_usagerecord SET closed_at = NULL WHERE workload_id = '{ended}' AND closed_at ="
            " (SELECT max(closed_at) FROM quotas_usagerecord WHERE workload_id = '{ended}')",
            "workload {ended} is succeeded and has 1 open intervals",
        ),
    },
    "usage.amounts": {
        "other amounts": (
            "UPDATE quotas_usagerecord SET cpu_millis = 1 WHERE id = '{usage}'",
            "interval {usage} of workload {running} bills other amounts than those of its 1 members",
        ),
        "another attempt": (
            "UPDATE quotas_usagerecord SET attempt_id = NULL WHERE id = '{usage}'",
            "the open interval {usage} of workload {running} names the attempt None, and the open attempt is {attempt}",
        ),
    },
    "usage.story": {
        "billed twice": (
            "UPDATE quotas_usagerecord SET workload_id = '{running}' WHERE workload_id = '{ended}' AND reserved_at ="
            " (SELECT min(reserved_at) FROM quotas_usagerecord WHERE workload_id = '{ended}')",
            "workload {ended} was admitted 2 times and has 1 intervals",
            "workload {running} was admitted 1 times and has 2 intervals",
        ),
    },
    "workload.queue": {
        "another pool": (
            f"UPDATE quotas_workload SET pool_id = gen_random_uuid() {RUNNING_ID}",
            "workload {running} of project PROJECT is in queue {queue} of project PROJECT",
        ),
    },
    "workload.audited.stopped": {
        "nobody noted it": (
            f"UPDATE common_transition SET actor_kind = 'user' WHERE {STEP} = 'admitted'",
            "workload {running} has no audit row workload.stopped",
        ),
    },
}
CASES = [
    pytest.param(name, *case, id=f"{name}: {what}") for name, cases in WRONG.items() for what, case in cases.items()
]


@pytest.mark.parametrize("case", [pytest.param((p.values[0], *p.values[1:]), id=p.id) for p in CASES])
def test_damage_is_found_and_named(world: World, case: tuple[str, ...]) -> None:
    name, statement, *expected = case
    last = world.running.story().last()
    damage(world.named(statement))
    texts = [
        world.named(text).replace("LAST", str(last and last.pk)).replace("PROJECT", str(world.running.project_id))
        for text in expected
    ]
    assert sorted(wrong(CHECKS, name)) == sorted(texts)


def test_a_step_that_the_table_does_not_have_is_named(world: World) -> None:
    last = world.running.story().last()
    assert last is not None
    damage(
        world.named(f"UPDATE common_transition SET to_state = 'pending' WHERE {STEP} = 'launching'"),
        world.named(f"UPDATE common_transition SET from_state = 'pending' WHERE {STEP} = 'running'"),
    )
    assert wrong(CHECKS, "workload.story") == [
        f"workload {world.running.pk}: step {last.pk} from pending to running is not in its state table"
    ]


def test_intervals_that_overlap_or_run_backwards_are_named(world: World) -> None:
    first, second = UsageRecord.objects.filter(workload=world.ended).order_by("reserved_at")
    damage(f"UPDATE quotas_usagerecord SET closed_at = '{second.closed_at}' WHERE id = '{first.pk}'")
    assert wrong(CHECKS, "usage.order") == [
        f"intervals {first.pk} and {second.pk} of workload {world.ended.pk} overlap"
    ]
    damage(
        f"UPDATE quotas_usagerecord SET closed_at = '{first.closed_at}' WHERE id = '{first.pk}'",
        f"UPDATE quotas_usagerecord SET used_at = closed_at + interval '1 second' WHERE id = '{second.pk}'",
    )
    (text,) = wrong(CHECKS, "usage.order")
    assert text.startswith(f"interval {second.pk} is reserved at ")


def test_one_gpu_for_two_is_named(db: None) -> None:
    pool = make_pool(H200=2)
    queue = make_queue(pool, gpus=2)
    one, other = running(queue, gpus=1)[0], running(queue, gpus=1)[0]
    assert everything(CHECKS) == []
    damage(f"UPDATE quotas_workload SET assignments = (SELECT assignments FROM quotas_workload WHERE id = '{one.pk}')")
    (device,) = one.assignments[0]["devices"]
    both = ", ".join(sorted([str(one.pk), str(other.pk)]))
    assert wrong(CHECKS, "node.devices") == [f"GPU {device} of node node-0 is held 2 times, by {both}"]


def test_a_node_that_is_given_too_much_is_wrong_and_one_that_shrank_is_told(world: World) -> None:
    node = Node.objects.get()
    damage("UPDATE quotas_node SET cpu_millis = 500")
    said = f"node {node.pk} (node-0): 1000 of 500 cpu_millis and {1 << 30} of {64 << 30} bytes are held"
    assert wrong(CHECKS, "node.capacity") == [f"{said}, by {world.running.pk}"]
    damage("UPDATE quotas_node SET seen_at = now() + interval '1 second'")
    assert warnings(CHECKS, "node.capacity") == [
        f"{said}, all since before it was last found changed, by {world.running.pk}"
    ]


def test_a_queue_above_its_quota_is_wrong_unless_the_quota_was_lowered(world: World, admin: User) -> None:
    said = f"queue {world.queue.pk} holds 1000 of 500 cpu_millis"
    damage("UPDATE quotas_quota SET created_at = created_at - interval '1 hour'")
    damage("UPDATE quotas_quota SET nominal = 500 WHERE resource = 'cpu_millis'")
    damage("UPDATE quotas_node SET seen_at = seen_at - interval '1 hour'")
    assert wrong(CHECKS, "quota.sums") == [said]
    quota_set(world.queue, "cpu_millis", "", 500, actor=Actor.user(admin))
    assert warnings(CHECKS, "quota.sums") == [f"{said}: over since the quota was lowered"]


def test_what_a_queue_borrows_within_its_limit_is_well(world: World) -> None:
    damage("UPDATE quotas_quota SET nominal = 500, borrowing_limit = 500 WHERE resource = 'cpu_millis'")
    assert everything(CHECKS) == []
    damage("UPDATE quotas_quota SET nominal = 0, borrowing_limit = NULL")
    assert everything(CHECKS) == []


def test_holders_of_one_device_share_it_and_more_than_it_is_wrong(world: World) -> None:
    places = '[{"node": "node-0", "devices": [0]}]'
    quarters = (
        f"UPDATE quotas_workload SET gpus = 1, gpu_millis = 250, assignments = '{places}' WHERE state = 'running'"
    )
    damage(quarters, "UPDATE quotas_quota SET borrowing_limit = NULL")
    other = WorkloadFactory.create(queue=world.queue, state="running")
    damage(quarters)
    damage('UPDATE quotas_node SET gpus = \'[{"index": 0, "flavor": "H200"}]\'')
    assert found(CHECKS, "node.devices") == []
    damage("UPDATE quotas_workload SET gpu_millis = 750 WHERE state = 'running'")
    both = ", ".join(sorted([str(world.running.pk), str(other.pk)]))
    assert wrong(CHECKS, "node.devices") == [f"GPU 0 of node node-0 is held 1.5 times, by {both}"]


def test_a_cohort_above_what_it_may_hold_is_wrong_unless_a_limit_was_lowered(world: World, admin: User) -> None:
    cohort = CohortFactory.create(pool=world.queue.pool, name="vision")
    damage(
        f"UPDATE quotas_queue SET cohort_id = '{cohort.pk}'",
        "UPDATE quotas_quota SET nominal = 0, borrowing_limit = NULL",
    )
    QuotaFactory.create(queue=None, cohort=cohort, nominal=500)
    damage(
        "UPDATE quotas_node SET seen_at = seen_at - interval '1 hour'",
        "UPDATE quotas_resourcepool SET created_at = created_at - interval '1 hour'",
    )
    said = f"cohort {cohort.pk} (vision) holds 1000 of 500 cpu_millis"
    assert wrong(CHECKS, "cohort.sums") == [said]
    quota_set(cohort, "cpu_millis", "", 400, actor=Actor.user(admin))
    assert warnings(CHECKS, "cohort.sums") == [
        f"cohort {cohort.pk} (vision) holds 1000 of 400 cpu_millis: over since a limit was lowered"
    ]
    quota_set(cohort, "cpu_millis", "", 400, borrowing_limit=600, actor=Actor.user(admin))
    assert found(CHECKS, "cohort.sums") == []


def test_a_tree_that_is_none_is_wrong(world: World) -> None:
    above = CohortFactory.create(pool=world.queue.pool, name="above")
    below = CohortFactory.create(pool=world.queue.pool, name="below", parent=above)
    foreign = CohortFactory.create(name="foreign")
    damage(f"UPDATE quotas_cohort SET parent_id = '{below.pk}' WHERE id = '{above.pk}'")
    damage(f"UPDATE quotas_queue SET cohort_id = '{foreign.pk}'")
    assert wrong(CHECKS, "cohort.tree") == [
        f"queue {world.queue.pk} of pool {world.queue.pool_id} is below cohort {foreign.pk} of pool {foreign.pool_id}",
        *(f"cohort {one.pk} ({one.name}) is above itself" for one in sorted([above, below], key=lambda one: one.pk)),
    ]


@pytest.fixture
def admin(db: None) -> User:
    made: User = UserFactory.create(is_superuser=True)
    return made


def test_a_resource_without_a_quota_that_is_used_is_named(world: World) -> None:
    damage("DELETE FROM quotas_quota WHERE resource = 'memory_bytes'")
    assert wrong(CHECKS, "quota.missing") == [
        f"workload {world.running.pk} holds memory_bytes in queue {world.queue.pk}, which has no quota of it"
    ]


def test_gaps_in_what_a_job_printed_are_told_not_judged(world: World) -> None:
    damage("UPDATE quotas_logchunk SET lines = 2", "UPDATE quotas_logchunk SET first_line = 9 WHERE sequence = 2")
    (gap,) = found(CHECKS, "log.gaps")
    assert gap.text == f"output of member 0 of attempt {world.attempt.pk}: chunk 2 begins with line 9, expected was 5"
    damage("DELETE FROM quotas_logchunk WHERE sequence = 1")
    assert warnings(CHECKS, "log.gaps") == [
        f"output of member 0 of attempt {world.attempt.pk} lacks the chunks between 0 and 2"
    ]
