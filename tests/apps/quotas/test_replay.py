"""The replay of a trace: what is made of it, the policies it is compared with, and its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.simulate import simulate
from apps.quotas.scheduling.snapshot import GPUS, WHOLE, Ask, Assignment, Holding, Snapshot
from bench import replay_sample
from bench.replay import misses, table
from bench.replay_peers import PEERS
from bench.replay_plot import plot
from bench.replay_run import OURS, POLICIES, Figures, Free, mix_of, run
from bench.replay_trace import SECONDS_MOST, Replay, nodes_of, replay_of, tasks_of
from tests.apps.quotas.simulating import ONE, TWO, job, node, pool, queue

DATA = Path(replay_sample.__file__).parent / "data"


@pytest.fixture(scope="module")
def sample() -> Replay:
    return replay_of(nodes_of(DATA / replay_sample.NODES), tasks_of(DATA / replay_sample.TASKS), 1.0)


def test_the_sample_that_ships_is_what_its_generator_writes(tmp_path: Path) -> None:
    replay_sample.write(tmp_path)
    for name in (replay_sample.NODES, replay_sample.TASKS):
        assert (tmp_path / name).read_text() == (DATA / name).read_text()


@pytest.mark.parametrize("load", [0.8, 1.3])
def test_jobs_ask_for_as_much_as_the_load_says(load: float) -> None:
    replay = replay_of(nodes_of(DATA / replay_sample.NODES), tasks_of(DATA / replay_sample.TASKS), load)
    asked = sum(
        one.seconds * one.ask.gpus * one.ask.gpu_millis / WHOLE * one.count_max
        for one in replay.jobs
        if one.arrives_at >= 0
    )
    devices = sum(len(one.gpus) for one in replay.start.nodes)
    assert asked / (devices * replay.arrivals) == pytest.approx(load)
    assert max(one.arrives_at for one in replay.jobs) == pytest.approx(replay.arrivals)


def test_what_a_trace_lacks_is_added(sample: Replay) -> None:
    jobs = [one for one in sample.jobs if one.arrives_at >= 0]
    devices = sum(len(one.gpus) for one in sample.start.nodes)
    nominal = [one.nominal for each in sample.start.queues for one in each.limits if one.resource == GPUS]
    gangs = [one for one in jobs if one.count_max > 1]
    assert (len(sample.start.queues), len(sample.start.cohorts)) == (30, 6)
    assert sum(nominal) == pytest.approx(devices * WHOLE, abs=30)
    assert len(gangs) == round(0.1 * len(jobs))
    assert all(one.count_min == one.count_max <= devices / 16 for one in gangs)
    assert all(2 * one.seconds <= one.limit_seconds <= 10 * one.seconds + 1 for one in jobs)
    assert max(one.seconds for one in jobs) == SECONDS_MOST
    by_queue = sorted((sum(one.queue_id == each.id for one in jobs) for each in sample.start.queues), reverse=True)
    assert by_queue[0] > 5 * by_queue[15]


def test_the_pool_is_as_full_at_first_as_the_round_before_leaves_it(sample: Replay) -> None:
    earlier = {one.id: one for one in sample.jobs if one.arrives_at < 0}
    assert earlier.keys() == {one.workload_id for one in sample.start.holdings}
    assert all(one.arrives_at + one.seconds > 0 for one in earlier.values())


def test_the_same_seed_gives_the_same_replay(sample: Replay) -> None:
    nodes, tasks = nodes_of(DATA / replay_sample.NODES), tasks_of(DATA / replay_sample.TASKS)
    assert replay_of(nodes, tasks, 1.0) == sample
    assert replay_of(nodes, tasks, 1.0, seed=1).jobs != sample.jobs


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_exceeds_a_quota_or_halves_a_gang(sample: Replay, policy: str) -> None:
    """All start, and a second time it goes the same way."""
    some = replace(sample, jobs=tuple(one for one in sample.jobs if one.arrives_at < sample.arrivals / 8))
    figures, outcome = run(some, policy, tick=20)
    assert outcome.wrongs == {}
    assert figures.never_started == 0
    assert all(one.ended_at is not None for one in outcome.passages.values())
    assert run(some, policy, tick=20)[1] == outcome


def started(policy: str, start: Snapshot, jobs: list[Job]) -> dict[int, float | None]:
    passages = simulate(start, jobs, PEERS[policy]()).passages
    return {one.id.int: passages[one.id].started_at for one in jobs}


def wide(number: int, arrives_at: float, seconds: float, gpus: int, limit: float, queue: UUID = ONE) -> Job:
    return replace(job(number, arrives_at, seconds, gpus=gpus, queue=queue), limit_seconds=limit)


BLOCKED = [wide(1, 0, 100, 3, 100), wide(2, 1, 50, 4, 60), wide(3, 2, 50, 1, 50), wide(4, 3, 400, 1, 400)]
"""Three of four devices are held; the second wants all four; two that are small come after it."""


@pytest.mark.parametrize(
    ("policy", "starts"),
    [
        ("fifo", {1: 0, 2: 100, 3: 150, 4: 150}),
        ("drf", {1: 0, 2: 452, 3: 2, 4: 52}),  # passed over and over
        ("drf_backfill", {1: 0, 2: 100, 3: 2, 4: 150}),  # only what ends in time passes
        ("shortest", {1: 0, 2: 452, 3: 2, 4: 52}),
    ],
)
def test_who_passes_a_wide_job(policy: str, starts: dict[int, float]) -> None:
    assert started(policy, pool(queues=(queue(1, 4),)), BLOCKED) == starts


def test_shortest_is_by_what_is_declared() -> None:
    jobs = [wide(1, 0, 10, 4, 10), wide(2, 1, 5, 4, 90), wide(3, 2, 50, 4, 60)]
    assert started("shortest", pool(), jobs) == {1: 0, 3: 10, 2: 60}


def test_drf_serves_who_has_least() -> None:
    """The first queue has a device and asked earlier; the free one is the second's."""
    start = replace(pool(node(gpus=2), queues=(queue(1, 1), queue(2, 1))))
    start = replace(start, holdings=(Holding(UUID(int=9), ONE, Ask(1, 1, 1), "H200", (Assignment("a", (0,)),)),))
    jobs = [wide(1, 0, 10, 1, 10), wide(2, 0, 10, 1, 10, queue=TWO)]
    assert started("drf", start, jobs) == {2: 0, 1: 10}


