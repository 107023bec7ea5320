"""The official client, as it is, talks to the server: over TLS that it checks, by tokens and certificates."""

from __future__ import annotations

import json

import pytest
from kubernetes import client, watch

from tests.support.kubernetes.kinds import PODS, Kind
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.kubernetes.fake_server.conftest import Clients, clients, job

QUEUES = Kind("kueue.x-k8s.io", "v1beta1", "localqueues", "LocalQueue", subresources=("status",), custom=True)


def test_a_job_from_its_creation_to_its_end(cluster: KubernetesServer, official: Clients) -> None:
    official.batch.create_namespaced_job("default", job(count=2))
    cluster.settle()
    pods = official.core.list_namespaced_pod("default", label_selector="batch.kubernetes.io/job-name=train").items
    assert [(pod.status.phase, pod.spec.node_name) for pod in pods] == [("Running", "node-1")] * 2
    cluster.print(cluster.pod_of("train"), "hello\n")
    assert official.core.read_namespaced_pod_log(pods[0].metadata.name, "default") == "hello\n"
    for index in range(2):
        cluster.exit(cluster.pod_of("train", index), 0, message='{"answer": 42}')
    ended = official.batch.read_namespaced_job("train", "default")
    assert [condition.type for condition in ended.status.conditions] == ["SuccessCriteriaMet", "Complete"]
    state = official.core.read_namespaced_pod(pods[0].metadata.name, "default").status.container_statuses[0].state
    assert (state.terminated.exit_code, state.terminated.message) == (0, '{"answer": 42}')


def test_a_watch_sees_what_happens(cluster: KubernetesServer, official: Clients) -> None:
    official.batch.create_namespaced_job("default", job())
    cluster.settle()
    cluster.exit(cluster.pod_of("train"))
    stream = watch.Watch().stream(
        official.batch.list_namespaced_job, "default", timeout_seconds=1, resource_version="1000"
    )
    seen = [(event["type"], event["object"].status.succeeded) for event in stream]
    assert seen[0] == ("ADDED", None)
    assert seen[-1] == ("MODIFIED", 1)


def test_an_expired_watch_raises_410(cluster: KubernetesServer, official: Clients) -> None:
    cluster.store.compact()
    with pytest.raises(client.ApiException) as error:
        list(
            watch.Watch().stream(official.core.list_namespaced_pod, "default", resource_version="5", timeout_seconds=1)
        )
    assert error.value.status == 410


def test_refusals_are_status_bodies(official: Clients) -> None:
    with pytest.raises(client.ApiException) as error:
        official.batch.read_namespaced_job("none", "default")
    body = json.loads(error.value.body)
    assert (error.value.status, body["reason"], body["details"]["kind"]) == (404, "NotFound", "jobs")


def test_a_client_certificate_signs_in(cluster: KubernetesServer) -> None:
    found = clients(cluster.kubeconfig(pair=cluster.certificate("operator")))
    assert len(found.core.list_node().items) == 1
    nobody = clients(cluster.kubeconfig(pair=cluster.certificate("somebody", ("guests",))))
    with pytest.raises(client.ApiException) as error:
        nobody.core.list_node()
    assert 'User "somebody" cannot list resource "nodes"' in json.loads(error.value.body)["message"]
    for each in (found, nobody):
        each.api.rest_client.pool_manager.clear()


def test_a_token_may_what_its_rules_say(cluster: KubernetesServer) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    found = clients(cluster.kubeconfig(cluster.token("reader", rules, namespace="default")))
    assert found.core.list_namespaced_pod("default").items == []
    for refused in (lambda: found.core.list_namespaced_pod("kube-system"), lambda: found.core.list_node()):
        with pytest.raises(client.ApiException) as error:
            refused()
        assert error.value.status == 403
    review = {"spec": {"resourceAttributes": {"namespace": "default", "resource": "pods", "verb": "list"}}}
    reviews = client.AuthorizationV1Api(found.api)
    assert reviews.create_self_subject_access_review(review).status.allowed is True
    cluster.allow("reader", [], namespace="default")
    assert reviews.create_self_subject_access_review(review).status.allowed is False
    found.api.rest_client.pool_manager.clear()


def test_kinds_of_operators_can_be_registered(cluster: KubernetesServer, official: Clients) -> None:
    cluster.register(QUEUES)
    custom = client.CustomObjectsApi(official.api)
    place = (QUEUES.group, QUEUES.version, "default", QUEUES.plural)
    body = {
        "apiVersion": QUEUES.api_version,
        "kind": QUEUES.kind,
        "metadata": {"name": "q"},
        "spec": {"clusterQueue": "c"},
    }
    made = custom.create_namespaced_custom_object(*place, {**body, "status": {"pending": 3}})
    assert (made["metadata"]["generation"], "status" in made) == (1, False)
    changed = custom.patch_namespaced_custom_object(*place, "q", {"spec": {"clusterQueue": "d"}})
    assert (changed["metadata"]["generation"], changed["spec"]) == (2, {"clusterQueue": "d"})
    told = custom.patch_namespaced_custom_object_status(*place, "q", {"status": {"pending": 1}})
    assert (told["status"], told["metadata"]["generation"]) == ({"pending": 1}, 2)
    assert [item["metadata"]["name"] for item in custom.list_namespaced_custom_object(*place)["items"]] == ["q"]
    groups = [group.name for group in client.ApisApi(official.api).get_api_versions().groups]
    assert QUEUES.group in groups


def test_a_definition_makes_its_kind(cluster: KubernetesServer, official: Clients) -> None:
    custom = client.CustomObjectsApi(official.api)
    with pytest.raises(client.ApiException) as error:
        custom.list_namespaced_custom_object("example.com", "v1", "default", "widgets")
    assert error.value.status == 404
    names = {"plural": "widgets", "kind": "Widget", "singular": "widget"}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions},
    }
    client.ApiextensionsV1Api(official.api).create_custom_resource_definition(definition)
    assert custom.list_namespaced_custom_object("example.com", "v1", "default", "widgets")["items"] == []


def test_a_namespace_goes_with_everything_in_it(cluster: KubernetesServer, official: Clients) -> None:
    official.core.create_namespace({"metadata": {"name": "team"}})
    cluster.settle()
    official.batch.create_namespaced_job("team", job())
    cluster.settle()
    official.core.delete_namespace("team")
    assert official.core.read_namespace("team").status.phase == "Terminating"
    cluster.advance(31)
    assert [each.metadata.name for each in official.core.list_namespace().items] == ["default", "kube-system"]
    assert cluster.all(PODS) == []
