"""What a bucket can and a folder cannot, by the file system of fsspec that stands for it. No settings, no rows."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, Final

import fsspec

OPTIONS: Final[dict[str, Any]] = {
    # Addresses signed as before are refused by newer regions. An outage is told within five seconds.
    "config_kwargs": {"signature_version": "s3v4", "retries": {"total_max_attempts": 3, "mode": "standard"}},
    # Jobs, browsers and other processes write into the bucket: what was listed before says nothing.
    "use_listings_cache": False,
}
ONE_REQUEST_BYTES: Final = 8 << 20
"""An object of fewer bytes is sent in one request; a larger one in pieces."""
PIECES_MOST: Final = 10_000
"""Of one object, as S3 has it."""
PIECE_BYTES_LEAST: Final = 5 << 20
"""Of every piece but the last."""
PIECE_BYTES_MOST: Final = 5 << 30

fsspec.register_implementation("s3", "apps.common.bucket_files.BucketFiles", clobber=True)  # loaded when first asked


def copied(chunks: Iterable[bytes], file: IO[bytes]) -> tuple[int, str]:
    """Write all; size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        file.write(chunk)
    return size, digest.hexdigest()


def written(fs: Any, at: str, chunks: Iterable[bytes]) -> tuple[int, str]:
    """Make an object of what `chunks` bring; size and SHA-256. When they raise, there is none."""
    rest = iter(chunks)
    first = _first(rest)
    if len(first) < ONE_REQUEST_BYTES:
        fs.pipe_file(at, first)
        return len(first), hashlib.sha256(first).hexdigest()
    return _written_in_pieces(fs, at, chain([first], rest))


def _first(chunks: Iterator[bytes]) -> bytes:
    """The first chunks, together at least so much as goes in one request; fewer: they are all."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) >= ONE_REQUEST_BYTES:
            break
    return bytes(taken)


def _written_in_pieces(fs: Any, at: str, chunks: Iterable[bytes]) -> tuple[int, str]:
    """Without `autocommit` closing a file does not make an object of the part that was written."""
    file = fs.open(at, "wb", autocommit=False)
    try:
        size, digest = copied(chunks, file)
        file.close()
        file.commit()
    except BaseException:
        file.discard()
        file.closed = True  # else it is closed when it is forgotten, and fails at that
        raise
    finally:
        with contextlib.suppress(ValueError):  # taken out by another thread's end of transaction
            fs.transaction.files.remove(file)
    return size, digest


def can_join(sizes: Sequence[int]) -> bool:
    """Whether a bucket takes objects of these sizes, in bytes, as the pieces of a new one."""
    return (
        0 < len(sizes) <= PIECES_MOST
        and all(PIECE_BYTES_LEAST <= size <= PIECE_BYTES_MOST for size in sizes[:-1])
        and 0 < sizes[-1] <= PIECE_BYTES_MOST
    )


def piece_bytes(size: int) -> int:
    """How large the pieces are in which so many bytes are copied from one object to another."""
    return min(max(512 << 20, -(-size // PIECES_MOST)), PIECE_BYTES_MOST)
