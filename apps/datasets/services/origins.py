"""Origins: what an ingestion fetches for itself, from where a project may, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from msgspec import Struct

from apps.access.models import Project, Secret, User
from apps.access.permissions import require_superuser
from apps.common.audit import Actor, record
from apps.common.errors import Forbidden, Invalid
from apps.common.storage import Stored
from apps.datasets.models import AllowedOrigin, Ingestion, Source
from apps.datasets.recipes.parsing import format_of
from apps.datasets.services.results import BadResult, StoredFile, files_verify
from apps.datasets.services.sources import name_of, source_create
from apps.datasets.specs import RAW
from apps.quotas.models import Attempt
from workers.contracts.origins import BadAddress, Place, is_allowed, pattern_problem, place_of
from workers.contracts.queries import query_problem
from workers.contracts.sentences import say

KINDS: Final = ("url", "sql")
SECONDS_MOST: Final = 4 * 3600
"""How long a fetch may take."""
KEYS: Final = {
    "url": ("url", "credentials", "region", "endpoint"),
    "sql": ("query", "credentials", "partition_column", "partitions"),
}
QUERY_FILE: Final = "query.parquet"
PARTITIONS_MOST: Final = 16

Text = Annotated[str, msgspec.Meta(max_length=300)]


class OriginNotAllowed(Forbidden):
    """Its host or bucket is on no list."""

    code, title = "origin_not_allowed", "This project may not fetch from there"


class Came(Struct, frozen=True):
    """What a job says of what it fetched."""

    name: Text
    file: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,199})?$")]
    """In the output `raw`; empty where nothing new came."""
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")]
    etag: Text = ""
    last_modified: Text = ""

    @property
    def seen(self) -> dict[str, str]:
        """What the next job is told of it."""
        return {"sha256": self.sha256, "etag": self.etag, "last_modified": self.last_modified}


class _Result(Struct, frozen=True):
    fetched: Came
    unchanged: bool = False


def normalised(project: Project, asked: Any) -> dict[str, str]:
    """An origin with its fields checked and the empty ones left out.

    Raises:
        Invalid: a field is wrong, or the secret is not there.
        OriginNotAllowed: the host is on no list of this project or of the installation.
    """
    kind = asked.get("kind") if isinstance(asked, dict) else None
    if kind not in KINDS:
        raise _wrong("kind", f"Is one of {', '.join(KINDS)}.")
    unknown = sorted(set(asked) - {"kind", *KEYS[kind]})
    if unknown:
        raise _wrong(unknown[0], f"Is not known; known are {', '.join(KEYS[kind])}.")
    found = {name: str(value).strip() for name, value in asked.items() if value not in (None, "")}
    if kind == "url":
        _check_url(project, found)
    else:
        _check_query(found)
    if found.get("credentials") and not Secret.objects.filter(project=project, name=found["credentials"]).exists():
        raise _wrong("credentials", f"The project has no secret {found['credentials']}.")
    return found


def _check_url(project: Project, found: dict[str, str]) -> None:
    allowed, private = allowed_of(project)
    for name in ("url", "endpoint"):
        if name == "url" or found.get(name):
            schemes = ("https", "http", "s3", "gs") if name == "url" else ("https", "http")
            place = _place(name, found.get(name, ""), schemes)
            _check_place(project, place, allowed)
            _check_credentials(found, place, private)


def _check_query(found: dict[str, str]) -> None:
    """The host of the database is in the secret: whether it is allowed is for the job to see."""
    problem = query_problem(found.get("query", ""))
    if problem:
        raise _wrong("query", f"The query {problem}.")
    if not found.get("credentials"):
        raise _wrong(
            "credentials", "Is the secret with the address: postgresql://name:password@host/database, or mysql://…."
        )
    count = found.get("partitions", "1")
    if not (count.isascii() and count.isdecimal() and 1 <= int(count) <= PARTITIONS_MOST):
        raise _wrong("partitions", f"Is a number from 1 to {PARTITIONS_MOST}.")


def _place(field: str, text: str, schemes: tuple[str, ...]) -> Place:
    try:
        return place_of(text, schemes)
    except BadAddress as error:
        raise _wrong(field, f"The address {error}.") from None


def _check_place(project: Project, place: Place, allowed: list[str]) -> None:
    if not is_allowed(place.scheme, place.host, place.port, allowed):
        where = f"{place.scheme}://{place.host}" if place.is_bucket else f"{place.host}:{place.port}"
        raise OriginNotAllowed(
            f"{where} is not on the list of what project {project.name} may fetch from. An administrator of the project"
            " can put it there."
        )


def _check_credentials(found: dict[str, str], place: Place, private: list[str]) -> None:
    is_near = is_allowed(place.scheme, place.host, place.port, private)
    if found.get("credentials") and place.scheme == "http" and not is_near:
        raise _wrong("credentials", "Are sent over https only.")


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(f"origin.{field}: {text}", fields={f"origin.{field}": [text]})


def name_said(origin: dict[str, Any]) -> str:
    """How the file of an origin is called, as far as its address says."""
    return name_of(place_of(str(origin["url"])).name) if origin["kind"] == "url" else QUERY_FILE


def format_said(origin: dict[str, Any]) -> str:
    """The format that an origin's address says; empty where it says none."""
    return format_of(name_said(origin))


