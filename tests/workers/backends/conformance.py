"""What every backend promises, as tests. A backend joins by a `Harness` in `conftest.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import pytest

from tests.support.waiting import until
from tests.workers.backends.jobs import make_launch
from workers.backends.base import Backend, LaunchRefused, Unsupported
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase
from workers.contracts.specs import JobSpec, ServingSpec

ANOTHER = JobHandle(backend="another", data={"attempt_id": "1"})


class Harness(ABC):
    """Makes a backend do what a test needs."""

    backend: Backend

    @abstractmethod
    def restarted(self) -> Backend:
        """Another backend over the same jobs, as after a restart of the worker."""

    @abstractmethod
    def ending(self, launch: LaunchContext, exit_code: int) -> JobSpec:
        """A job that ends by itself with this status, and reports the result `{"answer": 42}`."""

    @abstractmethod
    def running(self, launch: LaunchContext) -> JobSpec:
        """A job that runs until it is told to stop."""

    @abstractmethod
    def stubborn(self, launch: LaunchContext) -> JobSpec:
        """A job that does not stop when told to, from when `starts` counts it."""

    @abstractmethod
    def printing(self, launch: LaunchContext, text: str) -> JobSpec:
        """A job that prints a text and then runs until it is told to stop."""

    @abstractmethod
    def serving(self, launch: LaunchContext) -> ServingSpec:
        """A server."""

    @abstractmethod
    def starts(self, launch: LaunchContext) -> int:
        """How often the job was really started."""

    def see(self, handle: JobHandle, until_true: Callable[[Observation], bool]) -> Observation:
        """Observe until it is as expected; every look must be a possible one."""
        seen: list[Observation] = []

        def look() -> bool:
            seen.append(self.backend.observe([handle])[0])
            return until_true(seen[-1])

        until(look, timeout_seconds=15, what=f"the expected observation; last was {seen[-1:]}")
        return seen[-1]

    def end(self, handle: JobHandle) -> Observation:
        return self.see(handle, lambda seen: seen.phase in ENDED)

    def run(self, handle: JobHandle) -> Observation:
        return self.see(handle, lambda seen: seen.phase is Phase.RUNNING)


def serves(count: int) -> Callable[[Observation], bool]:
    return lambda seen: len(seen.members) == count and all(member.ready for member in seen.members)


class TestSubmit:
    def test_the_handle_is_known_before_and_is_plain_json(self, harness: Harness) -> None:
        launch = make_launch()
        spec = harness.ending(launch, 0)
        expected = harness.backend.handle_for(spec, launch)
        handle = harness.backend.submit(spec, launch)
        assert handle == expected == JobHandle.from_json(handle.to_json())
        assert handle.backend == harness.backend.name

    def test_twice_is_once(self, harness: Harness) -> None:
        launch = make_launch()
        spec = harness.running(launch)
        handles = [harness.backend.submit(spec, launch), harness.restarted().submit(spec, launch)]
        until(lambda: harness.starts(launch))
        harness.backend.stop(handles[0], 0)
        harness.end(handles[1])
        assert handles[0] == handles[1]
        assert harness.starts(launch) == 1

    def test_a_job_that_ended_does_not_run_again(self, harness: Harness) -> None:
        launch = make_launch()
        spec = harness.ending(launch, 0)
        handle = harness.backend.submit(spec, launch)
        ended = harness.end(handle)
        harness.backend.submit(spec, launch)
        assert harness.backend.observe([handle]) == [ended]
        assert harness.starts(launch) == 1

    def test_an_attempt_without_an_id_is_refused(self, harness: Harness) -> None:
        launch = make_launch(attempt_id="")
        with pytest.raises(LaunchRefused) as error:
            harness.backend.submit(harness.ending(launch, 0), launch)
        assert error.value.reason == "launch_error"


class TestObserve:
    @pytest.mark.parametrize(
        "exit_code, phase, reason",
        [(0, Phase.SUCCEEDED, "completed"), (7, Phase.FAILED, "exit_nonzero"), (83, Phase.FAILED, "exit_nonzero")],
    )
    def test_an_end_says_how(self, harness: Harness, exit_code: int, phase: Phase, reason: str) -> None:
        launch = make_launch()
        seen = harness.end(harness.backend.submit(harness.ending(launch, exit_code), launch))
        assert (seen.phase, seen.reason) == (phase, reason)
        assert [(member.index, member.phase, member.exit_code) for member in seen.members] == [(0, phase, exit_code)]
        assert seen.report is not None
        assert seen.report["result"] == {"answer": 42}

    def test_one_that_nobody_knows_is_not_found(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.handle_for(harness.running(launch), launch)
        assert harness.backend.observe([handle]) == [Observation(Phase.NOT_FOUND)]

    def test_the_order_is_that_of_the_handles(self, harness: Harness) -> None:
        launches = [make_launch() for _ in range(3)]
        handles = [harness.backend.submit(harness.running(launch), launch) for launch in launches]
        unknown = harness.backend.handle_for(harness.running(launches[0]), make_launch())
        for handle in handles:
            harness.run(handle)
        harness.backend.stop(handles[1], 0)
        harness.end(handles[1])
        first, second, third, missing = harness.backend.observe([*handles, unknown])
        assert [first.phase, third.phase, missing.phase] == [Phase.RUNNING, Phase.RUNNING, Phase.NOT_FOUND]
        assert second.phase in ENDED
        assert harness.backend.observe([]) == []

    def test_a_restarted_backend_sees_the_same(self, harness: Harness) -> None:
        launch = make_launch(count=2)
        stored = harness.backend.submit(harness.running(launch), launch).to_json()
        seen = harness.run(JobHandle.from_json(stored))
        assert harness.restarted().observe([JobHandle.from_json(stored)]) == [seen]
        assert [member.index for member in seen.members] == [0, 1]

    def test_a_handle_of_another_backend_is_refused(self, harness: Harness) -> None:
        with pytest.raises(Unsupported):
            harness.backend.observe([ANOTHER])


class TestStop:
    def test_a_running_job_ends(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.running(launch), launch)
        harness.run(handle)
        harness.backend.stop(handle, 10)
        harness.backend.stop(handle, 10)
        seen = harness.end(handle)
        assert (seen.phase, seen.reason) == (Phase.FAILED, "exit_nonzero")
        assert [member.exit_code for member in seen.members] == [143]

    def test_a_stubborn_job_is_killed(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.stubborn(launch), launch)
        until(lambda: harness.starts(launch))
        harness.backend.stop(handle, 0.2)
        assert harness.backend.observe([handle])[0].phase is Phase.STOPPING
        assert [member.exit_code for member in harness.end(handle).members] == [137]

    def test_a_shorter_grace_replaces_a_longer_one(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.stubborn(launch), launch)
        until(lambda: harness.starts(launch))
        harness.backend.stop(handle, 1000)
        harness.backend.stop(handle, 0)
        assert [member.exit_code for member in harness.end(handle).members] == [137]

    def test_one_that_was_never_submitted_never_runs(self, harness: Harness) -> None:
        launch = make_launch()
        spec = harness.ending(launch, 0)
        handle = harness.backend.handle_for(spec, launch)
        harness.backend.stop(handle, 10)
        assert harness.backend.observe([handle]) == [Observation(Phase.NOT_FOUND)]
        assert harness.restarted().submit(spec, launch) == handle
        assert harness.backend.observe([handle]) == [Observation(Phase.NOT_FOUND)]
        assert harness.starts(launch) == 0

    def test_one_that_ended_stays_as_it_was(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.ending(launch, 7), launch)
        ended = harness.end(handle)
        harness.backend.stop(handle, 0)
        assert harness.backend.observe([handle]) == [ended]

    def test_one_that_just_began_ends(self, harness: Harness) -> None:
        launch = make_launch(count=2)
        handle = harness.backend.submit(harness.running(launch), launch)
        harness.backend.stop(handle, 10)
        harness.end(handle)


class TestServing:
    def test_replicas_come_and_go_and_keep_their_address(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.serving(launch), launch)
        first = harness.see(handle, serves(1))
        assert first.phase is Phase.RUNNING
        harness.backend.resize(handle, 3)
        three = harness.see(handle, serves(3))
        assert [member.index for member in three.members] == [0, 1, 2]
        assert len({member.address for member in three.members}) == 3
        assert three.members[0].address == first.members[0].address
        harness.backend.resize(handle, 1)
        assert harness.see(handle, serves(1)).members == first.members
        harness.backend.resize(handle, 0)
        assert harness.see(handle, serves(0)).phase is Phase.RUNNING

    def test_a_stop_is_the_end_of_a_server(self, harness: Harness) -> None:
        launch = make_launch(count=2)
        handle = harness.backend.submit(harness.serving(launch), launch)
        harness.see(handle, serves(2))
        harness.backend.stop(handle, 10)
        seen = harness.end(handle)
        assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "completed")
        assert not any(member.ready for member in seen.members)

    def test_only_servers_change_their_size(self, harness: Harness) -> None:
        launch = make_launch()
        spec = harness.running(launch)
        harness.backend.resize(harness.backend.handle_for(spec, launch), 2)  # nobody knows it: no effect
        handle = harness.backend.submit(spec, launch)
        with pytest.raises(Unsupported):
            harness.backend.resize(handle, 2)


class TestLogs:
    def test_they_go_on_after_an_offset(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.printing(launch, "one\ntwo\n"), launch)
        until(lambda: harness.backend.logs(handle).data == b"one\ntwo\n")
        part = harness.backend.logs(handle, limit_bytes=4)
        assert (part.data, part.offset) == (b"one\n", 4)
        rest = harness.restarted().logs(handle, part.offset)
        assert (rest.data, rest.offset) == (b"two\n", 8)
        assert (harness.backend.logs(handle, 8).data, harness.backend.logs(handle, 8).offset) == (b"", 8)

    def test_there_are_none_of_what_nobody_knows(self, harness: Harness) -> None:
        launch = make_launch()
        handle = harness.backend.handle_for(harness.running(launch), launch)
        assert harness.backend.logs(handle, 5).offset == 5
        known = harness.backend.submit(harness.running(launch), launch)
        assert harness.backend.logs(known, member=9).data == b""


class TestSweep:
    def test_what_is_disowned_is_stopped_and_removed(self, harness: Harness) -> None:
        kept, orphan, young = make_launch(), make_launch(), make_launch()
        handles = {each.attempt_id: harness.backend.submit(harness.running(each), each) for each in (kept, orphan)}
        for handle in handles.values():
            harness.run(handle)
        removed: list[str] = []

        def gone() -> bool:
            removed.extend(harness.backend.sweep([kept.attempt_id], older_than_seconds=0))
            return bool(removed)

        until(gone)
        assert removed == [orphan.attempt_id]
        assert [seen.phase for seen in harness.backend.observe(list(handles.values()))] == [
            Phase.RUNNING,
            Phase.NOT_FOUND,
        ]
        harness.backend.submit(harness.running(young), young)
        assert harness.backend.sweep([kept.attempt_id], older_than_seconds=60) == []
