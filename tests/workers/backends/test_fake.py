"""How the fake misbehaves: other tests rely on it."""

from __future__ import annotations

import pytest

from tests.workers.backends.jobs import make_launch, server, shell
from workers.backends.base import BackendUnavailable, LaunchRefused, NodeFacts
from workers.backends.fake import FakeBackend, FakeCluster, Script
from workers.contracts.observation import Phase

JOB = shell("true")


def phases(script: Script, looks: int) -> list[Phase]:
    backend = FakeBackend(script)
    handle = backend.submit(JOB, make_launch())
    return [backend.observe([handle])[0].phase for _ in range(looks)]


@pytest.mark.parametrize(
    "script, expected",
    [
        (Script(), [Phase.RUNNING] * 4),
        (Script.slow(2), [Phase.PENDING, Phase.PENDING, Phase.RUNNING, Phase.RUNNING]),
        (Script.never(), [Phase.PENDING] * 4),
        (Script.succeeding(2), [Phase.RUNNING, Phase.RUNNING, Phase.SUCCEEDED, Phase.SUCCEEDED]),
        (Script.failing(), [Phase.RUNNING, Phase.FAILED, Phase.FAILED, Phase.FAILED]),
        (Script.losing(), [Phase.RUNNING, Phase.LOST, Phase.LOST, Phase.LOST]),
        (Script.vanishing(), [Phase.RUNNING, Phase.NOT_FOUND, Phase.NOT_FOUND, Phase.NOT_FOUND]),
    ],
)
def test_a_script_is_played_one_step_a_look(script: Script, expected: list[Phase]) -> None:
    assert phases(script, 4) == expected


def test_a_failure_has_its_reason_and_status() -> None:
    backend = FakeBackend(Script.failing("out_of_memory", 137))
    handle = backend.submit(JOB, make_launch(count=2))
    backend.observe([handle])
    seen = backend.observe([handle])[0]
    assert seen.reason == "out_of_memory"
    assert [member.exit_code for member in seen.members] == [137, 137]


def test_it_is_away_for_the_first_submits() -> None:
    backend, launch = FakeBackend(Script.refusing(2)), make_launch()
    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            backend.submit(JOB, launch)
    backend.submit(JOB, launch)
    assert backend.launches == [launch]
    assert backend.calls == {"submit": 3}


def test_it_refuses_for_good() -> None:
    backend = FakeBackend(Script(refused="No such image."))
    with pytest.raises(LaunchRefused, match="No such image"):
        backend.submit(JOB, make_launch())
    assert backend.launches == []


def test_it_is_away_when_told_to_be() -> None:
    backend = FakeBackend()
    backend.fail_next("observe")
    with pytest.raises(BackendUnavailable):
        backend.observe([])
    assert backend.observe([]) == []


def test_a_stubborn_job_takes_its_looks_to_stop() -> None:
    backend = FakeBackend(Script.stubborn(2))
    handle = backend.submit(JOB, make_launch())
    backend.stop(handle, 30)
    seen = [backend.observe([handle])[0] for _ in range(3)]
    assert [each.phase for each in seen] == [Phase.STOPPING, Phase.STOPPING, Phase.FAILED]
    assert seen[2].members[0].exit_code == 137


def test_a_plan_may_name_workloads_or_be_a_function() -> None:
    first, second = make_launch(), make_launch(attempt_number=2)
    by_name = FakeBackend({first.workload_id: Script.never()})
    handles = [by_name.submit(JOB, launch) for launch in (first, second)]
    assert [seen.phase for seen in by_name.observe(handles)] == [Phase.PENDING, Phase.RUNNING]
    by_turn = FakeBackend(lambda _, launch: Script.losing(0) if launch.attempt_number == 1 else Script())
    handles = [by_turn.submit(JOB, launch) for launch in (first, second)]
    assert [seen.phase for seen in by_turn.observe(handles)] == [Phase.LOST, Phase.RUNNING]


def test_a_test_may_end_a_job_when_it_likes() -> None:
    backend = FakeBackend(Script.never())
    launches = [make_launch() for _ in range(4)]
    handles = [backend.submit(JOB, launch) for launch in launches]
    backend.finish(launches[0].attempt_id, report={"result": {"auc": 0.8}})
    backend.finish(launches[1].attempt_id, exit_code=83)
    backend.lose(launches[2].attempt_id)
    backend.vanish(launches[3].attempt_id)
    seen = backend.observe(handles)
    assert [(each.phase, each.reason) for each in seen] == [
        (Phase.SUCCEEDED, "completed"),
        (Phase.FAILED, "exit_nonzero"),
        (Phase.LOST, "lost"),
        (Phase.NOT_FOUND, ""),
    ]
    assert seen[0].report == {"result": {"auc": 0.8}}
    assert seen[1].members[0].exit_code == 83


def test_replicas_are_ready_after_their_looks() -> None:
    backend = FakeBackend(Script.slow(1))
    handle = backend.submit(server(), make_launch(count=2))
    first, second = backend.observe([handle])[0], backend.observe([handle])[0]
    assert [member.ready for member in first.members] == [False, False]
    assert [(member.ready, member.address) for member in second.members] == [
        (True, "127.0.0.1:40000"),
        (True, "127.0.0.1:40001"),
    ]


def test_jobs_outlive_the_backend_in_their_cluster() -> None:
    cluster, launch = FakeCluster(), make_launch()
    handle = FakeBackend(cluster=cluster).submit(JOB, launch)
    again = FakeBackend(cluster=cluster)
    again.submit(JOB, launch)
    assert again.launches == []
    assert again.observe([handle])[0].phase is Phase.RUNNING


def test_its_nodes_are_simulated() -> None:
    node = NodeFacts("gpu-1", cpu_millis=8000, memory_bytes=1 << 30, simulated=True)
    assert FakeBackend(nodes=[node]).discover() == [node]
    assert [each.simulated for each in FakeBackend().discover()] == [True]
