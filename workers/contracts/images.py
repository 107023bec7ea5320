"""Names of container images: what one is, and where it comes from. Pure."""

from __future__ import annotations

import re
from typing import Final

DOCKER_HUB: Final = "docker.io"
LONGEST: Final = 512
_HOST: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?:{_HOST}(?:\.{_HOST})*|\[[0-9a-f:]+\])(?::[0-9]{{1,5}})?")
_PART: Final = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class BadImage(ValueError):
    """`str()` is a sentence for people."""


def repository_of(image: str) -> str:
    """Registry and path of an image, written out: `python:3.11` is of `docker.io/library/python`.

    Raises:
        BadImage: this is not the name of an image, or one that would be read in two ways.
    """
    name, at, digest = image.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _bad(image, "what follows its @ is not a digest")
    if len(image) > LONGEST:
        raise _bad(image[:80] + "…", f"it is longer than {LONGEST} characters")
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # a colon before the last slash is that of a port
        path, tag = name, ""
    elif not _TAG.fullmatch(tag):
        raise _bad(image, "what follows its last colon is not a tag")
    domain, parts = _split(path)
    if not _DOMAIN.fullmatch(domain):
        raise _bad(image, f"{domain!r} is not a registry")
    for part in parts:
        if not _PART.fullmatch(part):
            raise _bad(image, f"{part!r} cannot be a part of a repository")
    return "/".join((domain, *parts))


def image_check(image: str, policy: tuple[str, ...]) -> None:
    """Hold an image against the registries, or beginnings of repositories, that a site allows; none allows all.

    Raises:
        BadImage: it is not an image's name, or from somewhere else.
    """
    repository = repository_of(image)
    if policy and not any(f"{repository}/".startswith(f"{allowed.rstrip('/')}/") for allowed in policy):
        raise BadImage(
            f"The image {image} comes from {repository}, and here images come from {', '.join(policy)} only."
        )


def digest_of(image: str) -> str:
    """`sha256:…` of an image that is named by it; empty of one that is named by a tag."""
    return image.partition("@")[2]


def said_by_node(image_id: str) -> str:
    """What a node says that it runs (`imageID` of a container), without how its runtime fetched it."""
    return image_id.removeprefix("docker-pullable://").removeprefix("docker://").strip()[:LONGEST]


def exact_image(image: str, said: str) -> str:
    """The name, by its digest, of the image that a job ran that was asked to run `image`.

    Args:
        said: by its node: `repository@sha256:…` where a registry knows it; the digest of its configuration alone, or a
            name, where it was put on the node by hand.

    Raises:
        BadImage: nobody could fetch the same again by what is known.
    """
    if digest_of(image):
        return image
    name, _, digest = said.partition("@")
    if not said:
        raise BadImage(f"{image} is named by a tag, and no node has said which image that was.")
    if not _DIGEST.fullmatch(digest):
        raise BadImage(f"{image} was on its node without a registry that knows it ({said[:80]}): nobody can fetch it.")
    try:
        is_same = repository_of(name) == repository_of(image)
    except BadImage:
        is_same = False
    if not is_same:
        raise BadImage(f"{image} is named by a tag, and its node knows the image as one of another place: {said}.")
    return f"{_without_tag(image)}@{digest}"


def _without_tag(image: str) -> str:
    path, colon, tag = image.rpartition(":")
    return path if colon and "/" not in tag else image


def _split(path: str) -> tuple[str, list[str]]:
    """Registry and parts: a first part is a registry when it has a dot or a colon, or is `localhost`."""
    first, *rest = path.split("/")
    if not rest or not ("." in first or ":" in first or first == "localhost"):
        return DOCKER_HUB, [first, *rest] if rest else ["library", first]
    return (DOCKER_HUB if first == "index.docker.io" else first), rest


def _bad(image: str, why: str) -> BadImage:
    return BadImage(f"{image!r} is not the name of an image: {why}.")
