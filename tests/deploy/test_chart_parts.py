"""What the parts get: settings with which they start, keys by reference, and an order in which they can."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from apps.common.queues import QUEUES
from controlplane import env
from controlplane.embedded.programs import GATEWAY_SETTINGS
from controlplane.setting_kinds import wrong_key_line
from tests.deploy.chart_values import EVERYTHING, MINIMAL, PRODUCTION, TRIAL
from tests.deploy.dockerfile import variables as image_variables
from tests.deploy.helm import CHART, ROOT, Manifest, Rendered, Values, merged, render

KEYS = {
    "BEDPLATE_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP",
    "BEDPLATE_GATEWAY_TOKEN": "g" * 40,
    "BEDPLATE_DATABASE_URL": "postgresql://bedplate:secret@postgres.example.org/bedplate",
    "BEDPLATE_REDIS_URL": "rediss://:secret@redis.example.org/0",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}
WITHOUT_DEPLOY_WARNINGS = {"security.W005", "security.W021"}
"""HSTS for subdomains, and preload: as in test_compose.py."""
PARTS = ("web", "beat", "publisher", "watcher", *(f"worker-{queue}" for queue in QUEUES))


def container(made: Rendered, part: str) -> Manifest:
    (found,) = made.one("Deployment", f"bedplate-{part}")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def variables(made: Rendered, part: str) -> dict[str, str]:
    """The environment of a part, with keys where its Secrets are named."""
    given = {}
    for each in container(made, part)["env"]:
        given[each["name"]] = each["value"] if "value" in each else KEYS[each["name"]]
    return given


@pytest.mark.parametrize("values", [TRIAL, MINIMAL, PRODUCTION], ids=["trial", "minimal", "production"])
def test_production_starts_with_what_the_chart_gives(values: Values, tmp_path: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("BEDPLATE_", "DJANGO_"))}
    image = {name: value for name, value in image_variables("control.Dockerfile", "").items() if "BEDPLATE_" in name}
    keys = tmp_path / "encryption-key"
    keys.write_text(f"k1:{base64.b64encode(bytes(32)).decode()}\n")
    places = {name: str(tmp_path) for name in ("BEDPLATE_HOME", "BEDPLATE_STATIC_FOLDER")}
    given = plain | image | variables(render(values), "web") | places | {"BEDPLATE_ENCRYPTION_KEY_FILE": str(keys)}
    words = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "ERROR"]
    done = subprocess.run(words, cwd=ROOT, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"\(([\w.]+\.[WEI]\d+)\)", done.stderr)) <= WITHOUT_DEPLOY_WARNINGS, done.stderr


def test_parts_find_each_other() -> None:
    made = render(PRODUCTION)
    given = env.read({env.ENV_FILE: "", **variables(made, "web")})
    assert given.job_api_url == "http://bedplate-web.ai.svc:8000"
    assert {"ai.example.org", "bedplate-web", "bedplate-web.ai.svc", "bedplate.internal"} == set(given.allowed_hosts)
    assert given.trusted_proxies == ("10.42.7.0/24",)
    assert given.gateway_url == "https://models.example.org"
    assert given.runtime_image == "registry.example.org/ai/bedplate-runtime:2026.11"
    ports = {"web": given.port, "gateway": given.gateway_port}
    for part, port in ports.items():
        assert container(made, part)["ports"] == [{"name": "http", "containerPort": port, "protocol": "TCP"}]
        assert made.one("Service", f"bedplate-{part}")["spec"]["ports"][0]["port"] == port
    assert container(made, "worker-data")["ports"][0]["containerPort"] == given.worker_metrics_port
    for part in PARTS:
        assert {**variables(made, part), **variables(made, "web")} == {
            **variables(made, "web"),
            **{name: text for name, text in variables(made, part).items() if "WORKER" in name},
        }


def test_gateway_url_without_an_ingress_is_its_service() -> None:
    assert variables(render(TRIAL), "web")["BEDPLATE_GATEWAY_URL"] == "http://bedplate-gateway.ai.svc:8001"
    listening = {
        name: variables(render(merged(TRIAL, listen="::")), name)["BEDPLATE_HOST"] for name in ("web", "gateway")
    }
    assert listening == {"web": "::", "gateway": "::"}


def test_the_gateway_is_given_its_own_settings_only() -> None:
    own = {env.name_of(row) for row in (*GATEWAY_SETTINGS, "gateway_token")}
    for values in (TRIAL, PRODUCTION):
        assert set(variables(render(values), "gateway")) == own
        template = render(values).one("Deployment", "bedplate-gateway")["spec"]["template"]["spec"]
        assert [volume["name"] for volume in template["volumes"]] == ["tmp"]


def test_every_queue_has_a_worker() -> None:
    made = render(merged(TRIAL, queues__data={"replicas": 3, "concurrency": 2}))
    for queue in QUEUES:
        given = env.read({env.ENV_FILE: "", **variables(made, f"worker-{queue}")})
        assert given.worker_queues == (queue,)
        assert given.worker_concurrency == (2 if queue == "data" else 8)
    assert made.one("Deployment", "bedplate-worker-data")["spec"]["replicas"] == 3
    assert made.one("Deployment", "bedplate-worker-notify")["spec"]["replicas"] == 1


def test_probes_ask_where_the_parts_answer() -> None:
    made = render(PRODUCTION)
    for part in ("web", "gateway", *(f"worker-{queue}" for queue in QUEUES)):
        asked = container(made, part)
        assert {name: asked[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")} == {
            "startupProbe": {"path": "/livez", "port": "http"},
            "livenessProbe": {"path": "/livez", "port": "http"},
            "readinessProbe": {"path": "/readyz", "port": "http"},
        }
    for part in ("beat", "publisher"):  # they answer nobody; the engine starts them again when they end
        assert not {"ports", "livenessProbe"} & set(container(made, part))


def test_where_files_are_is_mounted_by_who_reads_them() -> None:
    def mounted(made: Rendered, part: str) -> dict[str, str]:
        return {mount["mountPath"]: mount["name"] for mount in container(made, part)["volumeMounts"]}

    image = image_variables("control.Dockerfile", "")
    writers = {"web", *(f"worker-{queue}" for queue in QUEUES)}
    made = render(TRIAL)
    for part in PARTS:
        places = mounted(made, part)
        folder = image["BEDPLATE_STORAGE_URL"].removeprefix("file://")
        assert (places.get(folder) == "objects") == (part in writers)
        assert places[image["BEDPLATE_HOME"]] == "home"
        assert places["/tmp"] == "tmp"
        assert "objects" not in mounted(render(PRODUCTION), part).values()
    claim = made.one("PersistentVolumeClaim", "bedplate-objects")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert render(PRODUCTION).of("PersistentVolumeClaim") == {}
    assert render(EVERYTHING).of("PersistentVolumeClaim") == {}


def test_a_volume_of_one_node_keeps_its_pods_there() -> None:
    def together(values: Values) -> set[str]:
        return {
            name
            for name, each in render(values).of("Deployment").items()
            if "podAffinity" in each["spec"]["template"]["spec"].get("affinity", {})
        }

    assert together(TRIAL) == {"bedplate-web", *(f"bedplate-worker-{queue}" for queue in QUEUES)}
    assert together(merged(TRIAL, storage__accessModes=["ReadWriteMany"])) == set()
    assert together(PRODUCTION) == set()


def of_prepare(made: Rendered) -> tuple[str, dict[str, str], list[list[str]]]:
    ((name, job),) = made.of("Job").items()
    pod = job["spec"]["template"]["spec"]
    words = [each["command"] for each in (*pod["initContainers"], *pod["containers"])]
    return name, job["metadata"].get("annotations", {}), words


def test_migrations_come_before_everything_that_needs_them() -> None:
    for upgrade in (False, True):
        name, annotations, words = of_prepare(render(PRODUCTION, upgrade=upgrade))
        assert name == "bedplate-prepare"
        assert annotations == {
            "helm.sh/hook": "pre-install,pre-upgrade",
            "helm.sh/hook-weight": "0",
            "helm.sh/hook-delete-policy": "before-hook-creation",
        }
        assert words[0] == ["python", "manage.py", "prepare", "--no-machines"]
        assert words[1][:4] == ["python", "manage.py", "cluster", "add"]
        assert {each[2] for each in words} <= {*get_commands()}


def test_migrations_of_a_trial_wait_for_its_database() -> None:
    """It is not there before the first install, so the Job is an ordinary one; later hooks have another name."""
    assert of_prepare(render(TRIAL))[:2] == ("bedplate-prepare-first", {})
    name, annotations, _ = of_prepare(render(TRIAL, upgrade=True))
    assert name == "bedplate-prepare"
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"


def test_the_job_before_the_release_needs_nothing_of_it() -> None:
    """When a hook runs at the first install there is neither an account nor a volume of the release."""
    job = render(PRODUCTION).one("Job", "bedplate-prepare")
    pod = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in pod
    assert {"emptyDir", "secret"} >= {kind for volume in pod["volumes"] for kind in set(volume) - {"name"}}
    needed = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    for each in (*pod["initContainers"], *pod["containers"]):
        refs = [one["valueFrom"]["secretKeyRef"]["name"] for one in each["env"] if "valueFrom" in one]
        needed |= set(refs)
        assert not any("configMapKeyRef" in one.get("valueFrom", {}) for one in each["env"])
    assert needed == {"bedplate-keys", "bedplate-postgres", "bedplate-redis", "bedplate-s3"}
    before = render(EVERYTHING)
    (fetched,) = before.of("ExternalSecret").values()
    weight = int(fetched["metadata"]["annotations"]["helm.sh/hook-weight"])
    (prepare,) = before.of("Job").values()
    assert weight < int(prepare["metadata"]["annotations"]["helm.sh/hook-weight"])


def decoded(secret: Manifest) -> dict[str, str]:
    return {name: base64.b64decode(text).decode() for name, text in secret["data"].items()}


def test_keys_of_a_trial_are_made_once_and_are_good_ones() -> None:
    secret = render(TRIAL).one("Secret", "bedplate-secrets")
    assert secret["metadata"]["annotations"] == {
        "helm.sh/hook": "pre-install",
        "helm.sh/hook-weight": "-20",
        "helm.sh/resource-policy": "keep",
    }
    keys = decoded(secret)
    assert wrong_key_line(keys["encryption-key"]) == ""
    texts = {
        "BEDPLATE_SECRET_KEY": keys["secret-key"],
        "BEDPLATE_GATEWAY_TOKEN": keys["gateway-token"],
        "BEDPLATE_DATABASE_URL": keys["database-url"],
        "BEDPLATE_REDIS_URL": keys["redis-url"],
    }
    given = env.read({env.ENV_FILE: "", **texts})
    assert given.database_url == f"postgresql://bedplate:{keys['postgres-password']}@bedplate-postgresql:5432/bedplate"
    assert given.redis_url == f"redis://:{keys['redis-password']}@bedplate-redis:6379/0"
    assert len({*keys.values()}) == len(keys)
    assert render(TRIAL, upgrade=True).of("Secret") == {}  # what an upgrade does not render it does not change
    for values in (MINIMAL, PRODUCTION, EVERYTHING):
        assert render(values).of("Secret") == {}


def test_every_key_that_is_asked_for_is_in_its_secret() -> None:
    made = render(TRIAL)
    secrets = {name: set(each["data"]) for name, each in made.of("Secret").items()}
    fetched = render(EVERYTHING)
    ((name, external),) = fetched.of("ExternalSecret").items()
    secrets[name] = {each["secretKey"] for each in external["spec"]["data"]}
    asked: set[tuple[str, str]] = set()
    for pod in (*made.pods().values(), *fetched.pods().values()):
        for each in (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]):
            refs = [
                one["valueFrom"]["secretKeyRef"]
                for one in each.get("env", [])
                if "secretKeyRef" in one.get("valueFrom", {})
            ]
            asked |= {(ref["name"], ref["key"]) for ref in refs}
        for volume in pod["spec"].get("volumes", []):
            asked |= {(volume["secret"]["secretName"], one["key"]) for one in volume.get("secret", {}).get("items", [])}
    assert {(name, key) for name, key in asked if key not in secrets[name]} == set()
    assert len(asked) >= 12


def test_what_the_servers_of_a_trial_listen_on_is_where_they_are_looked_for() -> None:
    made = render(TRIAL)
    for name, port in {"postgresql": 5432, "redis": 6379}.items():
        (server,) = made.one("StatefulSet", f"bedplate-{name}")["spec"]["template"]["spec"]["containers"]
        assert server["ports"] == [{"name": name, "containerPort": port, "protocol": "TCP"}]
        assert made.one("Service", f"bedplate-{name}")["spec"]["ports"][0]["port"] == port


def ways_in(values: Values) -> dict[str, Any]:
    return {
        name: (each["spec"]["rules"][0]["host"], each["spec"].get("tls"), each["metadata"].get("annotations", {}))
        for name, each in render(values).of("Ingress").items()
    }


def test_an_ingress_for_each_host() -> None:
    nginx = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"}
    hosts = {"web": "ai.example.org", "gateway": "models.example.org"}
    assert ways_in(PRODUCTION) == {
        f"bedplate-{part}": (host, [{"hosts": [host], "secretName": "tls"}], nginx) for part, host in hosts.items()
    }
    assert list(ways_in(merged(PRODUCTION, ingress__gatewayHost=""))) == ["bedplate-web"]
    assert ways_in(merged(PRODUCTION, ingress__gatewayTlsSecret="own"))["bedplate-gateway"][1] == [
        {"hosts": ["models.example.org"], "secretName": "own"}
    ]
    assert ways_in(TRIAL) == {}


def test_notes_say_where_the_passwords_are() -> None:
    for values in (TRIAL, PRODUCTION):
        made = render(values)
        assert f"logs job/{of_prepare(made)[0]} -c prepare" in made.notes
        assert "<no value>" not in made.notes
        assert "-c prepare" not in render(values, upgrade=True).notes
    assert "reaches neither web nor gateway" in render(merged(PRODUCTION, networkPolicies__ingressFrom=[])).notes


def test_the_version_of_the_chart_is_that_of_the_project() -> None:
    project = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    app = re.search(r'^appVersion: "(.+)"$', (CHART / "Chart.yaml").read_text(), re.MULTILINE)
    assert project
    assert app
    assert project[1] == app[1]
