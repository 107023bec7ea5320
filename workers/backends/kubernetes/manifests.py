"""From a spec and a launch to the objects of an attempt on a cluster. Pure; quantities are texts.

    manifests_of(spec, launch, site) ─> main: Job or Deployment
                                        rest: Secret, then Service, NetworkPolicy, PodDisruptionBudget

All bear the same name. The main object is made first; the others belong to it (`owned_by`) and go with it. Its pods
wait for the Secret.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes import job, names, pod, refusals, serving
from workers.backends.kubernetes.operators import kueue
from workers.backends.kubernetes.operators.choice import OPERATORS, kind_of
from workers.backends.kubernetes.resources import Resource
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Spec, spec_to_json


@dataclass(frozen=True, slots=True)
class Manifests:
    """What an attempt is on a cluster."""

    namespace: str
    name: str
    main: dict[str, Any]
    rest: tuple[dict[str, Any], ...]
    """In the order in which they are made: what the pods wait for comes first."""
    first: tuple[dict[str, Any], ...] = ()
    """Must be there before the main object, and belongs to it all the same: kinds of an operator's."""
    needs: tuple[Resource, ...] = ()
    """Kinds that the cluster must have for it: an operator's."""


def handle_data(spec: Spec, launch: LaunchContext, site: ClusterSite) -> dict[str, Any]:
    """Where the job of an attempt is, or will be. Raises LaunchRefused: these ids and labels name no place."""
    names.object_name(launch.attempt_id)
    return {
        "attempt_id": launch.attempt_id,
        "workload_id": launch.workload_id,
        "namespace": names.namespace_of(names.tenant_of(launch), site),
        "kind": kind_of(spec, launch, site),
    }


def manifests_of(spec: Spec, launch: LaunchContext, site: ClusterSite) -> Manifests:
    """Everything of an attempt.

    Raises:
        LaunchRefused: this can never run on a cluster, or not on this one.
    """
    name = names.object_name(launch.attempt_id)
    namespace = names.namespace_of(names.tenant_of(launch), site)
    refusals.check(spec, launch, site)
    kind = kind_of(spec, launch, site)
    metadata = {"name": name, "namespace": namespace, "labels": names.attempt_labels(kind, launch, site)}
    secret = _secret(spec, launch, metadata)
    if kind in OPERATORS:
        operator = OPERATORS[kind]
        made = operator.made(spec, launch, site, metadata)
        needs = (operator.resource, *operator.needs)
        return Manifests(namespace, name, made.main, (secret, *made.rest), made.first, needs)
    if isinstance(spec, JobSpec):
        main = job.job(spec, launch, site, metadata)
        main = kueue.queued(main, site.operators.queue) if site.operators.queue else main
        others = job.meeting_place(launch, site, metadata)
    else:
        main = serving.deployment(spec, launch, site, metadata)
        others = serving.surroundings(launch, site, metadata)
    return Manifests(namespace, name, main, (secret, *others))


def _secret(spec: Spec, launch: LaunchContext, metadata: dict[str, Any]) -> dict[str, Any]:
    """What the members read as files. Not immutable: a submit that is repeated brings a token of its own."""
    values = {
        "token": launch.token.encode(),
        "spec.json": json.dumps(spec_to_json(spec)).encode(),
        **{f"secret.{name}": launch.secrets[name] for name in sorted(launch.secrets)},
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
    }


def owned_by(manifest: dict[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    """The same object as one that goes when its owner goes; `owner` is what the cluster answered."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}


def never_started(data: Mapping[str, Any], site: ClusterSite, why: str = "true") -> dict[str, Any]:
    """For an attempt that was stopped before anybody submitted it: what a submit that comes later finds in its place.

    Args:
        data: that of its handle.
        why: see `names.NEVER`.

    Raises:
        LaunchRefused: the handle names no place on a cluster.
    """
    try:
        namespace, kind, attempt_id = data["namespace"], data["kind"], data["attempt_id"]
        workload_id = data["workload_id"]
    except KeyError as error:
        raise LaunchRefused(f"The handle does not say its {error.args[0]}.") from None
    labels = {
        names.MANAGED_BY: names.MANAGER,
        names.INSTALLATION: names.label_value(site.installation),
        names.ATTEMPT: attempt_id,
        names.WORKLOAD: names.label_value(workload_id),
        names.KIND: kind,
    }
    metadata = {
        "name": names.object_name(attempt_id),
        "namespace": namespace,
        "labels": labels,
        "annotations": {names.NEVER: why, names.STOP: "true"},
    }
    main = {"name": names.MAIN, "image": site.runtime_image, "command": ["false"], "securityContext": pod.confined()}
    inside: dict[str, Any] = {"securityContext": pod.identity(), "containers": [main]}
    template = {"metadata": {"labels": labels}, "spec": inside}
    if kind == "serving":
        selector = {"matchLabels": {names.ATTEMPT: attempt_id}}
        spec = {"replicas": 0, "selector": selector, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    inside["restartPolicy"] = "Never"
    spec = {"suspend": True, "completionMode": "Indexed", "completions": 1, "parallelism": 1, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
