"""Starting a job: the main object first, then what belongs to it, in a namespace that is fenced."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from workers.backends.base import BackendUnavailable, LaunchRefused
from workers.backends.kubernetes import names, tenancy
from workers.backends.kubernetes.manifests import Manifests, manifests_of, owned_by
from workers.backends.kubernetes.operators import crds, kueue_mirror
from workers.backends.kubernetes.operators.crds import resource_of
from workers.backends.kubernetes.place import Place, Where
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import JOBS, NAMESPACES, PRIORITY_CLASSES, Resource
from workers.backends.kubernetes.seen_events import of_quota
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import Spec

log = logging.getLogger(__name__)

FENCED_SECONDS: Final = 300.0
"""After so long the fences of a namespace are made again before a job starts there: somebody may have taken one."""


def submit(place: Place, where: Where, spec: Spec, launch: LaunchContext) -> None:
    """See `Backend.submit`."""
    made = manifests_of(spec, launch, place.site)
    try:
        main = _main(place, made, launch)
        if _is_over(main):
            return
        seen = place.ours(main, where)
        if seen is None:
            raise LaunchRefused(
                f"There is a {main['kind']} {made.name} in {made.namespace} that is not of this installation."
            )
        place.memory.note(where.attempt_id, seen.metadata.uid, where.namespace, where.kind)
        _rest(place, where, made, main)
    except Refusal as refusal:
        raise _refused(refusal, made.namespace) from refusal


def namespace_ensure(place: Place, launch: LaunchContext, namespace: str) -> None:
    """Make the namespace of a project and its fences, unless this process has just done so.

    Raises:
        Refusal: the cluster does not let us.
    """
    made_at = place.namespaces.get(namespace)
    if made_at is not None and time.monotonic() - made_at < FENCED_SECONDS:
        return
    for manifest in tenancy.cluster_manifests(place.site):
        try:
            fence_apply(place, PRIORITY_CLASSES, manifest)
        except Refusal as refusal:
            if not refusal.forbidden:  # whoever may not make it has an administrator who has made it
                raise
    for manifest in tenancy.tenant_manifests(names.tenant_of(launch), place.site, api_url=launch.api_url):
        fence_apply(place, resource_of(manifest), manifest)
    if place.site.operators.queue:
        version = place.queue_version()
        queue = kueue_mirror.local_queue(names.tenant_of(launch), place.site, version)
        fence_apply(place, kueue_mirror.local_queues(version), queue)
    place.namespaces[namespace] = time.monotonic()


def fence_apply(place: Place, resource: Resource, manifest: dict[str, Any]) -> None:
    """Make one of the objects that jobs live between, or what is missing of it. What an administrator of the cluster
    says of it otherwise is left as it is, and named in the log once: no job must wait for them to agree with us.

    Raises:
        Refusal: the cluster does not let us.
    """
    try:
        place.api.apply(resource, manifest, names.MANAGER)
    except Refusal as refusal:
        if not refusal.conflicts:
            raise
        metadata = manifest["metadata"]
        at = "/".join(filter(None, (metadata.get("namespace", ""), metadata["name"])))
        if f"{resource.kind} {at}" not in place.told:
            place.told.add(f"{resource.kind} {at}")
            log.warning("%s %s is left as somebody made it: %s", resource.kind, at, refusal)


def _main(place: Place, made: Manifests, launch: LaunchContext) -> dict[str, Any]:
    """The Job or Deployment, which is made unless it is there."""
    if place.site.operators.queue and not place.queue_version():
        raise LaunchRefused(crds.absent(crds.workloads(crds.KUEUE_VERSIONS[0])))
    for needed in made.needs:
        if not place.serves(needed):
            raise LaunchRefused(crds.absent(needed))
    namespace_ensure(place, launch, made.namespace)
    resource = resource_of(made.main)
    if made.needs:
        never = place.api.find(JOBS, made.namespace, made.name)
        if never is not None and names.is_ours(never["metadata"].get("labels"), place.site, launch.attempt_id):
            return never
    for manifest in made.first:
        place.api.create(resource_of(manifest), manifest)
    try:
        return place.api.create(resource, made.main)[0]
    except Refusal as refusal:
        if not refusal.not_found:
            raise
    place.namespaces.pop(made.namespace, None)  # somebody deleted it since
    namespace_ensure(place, launch, made.namespace)
    return place.api.create(resource, made.main)[0]


def _rest(place: Place, where: Where, made: Manifests, main: dict[str, Any]) -> None:
    """What pods wait for. What cannot be made leaves no job behind that would wait for ever."""
    try:
        for manifest in (*made.first, *made.rest):
            place.api.apply(resource_of(manifest), owned_by(manifest, main), names.MANAGER)
    except Refusal as refusal:
        if not refusal.terminating:
            place.api.delete(where.resource, where.namespace, where.name, uid=main["metadata"]["uid"])
            place.memory.forget(where.attempt_id)
        raise


def _is_over(main: dict[str, Any]) -> bool:
    """It has ended, was told to, or is being deleted: nothing is to be added to it."""
    metadata, status = main["metadata"], main.get("status") or {}
    told = {names.NEVER, names.STOP} & set(metadata.get("annotations") or {})
    conditions = status.get("conditions") or ()
    ended = any(each.get("type") in ("Complete", "Failed") and each.get("status") == "True" for each in conditions)
    return bool(told) or ended or bool(metadata.get("deletionTimestamp"))


def _refused(refusal: Refusal, namespace: str) -> LaunchRefused | BackendUnavailable:
    """What a no means for the launch."""
    if refusal.terminating:
        return BackendUnavailable(f"The namespace {namespace} is being deleted.")
    if refusal.forbidden and of_quota(refusal.message):
        return BackendUnavailable(f"A quota of the cluster is used up: {refusal}")
    if refusal.not_found:
        return LaunchRefused(f"The cluster has no namespace {namespace}, and Bedplate does not make it here: {refusal}")
    if refusal.forbidden and refusal.details.get("kind") == NAMESPACES.name:
        return LaunchRefused(
            f"The namespace {namespace} cannot be made: {refusal}. Give Bedplate the right to, or make it yourself and"
            " say so in the options of the cluster (makes_namespaces)."
        )
    return LaunchRefused(f"The cluster refuses it: {refusal}")
