"""How controllers make pods: by the same rules as requests."""

from __future__ import annotations

from tests.support.kubernetes import answers
from tests.support.kubernetes.admission import Admission
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.defaults import pod_spec
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.store import Object


class PodMaker:
    """Admission and defaults for pods that no request made."""

    def __init__(self, cluster: Cluster, admission: Admission) -> None:
        self._cluster, self._admission = cluster, admission

    def create(self, pod: Object, namespace: str) -> Object:
        """
        Raises:
            Refusal: as a request would have been refused.
        """
        cluster = self._cluster
        with cluster.store.lock:
            self._admission.check_namespace(PODS, pod, namespace)
            made = cluster.made(PODS, pod, namespace)
            pod_spec(made["spec"], always=True)
            self._admission.fill(PODS, made)
            self._admission.check(PODS, made, dry=False)
            if cluster.store.get(PODS, made["metadata"]["name"], namespace) is not None:
                raise answers.already_exists(PODS, made["metadata"]["name"])
            return cluster.store.put(PODS, made)
