"""Uploads that go on where they broke off, by tus 1.0.0: over the API, and at a server whose senders vanish."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.access.states import Role, TokenScope
from apps.common import clock
from apps.common.errors import StorageUnavailable
from apps.common.models import AuditEvent
from apps.common.partial import partial_held
from apps.common.storage import store
from apps.datasets.models import Source, Upload
from apps.datasets.services import upload_bytes
from apps.datasets.services.uploads import LEFT_OVER_SECONDS, folder_of, uploads_expire
from apps.datasets.states import UploadState
from controlplane.asgi import application
from tests.support.disks import files_of_at_most
from tests.support.factories.access import member, token_for
from tests.support.factories.datasets import DatasetFactory, UploadFactory
from tests.support.waiting import until
from tests.support.web_server import served

CONTENT = b"age,status\n" + b"30,good\n" * 40_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BYTES = "application/offset+octet-stream"


@pytest.fixture(autouse=True)
def objects(settings: Settings, tmp_path: Path) -> Path:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    return tmp_path / "objects"


@pytest.fixture
def dataset(db: None) -> Any:
    return DatasetFactory.create()


@pytest.fixture
def client(dataset: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(member(dataset.project, Role.EDITOR))
    return client


def _said(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def _begin(client: APIClient, dataset: Any, size: int = len(CONTENT), **metadata: str) -> Any:
    said = _said(dataset=str(dataset.pk), **{"filename": "people.csv", **metadata})
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": said}
    return client.post("/api/v1/uploads", headers=headers)


def _send(client: APIClient, address: str, offset: int, content: bytes, **headers: str) -> Any:
    said = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset), **headers}
    return client.generic("PATCH", address, content, content_type=BYTES, headers=said)


def _files(objects: Path) -> list[str]:
    return sorted(str(path.relative_to(objects)) for path in objects.rglob("*") if path.is_file())


def test_a_file_in_three_pieces_becomes_a_source(client: APIClient, dataset: Any, objects: Path) -> None:
    begun = _begin(client, dataset, fingerprint="people.csv-1", sha256=SHA256)
    address = begun["Location"]
    upload = Upload.objects.get()
    assert (begun.status_code, address) == (201, f"/api/v1/uploads/{upload.pk}")
    for begin, end in ((0, 1000), (1000, 1001), (1001, len(CONTENT))):
        assert client.head(address, headers={"Tus-Resumable": "1.0.0"})["Upload-Offset"] == str(begin)
        answer = _send(client, address, begin, CONTENT[begin:end])
        assert (answer.status_code, answer["Upload-Offset"], answer["Tus-Resumable"]) == (204, str(end), "1.0.0")
    source = Source.objects.get()
    assert (source.pk, source.sha256, source.size_bytes, source.name) == (upload.pk, SHA256, len(CONTENT), "people.csv")
    assert _files(objects) == [source.path]
    assert (objects / source.path).read_bytes() == CONTENT
    found = client.get("/api/v1/uploads?fingerprint=people.csv-1&state=completed").json()["results"]
    assert [(row["source"], row["offset_bytes"]) for row in found] == [(str(source.pk), len(CONTENT))]
    assert sorted(AuditEvent.objects.values_list("action", flat=True)) == ["source.created", "upload.created"]
    assert _send(client, address, len(CONTENT), b"").status_code == 204, "the last answer was lost; it is asked again"


def test_options_say_what_is_spoken(client: APIClient, settings: Settings) -> None:
    settings.BEDPLATE_SOURCE_MOST_BYTES = 12345
    answer = client.options("/api/v1/uploads")
    assert (answer.status_code, answer["Tus-Version"], answer["Tus-Max-Size"]) == (204, "1.0.0", "12345")
    assert answer["Tus-Extension"] == "creation,expiration,termination,checksum"


def test_what_is_read_again_at_the_end_has_the_same_digest(client: APIClient, dataset: Any) -> None:
    """Another web process took the first half: this one has not seen it."""
    address = _begin(client, dataset)["Location"]
    _send(client, address, 0, CONTENT[:1000])
    upload_bytes._running._found.clear()
    _send(client, address, 1000, CONTENT[1000:])
    assert Source.objects.get().sha256 == SHA256


@pytest.mark.parametrize(
    "headers, content, status, code",
    [
        ({"Upload-Offset": "5"}, b"x", 409, "offset_mismatch"),
        ({"Upload-Offset": "nonsense"}, b"x", 400, "invalid"),
        ({"Tus-Resumable": "0.2.2"}, b"x", 412, "wrong_tus_version"),
        ({"Content-Type": "text/plain"}, b"x", 415, "unsupported_media_type"),
        ({"Upload-Checksum": "crc32 AAAA"}, b"x", 400, "invalid"),
        ({"Upload-Checksum": "sha1 " + base64.b64encode(b"0" * 20).decode()}, b"x", 460, "checksum_mismatch"),
        ({}, b"x" * 11, 413, "too_large"),
    ],
)
def test_what_does_not_continue_it_changes_nothing(
    client: APIClient, dataset: Any, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    address = _begin(client, dataset, size=10)["Location"]
    answer = _send(client, address, 0, content, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Upload.objects.get().offset_bytes == 0
    assert Upload.objects.get().writer is None


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_checksum_that_holds_lets_the_bytes_count(client: APIClient, dataset: Any, algorithm: str) -> None:
    address = _begin(client, dataset, size=10)["Location"]
    digest = base64.b64encode(hashlib.new(algorithm, b"hello").digest()).decode()
    answer = _send(client, address, 0, b"hello", **{"Upload-Checksum": f"{algorithm} {digest}"})
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "5")


def test_a_whole_that_is_not_what_was_said_at_the_start_is_no_source(
    client: APIClient, dataset: Any, objects: Path
) -> None:
    address = _begin(client, dataset, sha256="0" * 64)["Location"]
    assert _send(client, address, 0, CONTENT).json()["code"] == "checksum_mismatch"
    assert (Upload.objects.get().state, Source.objects.count(), _files(objects)) == (UploadState.FAILED, 0, [])
    assert client.head(address).status_code == 410


@pytest.mark.parametrize(
    "size, metadata, status, code",
    [
        (0, {}, 400, "invalid"),
        (11, {}, 413, "too_large"),
        (10, {"sha256": "abc"}, 400, "invalid"),
        (10, {"filename": ""}, 400, "invalid"),
        (10, {"dataset": "01936f2e-0000-7000-8000-000000000001"}, 404, "not_found"),
    ],
)
def test_what_cannot_be_begun(
    client: APIClient, dataset: Any, settings: Settings, size: int, metadata: dict[str, str], status: int, code: str
) -> None:
    settings.BEDPLATE_SOURCE_MOST_BYTES = 10
    said = _said(**{"dataset": str(dataset.pk), "filename": "people.csv", **metadata})
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": said}
    answer = client.post("/api/v1/uploads", headers=headers)
    assert (answer.status_code, answer.json()["code"], Upload.objects.count()) == (status, code, 0)


def test_a_project_has_so_much_on_its_way_and_no_more(client: APIClient, dataset: Any, settings: Settings) -> None:
    settings.BEDPLATE_SOURCE_MOST_BYTES = 10
    for _ in range(4):
        assert _begin(client, dataset, size=10).status_code == 201
    assert _begin(client, dataset, size=1).json()["code"] == "quota_exceeded"
    Upload.objects.update(size_bytes=1)
    settings.BEDPLATE_SOURCE_MOST_BYTES = 100
    UploadFactory.create_batch(46, project=dataset.project, size_bytes=1)
    assert _begin(client, dataset, size=1).json()["code"] == "quota_exceeded"
    Upload.objects.filter(pk=Upload.objects.latest("id").pk).update(state=UploadState.CANCELLED)
    assert _begin(client, dataset, size=1).status_code == 201


def test_a_second_writer_waits_its_turn(client: APIClient, dataset: Any) -> None:
    address = _begin(client, dataset)["Location"]
    upload = Upload.objects.get()
    with partial_held(folder_of(upload.pk), []):
        answer = _send(client, address, 0, CONTENT)
    assert (answer.status_code, answer.json()["retryable"]) == (423, True)
    # The lease of a writer that was killed is in nobody's way: its lock ended with it.
    Upload.objects.update(writer=upload.pk, writer_until=clock.db_now() + timedelta(seconds=60))
    assert _send(client, address, 0, CONTENT).status_code == 204


def test_what_was_written_and_never_counted_is_cut_off(client: APIClient, dataset: Any, objects: Path) -> None:
    address = _begin(client, dataset)["Location"]
    _send(client, address, 0, CONTENT[:100])
    upload = Upload.objects.get()
    with (objects / folder_of(upload.pk) / "data.part").open("ab") as file:
        file.write(b"of a web process that was killed" * 20_000)
    assert _send(client, address, 100, CONTENT[100:]).status_code == 204
    assert (objects / Source.objects.get().path).read_bytes() == CONTENT


def test_a_store_that_lost_bytes_says_where_to_go_on(client: APIClient, dataset: Any, objects: Path) -> None:
    address = _begin(client, dataset)["Location"]
    _send(client, address, 0, CONTENT[:100])
    (objects / folder_of(Upload.objects.get().pk) / "data.part").write_bytes(CONTENT[:40])
    assert _send(client, address, 100, CONTENT[100:]).json()["code"] == "offset_mismatch"
    assert client.head(address)["Upload-Offset"] == "40"
    assert _send(client, address, 40, CONTENT[40:]).status_code == 204
    assert Source.objects.get().sha256 == SHA256


def test_a_disk_that_is_full_keeps_what_had_been_written(client: APIClient, dataset: Any) -> None:
    address = _begin(client, dataset)["Location"]
    _send(client, address, 0, CONTENT[:100])
    with files_of_at_most(50_000):
        answer = _send(client, address, 100, CONTENT[100:])
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert "is full" in answer.json()["detail"]
    assert _send(client, address, Upload.objects.get().offset_bytes, CONTENT[100:]).status_code == 204


def test_one_that_is_whole_is_finished_by_the_tick(client: APIClient, dataset: Any, objects: Path) -> None:
    """The web process died between the last byte and the source, once before the file was moved, once after."""
    for moved in (False, True):
        upload = UploadFactory.create(project=dataset.project, dataset=dataset, size_bytes=3)
        with partial_held(folder_of(upload.pk), []) as pieces:
            pieces.write(b"a,b", 0)
            if moved:
                pieces.become(f"sources/{upload.pk}/people.csv", "")
        Upload.objects.filter(pk=upload.pk).update(offset_bytes=3)
        assert upload_bytes.uploads_finish() == 1
        upload.refresh_from_db()
        source = Source.objects.get(pk=upload.pk)
        assert (upload.state, store().measure(source.path).sha256) == ("completed", source.sha256)
    assert upload_bytes.uploads_finish() == 0


def test_one_that_the_store_refuses_keeps_nobody_else_waiting(
    client: APIClient, dataset: Any, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = (
        UploadFactory.create(project=dataset.project, dataset=dataset, size_bytes=3, offset_bytes=3) for _ in range(2)
    )
    for upload in (stuck, other):
        with partial_held(folder_of(upload.pk), []) as pieces:
            pieces.write(b"a,b", 0)
    held = upload_bytes.partial_held

    def refused(path: str, parts: Any) -> Any:
        if path == folder_of(stuck.pk):
            raise StorageUnavailable("the store is away")
        return held(path, parts)

    with monkeypatch.context() as patch:
        patch.setattr(upload_bytes, "partial_held", refused)
        assert upload_bytes.uploads_finish() == 1
    assert list(Source.objects.values_list("pk", flat=True)) == [other.pk]
    assert upload_bytes.uploads_finish() == 1


def test_who_gives_up_leaves_nothing(client: APIClient, dataset: Any, objects: Path) -> None:
    address = _begin(client, dataset)["Location"]
    _send(client, address, 0, CONTENT[:100])
    assert client.delete(address, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert (_files(objects), Upload.objects.get().state) == ([], UploadState.CANCELLED)
    assert client.delete(address, headers={"Tus-Resumable": "1.0.0"}).status_code == 410
    assert (_send(client, address, 100, b"x").status_code, client.head(address).status_code) == (410, 410)
    assert AuditEvent.objects.filter(action="upload.cancelled").count() == 1


def test_nothing_for_a_day_ends_it(client: APIClient, dataset: Any, objects: Path) -> None:
    old, young = _begin(client, dataset)["Location"], _begin(client, dataset)["Location"]
    for address in (old, young):
        _send(client, address, 0, CONTENT[:100])
    Upload.objects.filter(pk=old.rpartition("/")[2]).update(expires_at=clock.db_now() - timedelta(seconds=1))
    assert (uploads_expire(), uploads_expire()) == (1, 0)
    assert len(_files(objects)) == 2, "somebody may still have a hand on it"
    for path in objects.rglob("*"):
        _age(path)
    uploads_expire()
    assert _files(objects) == [f"uploads/{young.rpartition('/')[2]}/data.part"]
    assert client.head(old).status_code == 410


def _age(path: Path) -> None:
    then = clock.now().timestamp() - LEFT_OVER_SECONDS - 10
    os.utime(path, (then, then))


def test_a_store_that_cannot_append_keeps_pieces(client: APIClient, dataset: Any, settings: Settings) -> None:
    settings.BEDPLATE_STORAGE_URL = "memory://bucket"
    address = _begin(client, dataset)["Location"]
    _send(client, address, 0, CONTENT[:100])
    upload = Upload.objects.get()
    # Here a lease is all that tells of another writer.
    Upload.objects.update(writer=upload.pk, writer_until=clock.db_now() + timedelta(seconds=60))
    assert _send(client, address, 100, CONTENT[100:]).status_code == 423
    Upload.objects.update(writer_until=clock.db_now() - timedelta(seconds=1))
    assert _send(client, address, 100, CONTENT[100:]).status_code == 204
    source = Source.objects.get()
    assert (source.sha256, store().measure(source.path).sha256) == (SHA256, SHA256)
    assert not store().exists(folder_of(upload.pk))


@pytest.fixture
def token(transactional_db: None) -> tuple[Any, str]:
    dataset = DatasetFactory.create()
    return dataset, token_for(member(dataset.project, Role.EDITOR), TokenScope.READ, TokenScope.WRITE)


def test_a_sender_that_vanishes_goes_on_where_it_was(token: tuple[Any, str], objects: Path) -> None:
    dataset, text = token
    with served(application) as web:
        address = _begin_at(web.port, text, dataset)
        sent = 0
        for share in (0.3, 0.6):
            _break_off(web.port, text, address, sent, CONTENT[sent : int(len(CONTENT) * share)])
            before = sent
            until(lambda: _offset(web.port, text, address) > before, what="bytes that arrived before the break")  # noqa: B023
            sent = _offset(web.port, text, address)
            assert sent == int(len(CONTENT) * share)
        last = _ask(web.port, text, "PATCH", address, CONTENT[sent:], Upload_Offset=str(sent), Content_Type=BYTES)
        assert last.status == 204
    source = Source.objects.get()
    assert (source.sha256, (objects / source.path).read_bytes()) == (SHA256, CONTENT)


def _ask(port: int, token: str, method: str, address: str, body: bytes | None = None, **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    said = {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        connection.request(
            method, address, body, {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", **said}
        )
        return connection.getresponse()
    finally:
        connection.close()


def _begin_at(port: int, token: str, dataset: Any) -> str:
    said = _said(dataset=str(dataset.pk), filename="people.csv")
    answer = _ask(port, token, "POST", "/api/v1/uploads", Upload_Length=str(len(CONTENT)), Upload_Metadata=said)
    assert answer.status == 201
    return str(answer.headers["Location"])


def _offset(port: int, token: str, address: str) -> int:
    return int(_ask(port, token, "HEAD", address).headers["Upload-Offset"])


def _break_off(port: int, token: str, address: str, offset: int, content: bytes) -> None:
    """Promise all that is left, send a part of it, and be gone without a word."""
    lines = [
        f"PATCH {address} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Tus-Resumable: 1.0.0",
        f"Upload-Offset: {offset}", f"Content-Type: {BYTES}", f"Content-Length: {len(CONTENT) - offset}", "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        raw.sendall("\r\n".join(lines).encode() + content)
