"""The object store in a bucket of a real S3 server: what it keeps, what it signs, and what it says when it is away."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import fsspec
import httpx
import pytest

from apps.common import addresses, buckets
from apps.common.errors import StorageUnavailable
from apps.common.storage import ObjectStore
from tests.support.buckets import S3Server, bucket_of, s3_server
from tests.support.waiting import until

MIB = 1 << 20
LARGE = 60 * MIB
"""More than is sent in one request, and than one piece of it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def store(server: S3Server, settings: Any) -> Iterator[ObjectStore]:
    with bucket_of(server, settings) as made:
        yield made


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def begun(store: ObjectStore, path: str) -> str:
    """Begin an upload in pieces and never go on, as a writer does that is killed; its id."""
    bucket, key, _ = store.fs.split_path(f"{store.root}{'' if path.startswith('-') else '/'}{path}")
    return str(store.fs.call_s3("create_multipart_upload", Bucket=bucket, Key=key)["UploadId"])


def unfinished(store: ObjectStore) -> list[str]:
    bucket, folder, _ = store.fs.split_path(store.root)
    found = store.fs.call_s3("list_multipart_uploads", Bucket=bucket).get("Uploads") or []
    keys = (one["Key"] for one in found if one["Key"].startswith(folder))
    return sorted(key.removeprefix(folder).removeprefix("/") for key in keys)


