"""Lists all Jobs and their pods of a cluster with the official Python client as it comes: pages of 500, its own models.

python -m bench.kubernetes_peer < {"kubeconfig": …}
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import yaml
from kubernetes import client, config

LOOKS = 2
LABELS = "app.kubernetes.io/managed-by=bedplate"
PAGE = 500


def pages(ask: Callable[..., Any]) -> list[Any]:
    """All items of a list."""
    items: list[Any] = []
    more = ""
    while True:
        page = ask(label_selector=LABELS, limit=PAGE, **({"_continue": more} if more else {}))
        items += page.items
        more = page.metadata._continue
        if not more:
            return items


def main() -> None:
    order = json.load(sys.stdin)
    asks = config.new_client_from_config_dict(  # type: ignore[no-untyped-call]
        yaml.safe_load(order["kubeconfig"])
    )
    seconds, running = [], 0
    for _ in range(LOOKS):
        began = time.monotonic()
        jobs = pages(client.BatchV1Api(asks).list_job_for_all_namespaces)
        pods = pages(client.CoreV1Api(asks).list_pod_for_all_namespaces)
        running = min(sum(1 for one in jobs if one.status.active), len(pods))
        seconds.append(time.monotonic() - began)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "running": running, "mb": most, "looks": LOOKS}))


if __name__ == "__main__":
    main()
