"""What pods say through the API server: pages that a test wrote."""

from __future__ import annotations

from tests.support.kubernetes import answers
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.http import Request, Response
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.routing import Target


class Proxy:
    """`GET …/pods/<name>:<port>/proxy/<path>`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.pages: dict[tuple[str, str, int, str], str] = {}
        """Namespace, pod, port and path → text. Elsewhere nobody listens."""

    def get(self, target: Target, request: Request) -> Response:
        pod, _, port = target.name.partition(":")
        if self._cluster.store.get(PODS, pod, target.namespace) is None:
            raise answers.not_found(PODS, pod)
        path = request.path.partition("/proxy")[2] or "/"
        text = self.pages.get((target.namespace, pod, int(port or 80), path))
        if text is None:
            message = "error trying to reach service: dial tcp: connect: connection refused"
            raise answers.Refusal(503, message, "ServiceUnavailable")
        return Response(200, text.encode(), "text/plain; version=0.0.4; charset=utf-8")
