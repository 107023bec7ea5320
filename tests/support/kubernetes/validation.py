"""What an object must be like: names, labels, resources, and the rules of Jobs and Deployments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.support.kubernetes.answers import Cause, forbidden_value, invalid_value, required
from tests.support.kubernetes.kinds import DEPLOYMENTS, JOBS, PODS, Kind
from tests.support.kubernetes.naming import BAD_LABEL, LABEL_NAME, check_metadata, check_name, shown
from tests.support.kubernetes.quantities import amount
from tests.support.kubernetes.store import Object

BAD_CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
SECRET_BYTES = 1 << 20


def validate_new(kind: Kind, obj: Object) -> list[Cause]:
    return list(_new(kind, obj))


def _new(kind: Kind, obj: Object) -> Iterator[Cause]:
    metadata = obj["metadata"]
    yield from check_name(kind, metadata.get("name", ""))
    yield from check_metadata(metadata, "metadata")
    if kind is JOBS:
        yield from _job(obj)
    elif kind is PODS:
        yield from _pod_spec(obj["spec"], "spec")
    elif kind is DEPLOYMENTS:
        yield from check_metadata(obj["spec"]["template"].get("metadata") or {}, "spec.template")
        yield from _deployment(obj)
    elif kind.plural == "secrets":
        yield from _secret(obj)


def validate_change(kind: Kind, before: Object, after: Object, subresource: str) -> list[Cause]:
    if subresource == "status":
        return list(_status(kind, after))
    causes = list(check_metadata(after["metadata"], "metadata"))
    if kind is JOBS:
        causes += _job_change(before, after)
    elif kind is DEPLOYMENTS:
        causes += [*_deployment(after), *_fixed(before, after, "selector")]
    elif kind is PODS:
        causes += _pod_change(before, after)
    elif kind.plural == "secrets":
        causes += _secret(after)
        if before.get("immutable") and after.get("data") != before.get("data"):
            causes.append(forbidden_value("data", "field is immutable when `immutable` is set"))
    return causes


def _job(job: Object) -> Iterator[Cause]:
    spec, name = job["spec"], job["metadata"].get("name", "")
    template = spec["template"]
    yield from check_metadata(template.get("metadata") or {}, "spec.template")
    if spec["completionMode"] == "Indexed":
        pod = f"{name}-{max(0, (spec.get('completions') or 1) - 1)}"
        if not LABEL_NAME.fullmatch(pod) or len(pod) > 63:
            why = f"will not able to create pod with invalid DNS label: {pod}"
            yield invalid_value("metadata.name", shown(name), why)
        if spec.get("completions") is None:
            yield required("spec.completions", "when completion mode is Indexed")
    elif spec.get("backoffLimitPerIndex") is not None:
        yield forbidden_value("spec.backoffLimitPerIndex", "requires indexed completion mode")
    for field in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        if (spec.get(field) or 0) < 0:
            yield invalid_value(f"spec.{field}", str(spec[field]), "must be greater than or equal to 0")
    policy = template["spec"].get("restartPolicy")
    if spec.get("podFailurePolicy") and policy != "Never":
        why = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid_value("spec.template.spec.restartPolicy", shown(policy or ""), why)
    yield from _pod_spec(template["spec"], "spec.template.spec")
    if policy not in {"OnFailure", "Never"}:
        yield required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')


def _pod_spec(spec: dict[str, Any], path: str) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    names = {volume["name"] for volume in spec.get("volumes") or ()}
    for place, volume in enumerate(spec.get("volumes") or ()):
        for number, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            seconds = (source.get("serviceAccountToken") or {}).get("expirationSeconds", 3600)
            if seconds < 600:
                where = f"{path}.volumes[{place}].projected.sources[{number}].serviceAccountToken.expirationSeconds"
                yield invalid_value(where, str(seconds), "may not specify a duration less than 10 minutes")
    for group in ("initContainers", "containers"):
        for position, container in enumerate(spec.get(group) or ()):
            where = f"{path}.{group}[{position}]"
            yield from _container(container, where, names)


def _container(container: dict[str, Any], where: str, volumes: set[str]) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield required(f"{where}.name")
    elif not LABEL_NAME.fullmatch(name) or len(name) > 63:
        yield invalid_value(f"{where}.name", shown(name), BAD_LABEL)
    if not container.get("image"):
        yield required(f"{where}.image")
    for position, mount in enumerate(container.get("volumeMounts") or ()):
        if mount["name"] not in volumes:
            yield Cause(
                "FieldValueNotFound", f"{where}.volumeMounts[{position}].name", f"Not found: {shown(mount['name'])}"
            )
    for position, each in enumerate(container.get("env") or ()):
        if not each.get("name"):
            yield required(f"{where}.env[{position}].name")
    yield from _resources(container.get("resources") or {}, where)


def _resources(resources: dict[str, Any], where: str) -> Iterator[Cause]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for part, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            if "/" in name and amount(value) != int(amount(value)):
                yield invalid_value(f"{where}.resources.{part}[{name}]", shown(value), "must be an integer")
            if amount(value) < 0:
                yield invalid_value(
                    f"{where}.resources.{part}[{name}]", shown(value), "must be greater than or equal to 0"
                )
    for name, value in requests.items():
        limit = limits.get(name)
        if "/" in name and limit is None:
            yield required(f"{where}.resources.limits", "Limit must be set for non overcommitable resources")
        elif limit is not None and "/" in name and amount(limit) != amount(value):
            yield invalid_value(
                f"{where}.resources.requests", shown(value), f"must be equal to {name} limit of {limit}"
            )
        elif limit is not None and amount(value) > amount(limit):
            why = f"must be less than or equal to {name} limit of {limit}"
            yield invalid_value(f"{where}.resources.requests", shown(value), why)


def _deployment(deployment: Object) -> Iterator[Cause]:
    spec = deployment["spec"]
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    if not spec.get("selector"):
        yield required("spec.selector")
    elif any(labels.get(key) != value for key, value in wanted.items()):
        why = "`selector` does not match template `labels`"
        yield invalid_value("spec.template.metadata.labels", shown(labels), why)
    yield from _pod_spec(spec["template"]["spec"], "spec.template.spec")
    if (policy := spec["template"]["spec"].get("restartPolicy")) != "Always":
        yield Cause(
            "FieldValueNotSupported", "spec.template.spec.restartPolicy",
            f'Unsupported value: "{policy}": supported values: "Always"',
        )  # fmt: skip


def _fixed(before: Object, after: Object, *fields: str) -> Iterator[Cause]:
    for field in fields:
        if before["spec"].get(field) != after["spec"].get(field):
            yield invalid_value(f"spec.{field}", shown(after["spec"].get(field)), "field is immutable")


def _secret(secret: Object) -> Iterator[Cause]:
    size = sum(len(value) * 3 // 4 for value in (secret.get("data") or {}).values())
    for key in secret.get("data") or {}:
        if not re.fullmatch(r"[-._a-zA-Z0-9]+", key):
            yield invalid_value(f"data[{key}]", shown(key), BAD_CONFIG_KEY)
    if size > SECRET_BYTES:
        yield Cause("FieldValueTooLong", "data", f"Too long: may not be more than {SECRET_BYTES} bytes")


_TEMPLATE_OPEN = ("nodeSelector", "tolerations", "affinity", "schedulingGates")


def _job_change(before: Object, after: Object) -> Iterator[Cause]:
    old, new = before["spec"], after["spec"]
    yield from _fixed(before, after, "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex")
    if old.get("completions") != new.get("completions") and not (
        new["completionMode"] == "Indexed" and new.get("completions") == new.get("parallelism")
    ):
        why = "can only be modified in tandem with spec.parallelism"
        why = why if new["completionMode"] == "Indexed" else "field is immutable"
        yield invalid_value("spec.completions", str(new.get("completions")), why)
    if old["template"] == new["template"]:
        return
    opened = bool(old.get("suspend")) and not (before.get("status") or {}).get("startTime")
    if not opened or _closed_part(old["template"]) != _closed_part(new["template"]):
        field = "spec.template.spec" if opened else "spec.template"
        given = (
            new["template"]["spec"]
            if opened
            else {**new["template"].get("metadata", {}), "spec": new["template"]["spec"]}
        )
        yield invalid_value(field, shown(given), "field is immutable")
    yield from check_metadata(new["template"].get("metadata") or {}, "spec.template")


def _closed_part(template: dict[str, Any]) -> dict[str, Any]:
    """What of a template stays even while its Job waits suspended for its first start."""
    spec = {key: value for key, value in template["spec"].items() if key not in _TEMPLATE_OPEN}
    for group in ("containers", "initContainers"):
        if group in spec:
            spec[group] = [{**each, "resources": {}} for each in spec[group]]
    return spec


def _pod_change(before: Object, after: Object) -> Iterator[Cause]:
    def closed(spec: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in spec.items() if key not in {"activeDeadlineSeconds", "tolerations"}}
        return {**kept, "containers": [{**each, "image": ""} for each in spec["containers"]]}

    if closed(before["spec"]) != closed(after["spec"]):
        yield forbidden_value(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)",
        )


def _status(kind: Kind, after: Object) -> Iterator[Cause]:
    status = after.get("status") or {}
    if kind is not JOBS:
        return
    set_ = {each["type"] for each in status.get("conditions") or () if each.get("status") == "True"}
    if "Complete" in set_ and not status.get("completionTime"):
        yield required("status.completionTime", "completionTime is required for Complete jobs")
    if "Complete" in set_ and "SuccessCriteriaMet" not in set_:
        why = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        yield Cause("FieldValueInvalid", "status.conditions", f"Invalid value: {why}")
    if "Failed" in set_ and "FailureTarget" not in set_:
        why = "cannot set Failed=True condition without the FailureTarget=true condition"
        yield Cause("FieldValueInvalid", "status.conditions", f"Invalid value: {why}")
    if set_ & {"Complete", "Failed"} and not status.get("startTime"):
        yield required("status.startTime", "startTime is required for finished job")
