"""Buckets of S3 as fsspec shows them: `s3fs`, with errors of ours, joining, and the uploads that nobody finished.

Loaded by `buckets.py` where a store is a bucket, and nowhere else: it takes half a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError
from fsspec.asyn import sync_wrapper
from s3fs import S3FileSystem

from apps.common.buckets import piece_bytes
from apps.common.errors import StorageUnavailable

AT_ONCE: Final = 8
"""Requests of one joining."""
NOT_A_FAILURE: Final = (FileExistsError, IsADirectoryError)


class BucketFiles(S3FileSystem):  # type: ignore[misc]  # it has no types
    """Objects of buckets. Methods raise StorageUnavailable where the server cannot be reached, refuses us or fails."""

    protocol = ("s3", "s3a")

    async def _call_s3(self, method: str, *given: Any, **named: Any) -> Any:
        try:
            return await super()._call_s3(method, *given, **named)
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":  # else every object of it would be taken for lost
                raise StorageUnavailable(f"There is no bucket {named.get('Bucket')}.") from error
            raise
        except NOT_A_FAILURE:
            raise
        except (BotoCoreError, OSError) as error:
            raise StorageUnavailable(f"The object store does not answer as it should: {error}") from error

    call_s3 = sync_wrapper(_call_s3)

    async def _copy_managed(self, path1: str, path2: str, size: int, block: int | None = None, **named: Any) -> None:
        """As above, in pieces of which no more are needed than an object may have."""
        await super()._copy_managed(path1, path2, size, block=block or piece_bytes(size), **named)

    async def _join(self, pieces: Sequence[str], target: str) -> None:
        """Make one object of others, in their order, without a byte passing by here. See `buckets.can_join`."""
        bucket, key, _ = self.split_path(target)
        begun = await self._call_s3("create_multipart_upload", Bucket=bucket, Key=key)
        about = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
        slots = asyncio.Semaphore(AT_ONCE)

        async def copied(number: int, piece: str) -> dict[str, Any]:
            async with slots:
                done = await self._call_s3("upload_part_copy", **about, CopySource=piece, PartNumber=number)
            return {"PartNumber": number, "ETag": done["CopyPartResult"]["ETag"]}

        try:
            parts = await asyncio.gather(*(copied(number, piece) for number, piece in enumerate(pieces, 1)))
            await self._call_s3("complete_multipart_upload", **about, MultipartUpload={"Parts": parts})
        except BaseException:
            await self._call_s3("abort_multipart_upload", **about)
            raise

    join = sync_wrapper(_join)

    async def _drop_unfinished(self, root: str, older_than_seconds: float) -> int:
        """Give up uploads in pieces that began so long ago below a path, of writers that were killed; how many."""
        bucket, folder, _ = self.split_path(root)
        least = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        begun = self._unfinished(bucket, f"{folder}/" if folder else "")
        old = [one async for one in begun if one["Initiated"] < least]
        for one in old:
            await self._call_s3("abort_multipart_upload", Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])
        return len(old)

    drop_unfinished = sync_wrapper(_drop_unfinished)

    async def _unfinished(self, bucket: str, prefix: str) -> AsyncIterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while True:
            page = await self._call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **after)
            for one in page.get("Uploads") or ():
                yield one
            if not page.get("IsTruncated"):
                return
            after = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


def _code(error: BaseException) -> str:
    """What S3 calls the error."""
    answer = getattr(error.__cause__, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))
