"""Whether a cluster takes a user's image: by the rules of `workers.contracts.images`. Pure."""

from __future__ import annotations

from workers.backends.base import LaunchRefused
from workers.contracts import images


def repository_of(image: str) -> str:
    """As `images.repository_of`. Raises LaunchRefused."""
    try:
        return images.repository_of(image)
    except images.BadImage as error:
        raise LaunchRefused(str(error)) from error


def check_image(image: str, policy: tuple[str, ...]) -> None:
    """As `images.image_check`. Raises LaunchRefused."""
    try:
        images.image_check(image, policy)
    except images.BadImage as error:
        raise LaunchRefused(str(error)) from error
