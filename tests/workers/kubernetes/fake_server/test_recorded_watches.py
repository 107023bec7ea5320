"""Lists and watches: pages, versions, selectors, bookmarks and the ends of streams, as recorded."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.kubernetes import reading, recordings, watch
from tests.support.kubernetes.replaying import Answer, Replay, plain, use_recorded_plans
from tests.support.kubernetes.server import KubernetesServer

JOBS_PATH = "/apis/batch/v1/namespaces/watch-semantics/jobs"


@pytest.fixture(scope="module")
def server() -> Iterator[KubernetesServer]:
    with KubernetesServer() as running:
        use_recorded_plans(running)
        running.namespace("watch-semantics")
        yield running


@pytest.fixture(scope="module")
def answers(server: KubernetesServer) -> dict[int, Answer]:
    waited, reading.FUTURE_SECONDS = reading.FUTURE_SECONDS, 0.05
    replay = Replay(server, "watch_semantics", "watch-semantics")
    replay.run(0, 476)
    server.store.compact()
    replay.run(476)
    replay.close()
    reading.FUTURE_SECONDS = waited
    return {answer.id: answer for answer in replay.answers}


def shown(body: Any) -> Any:
    """A list by the names of its items: the recording left the rest of them out."""
    if isinstance(body, dict) and "items" in body:
        names = [item["metadata"]["name"].partition(".")[0] for item in body["items"]]
        metadata = {**plain(body["metadata"]), "continues": "continue" in body["metadata"]}
        return {"kind": body["kind"], "metadata": metadata, "items": names}
    found = plain(body)
    if isinstance(found, dict) and "message" in found:
        found["message"] = found["message"].partition(", current:")[0].partition(": invalid character")[0]
    if isinstance(found, dict):
        found.pop("status", None) if found.get("kind") == "Job" else None
    return found


def test_every_answer_is_the_recorded_one(answers: dict[int, Answer]) -> None:
    wrong = [
        (answer.id, shown(answer.recorded), shown(answer.body))
        for answer in answers.values()
        if answer.status != answer.recorded_status or shown(answer.recorded) != shown(answer.body)
    ]
    assert wrong == []
    assert len(answers) == 37


class Stream:
    """One watch, read to its end."""

    def __init__(self, server: KubernetesServer, path: str = JOBS_PATH, **query: str) -> None:
        context = ssl.create_default_context(cadata=server.ca_pem)
        host = server.url.removeprefix("https://")
        self._connection = http.client.HTTPSConnection(host, context=context, timeout=20)
        headers = {"Authorization": f"Bearer {server.admin_token}"}
        self._connection.request("GET", f"{path}?{urlencode({'watch': 'true', **query})}", headers=headers)
        self.response = self._connection.getresponse()

    def events(self) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.response.read().splitlines()]
        self._connection.close()
        return found


def recorded_events(id_: int) -> list[tuple[str, str]]:
    """Type and name of what a watch of the recording said; bookmarks are left out."""
    found = [line for line in recordings.lines("watch_semantics") if line["kind"] == "watch" and line["id"] == id_]
    return [(line["type"], line["object"]["metadata"].get("name", "")) for line in found if line["type"] != "BOOKMARK"]


def seen(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (event["type"], event["object"]["metadata"].get("name", "")) for event in events if event["type"] != "BOOKMARK"
    ]


@pytest.mark.usefixtures("answers")
class TestWatches:
    @pytest.mark.parametrize(
        "id_, query",
        [
            (29, {}),
            (30, {"resourceVersion": "0", "labelSelector": "example.com/n=1"}),
            (34, {"resourceVersion": "1"}),
            (48, {"resourceVersion": "900"}),
        ],
    )
    def test_what_is_there_comes_first(self, server: KubernetesServer, id_: int, query: dict[str, str]) -> None:
        stream = Stream(server, timeoutSeconds="1", **query)
        events = stream.events()
        assert stream.response.status == 200
        assert stream.response.getheader("Transfer-Encoding") == "chunked"
        assert seen(events) == recorded_events(id_)

    def test_an_old_version_is_told_by_an_error_event(self, server: KubernetesServer) -> None:
        [event] = Stream(server, resourceVersion="1", timeoutSeconds="1").events()
        assert event["object"]["code"] == 410
        assert event["object"]["reason"] == "Expired"
        assert event["object"]["message"].startswith("too old resource version: 1 (")

    def test_a_list_can_be_streamed(self, server: KubernetesServer) -> None:
        query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
        events = Stream(server, timeoutSeconds="1", labelSelector="example.com/n in (1,2)", **query).events()
        assert [event["type"] for event in events[:3]] == ["ADDED", "ADDED", "BOOKMARK"]
        end = events[2]["object"]["metadata"]
        assert end["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(end["resourceVersion"]) == server.store.version

    def test_a_version_of_the_future_is_an_open_and_silent_stream(self, server: KubernetesServer) -> None:
        assert Stream(server, resourceVersion="10005243", timeoutSeconds="1").events() == []

    def test_nonsense_is_refused(self, server: KubernetesServer) -> None:
        stream = Stream(server, resourceVersion="abc", timeoutSeconds="1")
        [body] = stream.events()
        assert stream.response.status == 500
        recorded = next(
            line["body"]
            for line in recordings.lines("watch_semantics")
            if line["kind"] == "response" and line["id"] == 36
        )
        assert body == recorded

    def test_bookmarks_come_before_the_end(self, server: KubernetesServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "BOOKMARK_BEFORE_END", 0.8)
        query = {"allowWatchBookmarks": "true", "labelSelector": "example.com/n=none"}
        version = str(server.store.version)
        [bookmark] = Stream(server, timeoutSeconds="1", resourceVersion=version, **query).events()
        assert bookmark["type"] == "BOOKMARK"
        assert bookmark["object"]["metadata"] == {"resourceVersion": version}


def test_a_selector_turns_changes_into_arrivals_and_departures(server: KubernetesServer, answers: Any) -> None:
    """The changes 21 to 27 of the recording, watched from before them with and without a selector."""
    with KubernetesServer() as fresh:
        fresh.namespace("watch-semantics")
        replay = Replay(fresh, "watch_semantics", "watch-semantics", skip=frozenset({19}))
        replay.run(0, 3.2)
        start = str(fresh.store.version)
        fresh.loop.hold("Jobs.reconcile")  # a real controller was not so quick as to write between them
        replay.run(4.2, 7)
        replay.close()
        picked = Stream(fresh, resourceVersion=start, labelSelector="example.com/pick=yes", timeoutSeconds="1").events()
        assert seen(picked) == recorded_events(20)[1:]
        everything = Stream(fresh, resourceVersion=start, timeoutSeconds="1").events()
        assert seen(everything) == recorded_events(28)[1:]
