"""What the chart takes: every value is documented and checked, what does not fit is refused with its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import yaml

from controlplane import env
from tests.deploy.chart_values import EVERYTHING, MINIMAL, PRODUCTION, SETS, TRIAL
from tests.deploy.helm import CHART, ChartRefused, Values, merged, render

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
NOT_HERE = {"BEDPLATE_DEBUG", "BEDPLATE_HINTS", "BEDPLATE_REPLICA_HOST", "BEDPLATE_STATIC_FOLDER"}
"""Settings that an installation on a cluster has no use for, or that its image has set."""


def resolved(schema: Any) -> Any:
    """The schema itself where it only names a definition."""
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object with named properties, by its place."""
    schema = resolved(schema)
    if "properties" in schema and schema.get("type") == "object":
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, f"{path}.{name}")
    if "items" in schema:
        yield from objects(schema["items"], f"{path}[]")


def test_no_object_takes_what_it_does_not_name() -> None:
    found = dict(objects(SCHEMA))
    assert [path for path, schema in found.items() if schema.get("additionalProperties") is not False] == []
    assert {"", ".web", ".storage.s3", ".queues.dispatch", ".externalSecrets.data[].remoteRef"} <= set(found)


def test_every_value_has_a_default_and_every_default_is_in_the_schema() -> None:
    def compare(schema: Any, defaults: Any, path: str) -> Iterator[str]:
        schema = resolved(schema)
        if not isinstance(defaults, dict) or "properties" not in schema or path.endswith((".resources", ".affinity")):
            return
        names = set(schema["properties"])
        if path not in (".settings", ".queues.control", ".queues.dispatch", ".queues.data", ".queues.notify"):
            yield from (f"{path}.{name} has no default" for name in names - set(defaults) - {"global"})
        yield from (f"{path}.{name} is not in the schema" for name in set(defaults) - names)
        for name in names & set(defaults):
            yield from compare(schema["properties"][name], defaults[name], f"{path}.{name}")

    assert list(compare(SCHEMA, DEFAULTS, "")) == []


def test_every_group_of_values_is_explained() -> None:
    groups = (CHART / "values.yaml").read_text().strip().split("\n\n")
    assert [group for group in groups if not re.search(r"^ *# \w", group, re.MULTILINE)] == []
    assert len(groups) > 20


def test_settings_are_those_of_the_project_that_the_chart_does_not_set_itself() -> None:
    """A new setting belongs into `settings` of values.schema.json, or into templates/_environment.tpl."""
    containers = render(TRIAL).one("Deployment", "bedplate-worker-data")["spec"]["template"]["spec"]["containers"]
    own = {variable["name"] for variable in containers[0]["env"]}
    known = {env.name_of(row.name) for row in fields(env.Environment)}
    taken = set(SCHEMA["properties"]["settings"]["properties"])
    assert own - known == {"DJANGO_SETTINGS_MODULE"}
    assert taken == known - own - NOT_HERE
    secret = {env.name_of(row.name) for row in fields(env.Environment) if row.metadata["secret"]}
    assert not taken & secret
    given = render(EVERYTHING).of("Deployment")
    for deployment in given.values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        if container["name"] != "gateway":
            assert {"name": "BEDPLATE_CURRENCY", "value": "EUR"} in container["env"]


