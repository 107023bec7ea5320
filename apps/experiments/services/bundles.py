"""Source bundles: made of what was sent, in one form for one content, and kept once."""

from __future__ import annotations

import hashlib
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Final

from django.db import transaction

from apps.access.models import Project, User
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import TooLarge
from apps.common.events import emit
from apps.common.storage import store
from apps.experiments.models import SourceBundle
from apps.experiments.services.bundle_commit import commit_sent
from apps.experiments.services.bundle_files import CHUNK_BYTES, Entry
from apps.experiments.services.bundle_rules import (
    FILES_MOST,
    IGNORE,
    IGNORE_BYTES_MOST,
    LEFT_OUT_MOST,
    TOTAL_BYTES_MOST,
    Ignored,
    LeftOut,
    names_check,
    refuse,
)

ALL_SAME_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file in an archive: when it was changed is no part of what it is."""
MODES: Final = {False: 0o644, True: 0o755}


@dataclass(slots=True)
class Packed:
    """A bundle in one archive, on this machine's disk."""

    archive: IO[bytes] = field(repr=False)
    sha256: str = ""
    """Of names, modes and contents, in the order of the names."""
    files: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    left_out_count: int = 0
    git_commit: str = ""
    """That was checked out in it; empty where nothing says so."""


@contextmanager
def bundle_packed(entries: Sequence[Entry]) -> Iterator[Packed]:
    """What was sent, without what is left out, packed anew. Blocks for as long as reading takes; a chunk is in memory
    at a time. The archive is gone after the block.

    Raises:
        BadBundle: names that cannot be, no file that is left, or too many.
        TooLarge: more bytes than a bundle may have, counted as they are unpacked.
    """
    names_check(entry.name for entry in entries)
    with tempfile.TemporaryFile(prefix="bedplate-bundle-") as archive:
        packed = Packed(archive, git_commit=commit_sent(entries))
        kept = _kept(entries, packed)
        if not kept:
            raise refuse("no file is left of it" if packed.left_out_count else "there is no file in it")
        if len(kept) > FILES_MOST:
            raise refuse(f"{len(kept)} files; a bundle has at most {FILES_MOST}. {IGNORE} leaves out what is none")
        _write(kept, packed)
        yield packed


def bundle_create(
    *, project: Project, packed: Packed, uploaded_by: User | None, actor: Actor
) -> tuple[SourceBundle, bool]:
    """Keep a bundle; the one that the project has where its content is the same. True: it was made now.

    `bundle_put` was called before, both inside one `nothing_deleted`. In the caller's transaction.
    """
    with transaction.atomic():
        columns = {
            "path": path_for(project, packed.sha256),
            "archive_sha256": _digest_of(packed.archive),
            "size_bytes": packed.archive.seek(0, 2),
            "files": packed.files,
            "git_commit": packed.git_commit,
            "uploaded_by": uploaded_by,
        }
        bundle: SourceBundle
        bundle, made = SourceBundle.objects.get_or_create(project=project, sha256=packed.sha256, defaults=columns)
        if made:
            emit("source_bundle.created", bundle)
            detail = {"sha256": packed.sha256, "files": len(packed.files), "size_bytes": bundle.size_bytes}
            record(actor, "source_bundle.created", bundle, detail=detail)
        else:
            bundle.sent_at = clock.db_now()
            bundle.git_commit = bundle.git_commit or packed.git_commit
            bundle.save(update_fields=["sent_at", "git_commit"])
    return bundle, made


def bundle_put(project: Project, packed: Packed) -> None:
    """Have the archive in the object store: not in a transaction, but inside `nothing_deleted`. Nothing is written
    where it is there already.

    Raises:
        StorageUnavailable: the store cannot be reached, or is full.
    """
    path = path_for(project, packed.sha256)
    known = SourceBundle.objects.filter(project=project, sha256=packed.sha256).first()
    if known is not None and store().exists(known.path):
        return
    packed.archive.seek(0)
    stored = store().put(path, iter(lambda: packed.archive.read(CHUNK_BYTES), b""))
    if known is not None:  # the store had lost it: packed again it may have other bytes, of the same content
        SourceBundle.objects.filter(pk=known.pk).update(archive_sha256=stored.sha256, size_bytes=stored.size_bytes)


def path_for(project: Project, sha256: str) -> str:
    """Where the archive of a bundle is kept."""
    return f"bundles/{project.pk}/{sha256}.zip"


def left_out_shown(packed: Packed) -> list[dict[str, Any]]:
    """What is named in an answer, as JSON."""
    return [asdict(one) for one in packed.left_out]


def _kept(entries: Sequence[Entry], packed: Packed) -> list[Entry]:
    ignored = Ignored(dict(_ignore_files(entries)))
    kept, said = [], set[str]()
    for entry in sorted(entries, key=lambda one: one.name):
        why = ignored.why(entry.name)
        if why is None:
            kept.append(entry)
        elif why.name not in said:
            said.add(why.name)
            if len(packed.left_out) < LEFT_OUT_MOST:
                packed.left_out.append(why)
    packed.left_out_count = len(said)
    return kept


def _ignore_files(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        folder, _, name = entry.name.rpartition("/")
        if name == IGNORE:
            yield folder, _text(entry)


def _text(entry: Entry) -> str:
    found = b""
    for chunk in entry.chunks():
        found += chunk
        if len(found) > IGNORE_BYTES_MOST:
            raise refuse(f"{entry.name} has more than {IGNORE_BYTES_MOST} bytes")
    return found.decode("utf-8-sig", "replace")


def _write(kept: Sequence[Entry], packed: Packed) -> None:
    content, total = hashlib.sha256(), 0
    with zipfile.ZipFile(packed.archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for entry in kept:
            member = zipfile.ZipInfo(entry.name, ALL_SAME_DAY)
            member.create_system = 3  # of Unix: only such a member has a mode
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (stat.S_IFREG | MODES[entry.is_executable]) << 16
            digest, size = hashlib.sha256(), 0
            with archive.open(member, "w") as target:
                for chunk in entry.chunks():
                    size += len(chunk)
                    if total + size > TOTAL_BYTES_MOST:
                        raise TooLarge(
                            f"A bundle has at most {TOTAL_BYTES_MOST} bytes; there are more up to {entry.name}."
                        )
                    digest.update(chunk)
                    target.write(chunk)
            total += size
            about = {"name": entry.name, "size_bytes": size, "sha256": digest.hexdigest()}
            packed.files.append({**about, "is_executable": entry.is_executable})
            line = f"{MODES[entry.is_executable]:o}\0{entry.name}\0{size}\0{about['sha256']}\n"
            content.update(line.encode())
    packed.sha256 = content.hexdigest()


def _digest_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
