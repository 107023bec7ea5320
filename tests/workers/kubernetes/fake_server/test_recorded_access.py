"""Who may do what, in the words of the recording; also with the small Role that was enough for all its scenarios."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.kubernetes import recordings
from tests.support.kubernetes.answers import Refusal
from tests.support.kubernetes.kinds import ROLES
from tests.support.kubernetes.rbac import User
from tests.support.kubernetes.replaying import Answer, Replay, plain, use_recorded_plans
from tests.support.kubernetes.routing import Asked
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object

ONE_JOB = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"], "resourceNames": ["train"]}
LATER = {35: ["patch"], 36: ["create"], 37: ["patch", "create"], 38: ["get", "list"]}
"""From which request on the account's verbs on jobs were others, changed outside the recording."""
APART = {32: "the version of the compiler", 44: "paths that are no resources", 45: "the id of a credential"}


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[int, Answer]]:
    with KubernetesServer() as server:
        use_recorded_plans(server)
        server.namespace("rbac")
        replay = Replay(server, "rbac", "rbac", skip=frozenset({9, 40}))
        now = 0.0
        for line in recordings.lines("rbac"):
            if line["kind"] == "request" and line["id"] in LATER:
                replay.run(now, line["t"])
                allow(server, LATER[line["id"]])
                now = line["t"]
        replay.run(now, 6.0)
        yield {answer.id: answer for answer in replay.answers}
        replay.close()


def allow(server: KubernetesServer, verbs: list[str]) -> None:
    def change(role: Object) -> None:
        role["rules"] = [{"verbs": verbs, "apiGroups": ["batch"], "resources": ["jobs"]}]

    server.cluster.change(ROLES, "minimal", "rbac", change)


def test_every_answer_is_the_recorded_one(answers: dict[int, Answer]) -> None:
    wrong: list[tuple[Any, ...]] = []
    for answer in answers.values():
        same = answer.id in APART or plain(answer.recorded) == plain(answer.body)
        if answer.status != answer.recorded_status or not same:
            wrong.append((answer.id, answer.request["path"], plain(answer.recorded), plain(answer.body)))
    assert wrong == []
    assert len(answers) >= 38


def test_each_verb_left_out_of_the_small_role_is_refused_in_the_same_words() -> None:
    left_out = [line for line in recordings.lines("rbac") if line["kind"] == "rbac_without"]
    assert len(left_out) == 24
    user = User("system:serviceaccount:rbac:runner")
    with KubernetesServer() as server:
        for line in left_out:
            rules = [
                {"apiGroups": [each["group"]], "resources": [each["resource"]], "verbs": [each["verb"]]}
                for each in left_out
                if each != line
            ]
            server.allow("runner", rules, "rbac", "rbac")
            found = [refusal(server, user, each) for each in left_out]
            assert [each for each in found if each] == [line["message"]]


def refusal(server: KubernetesServer, user: User, line: Object) -> str:
    """What the server says of a verb; empty: nothing."""
    name = re.search(r' "([^"]+)" is forbidden', line["message"])
    plural, _, subresource = line["resource"].partition("/")
    wanted = Asked(line["group"], "v1", plural, "rbac", name[1] if name else "", subresource, line["verb"])
    try:
        server.api.access.check(user, wanted)
    except Refusal as error:
        return error.message
    return ""
