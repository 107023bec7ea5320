"""What an administrator says of a Kubernetes cluster beyond how to connect: checked strictly, before it is stored.

Plain JSON. A name that is not known is refused, so that a typing error is no silent nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

NAMES_MOST: Final = 100
"""Entries of one list or mapping."""
TEXT_MOST: Final = 253
BYTES_MOST: Final = 1 << 50
FARGATE_PODS: Final = "fargate_pods"
"""Most pods on Fargate at once: a cluster says of no machine there before its pod."""
FARGATE_PODS_DEFAULT: Final = 20
EFFECTS: Final = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")
PULL_POLICIES: Final = ("", "Always", "IfNotPresent", "Never")
_DNS: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_RESOURCE: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_REGISTRY: Final = re.compile(r"[a-z0-9]([-a-z0-9._:/]*[a-z0-9])?")
_SELECTOR: Final = re.compile(
    r"[A-Za-z0-9][-A-Za-z0-9_./]*=[-A-Za-z0-9_.]*(,[A-Za-z0-9][-A-Za-z0-9_./]*=[-A-Za-z0-9_.]*)*"
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Check = Callable[[str, Any], Any]
"""Path and value → the value as it is stored."""


class OptionsRefused(ValueError):
    """`path` names what is wrong (`flavors.H200.resource`), `str()` says what would be right."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


def options_checked(options: object) -> dict[str, Any]:
    """The options as they are stored: the same, once all of it is known and of its kind.

    Raises:
        OptionsRefused: the first thing that is not.
    """
    checked: dict[str, Any] = _struct(**_OPTIONS)("", options)
    return checked


def _refuse(path: str, sentence: str) -> None:
    raise OptionsRefused(path, sentence)


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _struct(**known: Check) -> Check:
    def check(path: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            _refuse(path, "is not an object")
        for name in value:
            if name not in known:
                _refuse(_join(path, name), f"is not known; there are: {', '.join(sorted(known))}")
        return {name: known[name](_join(path, name), one) for name, one in value.items()}

    return check


def _list(each: Check) -> Check:
    def check(path: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > NAMES_MOST:
            _refuse(path, f"is not a list of at most {NAMES_MOST}")
        return [each(_join(path, number), one) for number, one in enumerate(value)]

    return check


def _mapping(name_of: Check, each: Check) -> Check:
    def check(path: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or len(value) > NAMES_MOST:
            _refuse(path, f"is not an object of at most {NAMES_MOST} names")
        return {name_of(_join(path, name), name): each(_join(path, name), one) for name, one in value.items()}

    return check


def _text(pattern: re.Pattern[str] | None, takes: str, *, empty: bool = False, most: int = TEXT_MOST) -> Check:
    def check(path: str, value: Any) -> str:
        if isinstance(value, str) and len(value) > most:
            _refuse(path, f"has more than {most} characters")
        fits = isinstance(value, str) and value.isprintable()
        if fits and value and pattern is not None:
            fits = pattern.fullmatch(value) is not None
        if not fits or (not value and not empty):
            _refuse(path, f"is not {takes}")
        return str(value)

    return check


def _one_of(choices: tuple[str, ...]) -> Check:
    def check(path: str, value: Any) -> str:
        if value not in choices:
            _refuse(path, f"is not one of {', '.join(choice or 'nothing' for choice in choices)}")
        return str(value)

    return check


def _whole(least: int, most: int) -> Check:
    def check(path: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            _refuse(path, f"is not a whole number between {least} and {most}")
        return int(value)

    return check


def _switch(path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _refuse(path, "is neither true nor false")
    return bool(value)


def _seconds(path: str, value: Any) -> int | None:
    return None if value is None else _whole(0, 31_536_000)(path, value)


def _cidr(path: str, value: Any) -> str:
    try:
        return str(ipaddress.ip_network(value)) if isinstance(value, str) and value else _refuse_cidr(path)
    except ValueError:
        return _refuse_cidr(path)


def _refuse_cidr(path: str) -> str:
    raise OptionsRefused(path, "is not a range of addresses like 10.0.0.0/8")


def _toleration(path: str, value: Any) -> dict[str, Any]:
    found = _struct(
        key=_text(_RESOURCE, "the key of a taint", empty=True),
        operator=_one_of(("Exists", "Equal")),
        value=_text(_VALUE, "the value of a taint", empty=True, most=63),
        effect=_one_of(EFFECTS),
        seconds=_seconds,
    )(path, value)
    if found.get("operator") == "Equal" and not found.get("key"):
        _refuse(_join(path, "key"), "is missing: Equal compares the value of one taint")
    if found.get("value") and found.get("operator", "Exists") == "Exists":
        _refuse(_join(path, "value"), "goes with the operator Equal")
    if found.get("seconds") is not None and found.get("effect") != "NoExecute":
        _refuse(_join(path, "seconds"), "goes with the effect NoExecute")
    return dict(found)


def _peer(path: str, value: Any) -> dict[str, Any]:
    found = _struct(
        cidr=_cidr,
        namespace=_text(_DNS, "the name of a namespace", empty=True, most=63),
        pod_labels=_LABELS,
        ports=_list(_whole(1, 65_535)),
        excluding=_list(_cidr),
    )(path, value)
    if found.get("cidr") and (found.get("namespace") or found.get("pod_labels")):
        _refuse(path, "names a range of addresses and pods: one of both")
    if found.get("excluding") and not found.get("cidr"):
        _refuse(_join(path, "excluding"), "takes parts out of a cidr, and there is none")
    return dict(found)


_LABELS: Final = _mapping(
    _text(_RESOURCE, "the name of a label"), _text(_VALUE, "the value of a label", empty=True, most=63)
)
_FLAVOR: Final = _struct(
    resource=_text(_RESOURCE, "the name of a resource like nvidia.com/gpu", empty=True),
    tolerations=_list(_toleration),
    node_labels=_LABELS,
    pod_labels=_LABELS,
    runtime_class=_text(_DNS, "the name of a RuntimeClass", empty=True),
    fargate=_switch,
)
_OPTIONS: Final[dict[str, Check]] = {
    "image_pull_secrets": _list(_text(_DNS, "the name of a Secret")),
    "image_policy": _list(_text(_REGISTRY, "a registry or the beginning of a repository like ghcr.io/acme")),
    "image_pull_policy": _one_of(PULL_POLICIES),
    "environment": _mapping(_text(_VARIABLE, "the name of a variable"), _text(None, "text", empty=True, most=4096)),
    "priority_class": _text(_DNS, "the name of a PriorityClass", empty=True),
    "flavors": _mapping(_text(None, "the name of a kind of GPU", empty=True, most=60), _FLAVOR),
    "tolerations": _list(_toleration),
    FARGATE_PODS: _whole(1, 1000),
    "scratch_bytes": _whole(0, BYTES_MOST),
    "shared_memory_bytes": _whole(0, BYTES_MOST),
    "serve_port": _whole(1024, 65_535),
    "rendezvous_port": _whole(1024, 65_535),
    "dns": _list(_peer),
    "api_egress": _list(_peer),
    "job_egress": _list(_peer),
    "gateways": _list(_peer),
    "operators": _struct(
        queue=_text(_DNS, "the name of a LocalQueue", empty=True, most=63),
        gangs=_one_of(("", "mpi", "train")),
        data=_one_of(("", "ray")),
        serving=_one_of(("", "kserve")),
    ),
    "dcgm": _struct(
        namespace=_text(_DNS, "the name of a namespace", most=63),
        labels=_text(_SELECTOR, "labels of pods like app=nvidia-dcgm-exporter"),
        port=_whole(1, 65_535),
    ),
}