def origin_parameters(project: Project, origin: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """What the job is told: what to fetch, from where it may, how much, and what came the last time."""
    allowed, private = allowed_of(project)
    return {
        **origin,
        "allowed": allowed,
        "private": private,
        "most_bytes": settings.BEDPLATE_SOURCE_MOST_BYTES,
        "seconds": SECONDS_MOST,
        "seen": {name: seen[name] for name in ("sha256", "etag", "last_modified") if seen.get(name)},
    }


def allowed_of(project: Project) -> tuple[list[str], list[str]]:
    """Hosts and buckets from which a project may fetch; those of them that may have private addresses."""
    rows = list(AllowedOrigin.objects.filter(project=project).values_list("pattern", "is_private"))
    allowed = {*settings.BEDPLATE_FETCH_HOSTS, *(pattern for pattern, _ in rows)}
    private = {*settings.BEDPLATE_FETCH_PRIVATE_HOSTS, *(pattern for pattern, is_private in rows if is_private)}
    return sorted(allowed), sorted(private)


@transaction.atomic
def allowed_origin_create(
    *, project: Project, pattern: str, is_private: bool = False, created_by: User, actor: Actor
) -> AllowedOrigin:
    """Let a project fetch from a host or bucket.

    Raises:
        Invalid: it is neither, or is there already.
        Forbidden: a private address, by somebody who is no administrator of the installation.
    """
    if is_private:
        require_superuser(created_by)
    said = pattern.strip().lower()
    problem = pattern_problem(said)
    if problem:
        raise Invalid(f"pattern: {problem}.", fields={"pattern": [problem]})
    row, made = AllowedOrigin.objects.get_or_create(
        project=project, pattern=said, defaults={"is_private": is_private, "created_by": created_by}
    )
    if not made:
        raise Invalid(f"The project has {said} on its list already.", fields={"pattern": ["is there already"]})
    found: AllowedOrigin = row
    record(actor, "allowed_origin.created", found, detail={"is_private": is_private})
    return found


@transaction.atomic
def allowed_origin_delete(row: AllowedOrigin, *, actor: Actor) -> None:
    """Take a host or bucket off the list: jobs that run go on, schedules that need it pause."""
    record(actor, "allowed_origin.deleted", row)
    row.delete()


def came_of(attempt: Attempt) -> tuple[Came, bool]:
    """What an attempt fetched, its file verified, and whether that is nothing new. Blocks.

    Raises:
        BadResult: it is not what was agreed.
        OSError, StorageUnavailable: the store cannot be asked now.
    """
    try:
        found = msgspec.convert(attempt.result or {}, _Result)
    except msgspec.ValidationError as error:
        raise BadResult(say("result_form", error=error)) from None
    came = found.fetched
    if not found.unchanged:
        if not came.file:
            raise BadResult(say("result_none"))
        files_verify(raw_prefix(attempt.pk), [StoredFile(came.file, came.size_bytes, came.sha256)])
    return came, found.unchanged


def raw_prefix(attempt_id: UUID) -> str:
    """Where a job leaves what it fetched."""
    return f"attempts/{attempt_id}/{RAW}/"


def source_of(ingestion: Ingestion, came: Came, attempt_id: UUID, *, actor: Actor) -> Source:
    """The file that an ingestion fetched, as a source: it stays where the job left it."""
    stored = Stored(f"{raw_prefix(attempt_id)}{came.file}", came.size_bytes, came.sha256)
    return source_create(
        source_id=ingestion.pk,
        dataset=ingestion.dataset,
        name=name_of(came.name),
        stored=stored,
        origin=ingestion.origin,
        uploaded_by=ingestion.requested_by,
        actor=actor,
    )
