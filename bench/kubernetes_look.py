"""Looks at jobs of a cluster, in a process of its own that says how long it took and how much memory it had at most.

python -m bench.kubernetes_look < {"kubeconfig": …, "handles": […]}
"""

from __future__ import annotations

import json
import resource
import sys
import time

from bench.kubernetes_load import backend_of
from workers.contracts.launch import JobHandle
from workers.contracts.observation import Phase

LOOKS = 5


def main() -> None:
    order = json.load(sys.stdin)
    backend = backend_of(order["kubeconfig"])
    handles = [JobHandle.from_json(one) for one in order["handles"]]
    seconds, running = [], 0
    for _ in range(LOOKS):
        began = time.monotonic()
        seen = backend.observe(handles)
        seconds.append(time.monotonic() - began)
        running = sum(one.phase is Phase.RUNNING for one in seen)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "running": running, "mb": most, "looks": LOOKS}))


if __name__ == "__main__":
    main()
