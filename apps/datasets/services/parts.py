"""Files of versions, kept by what they hold: `parts/<project>/<ab>/<sha256>.parquet`, once for all that have it.

A job writes below its attempt. At its good end each of its files gets its place among the parts as a second name, then
the version that names it is committed, then the first name goes. So whoever is killed between any two of these leaves
either a job that can be followed again from the start, or a first name that the sweep of attempts finds; a part that
no version came to name is found by the sweep of parts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

from apps.common.deletions import deleting, nothing_deleted
from apps.common.errors import BedplateError
from apps.common.storage import store
from apps.datasets.models import DataJob
from apps.datasets.services.results import Checked, StoredFile
from apps.datasets.specs import part_path

log = logging.getLogger(__name__)


@contextmanager
def parts_kept(*, project_id: UUID, prefix: str, files: Sequence[StoredFile]) -> Iterator[None]:
    """Keep verified files as parts; commit the version that names them inside the block. Not inside a transaction.

    No part that was there already can be removed before the block ends.

    Raises:
        OSError, StorageUnavailable: the store cannot be asked now; nothing is lost, do it again later.
    """
    with nothing_deleted():
        for file in files:
            part_keep(project_id=project_id, path=f"{prefix}{file.name}", file=file)
        yield
    with deleting() as allowed:
        for file in files if allowed else ():  # else a backup copies what its snapshot names: the sweep does it later
            try:
                store().delete(f"{prefix}{file.name}")
            except (BedplateError, OSError):
                log.warning("could not remove %s%s, which is kept as a part", prefix, file.name, exc_info=True)


def output_kept(job: DataJob, checked: Checked) -> AbstractContextManager[None]:
    """`parts_kept` for what `ingest` or `clean` left."""
    prefix, content, _ = checked
    return parts_kept(project_id=job.project_id, prefix=prefix, files=content.stored_files)


def part_keep(*, project_id: UUID, path: str, file: StoredFile) -> str:
    """Keep the file at `path` of the store as a part; returns where. Doing it again does nothing."""
    part = part_path(project_id, file.name, file.sha256)
    try:
        is_kept = store().size(part) == file.size_bytes
    except FileNotFoundError:
        is_kept = False
    if not is_kept:
        store().share(path, part)
    return part
