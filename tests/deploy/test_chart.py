"""The chart as Helm renders it: valid for every version of Kubernetes, restricted, without a secret in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import kubernetes_validate.utils
import pytest
import yaml

from controlplane import serve
from tests.deploy.chart_values import EVERYTHING, PRODUCTION, SETS, TRIAL
from tests.deploy.helm import CHART, VERSIONS, Manifest, Values, lint, merged, render
from tests.support.manifest_schemas import complaints

FROM_ELSEWHERE = {"ServiceMonitor", "PodMonitor", "ExternalSecret"}
"""Kinds of operators, which Kubernetes has no schema of."""
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$|DATABASE_URL|REDIS_URL|AUTH")
each_set = pytest.mark.parametrize("name", sorted(SETS))
each_way = pytest.mark.parametrize("upgrade", [False, True], ids=["install", "upgrade"])


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


@each_set
def test_every_version_of_kubernetes_takes_every_object(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    utils = kubernetes_validate.utils
    monkeypatch.setattr(utils, "schema_contents", cache(utils.schema_contents))  # it reads a megabyte for each object
    wrong, kinds = [], set()
    for version in VERSIONS:
        for each in render(SETS[name], kube_version=version).manifests:
            kinds.add(each["kind"])
            if each["kind"] not in FROM_ELSEWHERE:
                wrong += complaints(each, version.rpartition(".")[0])
    assert wrong == []
    assert {"Deployment", "Job", "NetworkPolicy", "PodDisruptionBudget", "ClusterRole"} <= kinds


@each_set
@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_helm_has_nothing_to_complain_of(name: str, version: str) -> None:
    assert lint(SETS[name], kube_version=version) == []


def test_the_chart_says_which_versions_it_is_for() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["apiVersion"] == "v2"
    assert about["kubeVersion"] == f">={VERSIONS[0]}-0"


@each_set
@each_way
def test_every_pod_is_restricted(name: str, upgrade: bool) -> None:
    """What the Pod Security Standard `restricted` asks for, and a read-only root beside it."""
    for at, pod in render(SETS[name], upgrade=upgrade).pods().items():
        spec = pod["spec"]
        account = 999 if at.startswith("StatefulSet/") else 10001
        assert spec["securityContext"]["runAsNonRoot"] is True, at
        assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == account, at
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, at
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"} & set(spec), at
        assert spec["enableServiceLinks"] is False, at  # BEDPLATE_PORT=tcp://… would be refused at start
        for volume in spec.get("volumes", []):
            assert set(volume) - {"name"} <= {"emptyDir", "secret", "configMap", "persistentVolumeClaim"}, at
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }, at
            assert container["resources"]["limits"]["memory"], at
            assert not any("hostPort" in port for port in container.get("ports", [])), at


@each_set
def test_only_who_speaks_to_the_cluster_has_a_token_of_it(name: str) -> None:
    found = render(SETS[name]).pods()
    with_token = {at.rpartition("/")[2] for at, pod in found.items() if pod["spec"]["automountServiceAccountToken"]}
    full = next(iter(at for at in found if at.endswith("-web"))).removeprefix("Deployment/").removesuffix("-web")
    assert with_token == {f"{full}-worker-dispatch", f"{full}-watcher"}
    accounts = {
        pod["spec"].get("serviceAccountName") for at, pod in found.items() if at.rpartition("/")[2] in with_token
    }
    assert accounts == {f"{full}-backend"}
    assert f"{full}-backend" not in {
        pod["spec"].get("serviceAccountName") for at, pod in found.items() if at.rpartition("/")[2] not in with_token
    }


@each_set
@each_way
def test_images_have_a_tag_and_none_is_latest(name: str, upgrade: bool) -> None:
    for at, pod in render(SETS[name], upgrade=upgrade).pods().items():
        for container in containers(pod):
            assert re.fullmatch(r"[\w./-]+:(?!latest(@|$))[\w.-]+(@sha256:[0-9a-f]{64})?", container["image"]), at


@each_set
@each_way
def test_no_secret_stands_in_a_variable(name: str, upgrade: bool) -> None:
    for at, pod in render(SETS[name], upgrade=upgrade).pods().items():
        for container in containers(pod):
            for variable in container.get("env", []):
                taken = SECRET.search(variable["name"]) and not variable["name"].endswith(
                    ("_KEY_FILE", "_PASSWORD_FILE")
                )
                assert not (taken and "value" in variable), f"{at}: {variable['name']}"
            names = [variable["name"] for variable in container.get("env", [])]
            assert len(names) == len(set(names)), at
    kept = [each for each in render(SETS[name], upgrade=upgrade).manifests if each["kind"] != "Secret"]
    assert not any(re.search(r"://[^\s/:@]*:[^\s/@]+@", text) for each in kept for text in strings(each))


def test_everything_is_named_and_short_enough() -> None:
    """Also for the longest names of a release and of a namespace; what a controller adds is counted, too."""
    for values in SETS.values():
        made = render(values, name="r" * 53, namespace="n" * 63)
        for each in made.manifests:
            kind, name = each["kind"], each["metadata"]["name"]
            room = {"Deployment": 63 - 17, "StatefulSet": 63 - 11, "Job": 63 - 6}.get(kind, 63)
            assert len(name) <= max(room, 40 + 16), f"{kind} {name}"
            assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name), name
            for label in each["metadata"].get("labels", {}).values():
                assert len(label) <= 63
            assert ("namespace" in each["metadata"]) == (
                kind not in ("PriorityClass", "ClusterRole", "ClusterRoleBinding")
            ), kind
        names = [(each["kind"], each["metadata"]["name"]) for each in made.manifests]
        assert len(names) == len(set(names))


@each_set
def test_selectors_outlive_every_upgrade(name: str) -> None:
    """Immutable are the selectors of Deployments and StatefulSets, and the claims of the latter."""

    def fixed(values: Values, upgrade: bool) -> dict[str, Any]:
        made = render(values, upgrade=upgrade)
        return {
            f"{each['kind']}/{each['metadata']['name']}": (
                each["spec"]["selector"],
                each["spec"].get("serviceName"),
                each["spec"].get("volumeClaimTemplates"),
            )
            for each in made.manifests
            if each["kind"] in ("Deployment", "StatefulSet")
        }

    later = merged(SETS[name], image__tag="9.9.9", commonLabels__wave="2", worker__concurrency=3)
    assert fixed(SETS[name], False) == fixed(later, True)
    for selector, *_ in fixed(SETS[name], False).values():
        assert set(selector["matchLabels"]) == {f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")}


@each_set
def test_every_selector_finds_something(name: str) -> None:
    """Of Services, budgets, policies and monitors: what they select is there."""
    made = render(SETS[name])
    labels = [pod["metadata"]["labels"] for pod in made.pods().values()]
    services = [each["metadata"]["labels"] for each in made.manifests if each["kind"] == "Service"]

    def matches(selector: Manifest, found: dict[str, str]) -> bool:
        fits = selector.get("matchLabels", {}).items() <= found.items()
        return fits and all(found.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))

    for each in made.manifests:
        spec, at = each.get("spec", {}), f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Service":
            assert any(spec["selector"].items() <= found.items() for found in labels), at
        elif each["kind"] in ("PodDisruptionBudget", "PodMonitor", "Deployment", "StatefulSet"):
            assert any(matches(spec["selector"], found) for found in labels), at
        elif each["kind"] == "NetworkPolicy":
            assert any(matches(spec["podSelector"], found) for found in labels), at
        elif each["kind"] == "ServiceMonitor":
            assert any(matches(spec["selector"], found) for found in services), at


def test_every_part_runs_and_no_other() -> None:
    for values in SETS.values():
        served = [
            container["command"][-1]
            for pod in render(values).pods().values()
            for container in containers(pod)
            if container.get("command", [])[:3] == ["python", "-m", "controlplane.serve"]
        ]
        assert sorted(served) == sorted([*serve.PARTS, "worker", "worker", "worker"])


def test_parts_of_which_one_may_work_are_never_two() -> None:
    made = render(EVERYTHING)
    for part in ("beat", "watcher"):
        (deployment,) = [each for name, each in made.of("Deployment").items() if name.endswith(f"-{part}")]
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_an_autoscaler_and_a_number_of_replicas_do_not_fight() -> None:
    made = render(PRODUCTION)
    assert "replicas" not in made.one("Deployment", "bedplate-web")["spec"]
    scaler = made.one("HorizontalPodAutoscaler", "bedplate-web")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 8)
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "bedplate-web"}
    assert list(made.of("HorizontalPodAutoscaler")) == ["bedplate-web"]
    assert render(TRIAL).one("Deployment", "bedplate-web")["spec"]["replicas"] == 1


def test_budgets_are_for_parts_of_which_several_run() -> None:
    names = ("gateway", "publisher", "web", "worker-dispatch")
    assert sorted(render(PRODUCTION).of("PodDisruptionBudget")) == [f"bedplate-{name}" for name in names]
    assert "bedplate-web" not in render(TRIAL).of("PodDisruptionBudget")
    assert render(merged(TRIAL, podDisruptionBudgets__enabled=False)).of("PodDisruptionBudget") == {}


def test_a_changed_secret_makes_new_pods_and_nothing_else_does() -> None:
    def sums(values: Values) -> set[str]:
        return {
            pod["metadata"]["annotations"]["checksum/secrets"]
            for at, pod in render(values).pods().items()
            if at.startswith("Deployment/")
        }

    assert len(sums(PRODUCTION)) == 1
    assert sums(PRODUCTION) == sums(merged(PRODUCTION, web__replicas=5, image__tag="9"))
    assert sums(PRODUCTION) != sums(merged(PRODUCTION, secrets__existingSecret="other"))
    assert sums(EVERYTHING) != sums(merged(EVERYTHING, externalSecrets__refreshInterval="5m"))


def test_what_is_for_operators_is_what_they_know() -> None:
    made = render(EVERYTHING)
    full = "a-name-that-is-longer-than-any-that-peop"
    fetched = made.one("ExternalSecret", f"{full}-secrets")
    assert fetched["apiVersion"] == "external-secrets.io/v1"
    assert fetched["spec"]["secretStoreRef"] == {"name": "vault", "kind": "ClusterSecretStore"}
    assert fetched["spec"]["target"] == {
        "name": f"{full}-secrets",
        "creationPolicy": "Orphan",
        "deletionPolicy": "Retain",
    }
    assert fetched["spec"]["data"][0] == {
        "secretKey": "secret-key",
        "remoteRef": {"key": "bedplate/production", "property": "secret-key"},
    }
    monitors = [*made.of("ServiceMonitor").values(), *made.of("PodMonitor").values()]
    assert {each["apiVersion"] for each in monitors} == {"monitoring.coreos.com/v1"}
    assert {each["metadata"]["labels"]["release"] for each in monitors} == {"prometheus"}
    endpoints = [each["spec"].get("endpoints") or each["spec"]["podMetricsEndpoints"] for each in monitors]
    assert endpoints == [[{"port": "http", "path": "/metrics", "interval": "15s"}]] * 3


def test_rendering_twice_gives_the_same() -> None:
    """Else every upgrade would make new pods. What Helm draws by chance is in the Secret of a trial alone."""
    for values in SETS.values():
        first, second = (render(values, kube_version=version).manifests for version in ("1.36.0", "1.36.1"))
        kept = [[each for each in made if each["kind"] != "Secret"] for made in (first, second)]
        assert json.dumps(kept[0]) == json.dumps(kept[1])
