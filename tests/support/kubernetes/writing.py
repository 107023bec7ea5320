"""POST, PUT, PATCH and DELETE of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tests.support.kubernetes import answers, bodies, patches
from tests.support.kubernetes.admission import Admission
from tests.support.kubernetes.apply import Managers
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.defaults import fill, job_identity
from tests.support.kubernetes.http import Request, Response, as_json
from tests.support.kubernetes.kinds import JOBS, NAMESPACES, PODS, Kind
from tests.support.kubernetes.reading import head_of
from tests.support.kubernetes.routing import Target
from tests.support.kubernetes.schema import checked
from tests.support.kubernetes.store import Object, copied
from tests.support.kubernetes.validation import validate_change, validate_new

Allowed = Callable[[str], None]
"""Asks RBAC for another verb on the same object: an apply that creates, an update that creates."""

_PATCHES = {
    "application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json",
    "application/apply-patch+yaml",
}  # fmt: skip
_ANSWERED_WHOLE = {"pods", "services", "serviceaccounts", "resourcequotas", "persistentvolumeclaims"}
"""Kinds whose DELETE answers with the object."""
_SPEC_ONLY = ("metadata", "status", "kind", "apiVersion")


class Writer:
    """Changes objects for requests, by the server's rules."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._addresses = 0
        self.admission = Admission(cluster)
        self.managers = Managers()

    def cluster_ip(self) -> str:
        self._addresses += 1
        return f"10.96.{self._addresses // 250}.{self._addresses % 250 + 1}"

    def create(self, request: Request, target: Target) -> Response:
        obj = bodies.posted(request, target)
        warnings = checked(target.kind, obj, request.query.get("fieldValidation", "Warn"))
        return self._created(target, obj, warnings, _dry(request.query.get("dryRun")))

    def _created(self, target: Target, obj: Object, warnings: list[str], dry: bool) -> Response:
        cluster, kind = self._cluster, target.kind
        with cluster.store.lock:
            self.admission.check_namespace(kind, obj, target.namespace)
            obj.pop("kind", None)
            obj.pop("apiVersion", None)
            if (not kind.custom and kind is not NAMESPACES and kind.plural != "nodes") or (
                kind.custom and "status" in kind.subresources
            ):
                obj.pop("status", None)
            obj = cluster.made(kind, obj, target.namespace)
            self.default(kind, obj)
            self.admission.fill(kind, obj)
            name = obj["metadata"].get("name", "")
            if kind is JOBS:
                job_identity(obj)
            if causes := validate_new(kind, obj):
                raise answers.invalid(kind, name, causes)
            warnings += self.admission.check(kind, obj, dry=dry)
            if cluster.store.get(kind, name, target.namespace) is not None:
                raise answers.already_exists(kind, name)
            if dry:
                return self.answer(kind, obj, 201, warnings)
            return self.answer(kind, cluster.store.put(kind, obj), 201, warnings)

    def default(self, kind: Kind, obj: Object) -> None:
        fill(kind, obj, self.cluster_ip)

    def update(self, request: Request, target: Target) -> Response:
        obj = bodies.posted(request, target)
        warnings = checked(target.kind, obj, request.query.get("fieldValidation", "Warn"))
        with self._cluster.store.lock:
            before = self._existing(target)
            return self._stored(target, before, obj, warnings, _dry(request.query.get("dryRun")))

    def patch(self, request: Request, target: Target, allowed: Allowed) -> Response:
        if request.content_type not in _PATCHES:
            raise answers.Refusal(415, "415: Unsupported Media Type", "UnsupportedMediaType", {})
        patch = bodies.patch(request)
        dry = _dry(request.query.get("dryRun"))
        with self._cluster.store.lock:
            if request.content_type == "application/apply-patch+yaml":
                return self._applied(request, target, patch, allowed, dry)
            before = self._existing(target)
            after = self._patched(request, target.kind, before, patch)
            warnings = checked(target.kind, after, request.query.get("fieldValidation", "Warn"))
            response = self._stored(target, before, after, warnings, dry)
            if not dry:
                manager = request.query.get("fieldManager") or request.headers.get("user-agent", "unknown")
                self.managers.took(before, patch if isinstance(patch, dict) else {}, manager.partition("/")[0])
            return response

    def _patched(self, request: Request, kind: Kind, before: Object, patch: Any) -> Object:
        if request.content_type == "application/json-patch+json":
            whole = {"kind": kind.kind, "apiVersion": kind.api_version, **copied(before)}
            return patches.json_patch(whole, patch)
        if request.content_type == "application/strategic-merge-patch+json":
            if kind.custom:
                raise answers.Refusal(
                    415,
                    "the body of the request was in an unknown format - accepted media types include: "
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                    "UnsupportedMediaType",
                )
            merged: Object = patches.strategic(copied(before), patch, service=kind.plural == "services")
            return copied(merged)
        return copied(patches.merge(copied(before), patch))

    def _applied(self, request: Request, target: Target, patch: Any, allowed: Allowed, dry: bool) -> Response:
        manager, kind = request.query.get("fieldManager", ""), target.kind
        if not manager:
            cause = answers.required("fieldManager", "is required for apply patch")
            raise answers.invalid_options("PatchOptions", [cause])
        bodies.check_place(patch, target)
        bodies.check_kind(patch, kind)
        before = self._cluster.store.get(kind, target.name, target.namespace)
        wanted = copied(patch)
        wanted["metadata"]["name"] = target.name
        self.managers.check_schema(kind, wanted, target.namespace)
        if before is None:
            allowed("create")
            if uid := patch["metadata"].get("uid"):
                why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                raise answers.conflict(kind, target.name, why)
            response = self._created(target, wanted, [], dry)
            made = self._cluster.store.get(kind, target.name, target.namespace)
            if made is not None:
                self.managers.applied(made, patch, manager)
            return response
        after = self.managers.merged(before, patch, manager, force=request.query.get("force", "") == "true")
        response = self._stored(target, before, after, [], dry)
        if not dry:
            self.managers.applied(before, patch, manager)
        return response

    def _existing(self, target: Target) -> Object:
        found = self._cluster.store.get(target.kind, target.name, target.namespace)
        if found is None:
            raise answers.not_found(target.kind, target.name)
        return found

    def _stored(self, target: Target, before: Object, after: Object, warnings: list[str], dry: bool) -> Response:
        """Store a change that was asked for, with what may not change put back."""
        kind = target.kind
        given = after.get("metadata", {}).get("resourceVersion", "")
        if given and given != before["metadata"]["resourceVersion"]:
            raise answers.conflict(kind, target.name)
        uid = after["metadata"].get("uid", "")
        if uid and uid != before["metadata"]["uid"]:
            raise answers.uid_mismatch(kind, target.name, uid, before["metadata"]["uid"])
        after = _kept(kind, target.subresource, before, copied(after))
        if target.subresource != "status":
            self.default(kind, after)
        if causes := validate_change(kind, before, after, target.subresource):
            raise answers.invalid(kind, target.name, causes)
        if after == before:
            return self.answer(kind, before, 200, warnings)
        if kind.generation and _without(after) != _without(before):
            after["metadata"]["generation"] = before["metadata"].get("generation", 0) + 1
        return self.answer(kind, after if dry else self._cluster.replace(kind, after), 200, warnings)

    def delete(self, request: Request, target: Target) -> Response:
        options, kind = bodies.options(request), target.kind
        with self._cluster.store.lock:
            before = self._existing(target)
            self._check_preconditions(target, before, options)
            policy, warnings = _policy(kind, options)
            if _dry(options.get("dryRun")):
                return self.answer(kind, before, 200, [])
            grace = options.get("gracePeriodSeconds")
            stays = self._cluster.delete(kind, target.name, target.namespace, grace=grace, policy=policy)
            if kind.plural in _ANSWERED_WHOLE:
                gone = self._cluster.marked_copy(before) if kind is PODS else before
                return self.answer(kind, stays or gone, 200, warnings)
            if stays is not None and (policy != "Background" or kind is NAMESPACES or _waits(stays)):
                return self.answer(kind, stays, 200, warnings)
            group = {"group": kind.group} if kind.group else {}
            details = {"name": target.name, **group, "kind": kind.plural, "uid": before["metadata"]["uid"]}
            body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
            return as_json(200, body, _warned(warnings))

    def delete_collection(self, target: Target, objects: list[Object], request: Request) -> Response:
        options = bodies.options(request)
        policy, warnings = _policy(target.kind, options)
        with self._cluster.store.lock:
            for obj in objects:
                self._cluster.delete(
                    target.kind, obj["metadata"]["name"], target.namespace,
                    grace=options.get("gracePeriodSeconds"), policy=policy,
                )  # fmt: skip
            metadata = {"resourceVersion": str(self._cluster.store.version)}
            body = {"kind": f"{target.kind.kind}List", "apiVersion": target.kind.api_version, "metadata": metadata}
            return as_json(200, {**body, "items": objects}, _warned(warnings))

    def _check_preconditions(self, target: Target, before: Object, options: dict[str, Any]) -> None:
        wanted = options.get("preconditions") or {}
        metadata = before["metadata"]
        if (uid := wanted.get("uid")) and uid != metadata["uid"]:
            raise answers.uid_mismatch(target.kind, target.name, uid, metadata["uid"])
        if (version := wanted.get("resourceVersion")) and version != metadata["resourceVersion"]:
            why = (
                f"Precondition failed: ResourceVersion in precondition: {version}, "
                f"ResourceVersion in object meta: {metadata['resourceVersion']}"
            )
            raise answers.conflict(target.kind, target.name, why)

    def answer(self, kind: Kind, obj: Object, status: int, warnings: list[str]) -> Response:
        return Response(status, head_of(kind) + msgspec.json.encode(obj)[1:], headers=_warned(warnings))


