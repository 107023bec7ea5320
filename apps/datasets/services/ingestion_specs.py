"""What an ingestion is asked for: checked, and made into the spec of its job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from apps.common.errors import Invalid
from apps.datasets import specs
from apps.datasets.models import Dataset, DatasetVersion, Source
from apps.datasets.recipes.parsing import DATABASES, parsing_problems
from apps.datasets.selectors.quality import evaluation_of
from apps.datasets.services.appending import base_check, base_parameters
from apps.datasets.services.origins import format_said, name_said, normalised, origin_parameters
from workers.contracts.specs import JobSpec


@dataclass(frozen=True, slots=True)
class Asked:
    spec: JobSpec
    origin: dict[str, str]
    """Empty where a source is parsed."""
    name: str
    """How the file is called."""


def asked_of(
    *,
    dataset: Dataset,
    source: Source | None,
    origin: dict[str, Any] | None,
    options: dict[str, Any],
    append_to: DatasetVersion | None,
    seen: dict[str, Any],
) -> Asked:
    """Args and errors: see `ingestions.ingestion_create`; `seen` is what came the last time."""
    if (source is None) is (origin is None):
        raise Invalid("Say a source or an origin.", fields={"source": ["Say this or an origin."]})
    found = normalised(dataset.project, origin) if origin is not None else {}
    name = source.name if source is not None else name_said(found)
    file_format = source.file_format if source is not None else format_said(found)
    _refuse_nonsense(dataset, source, name, file_format, options)
    if append_to is not None:
        base_check(append_to, dataset=dataset)
        options = {**options, **base_parameters(append_to)}
    if source is not None:
        spec = specs.ingestion_spec(
            path=source.path,
            sha256=source.sha256,
            file_format=file_format,
            options=options,
            runner=settings.BEDPLATE_DATA_RUNNER,
        )
    else:
        spec = specs.fetching_spec(
            origin=origin_parameters(dataset.project, found, seen),
            file_format=file_format,
            options=options,
            secrets=[found["credentials"]] if found.get("credentials") else [],
            runner=settings.BEDPLATE_DATA_RUNNER,
        )
    return Asked(spec if append_to is not None else evaluation_of(dataset).added_to(spec), found, name)


def _refuse_nonsense(
    dataset: Dataset, source: Source | None, name: str, file_format: str, options: dict[str, Any]
) -> None:
    problems = parsing_problems(options)
    if source is not None and source.dataset_id != dataset.pk:
        problems["source"] = [f"Belongs to another dataset than {dataset.name!r}."]
    if not problems and not (options.get("format") or file_format):
        if name.lower().endswith(DATABASES):
            said = f"{name!r} is a database of SQLite, which is not read: export its tables as CSV or Parquet."
        else:
            said = f"The name {name!r} does not say its format: say it here."
        problems["options.format"] = [said]
    if problems:
        raise Invalid("; ".join(f"{at}: {text}" for at, texts in problems.items() for text in texts), fields=problems)
