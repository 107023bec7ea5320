"""A pod's volumes as folders of this machine, and where the paths of its containers lead."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.kubernetes.downward import field_value
from tests.support.kubernetes.kinds import CONFIGMAPS, SECRETS
from tests.support.kubernetes.store import Object, Store

Token = Callable[[Object, Mapping[str, Any]], str]
"""Issues a projected ServiceAccount token for a pod."""

REAL = {"/tmp", "/dev/shm"}
"""Places that this machine has too: a mount there is not looked for inside of texts."""


class PodFiles:
    """The folders of one pod."""

    def __init__(self, root: Path, pod: Object, application: Path) -> None:
        self.root, self._pod, self._application = root, pod, application
        (root / "volumes").mkdir(parents=True, exist_ok=True)

    def volume(self, name: str) -> Path:
        return self.root / "volumes" / name

    def make(self, store: Store, token: Token) -> None:
        """Fill every volume, as the kubelet does before the first container."""
        spec = self._pod["spec"]
        group = (spec.get("securityContext") or {}).get("fsGroup") is not None
        for volume in spec.get("volumes") or ():
            folder = self.volume(volume["name"])
            folder.mkdir(exist_ok=True)
            for source in _sources(volume):
                self._fill(store, token, folder, source, group)

    def _fill(self, store: Store, token: Token, folder: Path, source: Object, group: bool) -> None:
        namespace = self._pod["metadata"]["namespace"]
        if (asked := source.get("serviceAccountToken")) is not None:
            _write(folder / asked["path"], token(self._pod, asked).encode(), 0o640 if group else 0o600, False)
            return
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            value = field_value(self._pod, item["fieldRef"]["fieldPath"], "")
            _write(folder / item["path"], value.encode(), 0o644, group)
        for field, kind, key in (("secret", SECRETS, "secretName"), ("configMap", CONFIGMAPS, "name")):
            wanted = source.get(field)
            if wanted is None:
                continue
            found = store.get(kind, wanted.get(key) or wanted.get("name", ""), namespace)
            if found is None:
                continue
            data = contents(found)
            default = int(source.get("defaultMode") or wanted.get("defaultMode") or 0o644)
            items = wanted.get("items") or [{"key": name, "path": name} for name in data]
            for item in items:
                _write(folder / item["path"], data[item["key"]], int(item.get("mode") or default), group)

    def places(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Paths inside a container → paths of this machine."""
        found = {"/opt/bedplate/app": str(self._application)}
        for mount in container.get("volumeMounts") or ():
            path = self.volume(mount["name"])
            if mount.get("subPath"):
                path /= mount["subPath"]
                path.mkdir(parents=True, exist_ok=True)
            found[mount["mountPath"].rstrip("/")] = str(path)
        found[container.get("terminationMessagePath", "/dev/termination-log")] = str(self.message(container["name"]))
        return found

    def message(self, container: str) -> Path:
        """Where what a container leaves at its terminationMessagePath lies."""
        return self.root / f"termination-{container}"

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def contents(obj: Object) -> dict[str, bytes]:
    """The data of a Secret or a ConfigMap."""
    if "stringData" in obj or obj.get("type"):
        found = {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
        return {**found, **{key: value.encode() for key, value in (obj.get("stringData") or {}).items()}}
    found = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    return {**found, **{key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}}


def _sources(volume: Object) -> list[Object]:
    if "projected" in volume:
        mode = volume["projected"].get("defaultMode")
        return [{**each, "defaultMode": mode} for each in volume["projected"].get("sources") or ()]
    return [{key: volume[key]} for key in ("secret", "configMap", "downwardAPI") if key in volume]


def _write(path: Path, data: bytes, mode: int, group: bool) -> None:
    """With the owner's rights for the group too, where the pod has an fsGroup."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(mode | ((mode & 0o400) >> 3) if group else mode)


def rewritten(text: str, places: Mapping[str, str]) -> str:
    """A word of a command, or a script in one, with the places of this machine."""
    inside = sorted((path for path in places if path not in REAL), key=len, reverse=True)
    pattern = "|".join(re.escape(path) for path in inside)
    return re.sub(rf"(?<![\w./-])({pattern})(?=[/\s:;,'\")]|$)", lambda found: places[found[1]], text)


def rewritten_value(text: str, places: Mapping[str, str]) -> str:
    """A variable's value."""
    return places[text] if text in REAL and text in places else rewritten(text, places)