def test_nothing_is_installed_without_a_name() -> None:
    with pytest.raises(ChartRefused, match="host"):
        render({name: value for name, value in TRIAL.items() if name != "host"})


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"hots": "ai.example.org"}, "hots"),
        ({"host": "https://ai.example.org"}, "host"),
        ({"host": "AI.example.org/"}, "host"),
        ({"gatewayUrl": "models.example.org"}, "gatewayUrl"),
        ({"trustedProxies": ["everybody"]}, "trustedProxies"),
        ({"trustedProxies": "10.0.0.0/8"}, "trustedProxies"),
        ({"listen": "127.0.0.1"}, "listen"),
        ({"image__tag": "latest"}, "tag"),
        ({"image__digest": "sha256:short"}, "digest"),
        ({"image__repository": "Bedplate Control"}, "repository"),
        ({"image__pullPolicy": "Sometimes"}, "pullPolicy"),
        ({"runtimeImage__tag": "latest"}, "tag"),
        ({"runtimeImage__pullPolicy": "Always"}, "pullPolicy"),
        ({"settings__BEDPLATE_QUEUE_LIMIT_SECONDS": 604800}, "BEDPLATE_QUEUE_LIMIT_SECONDS"),
        ({"settings__BEDPLATE_QUEUE_LIMITS": "1"}, "BEDPLATE_QUEUE_LIMITS"),
        ({"settings__BEDPLATE_DEBUG": "true"}, "BEDPLATE_DEBUG"),
        ({"settings__BEDPLATE_SECRET_KEY": "s" * 32}, "BEDPLATE_SECRET_KEY"),
        ({"settings__BEDPLATE_DATABASE_URL": "postgresql://u:p@h/d"}, "BEDPLATE_DATABASE_URL"),
        ({"extraEnv": [{"name": "BEDPLATE_PORT", "value": "80"}]}, "extraEnv"),
        ({"extraEnv": [{"name": "MAIL_PASSWORD", "value": "hunter2"}]}, "extraEnv"),
        ({"web__extraEnv": [{"name": "API_TOKEN", "value": "t"}]}, "extraEnv"),
        ({"extraEnv": [{"name": "A"}]}, "extraEnv"),
        ({"logs__level": "info"}, "level"),
        ({"storage__url": "file:///var/lib/objects"}, "url"),
        ({"storage__accessModes": ["ReadOnlyMany"]}, "accessModes"),
        ({"storage__accessModes": []}, "accessModes"),
        ({"storage__size": "much"}, "size"),
        ({"cluster__name": "Main_1"}, "name"),
        ({"cluster__namespacePrefix": "-x"}, "namespacePrefix"),
        ({"beat__replicas": 2}, "replicas"),
        ({"watcher__replicas": 2}, "replicas"),
        ({"publisher__replicas": 3}, "replicas"),
        ({"web__replicas": 0}, "replicas"),
        ({"web__replicas": "2"}, "replicas"),
        ({"web__podLabels": {"app.kubernetes.io/name": "mine"}}, "podLabels"),
        ({"commonLabels": {"bad label": "x"}}, "commonLabels"),
        ({"commonLabels": {"n": "v" * 64}}, "commonLabels"),
        ({"web__resources__limits": {"memory": "lots"}}, "memory"),
        ({"web__resources__request": {}}, "request"),
        ({"web__tolerations": [{"key": "a", "operator": "Is"}]}, "tolerations"),
        ({"web__securityContext": {"privileged": True}}, "securityContext"),
        ({"web__hostNetwork": True}, "hostNetwork"),
        ({"queues__mail": {}}, "mail"),
        ({"queues__data__concurrency": 0}, "concurrency"),
        ({"autoscaling__targetCPUUtilizationPercentage": 0}, "targetCPUUtilizationPercentage"),
        ({"networkPolicies__ingressFrom": [{}]}, "ingressFrom"),
        ({"networkPolicies__ingressFrom": [{"namespace": "ingress"}]}, "ingressFrom"),
        ({"networkPolicies__clusterPorts": []}, "clusterPorts"),
        ({"serviceMonitor__interval": "often"}, "interval"),
        ({"imagePullSecrets": ["registry"]}, "imagePullSecrets"),
        ({"externalSecrets__enabled": True, "secrets__generate": False}, "secretStoreRef"),
        ({"rbac__namespaces": ["not a name"]}, "namespaces"),
        ({"service__type": "ExternalName"}, "type"),
    ],
)
def test_the_schema_refuses(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ChartRefused) as refused:
        render(merged(TRIAL, **changes))
    assert words in str(refused.value)
    assert "execut" not in str(refused.value)  # said by the schema, before any template


@pytest.mark.parametrize(
    "values, words",
    [
        (merged(TRIAL, secrets__generate=False), "secrets: name a Secret"),
        (merged(TRIAL, secrets__existingSecret="keys"), "choose one"),
        (merged(MINIMAL, postgresql__enabled=True), "takes its password from secrets.generate"),
        (merged(MINIMAL, redis__enabled=True), "takes its password from secrets.generate"),
        (merged(MINIMAL, database__existingSecret=""), "database.existingSecret"),
        (merged(MINIMAL, redis__existingSecret=""), "redis.existingSecret"),
        (merged(TRIAL, database__existingSecret="mine"), "names another PostgreSQL"),
        (merged(TRIAL, redis__existingSecret="mine"), "names another Redis"),
        (merged(PRODUCTION, trustedProxies=[]), "redirects to itself"),
        (merged(MINIMAL, storage__existingClaim="objects"), "names a bucket"),
        (merged(PRODUCTION, rbac__namespaces=["a"]), "cluster.makesNamespaces to false"),
        (merged(MINIMAL, serviceAccounts__plain__create=False), "serviceAccounts.plain.name"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(values: Values, words: str) -> None:
    with pytest.raises(ChartRefused) as refused:
        render(values)
    assert words in str(refused.value)


def test_the_sets_of_the_tests_are_taken() -> None:
    assert all(render(values).manifests for values in SETS.values())
