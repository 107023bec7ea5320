"""Which container image a run ran, as the nodes of its members said: a tag means another image tomorrow."""

from __future__ import annotations

from apps.experiments.models import Run
from apps.quotas.models import Attempt
from workers.contracts.images import BadImage, digest_of, exact_image


def images_seen(run: Run) -> list[str]:
    """What nodes said that the members of the last attempt that ran in containers ran; each once. One query."""
    if run.workload_id is None:
        return []
    attempts = Attempt.objects.filter(workload=run.workload_id).order_by("-number")
    for members in attempts.values_list("members", flat=True):
        found = {member["image"] for member in members if member.get("image")}
        if found:
            return sorted(found)
    return []


def image_exactly(run: Run, seen: list[str]) -> str:
    """The image of a run, named by its digest.

    Raises:
        BadImage: nobody could fetch the same again by what is known.
    """
    if len(seen) > 1 and not digest_of(run.image):
        raise BadImage(f"{run.image} is named by a tag, and its members ran different images: {', '.join(seen)}.")
    return exact_image(run.image, seen[0] if seen else "")


def digest_seen(run: Run, seen: list[str]) -> str:
    """`sha256:…` of the image that a run asked for, by its name or as it was seen; empty: nobody knows it."""
    try:
        return digest_of(image_exactly(run, seen)) if run.image else ""
    except BadImage:
        return ""
