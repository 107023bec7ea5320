"""GET of a pod's log: its options, what it refuses, and following."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from tests.support.kubernetes import answers, pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.containers import Container, Log
from tests.support.kubernetes.faults import WatchFault
from tests.support.kubernetes.http import Response
from tests.support.kubernetes.kinds import PODS, Kind
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.routing import Target
from tests.support.kubernetes.store import Object

TEXT = "text/plain"
_OPTIONS = Kind("", "v1", "podlogoptions", "PodLogOptions")
_YES = {"true", "1"}


class Logs:
    """Answers for pods/log; keeps the logs of containers of pods that are still objects."""

    def __init__(self, cluster: Cluster, kubelet: Kubelet) -> None:
        self._cluster, self._kubelet = cluster, kubelet
        self.zone: tzinfo = UTC
        """That of the nodes, in which they write the times of lines."""

    def get(self, target: Target, query: Mapping[str, str], fault: WatchFault) -> Response:
        if causes := list(_wrong(query)):
            raise answers.invalid(_OPTIONS, target.name, causes)
        with self._cluster.store.lock:
            pod = self._cluster.store.get(PODS, target.name, target.namespace)
            if pod is None:
                raise answers.not_found(PODS, target.name)
            name = _container_name(pod, query.get("container", ""))
            run = self._kubelet.runs.get(pod["metadata"]["uid"])
            if not pod["spec"].get("nodeName"):
                return Response(204, b"", TEXT)
            if "sinceTime" in query:
                _parsed(query["sinceTime"])
            if self._kubelet.lost(pod):
                raise _unreachable(pod, name)
            container = run.find(name) if run is not None else None
            log = self._log(pod, container, name, previous=query.get("previous", "") in _YES)
        if isinstance(log, Response):
            return log
        if query.get("follow", "") in _YES:
            return Response(200, b"", TEXT, stream=self._follow(log, query, fault))
        with self._cluster.store.lock:
            shown = _shown(log.lines, query, self._cluster.clock.micro(), self.zone)
            return Response(200, b"".join(shown), TEXT)

    def _log(self, pod: Object, container: Container | None, name: str, *, previous: bool) -> Log | Response:
        if container is None:
            raise _waiting(pod, name, "ContainerCreating")
        if previous:
            if container.previous is None or not container.restarts:
                raise answers.bad_request(
                    f'previous terminated container "{name}" in pod "{pod["metadata"]["name"]}" not found'
                )
            if pods.terminal(pod):
                return _unable(container.last["terminated"]["containerID"])
            return container.previous
        if run_over(pod, "Evicted"):
            return _unable(container.id)
        if container.log is None:
            waiting = container.state.get("waiting", {})
            reason = waiting.get("reason", "ContainerCreating")
            raise _waiting(pod, name, reason, waiting.get("message", ""))
        return container.log

    def _follow(self, log: Log, query: Mapping[str, str], fault: WatchFault) -> Iterator[bytes]:
        store = self._cluster.store
        limit = int(query["limitBytes"]) if "limitBytes" in query else None
        with store.lock:
            at, partial = len(log.lines), len(log.lines[-1][2]) if log.lines else 0
            first = b"".join(_shown(log.lines, query, self._cluster.clock.micro()))
        yield first
        sent = len(first)
        while limit is None or sent < limit:
            with store.changed:
                while not (log.ended or fault.closed or _grown(log, at, partial)):
                    store.changed.wait(1)
                new = _since(log, at, partial)
                at, partial = len(log.lines), len(log.lines[-1][2]) if log.lines else 0
                over = (log.ended or fault.closed) and not new
            if fault.closed or over:
                return
            part = b"".join(_stamped(line, query) for line in new)
            sent += len(part)
            yield part if limit is None else part[: limit - (sent - len(part))]


def _grown(log: Log, at: int, partial: int) -> bool:
    return len(log.lines) > at or (at > 0 and len(log.lines[at - 1][2]) > partial)


def _since(log: Log, at: int, partial: int) -> list[tuple[str, str, bytes]]:
    new = log.lines[at:]
    if at and len(log.lines[at - 1][2]) > partial:
        stamp, stream, text = log.lines[at - 1]
        new = [(stamp, stream, text[partial:]), *new]
    return new


def _stamped(line: tuple[str, str, bytes], query: Mapping[str, str], zone: tzinfo = UTC) -> bytes:
    if query.get("stream", "All").lower() not in {"all", line[1]}:
        return b""
    stamp = line[0]
    if zone is not UTC:
        at = _parsed(f"{stamp[:19]}Z").astimezone(zone).isoformat()
        stamp = f"{at[:19]}{stamp[19:-1]}{at[19:]}"
    return (stamp.encode() + b" " if query.get("timestamps", "") in _YES else b"") + line[2]


def _shown(lines: list[tuple[str, str, bytes]], query: Mapping[str, str], now: str, zone: tzinfo = UTC) -> list[bytes]:
    since = query.get("sinceTime", "")
    if since:
        second = _parsed(since).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        lines = [line for line in lines if line[0][:19] >= second]
    if "sinceSeconds" in query:
        oldest = _parsed(now).timestamp() - int(query["sinceSeconds"])
        lines = [line for line in lines if _parsed(line[0][:26] + "Z").timestamp() >= oldest]
    if "tailLines" in query:
        count = int(query["tailLines"])
        lines = lines[-count:] if count else []
    parts = [_stamped(line, query, zone) for line in lines]
    if "limitBytes" in query:
        return [b"".join(parts)[: int(query["limitBytes"])]]
    return parts


def _container_name(pod: Object, wanted: str) -> str:
    spec, name = pod["spec"], pod["metadata"]["name"]
    mains, inits = ([each["name"] for each in spec.get(part) or ()] for part in ("containers", "initContainers"))
    if wanted:
        if wanted not in [*mains, *inits]:
            raise answers.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(mains) > 1:
        choices = " ".join([*inits, *mains])
        raise answers.bad_request(f"a container name must be specified for pod {name}, choose one of: [{choices}]")
    return str(mains[0])


def _waiting(pod: Object, name: str, reason: str, message: str = "") -> answers.Refusal:
    why = {
        "ContainerCreating": "ContainerCreating", "PodInitializing": "PodInitializing",
        "ImagePullBackOff": "trying and failing to pull image", "ErrImagePull": "image can't be pulled",
    }.get(reason, reason)  # fmt: skip
    return answers.bad_request(f'container "{name}" in pod "{pod["metadata"]["name"]}" is waiting to start: {why}')


def run_over(pod: Object, reason: str) -> bool:
    return bool(pod["status"].get("reason") == reason)


def _unable(identity: str) -> Response:
    """The container and its log are no longer on the node."""
    return Response(200, f"unable to retrieve container logs for {identity}".encode(), TEXT)


def _parsed(stamp: str) -> datetime:
    try:
        return datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        raise answers.bad_request(
            f'parsing time "{stamp}" as "2006-01-02T15:04:05Z07:00": cannot parse "{stamp}" as "2006"'
        ) from None


def _unreachable(pod: Object, name: str) -> answers.Refusal:
    metadata = pod["metadata"]
    path = f"containerLogs/{metadata['namespace']}/{metadata['name']}/{name}"
    message = f'Get "https://10.250.0.2:10250/{path}": dial tcp 10.250.0.2:10250: connect: connection refused'
    return answers.Refusal(500, message)


def _wrong(query: Mapping[str, str]) -> Iterator[answers.Cause]:
    for name, least in (("tailLines", 0), ("limitBytes", 1), ("sinceSeconds", 1)):
        if name in query and int(query[name]) < least:
            why = f"must be greater than {'or equal to ' if least == 0 else ''}0"
            yield answers.invalid_value(name, query[name], why)
    if "sinceTime" in query and "sinceSeconds" in query:
        yield answers.forbidden_value("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified")
    if "stream" in query and query["stream"] != "All":
        yield answers.forbidden_value("stream", "may not be specified")
