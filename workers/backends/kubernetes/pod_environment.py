"""What the containers of a member find in their environment, and where their files are. Pure.

The variables are those that jobs of every backend get; what differs between the members of a job is read by the
kubelet from the pod itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workers.backends.kubernetes import names as labels
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts import environment as names
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import ServingSpec, Spec

RUN: Final = "/bedplate/run"
"""The Secret of the attempt: `token`, `spec.json`, `secrets/<name>`."""
BIN: Final = "/bedplate/bin"
"""The wrapper, also in images that have nothing of ours."""
WORK: Final = "/bedplate/work"
STATE: Final = "/bedplate/state"
"""What the wrapper keeps: the result, and output that nobody has taken yet."""
TEMPORARY: Final = "/tmp"  # noqa: S108 - a folder of this pod alone
REPORT: Final = "/dev/termination-log"
"""What is written here the cluster keeps with the state of the container, 4096 bytes of it."""
APPLICATION: Final = "/opt/bedplate/app"
"""The project in the runtime image."""
POD_UID: Final = "BEDPLATE_POD_UID"
"""Of this pod: another one of the same member has another."""
USER: Final = "bedplate"
"""Images need not know the number that jobs run as, and libraries want a name for it."""


def variables(spec: Spec, launch: LaunchContext, site: ClusterSite) -> list[dict[str, Any]]:
    """Of the containers of a pod, in the order in which they are set."""
    own = _of_this_pod(spec)
    given = [(name, text) for name, text in _fixed(spec, launch, site).items() if name not in own]
    return [
        *({"name": name, "value": literal(text)} for name, text in given),
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in own.items()),
    ]


def literal(text: str) -> str:
    """For a variable, a command or an argument: the kubelet would read `$(NAME)` in it, and `$$` as one `$`."""
    return text.replace("$", "$$")


def _fixed(spec: Spec, launch: LaunchContext, site: ClusterSite) -> Mapping[str, str]:
    """The same for all members. Later ones win: a spec may set the first, never the last."""
    ours = not spec.image
    threads = str(max(1, -(-spec.resources.cpu_millis // 1000)))
    search_path = ":".join(filter(None, (APPLICATION, spec.environment.get("PYTHONPATH", "")))) if ours else ""
    return {
        "LANG": "C.UTF-8",
        "HOME": WORK,
        "TMPDIR": TEMPORARY,
        "USER": USER,
        "LOGNAME": USER,
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",  # libraries that report their use to their makers, Daft among them, leave it
        "OMP_NUM_THREADS": threads,
        **site.environment,
        **spec.environment,
        **({"PYTHONPATH": search_path} if ours else {}),
        # Some images ask for every GPU of the node, and get it where the runtime listens to them.
        **({} if spec.resources.gpus else {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void"}),
        names.API_URL: site.api_url or launch.api_url,
        **launch.variables,
        names.TOKEN_FILE: f"{RUN}/token",
        names.SPEC_FILE: f"{RUN}/spec.json",
        names.SECRETS_DIR: f"{RUN}/secrets",
        names.RESULT_FILE: f"{STATE}/result.json",
        names.REPORT_FILE: REPORT,
        **_meeting_place(spec, launch, site),
    }


def _meeting_place(spec: Spec, launch: LaunchContext, site: ClusterSite) -> dict[str, str]:
    """Where the members of a gang find the first of them, and where a replica listens."""
    if isinstance(spec, ServingSpec):
        return {names.SERVE_PORT: str(site.serve_port)}
    if launch.count < 2:
        return {}
    name = labels.object_name(launch.attempt_id)
    namespace = labels.namespace_of(labels.tenant_of(launch), site)
    return {"MASTER_ADDR": f"{name}-0.{name}.{namespace}.svc", "MASTER_PORT": str(site.rendezvous_port)}


def _of_this_pod(spec: Spec) -> dict[str, str]:
    """By the field of the pod that says them. Pods of a Deployment have no number: the wrapper finds a replica's."""
    if isinstance(spec, ServingSpec):
        return {POD_UID: "metadata.uid", names.SERVE_HOST: "status.podIP"}
    return {POD_UID: "metadata.uid", names.RANK: f"metadata.annotations['{labels.COMPLETION_INDEX}']"}