def _policy(kind: Kind, options: dict[str, Any]) -> tuple[str, list[str]]:
    policy = options.get("propagationPolicy")
    if policy is None and options.get("orphanDependents") is not None:
        policy = "Orphan" if str(options["orphanDependents"]).lower() == "true" else "Background"
    if policy is None and kind is JOBS:
        return "Orphan", [
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove "
            "them or set propagationPolicy=Orphan to suppress this warning"
        ]
    return policy or "Background", []


def _waits(obj: Object) -> bool:
    return bool(obj["metadata"].get("finalizers"))


def _warned(warnings: list[str]) -> list[tuple[str, str]]:
    return [("Warning", '299 - "{}"'.format(each.replace("\\", "\\\\").replace('"', '\\"'))) for each in warnings]


def _dry(value: Any) -> bool:
    return bool(value) and "All" in value


def _without(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in _SPEC_ONLY}


_FIXED = (
    "name", "generateName", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "generation", "resourceVersion",
)  # fmt: skip


def _kept(kind: Kind, subresource: str, before: Object, after: Object) -> Object:
    """What a request cannot change: identity, and the status (or all but the status)."""
    after.pop("kind", None)
    after.pop("apiVersion", None)
    metadata = after.setdefault("metadata", {})
    if subresource == "status":
        after = {**copied(before), "status": after.get("status", {})}
        return after
    for name in _FIXED:
        metadata.pop(name, None)
        if name in before["metadata"]:
            metadata[name] = before["metadata"][name]
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]
    if (not kind.custom and kind.plural != "nodes") or (kind.custom and "status" in kind.subresources):
        after.pop("status", None)
        if "status" in before:
            after["status"] = copied(before["status"])
    return after
