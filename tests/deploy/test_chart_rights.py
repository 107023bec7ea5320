"""What the chart lets Bedplate do on the cluster is what Bedplate does there, and what it is told of the cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlplane.management.commands.cluster import Command
from tests.deploy.chart_values import EVERYTHING, PRODUCTION, SETS, TRIAL
from tests.deploy.helm import NAMESPACE, Rendered, Values, merged, render
from tests.support.manifest_schemas import complaints
from workers.backends.kubernetes import names, options, rights, tenancy
from workers.backends.kubernetes.site import ClusterSite, Tenant
from workers.contracts.cluster_options import options_checked

Granted = set[tuple[str, str, str, bool]]
"""Group, resource, verb, and whether of the whole cluster only."""
SHARED = merged(PRODUCTION, cluster__makesNamespaces=False, rbac__namespaces=["ai-acme-risk", "ai-acme-fraud"])


def granted(made: Rendered) -> Granted:
    """Every verb that the roles give. None is given twice, and none by a star."""
    found: list[tuple[str, str, str, bool]] = []
    for name, role in made.of("ClusterRole").items():
        for rule in role["rules"]:
            assert set(rule) == {"apiGroups", "resources", "verbs"}
            found += [
                (group, resource, verb, name.endswith("-cluster"))
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
            ]
    assert len(found) == len(set(found))
    assert not any("*" in each[:3] for each in found)
    return set(found)


@pytest.mark.parametrize("makes_namespaces", [True, False])
def test_roles_give_what_is_needed_and_nothing_else(makes_namespaces: bool) -> None:
    """rights.py has a reason for each; what is missing here would be refused there."""
    needed = rights.needed(makes_namespaces=makes_namespaces)
    made = render(TRIAL if makes_namespaces else SHARED)
    assert granted(made) == {(one.group, one.resource, one.verb, one.cluster_wide) for one in needed}
    assert len(needed) > 25


@pytest.mark.parametrize(
    "operators",
    [{"queue": "main"}, {"gangs": "mpi"}, {"gangs": "train"}, {"data": "ray"}, {"serving": "kserve"}],
    ids=lambda operators: "-".join(operators.values()),
)
def test_operators_take_more_and_only_where_they_are_asked_for(operators: dict[str, str]) -> None:
    values = merged(TRIAL, cluster__options={"operators": operators})
    more = granted(render(values)) - granted(render(TRIAL))
    needed = rights.of_operators(site_of(values))
    assert more == {(one.group, one.resource, one.verb, one.cluster_wide) for one in needed}
    assert more


@pytest.mark.parametrize(("asked", "place"), [({}, "gpu-operator"), ({"namespace": "monitoring"}, "monitoring")])
def test_the_exporter_of_gpu_figures_is_read_in_its_namespace_alone(asked: dict[str, Any], place: str) -> None:
    values = merged(TRIAL, cluster__options={"dcgm": asked})
    made = render(values)
    (role,) = made.of("Role").values()
    (binding,) = [each for each in made.of("RoleBinding").values() if each["roleRef"]["kind"] == "Role"]
    assert {each["metadata"]["namespace"] for each in (role, binding)} == {place}
    assert (binding["roleRef"]["name"], binding["subjects"]) == (
        role["metadata"]["name"],
        [{"kind": "ServiceAccount", "name": "bedplate-backend", "namespace": NAMESPACE}],
    )
    given = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    needed = rights.of_dcgm(site_of(values))
    assert given == {(one.group, one.resource, one.verb) for one in needed}
    assert {one.namespace for one in needed} == {place}
    assert granted(made) == granted(render(TRIAL))
    assert complaints(role, "1.36") == complaints(binding, "1.36") == []
    assert not render(TRIAL).of("Role")


def bindings(made: Rendered) -> set[tuple[str, str, str]]:
    """Kind, where, and the end of the role's name."""
    found = set()
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        for each in (each for each in made.manifests if each["kind"] == kind):
            assert each["subjects"] == [{"kind": "ServiceAccount", "name": "bedplate-backend", "namespace": NAMESPACE}]
            assert each["roleRef"]["name"] in made.of("ClusterRole")
            place = each["metadata"].get("namespace", "")
            found.add((kind, place, each["roleRef"]["name"].rpartition("-")[2]))
    return found


def test_where_the_rights_are() -> None:
    everywhere = {("ClusterRoleBinding", "", "jobs"), ("ClusterRoleBinding", "", "cluster")}
    assert bindings(render(TRIAL)) == everywhere
    assert bindings(render(SHARED)) == {
        ("RoleBinding", "ai-acme-risk", "jobs"),
        ("RoleBinding", "ai-acme-fraud", "jobs"),
        ("ClusterRoleBinding", "", "cluster"),
    }
    none = render(merged(TRIAL, rbac__create=False))
    assert bindings(none) == set()
    assert none.of("ClusterRole") == {}


def test_two_releases_of_one_name_have_roles_of_their_own() -> None:
    one, other = (set(render(TRIAL, namespace=namespace).of("ClusterRole")) for namespace in ("a", "b"))
    assert not one & other


