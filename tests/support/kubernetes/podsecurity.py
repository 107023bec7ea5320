"""Pod Security `restricted`: what a pod's spec violates, in the server's words and order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]

_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip


def violations(spec: Spec) -> list[str]:
    """Empty where the spec may run in a namespace that enforces `restricted`."""
    return [f"{what} ({why})" for what, why in _found(spec)]


def _containers(spec: Spec) -> list[Spec]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _security(each: Spec) -> Spec:
    found: Spec = each.get("securityContext") or {}
    return found


def _named(names: list[str]) -> str:
    if len(names) == 1:
        return f'container "{names[0]}"'
    return "containers " + ", ".join(f'"{name}"' for name in names)


def _found(spec: Spec) -> Iterator[tuple[str, str]]:
    hosts = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if hosts:
        yield "host namespaces", ", ".join(f"{name}=true" for name in hosts)
    if names := [each["name"] for each in _containers(spec) if _security(each).get("privileged")]:
        yield "privileged", f"{_named(names)} must not set securityContext.privileged=true"
    if names := [
        each["name"] for each in _containers(spec) if _security(each).get("allowPrivilegeEscalation") is not False
    ]:
        yield (
            "allowPrivilegeEscalation != false",
            f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false",
        )
    if names := [each["name"] for each in _containers(spec) if not _drops_all(each)]:
        yield "unrestricted capabilities", f'{_named(names)} must set securityContext.capabilities.drop=["ALL"]'
    yield from _volumes(spec)
    yield from _users(spec)


def _drops_all(container: Spec) -> bool:
    capabilities = _security(container).get("capabilities") or {}
    added = set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}
    return "ALL" in (capabilities.get("drop") or ()) and not added


def _volumes(spec: Spec) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes") or ():
        kinds = [key for key in volume if key != "name" and key not in _VOLUMES]
        if kinds:
            yield "restricted volume types", f'volume "{volume["name"]}" uses restricted volume type "{kinds[0]}"'


def _users(spec: Spec) -> Iterator[tuple[str, str]]:
    pod = _security(spec)
    wrong = [
        each["name"]
        for each in _containers(spec)
        if _security(each).get("runAsNonRoot", pod.get("runAsNonRoot")) is not True
    ]
    if wrong:
        yield "runAsNonRoot != true", f"pod or {_named(wrong)} must set securityContext.runAsNonRoot=true"
    if pod.get("runAsUser") == 0:
        yield "runAsUser=0", "pod must not set runAsUser=0"
    elif roots := [each["name"] for each in _containers(spec) if _security(each).get("runAsUser") == 0]:
        yield "runAsUser=0", f"{_named(roots)} must not set runAsUser=0"
    types = {"RuntimeDefault", "Localhost"}
    pod_type = (pod.get("seccompProfile") or {}).get("type")
    wrong = [
        each["name"]
        for each in _containers(spec)
        if (_security(each).get("seccompProfile") or {}).get("type", pod_type) not in types
    ]
    if wrong:
        yield (
            "seccompProfile",
            f'pod or {_named(wrong)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
        )
