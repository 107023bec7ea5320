"""Whether a cluster takes a user's image, by the rules of `workers.contracts.images`; and which one ran. Pure."""

from __future__ import annotations

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.seen_objects import Container
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


def image_ran(container: Container | None) -> str:
    """What a node says that a container runs, once its program began: of one that waits it may say something else."""
    states = () if container is None else (container.state, container.last_state)
    has_begun = any(state.running is not None or state.terminated is not None for state in states)
    return images.said_by_node(container.image_id or "") if container is not None and has_begun else ""
