"""Names of images: read in one way only, and held against what a site allows."""

from __future__ import annotations

import re

import pytest

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.images import check_image, repository_of

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("python", "docker.io/library/python"),
        ("python:3.11-slim", "docker.io/library/python"),
        ("acme/trainer", "docker.io/acme/trainer"),
        ("index.docker.io/acme/trainer", "docker.io/acme/trainer"),
        ("ghcr.io/acme/trainer:2", "ghcr.io/acme/trainer"),
        ("localhost/trainer", "localhost/trainer"),
        ("localhost:5000/trainer:1", "localhost:5000/trainer"),
        ("10.0.0.7:5000/a/b__c.d-e/f", "10.0.0.7:5000/a/b__c.d-e/f"),
        ("[fd00::7]:5000/trainer", "[fd00::7]:5000/trainer"),
        (f"ghcr.io/acme/trainer@{DIGEST}", "ghcr.io/acme/trainer"),
        (f"ghcr.io/acme/trainer:2@{DIGEST}", "ghcr.io/acme/trainer"),
    ],
)
def test_an_image_comes_from_a_repository(image: str, repository: str) -> None:
    assert repository_of(image) == repository


@pytest.mark.parametrize(
    "image",
    [
        "",
        " python",
        "python ",
        "python\n",
        "python\t:3",
        "py\0thon",
        "Python",
        "GHCR.io/acme/trainer",
        "python:3:4",
        "python:",
        "python:-3",
        "python:3/..",
        "python@",
        "python@sha256:abc",
        f"python@{DIGEST}0",
        f"python@{DIGEST}@{DIGEST}",
        f"python@{DIGEST.upper()}",
        "python@3.11",
        "ghcr.io@evil.example/acme",
        "user:word@ghcr.io/acme/trainer",
        "https://ghcr.io/acme/trainer",
        "ghcr.io//trainer",
        "ghcr.io/../trainer",
        "/trainer",
        "ghcr.io/",
        "ghcr.io:port/trainer",
        "-ghcr.io/trainer",
        "ghcr.io/acme/trainer_",
        "ghcr.io/acme/-trainer",
        "ghcr.io/acme/tra..iner",
        "ghcr.io/acme/tra___iner",
        "ghcr.io/аcme/trainer",
        "python:" + "a" * 129,
        "ghcr.io/" + "a" * 600,
        "ghcr.io./acme/trainer",
        "python;rm",
        "$(IMAGE)",
    ],
)
def test_tricks_are_no_images(image: str) -> None:
    with pytest.raises(LaunchRefused, match="is not the name of an image"):
        repository_of(image)


POLICY = ("ghcr.io/acme", "registry.example.com", "docker.io/library/python")


@pytest.mark.parametrize(
    "image",
    ["ghcr.io/acme/trainer", "ghcr.io/acme", "registry.example.com/a/b/c:1", "python:3.11", "docker.io/library/python"],
)
def test_a_policy_lets_its_own_through(image: str) -> None:
    check_image(image, POLICY)
    check_image(image, (*POLICY, "registry.example.com/"))


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/acmevil/trainer",
        "ghcr.io/other/acme",
        "evil.example/ghcr.io/acme/trainer",
        "registry.example.com.evil.example/a",
        "registry.example.com:8443/a",
        "pythonic",
        "python/ghcr.io",
    ],
)
def test_a_policy_keeps_others_out(image: str) -> None:
    with pytest.raises(LaunchRefused, match=re.escape(f"images come from {', '.join(POLICY)} only")):
        check_image(image, POLICY)


def test_without_a_policy_images_come_from_everywhere() -> None:
    check_image("evil.example/miner", ())
