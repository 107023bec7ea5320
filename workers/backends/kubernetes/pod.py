"""The pod of one member, or of one replica: what it runs, with what, where, and what it may not. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from workers.backends.kubernetes import flavors, names
from workers.backends.kubernetes import pod_environment as place
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Resources, ServingSpec, Spec

JOB_UID: Final = 10_001
"""User and group of every job, those of the images of Bedplate."""
FARE_WELL_SECONDS: Final = 5
"""What the wrapper has to say its last words, beyond the grace of the command."""
READ_BY_OWNER: Final = 0o400
OWN_LIVENESS: Final = "/livez"
"""Where `runtime/serving` says that it lives."""
_PREPARATION: Final = f"{place.APPLICATION}/workers/runtime/prepare.py"
_MEGABYTE: Final = 1024 * 1024


def template(spec: Spec, launch: LaunchContext, site: ClusterSite) -> dict[str, Any]:
    """Labels and spec of the pods of a Job or a Deployment."""
    flavor = site.flavor(spec.resources.flavor)
    labels = {**flavor.pod_labels, **names.attempt_labels(spec.kind, launch, site)}
    variables = place.variables(spec, launch, site)
    pod = {
        "serviceAccountName": names.SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": launch.grace_seconds + FARE_WELL_SECONDS,
        "securityContext": identity(),
        "initContainers": [_preparation(spec.resources, variables, site)],
        "containers": [_main(spec, variables, site)],
        "volumes": _volumes(launch, spec.resources, site),
        "tolerations": flavors.tolerations(spec.resources, site),
        "nodeSelector": dict(flavor.node_labels),
        "runtimeClassName": flavor.runtime_class,
        "priorityClassName": site.priority_class,
        "imagePullSecrets": [{"name": name} for name in site.image_pull_secrets],
        **_where(spec, launch, site),
    }
    return {"metadata": {"labels": labels}, "spec": _said(pod)}


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Without the empty texts and collections, which say nothing."""
    return {name: value for name, value in fields.items() if value not in ("", [], {})}


def _preparation(resources: Resources, variables: list[dict[str, Any]], site: ClusterSite) -> dict[str, Any]:
    """Runs first: puts wrapper and files in their places, and claims the start of this member."""
    mounts = {"run": place.RUN, "bin": place.BIN, "work": place.WORK, "state": place.STATE, "tmp": place.TEMPORARY}
    return _said(
        {
            "name": names.PREPARE,
            "image": site.runtime_image,
            "imagePullPolicy": site.image_pull_policy,
            "command": ["python", "-I", "-S", _PREPARATION],
            "env": list(variables),
            "resources": _amounts(resources),
            "volumeMounts": _mounts(mounts),
            "securityContext": confined(),
            "terminationMessagePolicy": "FallbackToLogsOnError",  # so that it is told what it said
        }
    )


def _main(spec: Spec, variables: list[dict[str, Any]], site: ClusterSite) -> dict[str, Any]:
    mounts = {"run": place.RUN, "bin": place.BIN, "work": place.WORK, "state": place.STATE, "tmp": place.TEMPORARY}
    return _said(
        {
            "name": names.MAIN,
            "image": spec.image or site.runtime_image,
            "imagePullPolicy": site.image_pull_policy,
            "command": [place.literal(word) for word in command(spec)],
            "workingDir": place.WORK,
            "env": list(variables),
            "resources": _amounts(spec.resources, flavors.device_resource(spec.resources.flavor, site)),
            "volumeMounts": _mounts({**mounts, "shm": "/dev/shm"}, read_only=("run", "bin")),  # noqa: S108
            "securityContext": confined(),
            "terminationMessagePath": place.REPORT,
            "terminationMessagePolicy": "File",
            **(_listening(spec, site) if isinstance(spec, ServingSpec) else {}),
        }
    )


def command(spec: Spec) -> list[str]:
    """The wrapper and what it wraps. `python` is the interpreter of the runtime image, or that of the user's."""
    python = "python3" if spec.image else "python"
    options: list[str] = []
    if isinstance(spec, ServingSpec):
        options = ["--last-words-seconds", "1", "--replica"]
    elif spec.time_limit_seconds:
        options = ["--time-limit-seconds", str(spec.time_limit_seconds)]
    first = python if spec.command[0] == "python" else spec.command[0]
    return [python, "-I", "-S", f"{place.BIN}/wrapper.py", *options, "--", first, *spec.command[1:]]


def _listening(spec: ServingSpec, site: ClusterSite) -> dict[str, Any]:
    """The port of a replica and how its health is asked for: by the cluster, as the local keeper does."""
    asked = {"httpGet": {"path": spec.health_path, "port": "http"}}
    return {
        "ports": [{"name": "http", "containerPort": site.serve_port}],
        "startupProbe": {
            **asked,
            "periodSeconds": 1,
            "timeoutSeconds": 1,
            "failureThreshold": spec.start_timeout_seconds,
        },
        "readinessProbe": {**asked, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3},
        "livenessProbe": _alive(spec),
    }


