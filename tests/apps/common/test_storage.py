"""The object store: whole objects or none, and nothing outside of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile

from apps.common.errors import Invalid, StorageUnavailable
from apps.common.storage import ObjectStore, Room, Stored, checked, path_of, uri_of
from tests.support.disks import files_of_at_most


class BucketFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file of a bucket: parts are uploaded as they come and become an object at the end."""

    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        self.parts.append(self.buffer.getvalue())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        self.fs.pipe_file(self.path, b"".join(self.parts))

    def discard(self) -> None:
        self.closed = True


class Bucket(MemoryFileSystem):  # type: ignore[misc]
    """Objects in memory, written as to a bucket."""

    protocol = "bucket"
    store: ClassVar[dict[str, object]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("bucket://", "memory://")))

    def open(self, path: str, mode: str = "rb", autocommit: bool = True, **kwargs: object) -> object:
        if mode != "wb" or kwargs:
            return super().open(path, mode, **kwargs)
        file = BucketFile(self, self._strip_protocol(path), "wb", block_size=2048, autocommit=autocommit)
        if not autocommit:
            self.transaction.files.append(file)
        return file


fsspec.register_implementation("bucket", Bucket, clobber=True)


@pytest.fixture(params=["file", "bucket"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/objects" if request.param == "file" else f"bucket://{uuid4().hex}/x")


@pytest.fixture
def folder(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/objects")


def test_what_was_put_can_be_read(any_store: ObjectStore) -> None:
    content = b"one" + b"two" * 1000
    digest = hashlib.sha256(content).hexdigest()
    assert any_store.put("a/b.bin", [b"one", b"two" * 1000]) == Stored("a/b.bin", 3003, digest)
    with any_store.open("a/b.bin") as file:
        assert file.read() == content
    assert any_store.measure("a/b.bin") == Stored("a/b.bin", 3003, digest)
    assert any_store.size("a/b.bin") == 3003
    assert any_store.put("a/b.bin", [b"new"]).size_bytes == 3
    assert any_store.size("a/b.bin") == 3
    any_store.delete("a")
    any_store.delete("a")
    assert not any_store.exists("a/b.bin")
    with pytest.raises(FileNotFoundError):
        any_store.open("a/b.bin")


def broken() -> Iterator[bytes]:
    yield b"half" * 2000
    raise ConnectionResetError("the sender went away")


def test_half_an_object_never_appears(any_store: ObjectStore) -> None:
    with pytest.raises(StorageUnavailable):
        any_store.put("a/half", broken())
    assert not any_store.exists("a/half")
    assert any_store.is_local or len(any_store.fs.transaction.files) == 0


def test_what_was_there_survives_a_failed_replacement(folder: ObjectStore) -> None:
    folder.put("a", [b"old"])
    seen = []

    def chunks() -> Iterator[bytes]:
        yield b"new"
        with folder.open("a") as file:
            seen.append(file.read())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.put("a", chunks())
    assert seen == [b"old"]
    assert [path.name for path in Path(folder.root).iterdir()] == ["a"]


@pytest.mark.parametrize(
    "path", ["", "/", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a//b", "a\\b", "a/./b", "a\x00b", "a\nb", "../x/"]
)
def test_paths_that_leave_the_store_are_refused(folder: ObjectStore, path: str) -> None:
    for use in (checked, uri_of, folder.local_path, folder.open, folder.exists, folder.delete, folder.size):
        with pytest.raises(Invalid, match="not a path inside the object store"):
            use(path)
    with pytest.raises(Invalid):
        folder.put(path, [b"x"])
    with pytest.raises(Invalid):
        path_of(f"bedplate://{path}")


def test_links_that_leave_the_store_are_not_followed(folder: ObjectStore, tmp_path: Path) -> None:
    outside = tmp_path / "key"
    outside.write_text("secret")
    folder.put("job/out.txt", [b"fine"])
    (Path(folder.root) / "job" / "link").symlink_to(outside)
    (Path(folder.root) / "job" / "up").symlink_to(tmp_path)
    (Path(folder.root) / "job" / "inner").symlink_to("out.txt")
    for path in ("job/link", "job/up/key"):
        with pytest.raises(Invalid):
            folder.open(path)
        with pytest.raises(Invalid):
            folder.put(path, [b"x"])
    with folder.open("job/inner") as file:
        assert file.read() == b"fine"
    assert outside.read_text() == "secret"


def test_uris() -> None:
    assert uri_of("attempts/1/dataset/") == "bedplate://attempts/1/dataset/"
    assert path_of("bedplate://attempts/1/dataset/") == "attempts/1/dataset/"
    with pytest.raises(Invalid, match="is not a bedplate:// address"):
        path_of("file:///etc/passwd")


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = ObjectStore(f"file://{tmp_path}/file")
    with pytest.raises(StorageUnavailable, match="could not write a/b"):
        store.put("a/b", [b"x"])
    assert ObjectStore(f"file://{tmp_path}/fine").check_writable() is None
    assert list((tmp_path / "fine").iterdir()) == []


def test_a_full_disk_is_said_to_be_full_and_later_takes_the_same(folder: ObjectStore) -> None:
    folder.put("kept", [b"x"])
    with files_of_at_most(1000), pytest.raises(StorageUnavailable) as refused:
        folder.put("a/b", [b"x" * 999, b"y" * 2])
    room = folder.room()
    assert room is not None
    assert str(refused.value).startswith("could not write a/b: the disk of the object store is full (")
    assert [path.name for path in Path(folder.root).rglob("*") if path.is_file()] == ["kept"]
    assert folder.put("a/b", [b"x" * 999, b"y" * 2]).size_bytes == 1001


def test_room_is_that_of_the_disk_where_the_folder_will_be(folder: ObjectStore, tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    room = folder.room()
    assert room is not None
    assert room.total_bytes == disk.f_blocks * disk.f_frsize
    assert 0 <= room.free_bytes <= room.total_bytes
    assert str(Room(0, 8 << 20)) == "0 bytes of 8.0 MB free"
    assert ObjectStore(f"bucket://{uuid4().hex}/x").room() is None
