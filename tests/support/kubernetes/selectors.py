"""Label and field selectors, as the API server reads and refuses them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.kubernetes.answers import bad_request
from tests.support.kubernetes.kinds import Kind

Matches = Callable[[Mapping[str, Any]], bool]

_SET = re.compile(r"^(\S+)\s+(in|notin)\s*\(([^)]*)\)$")
_COMPARED = re.compile(r"^([^\s=!<>]+)\s*(==|=|!=)\s*(\S*)$")
_WORD = re.compile(r"^(!?)\s*([^\s=!<>]+)$")

FIELDS: dict[str, dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "pods": {
        "spec.nodeName": lambda pod: pod["spec"].get("nodeName", ""),
        "spec.restartPolicy": lambda pod: pod["spec"].get("restartPolicy", ""),
        "spec.schedulerName": lambda pod: pod["spec"].get("schedulerName", ""),
        "spec.serviceAccountName": lambda pod: pod["spec"].get("serviceAccountName", ""),
        "status.phase": lambda pod: pod.get("status", {}).get("phase", ""),
        "status.podIP": lambda pod: pod.get("status", {}).get("podIP", ""),
        "status.nominatedNodeName": lambda pod: pod.get("status", {}).get("nominatedNodeName", ""),
    },
    "jobs.batch": {"status.successful": lambda job: str(job.get("status", {}).get("succeeded", 0))},
    "events": {
        **{
            f"involvedObject.{part}": lambda event, part=part: event["involvedObject"].get(part, "")  # type: ignore[misc]
            for part in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        },
        "reason": lambda event: event.get("reason", ""),
        "reportingComponent": lambda event: event.get("reportingComponent", ""),
        "source": lambda event: event.get("source", {}).get("component", "") or event.get("reportingComponent", ""),
        "type": lambda event: event.get("type", ""),
    },
    "nodes": {"spec.unschedulable": lambda node: str(node.get("spec", {}).get("unschedulable", False)).lower()},
    "namespaces": {"status.phase": lambda namespace: namespace.get("status", {}).get("phase", "")},
    "secrets": {"type": lambda secret: secret.get("type", "")},
    "replicasets.apps": {"status.replicas": lambda each: str(each.get("status", {}).get("replicas", 0))},
}


def label_selector(text: str) -> Matches:
    """Of the query of a request; refused with 400 as the server words it."""
    tests = [_requirement(part.strip()) for part in re.split(r",(?![^(]*\))", text) if part.strip()]

    def matches(obj: Mapping[str, Any]) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(test(labels) for test in tests)

    return matches


def _requirement(part: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(part):
        key, operator, values = found[1], found[2], {each.strip() for each in found[3].split(",")}
        return _membership(key, operator, values)
    if found := _COMPARED.match(part):
        key, operator, value = found.groups()
        return _membership(key, "notin" if operator == "!=" else "in", {value})
    if found := _WORD.match(part):
        absent, key = bool(found[1]), found[2]
        return lambda labels: (key in labels) is not absent
    words = part.split()
    raise bad_request(
        f"unable to parse requirement: found '{words[1] if len(words) > 1 else part}', "
        "expected: in, notin, =, ==, !=, gt, lt"
    )


def _membership(key: str, operator: str, values: set[str]) -> Callable[[Mapping[str, str]], bool]:
    if operator == "in":
        return lambda labels: key in labels and labels[key] in values
    return lambda labels: key not in labels or labels[key] not in values


def field_selector(kind: Kind, text: str) -> Matches:
    tests: list[Matches] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        found = _COMPARED.match(part)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        tests.append(_field(kind, *found.groups()))
    return lambda obj: all(test(obj) for test in tests)


def _field(kind: Kind, path: str, operator: str, value: str) -> Matches:
    read: Callable[[Mapping[str, Any]], str]
    if path in {"metadata.name", "metadata.namespace"}:
        part = path.split(".")[1]

        def read(obj: Mapping[str, Any]) -> str:
            return str(obj["metadata"].get(part, ""))
    elif (found := FIELDS.get(kind.key, {}).get(path)) is not None:
        read = found
    else:
        raise bad_request(f'field label "{path}" not supported for {kind.kind}')
    return lambda obj: (read(obj) == value) is (operator != "!=")


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a `matchLabels`/`matchExpressions` selector of an object chooses these labels."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(expression_matches(each, labels) for each in selector.get("matchExpressions") or ())


def expression_matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One of matchExpressions, of labels or of node affinity."""
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator in {"Exists", "DoesNotExist"}:
        return (key in labels) is (operator == "Exists")
    if key not in labels or not labels[key].lstrip("-").isdigit():
        return False
    return int(labels[key]) > int(values[0]) if operator == "Gt" else int(labels[key]) < int(values[0])
