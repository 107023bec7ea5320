"""What is refused before a cluster is asked, and with which words."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from tests.workers.kubernetes.cases import SITE, job, launch, server
from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.manifests import manifests_of
from workers.backends.kubernetes.site import FlavorSite
from workers.contracts.specs import Resources, Spec


def refusal(spec: Spec, **changes: Any) -> str:
    with pytest.raises(LaunchRefused) as caught:
        manifests_of(spec, launch(**changes), SITE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("resources", "amount"),
    [
        (Resources(1000, 1, gpus=-1), "-1 GPUs"),
        (Resources(1000, 1, gpus=0.5), "0.5 GPUs"),  # type: ignore[arg-type]
        (Resources(1000, 1, gpus=True), "True GPUs"),
        (Resources(1000, 1, gpus="1"), "1 GPUs"),  # type: ignore[arg-type]
        (Resources(-1, 1), "-1 thousandths of a core"),
        (Resources(1000, -1), "-1 bytes"),
    ],
)
def test_amounts_are_whole_numbers(resources: Resources, amount: str) -> None:
    expected = f"A member cannot have {amount}: a whole number from 0 is needed."
    assert refusal(job(resources=resources)) == expected


def test_fargate_has_no_gpus() -> None:
    assert refusal(job(resources=Resources(1000, 1, gpus=1, flavor="serverless"))) == (
        "The flavor 'serverless' is AWS Fargate, which has no GPUs, DaemonSets or privileged containers. "
        "Choose a flavor whose nodes have GPUs, or ask for none."
    )


def test_a_cluster_gives_whole_gpus_unless_its_nodes_offer_parts() -> None:
    part = job(resources=Resources(1000, 1, gpus=1, flavor="H200/4"))
    assert refusal(part).startswith("The flavor 'H200/4' is a part of a GPU, and this cluster gives whole ones.")
    offered = replace(SITE, flavors={"H200/4": FlavorSite(resource="nvidia.com/gpu.shared")})
    container = manifests_of(part, launch(), offered).main["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu.shared"] == "1"


def test_members_are_counted() -> None:
    assert refusal(job(), count=0) == "A job of kind job cannot have 0 members."
    assert refusal(job(), count=100_001) == "A job of kind job cannot have 100001 members."
    assert refusal(server(), count=-1) == "A job of kind serving cannot have -1 members."
    assert manifests_of(server(), launch(count=0), SITE).main["spec"]["replicas"] == 0


def test_a_command_is_one() -> None:
    assert refusal(job(command=())) == "The spec has no command."
    assert refusal(job(command=("",))) == "The spec has no command."
    assert "no process can be given" in refusal(job(command=("python", "a\0b")))
    assert "not text that can be written" in refusal(job(command=("python", "\ud800")))
    assert "one argument or variable may have 131,071" in refusal(job(command=("python", "a" * 131_072)))


@pytest.mark.parametrize("name", ["", "A=B", "a b", "1A", "A\0", "ü", "A\n", "-A"])
def test_names_of_variables_are_legal(name: str) -> None:
    assert refusal(job(environment={name: "1"})) == f"{name!r} cannot be the name of a variable on a cluster."


def test_an_environment_of_two_megabytes_is_refused() -> None:
    environment = {f"V{number:02}": "x" * 99_996 for number in range(20)}
    assert refusal(job(environment=environment)) == (
        "Command and environment have 2,000,014 bytes; a pod may have 524,288 in both together. "
        "Give large values as a file of the spec or as an input."
    )
    assert "'BIG=xxxxxxxxxxxxxxxxxxxx" in refusal(job(environment={"BIG": "x" * 2_000_000}))
    assert "no process can be given" in refusal(job(environment={"A": "\0"}))


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../x", "a/../../x", "a\0", "a/", "a/.."])
def test_files_stay_in_the_working_folder(name: str) -> None:
    assert refusal(job(files={name: ""})) == f"The file name {name!r} leads out of the working folder."


def test_files_fit_into_a_folder() -> None:
    assert refusal(job(files={"a": "", "a/b": ""})) == "a/b is below another file of the spec, which is then no folder."
    assert "is too long" in refusal(job(files={"a" * 256: ""}))
    assert "is too long" in refusal(job(files={"/".join("a" * 600): ""}))
    assert "not text that can be written" in refusal(job(files={"a": "\udfff"}))


def test_files_and_secrets_fit_into_a_secret() -> None:
    expected = "Files, parameters and secrets have 1,048,577 bytes together; a cluster takes 1,048,576."
    room = 1024 * 1024 - sum(len(each) for each in _values())
    manifests_of(job(), launch(secrets={"key": b"x" * room}), SITE)
    assert refusal(job(), secrets={"key": b"x" * (room + 1)}).startswith(expected)
    assert refusal(job(files={"a": "x" * 2_000_000})).startswith("Files, parameters and secrets have 2,000,")


def _values() -> list[bytes]:
    return [base64.b64decode(text) for text in manifests_of(job(), launch(), SITE).rest[0]["data"].values()]


@pytest.mark.parametrize("name", ["", "../token", "a/b", ".hidden", "a b", "ü", "a" * 129])
def test_secrets_have_names_of_files(name: str) -> None:
    assert refusal(job(), secrets={name: b""}) == f"The secret name {name!r} cannot name a file."


@pytest.mark.parametrize("path", ["", "readyz", "/a b", "/a\n", "http://elsewhere/", "/ü"])
def test_a_health_path_is_a_path(path: str) -> None:
    assert refusal(server(health_path=path)) == (
        f"{path!r} is not a path that can be asked for the health of a replica."
    )


def test_a_replica_has_time_to_start() -> None:
    assert refusal(server(start_timeout_seconds=0)) == "A replica must be given a second or more to start."


def test_what_a_user_writes_never_becomes_a_field_of_the_pod() -> None:
    """Neither parameters nor environment nor files nor words of the command are read as anything but text."""
    wanted = {
        "hostNetwork": True,
        "hostPID": True,
        "serviceAccountName": "admin",
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
        "securityContext": {"privileged": True},
    }
    plain = manifests_of(job(), launch(), SITE).main
    text = {"securityContext": '{"privileged": true}', "hostNetwork": "true", "serviceAccountName": "admin"}
    asked = manifests_of(job(parameters={"pod": wanted, **wanted}, environment=text), launch(), SITE).main
    for container in ("initContainers", "containers"):
        for manifest in (plain, asked):
            variables = manifest["spec"]["template"]["spec"][container][0]["env"]
            variables[:] = [each for each in variables if each["name"] not in text]
    assert asked == plain


def test_what_the_backend_says_a_spec_cannot_say_otherwise() -> None:
    spec = job(environment={"BEDPLATE_RANK": "7", "BEDPLATE_TOKEN_FILE": "/etc/passwd", "HOME": "/root"})
    pod = manifests_of(spec, launch(), SITE).main["spec"]["template"]["spec"]
    variables = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert len(variables) == len(pod["containers"][0]["env"])
    assert variables["BEDPLATE_RANK"] is None
    assert variables["BEDPLATE_TOKEN_FILE"] == "/bedplate/run/token"
    assert variables["HOME"] == "/root"