@pytest.mark.parametrize("size", [0, 5, buckets.ONE_REQUEST_BYTES, LARGE])
def test_an_object_is_what_was_put(store: ObjectStore, size: int) -> None:
    chunk = bytes(range(256)) * 4096
    content = (chunk * (size // len(chunk) + 1))[:size]
    pieces = [content[at : at + MIB] for at in range(0, size, MIB)]
    stored = store.put("a/b.bin", pieces)
    assert (stored.size_bytes, stored.sha256) == (size, digest(content))
    assert store.measure("a/b.bin") == stored
    assert store.size("a/b.bin") == size
    assert list(store.listing("a")) == [("a/b.bin", size)]
    assert unfinished(store) == []


def test_nothing_appears_of_an_object_that_breaks_off(store: ObjectStore) -> None:
    def broken(size: int) -> Iterator[bytes]:
        for _ in range(size // MIB):
            yield bytes(MIB)
        raise ConnectionResetError("the sender is gone")

    for size in (MIB, LARGE):
        with pytest.raises(StorageUnavailable, match="the sender is gone"):
            store.put("a", broken(size))
        assert not store.exists("a")
    assert unfinished(store) == []


def test_objects_get_second_names_and_go(store: ObjectStore) -> None:
    store.put("a/one", [b"one"])
    store.put("a/b/two", [b"two"])
    store.share("a/one", "c/three")
    assert [store.open(path).read() for path in ("a/one", "c/three")] == [b"one", b"one"]
    with pytest.raises(FileNotFoundError):
        store.share("a/none", "c/four")
    assert (store.folders("a"), store.folders("c"), store.folders("d")) == (["b"], [], [])
    assert store.prune("a", lambda name: name.endswith("two")) == ["a/one"]
    store.delete("a")
    store.delete("a")
    assert sorted(store.listing()) == [("c/three", 3)]
    assert not store.exists("a/one")


def test_what_somebody_else_writes_is_seen_at_once(store: ObjectStore, settings: Any) -> None:
    """A browser and a job send to the bucket itself: what this process listed before says nothing."""
    store.put("a/one", [b"1"])
    assert list(store.listing("a")) == [("a/one", 1)]
    assert not store.exists("a/two")
    assert httpx.put(addresses.open_put_address("a/two"), content=b"22").status_code == 200
    assert sorted(store.listing("a")) == [("a/one", 1), ("a/two", 2)]
    assert (store.exists("a/two"), store.size("a/two")) == (True, 2)
    assert httpx.put(addresses.open_put_address("a/two"), content=b"333").status_code == 200
    assert store.size("a/two") == 3


def test_a_signed_address_is_for_one_object_and_one_verb(store: ObjectStore) -> None:
    content = bytes(range(256))
    store.put("a/one", [content])
    store.put("a/two", [b"2"])
    url = addresses.fetch_address("a/one", attempt_id=addresses.UUID(int=0))
    part = httpx.get(url, headers={"Range": "bytes=5-14"})
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, content[5:15], "bytes 5-14/256")
    assert httpx.get(url).content == content
    assert httpx.get(url.replace("a/one", "a/two")).status_code == 403
    assert httpx.put(url, content=b"x").status_code == 403
    assert httpx.get(url.split("?")[0]).status_code == 403
    assert store.open("a/one").read() == content


def test_a_signed_address_ends(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a/one", [b"1"])
    monkeypatch.setattr(addresses, "SECONDS", 1)
    fetch, send = (
        addresses.fetch_address("a/one", attempt_id=addresses.UUID(int=0)),
        addresses.open_put_address("a/one"),
    )
    until(lambda: httpx.get(fetch).status_code == 403, what="the end of an address")
    assert "expired" in httpx.get(fetch).text
    assert httpx.put(send, content=b"x").status_code == 403
    assert store.open("a/one").read() == b"1"


def test_the_bucket_compares_the_digest_of_what_a_job_sends(store: ObjectStore) -> None:
    content = b"weights" * 1000
    place = addresses.put_address("a/one", size_bytes=len(content), sha256=digest(content))
    assert place.headers == {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(content).digest()).decode()}
    assert httpx.put(place.url, content=b"other" * 1000, headers=place.headers).status_code == 400
    assert not store.exists("a/one")
    assert httpx.put(place.url, content=content, headers=place.headers).status_code == 200
    assert store.measure("a/one").sha256 == digest(content)


def test_a_bucket_joins_parts_without_reading_them(store: ObjectStore) -> None:
    sizes = [5 * MIB, 6 * MIB, 3]
    contents = [bytes([number]) * size for number, size in enumerate(sizes)]
    paths = [store.put(f"up/{number}", [content]).path for number, content in enumerate(contents)]
    assert store.join(paths, sizes, "up/whole")
    assert store.measure("up/whole").sha256 == digest(b"".join(contents))
    with pytest.raises(FileNotFoundError):
        store.join(["up/0", "up/none"], [5 * MIB, 1], "up/other")
    assert not store.exists("up/other")
    assert unfinished(store) == []
    assert not store.join(paths, [3, 5 * MIB, 6 * MIB], "up/other"), "pieces but the last have five mebibytes"


def test_an_object_is_copied_in_pieces_of_which_there_are_not_too_many(store: ObjectStore) -> None:
    store.put("a", [bytes(6 * MIB)])
    fsspec.asyn.sync(store.fs.loop, store.fs._copy_managed, f"{store.root}/a", f"{store.root}/b", 6 * MIB, 5 * MIB)
    assert store.measure("b").sha256 == digest(bytes(6 * MIB))


def test_uploads_that_nobody_finished_are_given_up_after_their_time(store: ObjectStore) -> None:
    begun(store, "a/one")
    begun(store, "a/two")
    begun(store, "-of-another/three")
    assert store.drop_unfinished(3600) == 0
    assert unfinished(store) == ["-of-another/three", "a/one", "a/two"]
    assert store.drop_unfinished(-60) == 2
    assert unfinished(store) == ["-of-another/three"]


def test_how_old_a_folder_is_is_said_by_its_newest_object(store: ObjectStore) -> None:
    store.put("a/one", [b"1"])
    assert 0 <= store.age_seconds("a") < 30
    assert store.age_seconds("none") == 0
    store.check_writable()
    assert [path for path, _ in store.listing()] == ["a/one"]


ASKED: list[Callable[[ObjectStore], object]] = [
    lambda store: store.put("a", [b"x"]),
    lambda store: store.put("a", [bytes(MIB)] * 9),
    lambda store: store.size("a"),
    lambda store: store.exists("a"),
    lambda store: store.measure("a"),
    lambda store: list(store.listing("a")),
    lambda store: store.share("a", "b"),
    lambda store: store.delete("a"),
    lambda store: store.folders("a"),
    lambda store: store.drop_unfinished(0),
]


def away(server: S3Server, **variables: str) -> ObjectStore:
    """A store that nobody has asked yet."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (server.environment | variables).items():
            patch.setenv(name, value)
        made = ObjectStore("s3://nowhere/below")
        made.fs.connect()
    return made


def test_a_server_that_is_away_is_an_outage_and_soon_said(server: S3Server) -> None:
    gone = away(server, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    for ask in ASKED[::3]:
        since = time.monotonic()
        with pytest.raises(StorageUnavailable, match="does not answer"):
            ask(gone)
        assert time.monotonic() - since < 5


def test_a_key_that_is_refused_and_a_bucket_that_is_not_there_are_no_lost_objects(server: S3Server) -> None:
    refused = away(server, AWS_SECRET_ACCESS_KEY="another")
    for ask in ASKED:
        with pytest.raises(StorageUnavailable):
            ask(refused)
    for ask in (ASKED[0], ASKED[1], ASKED[5]):
        with pytest.raises(StorageUnavailable, match="There is no bucket nowhere"):
            ask(away(server))


@pytest.mark.parametrize(
    "sizes, can",
    [
        ([], False), ([1], True), ([5 * MIB, 1], True), ([5 * MIB - 1, 1], False), ([5 << 30, 5 << 30], True),
        ([(5 << 30) + 1, 1], False), ([5 * MIB, (5 << 30) + 1], False), ([5 * MIB, 0], False),
        ([5 * MIB] * 10_000, True), ([5 * MIB] * 10_001, False),
    ],
)  # fmt: skip
def test_which_parts_a_bucket_joins(sizes: list[int], can: bool) -> None:
    assert buckets.can_join(sizes) is can


@pytest.mark.parametrize("size", [1, 5 << 30, (5 << 30) + 1, 1 << 40, 5 << 40, 50_000_000_000_000])
def test_an_object_of_any_size_is_copied_in_ten_thousand_pieces_at_most(size: int) -> None:
    piece = buckets.piece_bytes(size)
    assert buckets.PIECE_BYTES_LEAST <= piece <= buckets.PIECE_BYTES_MOST
    assert -(-size // piece) <= buckets.PIECES_MOST
