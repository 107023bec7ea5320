"""Sends the requests of a recording to the fake server, and puts both answers into words that can be compared."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from tests.support.kubernetes import recordings
from tests.support.kubernetes.kinds import PODS, Kind
from tests.support.kubernetes.recorded_plans import plan_of
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object

Step = tuple[str, Object]
"""Type of a watch event, and its object."""
STREAMS = ("watch", "follow")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@dataclass
class Answer:
    """Of the recording and of the fake, to one request."""

    id: int
    request: Object
    recorded_status: int
    status: int
    recorded: Any
    body: Any
    recorded_headers: dict[str, Any]
    warnings: list[str]


@dataclass
class Replay:
    """One scenario, request by request."""

    server: KubernetesServer
    scenario: str
    namespace: str
    skip: frozenset[int] = frozenset()
    """Requests that are not sent."""
    answers: list[Answer] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Name, uid or version in the recording → in the fake."""
    token: str = ""
    notes: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What a note of the recording begins with → what is done at that time."""

    def __post_init__(self) -> None:
        self._asked: dict[int, Object] = {}
        context = ssl.create_default_context(cadata=self.server.ca_pem)
        host = self.server.url.removeprefix("https://")
        self._connection = http.client.HTTPSConnection(host, context=context, timeout=30)
        self._seen_pods: dict[str, list[str]] = {}

    def _align(self) -> None:
        """Set the cluster's clock to that of the recording: back-offs count from whole seconds."""
        self.server.clock.freeze()
        for line in recordings.lines(self.scenario):
            if line["kind"] == "watch" and line["object"].get("eventTime"):
                first = recordings.lines(self.scenario)[0]["t"]
                now = micro_seconds(line["object"]["eventTime"]) - (line["t"] - first)
                self.server.clock.advance(now - self.server.clock.now())
                return

    def run(self, first: float = 0.0, last: float = 10**9) -> Replay:
        """From one time of the recording to another; the cluster's clock goes with it."""
        self._align()
        now = max(first, recordings.lines(self.scenario)[0]["t"])
        responses = {line["id"]: line for line in recordings.lines(self.scenario) if line["kind"] == "response"}
        for line in recordings.lines(self.scenario):
            if not first <= line["t"] < last:
                continue
            if line["kind"] == "note":
                now = self._noted(line, now)
            elif line["kind"] == "watch":
                self._learn(line["resource"], line["object"])
            elif line["kind"] == "request" and line["id"] not in self.skip:
                self.server.advance(max(0.0, line["t"] - now))
                now = max(now, line["t"])
                if not _streams(line):
                    self._send(line, responses.get(line["id"]))
        self.server.advance(max(0.0, min(last, recordings.lines(self.scenario)[-1]["t"]) - now))
        return self

    def _noted(self, line: Object, now: float) -> float:
        for text, done in self.notes.items():
            if line["text"].startswith(text):
                self.server.advance(max(0.0, line["t"] - now))
                done()
                self.server.settle()
                return max(now, float(line["t"]))
        return now

    def _learn(self, resource: str, recorded: Object) -> None:
        """Names that the cluster made: the n-th pod of a name's beginning is the n-th in the fake."""
        metadata = recorded.get("metadata", {})
        prefix, name = metadata.get("generateName", ""), metadata.get("name", "")
        if resource != "pods" or not prefix:
            return
        known = self._seen_pods.setdefault(prefix, [])
        if name not in known:
            known.append(name)

    def _named(self, text: str) -> str:
        for recorded in set(_UID.findall(text)) & set(self.names):
            text = text.replace(recorded, self.names[recorded])
        for prefix, known in self._seen_pods.items():
            ours = self._made(prefix)
            for position, name in enumerate(known):
                if name in text and position < len(ours):
                    text = text.replace(name, ours[position])
        return text

    def _made(self, prefix: str) -> list[str]:
        found: list[str] = []
        for change in self.server.store.shelf(PODS).history:
            metadata = change.obj["metadata"]
            if change.type == "ADDED" and metadata.get("generateName") == prefix and change.name[1] not in found:
                found.append(change.name[1])
        return found

    def _send(self, line: Object, response: Object | None) -> None:
        query = {name: self.names.get(value, value) for name, value in line["query"].items()}
        path = quote(self._named(line["path"])) + (f"?{urlencode(query)}" if query else "")
        body = line["body"]
        if isinstance(body, dict | list):
            text = self._named(json.dumps(body))
            body = self._versions(text)
        headers = {"Authorization": f"Bearer {self._token(line)}"}
        if line.get("content_type"):
            headers["Content-Type"] = line["content_type"]
        self._connection.request(line["method"], path, body=body, headers=headers)
        got = self._connection.getresponse()
        raw = got.read()
        self.server.settle()
        text_type = not (got.getheader("Content-Type") or "").startswith("application/json")
        answer: Any = raw.decode("utf-8", "replace") if text_type else json.loads(raw)
        if response is None:
            return
        warnings = got.headers.get_all("Warning") or []
        recorded = response["body"]
        self.answers.append(
            Answer(
                line["id"],
                line,
                response["status"],
                got.status,
                recorded,
                answer,
                response.get("headers", {}),
                warnings,
            )
        )
        if isinstance(recorded, dict) and isinstance(answer, dict):
            self._learn_body(recorded, answer)

    def _token(self, line: Object) -> str:
        if "401" in (line.get("note") or ""):
            return "nonsense"
        return self.token if line.get("as") == "serviceaccount" else self.server.admin_token

    def _versions(self, text: str) -> str:
        return re.sub(
            r'("resourceVersion": ")(\d+)"', lambda found: f'{found[1]}{self.names.get(found[2], found[2])}"', text
        )

    def _learn_body(self, recorded: Object, answer: Object) -> None:
        theirs, ours = recorded.get("metadata") or {}, answer.get("metadata") or {}
        for name in ("uid", "resourceVersion", "name", "continue"):
            if theirs.get(name) and ours.get(name):
                self.names[theirs[name]] = ours[name]
        token = (recorded.get("status") or {}).get("token") if isinstance(recorded.get("status"), dict) else None
        if token:
            self.names[token] = answer["status"]["token"]
            self.token = answer["status"]["token"]

    def changes(self, kind: Kind) -> dict[str, list[Step]]:
        """Name → what watchers of the namespace saw of an object."""
        found: dict[str, list[Step]] = {}
        for each in self.server.store.shelf(kind).history:
            if each.name[0] == self.namespace:
                found.setdefault(each.name[1], []).append((each.type, each.obj))
        return found

    def close(self) -> None:
        self._connection.close()