def told(values: Values, **more: Any) -> dict[str, Any]:
    """The command that tells Bedplate of its cluster, as `manage.py` reads it."""
    (job,) = render(values, **more).of("Job").values()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    words = container["command"]
    assert words[:3] == ["python", "manage.py", "cluster"]
    parsed = vars(Command().create_parser("manage.py", "cluster").parse_args(words[3:]))
    return parsed | {"options": json.loads(parsed["options"])}


@pytest.mark.parametrize("name", sorted(SETS))
def test_bedplate_is_told_of_its_cluster(name: str) -> None:
    found = told(SETS[name])
    assert (found["verb"], found["name"], found["in_cluster"], found["unchecked"]) == ("add", "main", True, True)
    assert (found["namespace_prefix"], found["makes_namespaces"], found["job_api_url"]) == ("bedplate", "yes", "")
    assert options_checked(found["options"]) == found["options"]
    assert told(SETS[name], upgrade=True) == found


def test_what_the_values_say_of_the_cluster_is_told() -> None:
    values = merged(
        SHARED,
        cluster__name="gpu",
        cluster__namespacePrefix="ai",
        cluster__jobApiUrl="https://jobs.example.org",
        cluster__options={"tolerations": [{"key": "nvidia.com/gpu"}], "priority_class": "low"},
    )
    found = told(values)
    assert (found["name"], found["namespace_prefix"], found["makes_namespaces"]) == ("gpu", "ai", "no")
    assert found["job_api_url"] == "https://jobs.example.org"
    assert found["options"]["tolerations"] == [{"key": "nvidia.com/gpu"}]
    assert found["options"]["priority_class"] == "low"
    assert "api_egress" not in found["options"]  # elsewhere than in the release: by its port
    assert found["options"]["gateways"][0]["namespace"] == NAMESPACE


def site_of(values: Values) -> ClusterSite:
    """The cluster as the worker knows it."""
    return options.site_from_options(
        told(values)["options"],
        installation="0197e9b8-0000-7000-8000-000000000001",
        cluster="main",
        runtime_image="bedplate-runtime:1",
        namespace_prefix="bedplate",
        api_url="http://bedplate-web.ai.svc:8000",
    )


def test_fences_of_projects_and_of_the_release_have_the_same_holes() -> None:
    """A project's namespace lets in whom the release lets out, and the other way round."""
    made = render(PRODUCTION)
    site = site_of(PRODUCTION)
    manifests = tenancy.tenant_manifests(Tenant("acme", "risk", "loans"), site)
    policies = [each for each in manifests if each["kind"] == "NetworkPolicy"]
    pods = {at.rpartition("-")[2]: pod["metadata"]["labels"] for at, pod in made.pods().items()}

    def peers(key: str, side: str) -> list[dict[str, Any]]:
        rules = [rule for policy in policies for rule in policy["spec"].get(key, [])]
        return [peer for rule in rules for peer in rule.get(side, []) if "podSelector" in peer]

    def lets(found: list[dict[str, Any]], labels: dict[str, str]) -> bool:
        return any(
            peer.get("namespaceSelector", {}).get("matchLabels") == {"kubernetes.io/metadata.name": NAMESPACE}
            and peer["podSelector"].get("matchLabels", {}).items() <= labels.items()
            for peer in found
        )

    assert lets(peers("egress", "to"), pods["web"])
    for part in ("web", "gateway"):
        assert lets(peers("ingress", "from"), pods[part]), part
    assert not lets(peers("ingress", "from"), pods["beat"])
    (namespace,) = [each for each in manifests if each["kind"] == "Namespace"]
    wanted = {names.MANAGED_BY: names.MANAGER}
    assert wanted.items() <= namespace["metadata"]["labels"].items()
    (way_in,) = made.one("NetworkPolicy", "bedplate-web")["spec"]["ingress"]
    assert {"namespaceSelector": {"matchLabels": wanted}} in way_in["from"]
    (way_out,) = made.one("NetworkPolicy", "bedplate-replicas")["spec"]["egress"]
    assert way_out == {
        "to": [{"namespaceSelector": {"matchLabels": wanted}}],
        "ports": [{"port": site.serve_port, "protocol": "TCP"}],
    }


def test_replicas_are_reached_on_the_port_that_the_options_name() -> None:
    made = render(merged(PRODUCTION, cluster={"options": {"serve_port": 9000}}))
    (way_out,) = made.one("NetworkPolicy", "bedplate-replicas")["spec"]["egress"]
    assert way_out["ports"] == [{"port": 9000, "protocol": "TCP"}]


def test_the_class_of_jobs_is_made_by_one_of_both() -> None:
    """What two managers say of one object differently, the second is refused."""
    assert render(TRIAL).of("PriorityClass") == {}
    made = render(SHARED).one("PriorityClass", "bedplate")
    assert (made["value"], made["preemptionPolicy"], made["globalDefault"]) == (0, "Never", False)
    assert complaints(made, "1.36") == []
    assert render(merged(SHARED, priorityClass__create=False)).of("PriorityClass") == {}
    assert told(EVERYTHING)["options"]["priority_class"] == "bedplate"
