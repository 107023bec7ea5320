"""GET of one object and of lists: pages, versions, selectors."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from tests.support.kubernetes import answers
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.http import Response
from tests.support.kubernetes.kinds import Kind
from tests.support.kubernetes.routing import Target
from tests.support.kubernetes.selectors import Matches, field_selector, label_selector
from tests.support.kubernetes.store import Change, Name

FUTURE_SECONDS = 3.0
"""How long a read waits for a version that is not there yet."""


def head_of(kind: Kind) -> bytes:
    """The beginning of an object's JSON, before its metadata."""
    return b'{"kind":%b,"apiVersion":%b,' % (msgspec.json.encode(kind.kind), msgspec.json.encode(kind.api_version))


def whole(kind: Kind, change: Change) -> bytes:
    return head_of(kind) + change.encoded()[1:]


def version_of(text: str) -> int:
    if not text.isdigit():
        raise answers.bad_request(f"invalid resource version: {bad_version(text)}")
    return int(text)


def bad_version(text: str) -> str:
    return f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'


def wait_for_version(cluster: Cluster, version: int) -> None:
    """Wait, of real time, for a version that another server may already have given."""
    with cluster.store.changed:
        if not cluster.store.changed.wait_for(lambda: cluster.store.version >= version, FUTURE_SECONDS):
            raise answers.too_large_version(version, cluster.store.version)


def chosen(kind: Kind, query: Mapping[str, str]) -> list[Matches]:
    """The tests of the selectors of a query."""
    found: list[Matches] = []
    if text := query.get("labelSelector", ""):
        found.append(label_selector(text))
    if text := query.get("fieldSelector", ""):
        found.append(field_selector(kind, text))
    return found


def get(cluster: Cluster, target: Target, query: Mapping[str, str]) -> Response:
    if text := query.get("resourceVersion", ""):
        wait_for_version(cluster, version_of(text))
    with cluster.store.lock:
        found = cluster.store.shelf(target.kind).objects.get((target.namespace, target.name))
        if found is None:
            raise answers.not_found(target.kind, target.name)
        return Response(200, whole(target.kind, found))


def listed(cluster: Cluster, target: Target, query: Mapping[str, str]) -> Response:
    """One page, or all."""
    kind = target.kind
    matches = chosen(kind, query)
    check_version_match(query)
    limit, start, at = int(query.get("limit", "0") or 0), "", 0
    inconsistent = False
    if token := query.get("continue", ""):
        at, start = _continued(token)
        inconsistent = at < 0
    elif text := query.get("resourceVersion", ""):
        at = version_of(text)
        wait_for_version(cluster, at)
        if query.get("resourceVersionMatch") != "Exact":
            limit = limit if at else 0
            at = 0
    with cluster.store.lock:
        return _page(cluster, target, matches, limit, start, 0 if inconsistent else at)


def check_version_match(query: Mapping[str, str]) -> None:
    if query.get("resourceVersionMatch") and not query.get("resourceVersion") and not query.get("sendInitialEvents"):
        why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise answers.invalid_options("ListOptions", [answers.forbidden_value("resourceVersionMatch", why)])


def _page(cluster: Cluster, target: Target, matches: list[Matches], limit: int, start: str, at: int) -> Response:
    store, kind = cluster.store, target.kind
    shelf = store.shelf(kind)
    objects: Mapping[Name, Change] = shelf.objects
    if at and at != store.version:
        old = store.at(kind, at)
        if old is None:
            raise _expired_continue(start) if start else answers.too_old()
        objects, names = old, sorted(name for name in old if not target.namespace or name[0] == target.namespace)
    else:
        names = shelf.names(target.namespace)
    if start:
        after = tuple(start.split("/", 1)) if not target.namespace else (target.namespace, start)
        names = [name for name in names if name > after]
    metadata: dict[str, Any] = {"resourceVersion": str(at or store.version)}
    page: list[bytes] = []
    for position, name in enumerate(names):
        change = objects[name]
        if limit and len(page) >= limit:
            last = names[position - 1]
            metadata["continue"] = _token(at or store.version, last, target.namespace)
            if not matches:
                metadata["remainingItemCount"] = len(names) - position
            break
        if all(test(change.obj) for test in matches):
            page.append(change.encoded())
    head = head_of(kind)[:-1].replace(kind.kind.encode(), kind.kind.encode() + b"List", 1)
    return Response(
        200, head + b',"metadata":' + msgspec.json.encode(metadata) + b',"items":[' + b",".join(page) + b"]}"
    )


def _token(version: int, last: Name, namespace: str) -> str:
    start = last[1] if namespace else f"{last[0]}/{last[1]}"
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _continued(token: str) -> tuple[int, str]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(found["rv"]), str(found["start"]).strip("\0")
    except ValueError:
        raise answers.bad_request("invalid continue token: continue key is not valid") from None


def _expired_continue(start: str) -> answers.Refusal:
    refusal = answers.too_old()
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": -1, "start": start + "\0"}, separators=(",", ":"))
    refusal.metadata = {"continue": base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")}
    refusal.message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
        "the results. Continuing with the provided token results in an inconsistent list - objects that were "
        "created, modified, or deleted between the time the first chunk was returned and now may show up in the "
        "list."
    )
    return refusal