def test_fragmentation_by_hand() -> None:
    """Of two nodes of two devices one device is half taken, and the other node has no cores left."""
    nodes = (node("a", gpus=2), node("b", gpus=2))
    held = (
        Holding(UUID(int=1), ONE, Ask(0, 0, 1, gpu_millis=500), "H200", (Assignment("a", (0,)),)),
        Holding(UUID(int=2), ONE, Ask(64_000, 0), "", (Assignment("b"),)),
    )
    snapshot = Snapshot(nodes, (queue(1, 4),), held)
    whole, half, both = Ask(1, 1, 1), Ask(1, 1, 1, gpu_millis=500), Ask(1, 1, 2)
    free = Free(nodes)
    # 3,500 thousandths are free: a whole one can use 1,000, a half 1,500, two together none.
    assert [free.fragmentation(snapshot, [(ask, 1.0)]) for ask in (whole, half, both)] == pytest.approx(
        [2500 / 3500, 2000 / 3500, 1.0]
    )
    assert free.fragmentation(snapshot, [(whole, 0.5), (half, 0.5)]) == pytest.approx(2250 / 3500)


def test_the_mix_counts_asks_for_devices() -> None:
    jobs = [job(1, 0, 1), job(2, 0, 1), job(3, 0, 1, gpus=2), job(4, 0, 1, gpus=0)]
    assert [(ask.gpus, part) for ask, part in mix_of(jobs)] == [(1, pytest.approx(2 / 3)), (2, pytest.approx(1 / 3))]


def figures(policy: str, **more: float) -> Figures:
    values = {"mean_wait": 10.0, "p99_wait": 100.0, "utilisation": 0.9, "jain": 0.9, "fragmentation": 0.1} | more
    return Figures(
        policy, 1.0, quota_violations=0, gang_violations=0, capacity_violations=0, preemptions=0, lost_device_hours=0,
        cycle_ms=1.0, never_started=0, waits=(0.0,) * 101, **values,
    )  # fmt: skip


def test_what_is_missed_is_said() -> None:
    peers = [figures("fifo"), figures("drf_backfill", mean_wait=9.0), figures("drf", utilisation=0.95, jain=0.95)]
    assert misses(figures(OURS, mean_wait=9.4, utilisation=0.94, jain=0.96), peers) == []
    missed = misses(figures(OURS, mean_wait=9.5, p99_wait=101, utilisation=0.92, jain=0.94), peers)
    assert [text.split()[4] for text in missed] == ["mean_wait", "p99_wait", "utilisation", "jain"]


def test_the_table_and_the_drawing_have_every_policy() -> None:
    done = [figures(OURS), figures("fifo")]
    assert table(done).count("\n") == 3
    drawing = plot(done, "A < B")
    assert all(policy in drawing for policy in (OURS, "fifo"))
    assert "A &lt; B" in drawing
