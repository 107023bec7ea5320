"""The compose file: every name in it is one of the project, every part is fenced in, no secret stands in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from controlplane import env, serve
from controlplane.embedded.programs import GATEWAY_SETTINGS
from tests.deploy.compose import DEPLOY, compose, example, interpolated, services, text, variables
from tests.deploy.dockerfile import ROOT, of
from tests.deploy.dockerfile import variables as image_variables

OURS = ("prepare", "web", "worker", "beat", "publisher", "gateway", "manage")
FROM_ELSEWHERE = ("postgres", "redis", "proxy", "prometheus")
SETTINGS = {env.name_of(row.name) for row in fields(env.Environment)} | {env.ENV_FILE}
OF_COMPOSE = {"COMPOSE_PROFILES"}
SERVICE_KEYS = {
    *("build", "cap_add", "cap_drop", "command", "cpus", "depends_on", "deploy", "entrypoint", "environment"),
    *("healthcheck", "hostname", "image", "init", "logging", "mem_limit", "networks", "pids_limit", "ports"),
    *("profiles", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "stop_signal", "tmpfs"),
    *("ulimits", "user", "volumes"),
}
"""Of the compose specification, those in use: a slip of the pen would go unnoticed by some engines."""
GIVEN = {
    "SITE": "ai.example.org",
    "BEDPLATE_GATEWAY_URL": "https://ai.example.org:8443",
    "POSTGRES_PASSWORD": "p" * 24,
    "REDIS_PASSWORD": "r" * 24,
    "BEDPLATE_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP",
    "BEDPLATE_GATEWAY_TOKEN": "g" * 40,
}
each_service = pytest.mark.parametrize("name", [*OURS, *FROM_ELSEWHERE])
WITHOUT_DEPLOY_WARNINGS = {
    "security.W005": "HSTS for subdomains: they are not ours to decide about",
    "security.W021": "HSTS preload: neither",
}


def settings(name: str) -> dict[str, str]:
    """The environment of a service, once the needed variables are given."""
    return {key: interpolated(str(value), GIVEN) for key, value in services()[name].get("environment", {}).items()}


def test_every_service_is_known_and_has_known_keys() -> None:
    assert sorted(services()) == sorted([*OURS, *FROM_ELSEWHERE])
    assert {key for service in services().values() for key in service} <= SERVICE_KEYS
    assert {key for key in compose() if not key.startswith("x-")} == {"name", "services", "networks", "volumes"}
    gpu = compose("compose.gpu.yaml")["services"]
    assert set(gpu) == {"prepare", "worker"}
    assert {key for service in gpu.values() for key in service} <= SERVICE_KEYS


def test_the_example_has_every_variable_with_its_default() -> None:
    found = example()
    assert set(variables()) == set(found) - OF_COMPOSE
    for name, defaults in variables().items():
        assert defaults == ({found[name]} if found[name] or name == "TORCH_ARGS" else {None}), name
    assert {name for name, defaults in variables().items() if None in defaults} == set(GIVEN)


@each_service
def test_what_is_given_to_a_part_is_a_setting_of_it(name: str) -> None:
    named = {key for key in services()[name].get("environment", {}) if key.startswith("BEDPLATE_")}
    allowed = {env.name_of(row) for row in (*GATEWAY_SETTINGS, "gateway_token")} if name == "gateway" else SETTINGS
    assert named <= (allowed if name in OURS else set())


def test_names_of_settings_are_used_for_settings_only() -> None:
    assert {name for name in variables() if name.startswith("BEDPLATE_")} <= SETTINGS
    assert {name for name in example() if name.startswith("BEDPLATE_")} <= SETTINGS


def test_no_secret_stands_in_the_file() -> None:
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|AUTH", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", str(value)), name
    assert not re.search(r"://[^$\s]*:[^$/\s]+@", text())
    assert [name for name, value in example().items() if re.search("PASSWORD|SECRET|TOKEN", name) and value] == []


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_the_project(name: str) -> None:
    service = services()[name]
    words = [*service.get("entrypoint", []), *service["command"]]
    if words[:3] == ["python", "-m", "controlplane.serve"]:
        assert words[3:] == [name]
        assert name in serve.PARTS
    else:
        assert words[:2] == ["python", "manage.py"]
        assert words[2] in {*get_commands(), "help"}


def test_every_part_has_a_service() -> None:
    """But for the watcher of clusters, of which one machine has none."""
    assert set(serve.PARTS) - {"watcher"} <= set(OURS)


@each_service
def test_every_container_is_fenced_in(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["pids_limit"] > 0
    assert service["logging"]["options"]["max-size"]
    assert service["restart"] == ("no" if name in ("prepare", "manage") else "unless-stopped")
    bind = "TLS_BIND" if name == "proxy" else "BIND"
    assert all(port.startswith(f"${{{bind}:-127.0.0.1}}:") for port in service.get("ports", []))
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@each_service
def test_images_are_ours_or_pinned(name: str) -> None:
    image = services()[name]["image"]
    if name in FROM_ELSEWHERE:
        assert re.fullmatch(r"docker\.io/\w+/\w+:v?\d[\w.-]*", image)
        return
    kind = "worker" if name in ("prepare", "worker", "manage") else "control"
    assert image == f"bedplate-{kind}:${{IMAGE_TAG:-local}}"
    build = services()[name].get("build")
    assert bool(build) == (name in ("web", "worker"))  # each builds for the others
    if build:
        path = (DEPLOY / build["context"] / build["dockerfile"]).resolve()
        assert path.is_relative_to(ROOT)
        assert path.is_file()
        target = build.get("target")
        assert target is None or any(words.endswith(f" AS {target}") for words in of(path.name, "FROM"))


@each_service
def test_what_is_named_is_declared(name: str) -> None:
    service = services()[name]
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (DEPLOY / source).is_file() if source.startswith("./") else source in compose()["volumes"], volume
    assert set(service["networks"]) <= set(compose()["networks"])
    for other, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in services()[other]
        assert (how["condition"] == "service_completed_successfully") == (other == "prepare")


def test_no_volume_is_for_nobody() -> None:
    used = {volume.split(":")[0] for service in services().values() for volume in service.get("volumes", [])}
    assert set(compose()["volumes"]) <= used


def test_keys_are_written_by_who_makes_them() -> None:
    home = image_variables("control.Dockerfile", "")["BEDPLATE_HOME"]
    writers = {name for name, service in services().items() if f"home:{home}" in service.get("volumes", [])}
    readers = {name for name, service in services().items() if f"home:{home}:ro" in service.get("volumes", [])}
    assert writers == {"prepare", "manage"}
    assert readers == {"web", "worker", "beat", "publisher"}
    assert f"jobs:{home}/jobs" in services()["worker"]["volumes"]


@pytest.mark.parametrize("name", [name for name in OURS if name != "gateway"])
def test_places_are_those_of_the_images(name: str) -> None:
    image = image_variables("control.Dockerfile", "")
    for key in ("BEDPLATE_HOME", "BEDPLATE_STORAGE_URL", "DJANGO_SETTINGS_MODULE"):
        assert settings(name)[key] == image[key]


def test_parts_find_each_other() -> None:
    given = env.read({env.ENV_FILE: "", **settings("web")})
    assert given.job_api_url == f"http://web:{given.port}"
    assert "web" in given.allowed_hosts
    assert given.trusted_proxies == (example()["EDGE_SUBNET"],)
    assert given.replica_host == services()["worker"]["hostname"]
    assert services()["prepare"]["hostname"] == services()["worker"]["hostname"]  # the node that it writes down
    assert services()["web"]["ports"] == [f"${{BIND:-127.0.0.1}}:${{WEB_PORT:-{given.port}}}:{given.port}"]
    assert services()["gateway"]["ports"][0].endswith(f":{given.gateway_port}")
    asked = {"web": given.port, "gateway": given.gateway_port, "worker": given.worker_metrics_port}
    for name, port in asked.items():
        assert f"127.0.0.1:{port}/readyz" in services()[name]["healthcheck"]["test"][-1]
    targets = re.findall(r'"([\w.]+):(\d+)"', (DEPLOY / "prometheus" / "compose.yml").read_text())
    assert {name: int(port) for name, port in targets} == asked
    caddy = (DEPLOY / "caddy" / "Caddyfile").read_text()
    assert re.findall(r"reverse_proxy (\S+)", caddy) == [f"web:{given.port}", f"gateway:{given.gateway_port}"]


def test_the_worker_has_longer_to_stop_than_its_jobs() -> None:
    minutes = re.fullmatch(r"\$\{WORKER_STOP:-(\d+)m\}", services()["worker"]["stop_grace_period"])
    assert minutes
    assert int(minutes[1]) * 60 >= int(example()["BEDPLATE_STOP_GRACE_SECONDS"]) + 20


def test_production_starts_with_what_compose_gives(tmp_path: Path) -> None:
    """`check --deploy` has nothing to say but what is named above."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("BEDPLATE_", "DJANGO_"))}
    image = image_variables("control.Dockerfile", "")
    given: dict[str, Any] = {
        **plain,
        **{name: value for name, value in image.items() if name.startswith("BEDPLATE_")},
        **settings("web"),
        "BEDPLATE_HOME": str(tmp_path),
        "BEDPLATE_STATIC_FOLDER": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "ERROR"],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"\(([\w.]+\.[WEI]\d+)\)", done.stderr)) <= set(WITHOUT_DEPLOY_WARNINGS), done.stderr


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_nothing_starts_without_what_is_needed(name: str) -> None:
    """compose itself refuses; what is asserted here is that no service has a way around it."""
    given = {key: value for key, value in GIVEN.items() if key != name}
    with pytest.raises(KeyError, match=name):
        interpolated(text(), given)
