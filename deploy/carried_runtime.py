"""Preparation of pods without an image of Bedplate: what that image would have is carried in the pod's command.

For `verify_cluster.py` alone, which is run before anything of Bedplate is on the cluster or in its registry.
"""

from __future__ import annotations

import base64
import json
import zlib
from copy import deepcopy
from pathlib import Path
from typing import Any

from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.names import PREPARE
from workers.backends.kubernetes.pod_environment import BIN
from workers.backends.kubernetes.resources import Resource

RUNTIME = Path(__file__).resolve().parents[1] / "workers" / "runtime"
UNPACK = """
import base64, json, os, runpy, sys, zlib
folder = os.path.join(os.environ["TMPDIR"], "carried")
os.makedirs(folder, exist_ok=True)
for name, text in json.loads(zlib.decompress(base64.b64decode(sys.argv.pop(1)))).items():
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
sys.argv[1:] = [os.path.dirname(sys.argv[1])]
runpy.run_path(os.path.join(folder, "prepare.py"), run_name="__main__")
"""


def payload() -> str:
    """The wrapper and what puts it in its place, packed: some 20 KB of text."""
    files = [RUNTIME / "prepare.py", *sorted(RUNTIME.glob("wrapper*.py"))]
    packed = zlib.compress(json.dumps({path.name: path.read_text() for path in files}).encode(), 9)
    return base64.b64encode(packed).decode()


def carrying(manifest: dict[str, Any]) -> dict[str, Any]:
    """The same Job or Deployment, whose pods unpack what prepares them."""
    changed = deepcopy(manifest)
    for container in changed["spec"]["template"]["spec"].get("initContainers", []):
        if container["name"] == PREPARE:
            container["command"] = ["python3", "-I", "-S", "-c", UNPACK, payload(), BIN]
    return changed


class CarryingApi(Api):
    """An API server to which pods go with their preparation in them."""

    def within(self, seconds: float) -> CarryingApi:
        return CarryingApi(self.transport.within(seconds))

    def create(self, resource: Resource, manifest: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        has_pods = resource.kind in ("Job", "Deployment")
        return super().create(resource, carrying(manifest) if has_pods else manifest)
