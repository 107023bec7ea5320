"""How a source bundle arrives: many files of one request in one file on the disk."""

from __future__ import annotations

import io
import tempfile
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from apps.common.errors import TooLarge
from apps.experiments.services.bundle_rules import UPLOAD_BYTES_MOST


class Slice(io.RawIOBase):
    """A part of a file as a file of its own. Those of one file are read by one thread."""

    def __init__(self, whole: IO[bytes], begin: int, size: int) -> None:
        super().__init__()
        self._whole, self._begin, self._size, self._at = whole, begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._whole.seek(self._begin + self._at)
        found = self._whole.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


class FolderUpload(FileUploadHandler):
    """Keeps all files of a request one after the other in a temporary file, until it is closed.

    Raises:
        TooLarge: together they are more than a bundle may be; what came is removed.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._kept: IO[bytes] | None = None
        self._begin = self._end = 0

    def close(self) -> None:
        """The files are gone."""
        if self._kept is not None:
            self._kept.close()

    @property
    def _whole(self) -> IO[bytes]:
        if self._kept is None:
            self._kept = tempfile.TemporaryFile(prefix="bedplate-upload-")  # noqa: SIM115 - until `close`
        return self._kept

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._begin = self._end

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._end + len(raw_data) > UPLOAD_BYTES_MOST:
            self._whole.truncate(0)
            raise TooLarge(f"A source bundle has at most {UPLOAD_BYTES_MOST} bytes; more were sent.")
        self._whole.seek(self._end)
        self._whole.write(raw_data)
        self._end += len(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        part: Any = io.BufferedReader(Slice(self._whole, self._begin, file_size))
        return UploadedFile(part, self.file_name, self.content_type, file_size, self.charset)
