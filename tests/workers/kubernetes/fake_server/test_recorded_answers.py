"""Requests are answered as a real server answered them: status, warnings, and the whole body."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.kubernetes import recordings
from tests.support.kubernetes.replaying import Answer, plain
from tests.workers.kubernetes.fake_server.scenes import SCENES, played

OTHER_STATUS = {
    "job_delete_running": {34: "a real garbage collector has not run yet 5 ms after the DELETE"},
    "logs": {13: "asked while the init container was about to start"},
    recordings.SERVING: {18: "the proxy of Services is not there"},
}
"""Requests whose status is another, and why."""

GO = "the words repeat a structure of the server's own language"
LAG = "asked before controllers or kubelet of the real cluster had done what those of the fake do at once"
RUN = "the output of a program that was really run"
OTHER_BODY = {
    "create_conflict": {41: GO, 47: GO, 53: LAG, 54: LAG, 57: LAG, 60: LAG},
    "job_image_pull": {8: LAG},
    "job_indexed_gang": {9: "deprecated Endpoints are not kept", 16: RUN, 17: RUN},
    "job_pod_security_refused": {13: RUN},
    "job_unschedulable": {17: RUN},
    "job_delete_running": {11: LAG, 16: LAG, 17: LAG, 23: LAG, 28: LAG, 29: LAG},
    "job_pod_deleted": {9: LAG, 13: LAG},
    "job_suspend_resume": {11: GO, 14: GO},
    "pod_evicted": {17: LAG},
    "logs": {18: LAG, 21: RUN, 22: RUN, 23: RUN, 24: RUN, 29: RUN, 36: RUN, 37: RUN, 44: LAG},
    "secrets_and_files": {10: RUN, 11: RUN, 12: RUN, 15: "its token is no token here", 16: "as above", 19: RUN},
    "node_lost": {13: "the simulated kubelet said less", 17: "another address", 18: "the simulated kubelet said less",
        20: "the simulated kubelet said less"},
    recordings.SERVING: {
        9: "deprecated Endpoints are not kept", 21: "written at other moments",
        **dict.fromkeys((25, 26, 27, 28), "how many pods are still terminating"),
    },
}  # fmt: skip
"""Requests of which only the status, or the status and the reason, are compared, and why."""
NO_WARNING = {("job_indexed_gang", 9), (recordings.SERVING, 9)}

WANTED = [scenario for scenario in SCENES if scenario != "pod_preempted"]


def differences(answer: Answer, scenario: str) -> list[str]:
    found = []
    if answer.status != answer.recorded_status and answer.id not in OTHER_STATUS.get(scenario, {}):
        found.append(f"{answer.id}: status {answer.status}, recorded {answer.recorded_status}: {answer.body}")
    recorded = answer.recorded_headers.get("warning") or []
    warnings = recorded if isinstance(recorded, list) else [recorded]
    if warnings != answer.warnings and (scenario, answer.id) not in NO_WARNING:
        found.append(f"{answer.id}: warnings {answer.warnings}, recorded {warnings}")
    return found


def reason(body: Any) -> Any:
    return body.get("reason") if isinstance(body, dict) else None


@pytest.mark.parametrize("scenario", [*WANTED, "pod_preempted"])
def test_status_and_warnings(scenario: str) -> None:
    answers = played(scenario).answers.values()
    assert [each for answer in answers for each in differences(answer, scenario)] == []
    assert len(answers) >= 8


@pytest.mark.parametrize("scenario", WANTED)
def test_bodies(scenario: str) -> None:
    wrong = []
    for answer in played(scenario).answers.values():
        if answer.id in OTHER_STATUS.get(scenario, {}):
            continue
        if answer.id in OTHER_BODY.get(scenario, {}):
            same = reason(answer.recorded) == reason(answer.body)
        else:
            same = plain(answer.recorded) == plain(answer.body)
        if not same:
            wrong.append((answer.id, plain(answer.recorded), plain(answer.body)))
    assert wrong == []


@pytest.mark.parametrize("scenario", ["create_conflict", "job_suspend_resume"])
def test_the_field_that_may_not_change_is_named(scenario: str) -> None:
    for id_, why in OTHER_BODY[scenario].items():
        if why == GO:
            answer = played(scenario).answers[id_]
            fields = [
                [cause["field"] for cause in body["details"]["causes"]] for body in (answer.recorded, answer.body)
            ]
            assert fields[0] == fields[1]