def micro_seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def _streams(line: Object) -> bool:
    return line["method"] == "GET" and any(line["query"].get(name) == "true" for name in STREAMS)


def use_recorded_plans(server: KubernetesServer) -> None:
    """Containers do what the programs of the recordings did."""
    server.scripted.plan_of = lambda pod, container: plan_of(  # type: ignore[method-assign]
        pod, container.spec, container.restarts
    )


def plain(value: Any) -> Any:
    """Without what differs from run to run: times, uids, versions, generated names, tokens, addresses."""
    if isinstance(value, dict):
        left_out = _VOLATILE | ({"resources", "allocatedResources"} if "qosClass" in value else set())
        return {key: plain(each) for key, each in value.items() if key not in left_out}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str):
        text = _STAMP.sub("<time>", _UID.sub("<uid>", value))
        text = re.sub(r"(containerd://|sha256:)[0-9a-f]{64}", r"\1<digest>", text)
        text = re.sub(r"(web-)[bcdfghjklmnpqrstvwxz2456789]{8,10}\b", r"\1<hash>", text)
        text = re.sub(r"\b10\.(244|250|96)\.\d+\.\d+", "<address>", text)
        return re.sub(r"-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-<5>", text)
    return value


_VOLATILE = {
    "resourceVersion", "creationTimestamp", "deletionTimestamp", "uid", "continue", "lastTransitionTime",
    "lastProbeTime", "lastUpdateTime", "startTime", "completionTime", "token", "expirationTimestamp", "clusterIP",
    "clusterIPs", "controller-uid", "batch.kubernetes.io/controller-uid", "managedFields", "timeAdded", "podIP",
    "podIPs", "hostIP", "hostIPs", "containerID", "imageID", "finishedAt", "startedAt", "user",
    "allocatedResourcesStatus",
}  # fmt: skip
