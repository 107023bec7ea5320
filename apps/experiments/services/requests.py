"""What a run may ask for: looked at before anything is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from apps.access.models import Secret
from apps.common.errors import Invalid
from apps.experiments.specs import trainer_script
from apps.experiments.states import RunKind
from workers.contracts.trainers import TRAINERS, BadParameters, parameters_checked

SCRIPT_BYTES_MOST = 256 << 10


def code_of(kind: str, script: str, parameters: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The script and the parameters of a run; a built-in trainer brings the script, and defaults.

    Raises:
        Invalid: a kind that is not submitted, a script beside a built-in trainer, or parameters that it does not take.
    """
    if kind == RunKind.SCRIPT:
        return script, parameters
    if kind not in TRAINERS:
        detail = f"runs of kind {kind} are not submitted here"
        raise Invalid(f"kind: {detail}", fields={"kind": [detail]})
    if script.strip():
        raise Invalid(f"script: a run of kind {kind} brings its own", fields={"script": ["must be left out"]})
    try:
        return trainer_script(kind), parameters_checked(TRAINERS[kind], parameters)
    except BadParameters as error:
        fields = {f"parameters.{name}": [text] for name, text in error.problems.items()}
        raise Invalid(f"parameters: {error}", fields=fields) from error


def script_check(script: str) -> None:
    """Raise Invalid for a script that is none."""
    size = len(script.encode("utf-8", "replace"))
    if not script.strip() or size > SCRIPT_BYTES_MOST:
        detail = f"{size} bytes; a script is Python, at most {SCRIPT_BYTES_MOST} bytes"
        raise Invalid(f"script: {detail}", fields={"script": [detail]})


def secrets_check(project_id: UUID, secrets: Sequence[str]) -> None:
    """Raise Invalid for a secret that the project does not have. One query, none without secrets."""
    found = set(Secret.objects.filter(project_id=project_id, name__in=secrets).values_list("name", flat=True))
    missing = sorted(set(secrets) - found)
    if missing:
        detail = f"the project has no secret {', '.join(missing)}"
        raise Invalid(f"secrets: {detail}", fields={"secrets": [detail]})
