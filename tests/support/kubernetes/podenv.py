"""The environment and the command of a container, as the kubelet puts them together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.support.kubernetes.downward import field_value
from tests.support.kubernetes.kinds import CONFIGMAPS, SECRETS
from tests.support.kubernetes.podfiles import contents
from tests.support.kubernetes.quantities import amount
from tests.support.kubernetes.store import Object, Store

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.][-A-Za-z0-9_.]*)\)")


def expanded(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` and `$$`, as the kubelet reads them; an unknown name stays as it is written."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else known.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def variables(store: Store, pod: Object, container: Mapping[str, Any], ip: str) -> dict[str, str]:
    """By name, in their order."""
    found: dict[str, str] = {}
    namespace = pod["metadata"]["namespace"]
    for source in container.get("envFrom") or ():
        for field, kind in (("secretRef", SECRETS), ("configMapRef", CONFIGMAPS)):
            if field in source and (obj := store.get(kind, source[field]["name"], namespace)) is not None:
                prefix = source.get("prefix", "")
                found |= {prefix + key: data.decode() for key, data in contents(obj).items()}
    for each in container.get("env") or ():
        if each.get("valueFrom"):
            value = _referred(store, pod, container, each["valueFrom"], ip)
            if value is not None:
                found[each["name"]] = value
        else:
            found[each["name"]] = expanded(each.get("value", ""), found)
    return found


def _referred(store: Store, pod: Object, container: Mapping[str, Any], source: Object, ip: str) -> str | None:
    namespace = pod["metadata"]["namespace"]
    if (field := source.get("fieldRef")) is not None:
        return field_value(pod, field["fieldPath"], ip)
    if (resource := source.get("resourceFieldRef")) is not None:
        part, _, name = resource["resource"].partition(".")
        value = (container.get("resources", {}).get(part) or {}).get(name, "0")
        return str(int(-(-amount(value) // amount(resource.get("divisor") or "1"))))
    for reference, kind in (("secretKeyRef", SECRETS), ("configMapKeyRef", CONFIGMAPS)):
        if reference in source:
            found = store.get(kind, source[reference]["name"], namespace)
            data = contents(found) if found is not None else {}
            key = source[reference]["key"]
            return data[key].decode() if key in data else None
    return None
