"""What the published schemas of Kubernetes say of a manifest, version by version, strictly: no unknown field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kubernetes_validate

VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")


def complaints(manifest: dict[str, Any], version: str) -> list[str]:
    """What is wrong with it in that version; nothing for one that is right."""
    try:
        used = kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{manifest['kind']} {'.'.join(map(str, error.path))}: {error.message}"]
    return [] if used == version else [f"there is no schema of {version}"]


def numbers_where_quantities_go(manifest: Any, path: str = "") -> Iterator[str]:
    """Places of quantities that are no text: the schemas allow numbers there, one of the clients does not."""
    quantities = ("requests", "limits", "hard", "default", "defaultRequest")
    if isinstance(manifest, dict):
        for name, value in manifest.items():
            if name in quantities and isinstance(value, dict):
                yield from (f"{path}.{name}.{key}" for key, one in value.items() if not isinstance(one, str))
            if name == "sizeLimit" and not isinstance(value, str):
                yield f"{path}.{name}"
            yield from numbers_where_quantities_go(value, f"{path}.{name}")
    elif isinstance(manifest, list):
        for number, value in enumerate(manifest):
            yield from numbers_where_quantities_go(value, f"{path}.{number}")