def _alive(spec: ServingSpec) -> dict[str, Any]:
    """How it is asked whether a replica lives. That is not whether it is ready: one that is busy or waits for something
    is not to be killed. Our own server says at `/livez` that its loop turns, and asks nobody for that; a minute of
    silence there is an end. Of a foreign image nothing is known but that it listens, which its kernel also does for a
    server that hangs."""
    if spec.image:
        return {"tcpSocket": {"port": "http"}, "periodSeconds": 10, "timeoutSeconds": 5}
    asked = {"httpGet": {"path": OWN_LIVENESS, "port": "http"}}
    return {**asked, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6}


def _amounts(resources: Resources, device: str = "") -> dict[str, Any]:
    """Quantities are texts: one of the clients takes nothing else. CPU has no limit, so that what is idle is used."""
    memory = {"memory": str(resources.memory_bytes)} if resources.memory_bytes else {}
    devices = {device: str(resources.gpus)} if device and resources.gpus else {}
    limits = {**memory, **devices}
    return {"requests": {"cpu": f"{resources.cpu_millis}m", **limits}, **({"limits": limits} if limits else {})}


def identity() -> dict[str, Any]:
    """Who the processes of a pod are."""
    return {
        "runAsNonRoot": True,
        "runAsUser": JOB_UID,
        "runAsGroup": JOB_UID,
        "fsGroup": JOB_UID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def confined() -> dict[str, Any]:
    """What Pod Security `restricted` asks for, and a root file system that nobody writes to."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def _mounts(paths: dict[str, str], read_only: tuple[str, ...] = ("run",)) -> list[dict[str, Any]]:
    return [
        {"name": name, "mountPath": path, **({"readOnly": True} if name in read_only else {})}
        for name, path in paths.items()
    ]


def _volumes(launch: LaunchContext, resources: Resources, site: ClusterSite) -> list[dict[str, Any]]:
    """The Secret of the attempt, and folders of the node that go with the pod."""
    named = {f"secret.{name}": f"secrets/{name}" for name in sorted(launch.secrets)}
    paths = {"token": "token", "spec.json": "spec.json", **named}
    secret = {
        "secretName": names.object_name(launch.attempt_id),
        "defaultMode": READ_BY_OWNER,  # of root; by fsGroup it becomes readable for the job's group, and nobody else
        "items": [{"key": key, "path": path} for key, path in paths.items()],
    }
    scratch = {"sizeLimit": str(site.scratch_bytes)} if site.scratch_bytes else {}
    shared = site.shared_memory_bytes or resources.memory_bytes // 2
    return [
        {"name": "run", "secret": secret},
        {"name": "bin", "emptyDir": {"sizeLimit": str(16 * _MEGABYTE)}},
        {"name": "work", "emptyDir": scratch},
        {"name": "state", "emptyDir": scratch},
        {"name": "tmp", "emptyDir": scratch},
        {"name": "shm", "emptyDir": {"medium": "Memory", **({"sizeLimit": str(shared)} if shared else {})}},
    ]


def _where(spec: Spec, launch: LaunchContext, site: ClusterSite) -> dict[str, Any]:
    """On which nodes. A job runs on those that the scheduler chose, and nowhere else. Replicas prefer them: more may
    come later, elsewhere, and one whose node is lost must find another. Nodes of Fargate are made for their pods."""
    if site.flavor(spec.resources.flavor).fargate:
        return {}
    attempt = {"matchLabels": {names.ATTEMPT: launch.attempt_id}}
    affinity: dict[str, Any] = {}
    terms = [_node(name) for name in dict.fromkeys(launch.nodes)]
    if isinstance(spec, JobSpec):
        if terms:
            affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        shares = set(Counter(launch.nodes).values())
        even = len(terms) > 1 and len(shares) == 1
        spread = [_spread(names.HOSTNAME, attempt, "DoNotSchedule")] if even else []
    else:
        preferred = [{"weight": 100, "preference": term} for term in terms]
        if terms:
            affinity = {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
        spread = [_spread(key, attempt, "ScheduleAnyway") for key in (names.HOSTNAME, "topology.kubernetes.io/zone")]
    chosen: dict[str, Any] = {"nodeAffinity": affinity} if affinity else {}
    return {"affinity": chosen, "topologySpreadConstraints": spread}


def _node(name: str) -> dict[str, Any]:
    """By the node's own name: its label `kubernetes.io/hostname` may be another. One name to a term; one must fit."""
    return {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}


def _spread(key: str, attempt: dict[str, Any], otherwise: str) -> dict[str, Any]:
    """Members of an attempt in equal numbers on the nodes, or in the zones, that they may go to."""
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": otherwise, "labelSelector": attempt}
