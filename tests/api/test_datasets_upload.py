"""Uploads and downloads: into the store in chunks, out of it byte by byte, and nothing left behind."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncRequestFactory
from pytest_django.fixtures import Settings
from rest_framework.request import Request
from rest_framework.test import APIClient

from apps.access.states import Role
from apps.common.downloads import download
from apps.common.models import AuditEvent
from apps.common.storage import store
from apps.datasets.models import Source
from tests.support.disks import files_of_at_most
from tests.support.factories.access import member
from tests.support.factories.datasets import DatasetFactory, DatasetVersionFactory, SourceFactory

pytestmark = pytest.mark.django_db
CSV = b"age,status\n30,good\n40,bad\n"


@pytest.fixture(autouse=True)
def objects(settings: Settings, tmp_path: Path) -> Path:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    return tmp_path / "objects"


@pytest.fixture
def dataset() -> Any:
    return DatasetFactory.create()


@pytest.fixture
def client(dataset: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(member(dataset.project, Role.EDITOR))
    return client


def _upload(client: APIClient, dataset: Any, content: bytes = CSV, name: str = "people.csv", **headers: str) -> Any:
    body = {"dataset": str(dataset.pk), "file": SimpleUploadedFile(name, content)}
    return client.post("/api/v1/sources", body, format="multipart", headers=headers)


def _files(objects: Path) -> list[str]:
    return sorted(str(path.relative_to(objects)) for path in objects.rglob("*") if path.is_file())


def test_an_upload_is_stored_measured_and_noted(client: APIClient, dataset: Any, objects: Path) -> None:
    answer = _upload(client, dataset)
    assert answer.status_code == 201, answer.content
    source = Source.objects.get()
    assert answer.json() == {
        "id": str(source.pk),
        "project": str(dataset.project_id),
        "project_name": dataset.project.name,
        "dataset": str(dataset.pk),
        "dataset_name": dataset.name,
        "name": "people.csv",
        "file_format": "csv",
        "sha256": hashlib.sha256(CSV).hexdigest(),
        "size_bytes": len(CSV),
        "origin": None,
        "uploaded_by": str(source.uploaded_by_id),
        "uploaded_by_name": source.uploaded_by.username,
        "created_at": answer.json()["created_at"],
    }
    assert _files(objects) == [f"sources/{source.pk}/people.csv"]
    assert (objects / source.path).read_bytes() == CSV
    assert AuditEvent.objects.get(action="source.created").subject_id == str(source.pk)


@pytest.mark.parametrize(
    "name, shown, stored",
    [
        ("数据 2024.csv", "数据 2024.csv", "_2024.csv"),
        ("C:\\data\\..\\people.csv", "people.csv", "people.csv"),
        ("Ünïcode (1).TSV", "Ünïcode (1).TSV", "Unicode_1_.TSV"),
        (".hidden", "hidden", "hidden"),
        ("x" * 200 + ".jsonl", "x" * 114 + ".jsonl", "x" * 114 + ".jsonl"),
        ("…", "…", "..."),
    ],
)
def test_names_are_made_safe(
    client: APIClient, dataset: Any, objects: Path, name: str, shown: str, stored: str
) -> None:
    answer = _upload(client, dataset, name=name)
    assert answer.status_code == 201, answer.content
    source = Source.objects.get()
    assert source.name == shown
    assert source.path == f"sources/{source.pk}/{stored.lstrip('.') or 'file'}"
    assert _files(objects) == [source.path]
    downloaded = client.get(f"/api/v1/sources/{source.pk}/download")
    assert b"".join(downloaded.streaming_content) == CSV


def test_a_large_file_is_never_whole_in_memory(client: APIClient, dataset: Any, objects: Path) -> None:
    block = bytes(range(256)) * 4096
    answer = _upload(client, dataset, block * 5, "big.parquet")
    assert answer.status_code == 201
    whole = hashlib.sha256(block * 5).hexdigest()
    assert (answer.json()["size_bytes"], answer.json()["sha256"]) == (5 << 20, whole)
    download = client.get(f"/api/v1/sources/{answer.json()['id']}/download")
    sizes = [len(chunk) for chunk in download.streaming_content]
    assert (max(sizes), sum(sizes)) == (1 << 20, 5 << 20)
    assert (download["Content-Length"], download["ETag"]) == (str(5 << 20), f'"{whole}"')
    assert download["Content-Disposition"] == 'attachment; filename="big.parquet"'


def test_a_viewer_leaves_nothing(dataset: Any, objects: Path) -> None:
    client = APIClient()
    client.force_authenticate(member(dataset.project, Role.VIEWER))
    assert _upload(client, dataset).status_code == 403
    assert (Source.objects.count(), _files(objects)) == (0, [])


def test_a_file_above_the_limit_is_refused(client: APIClient, dataset: Any, objects: Path, settings: Settings) -> None:
    settings.BEDPLATE_SOURCE_MOST_BYTES = 10
    answer = _upload(client, dataset)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    settings.BEDPLATE_SOURCE_MOST_BYTES = len(CSV)
    assert _upload(client, dataset).status_code == 201
    assert len(_files(objects)) == 1


def test_a_body_above_the_limit_is_not_even_read(client: APIClient, dataset: Any, settings: Settings) -> None:
    settings.BEDPLATE_SOURCE_MOST_BYTES = 10
    answer = client.post(
        "/api/v1/sources", b"", content_type="multipart/form-data; boundary=x", headers={"Content-Length": "1000000"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [{}, {"file": "text"}, {"dataset": "x"}])
def test_what_is_not_an_upload_is_refused(client: APIClient, dataset: Any, objects: Path, body: Any) -> None:
    answer = client.post("/api/v1/sources", {"dataset": str(dataset.pk)} | body, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert _files(objects) == []


def _multipart(*parts: tuple[str, str, str], end: str = "--B--\r\n") -> bytes:
    """A body of parts: header parameters after `form-data`, further headers, content."""
    return (
        "".join(f"--B\r\nContent-Disposition: form-data; {name}\r\n{more}\r\n{text}\r\n" for name, more, text in parts)
        + end
    ).encode()


FILE = ('name="file"; filename="a.csv"', "", "a,b\n1,2\n")


@pytest.mark.parametrize(
    ("parts", "end", "said"),
    [
        ([FILE], "", "file: No file was submitted."),
        ([FILE, FILE], "--B--\r\n", "A source is one file."),
        ([('name="fiel"; filename="a.csv"', "", "x")], "--B--\r\n", "file: No file was submitted."),
        ([('name="file"; filename=""', "", "x")], "--B--\r\n", "file: The submitted data was not a file."),
        ([('name="file"; filename=".."', "", "x")], "--B--\r\n", "file: No file was submitted."),
        (
            [(f'name="file"; filename="{"x" * 5000}"', "", "x")],
            "--B--\r\n",
            "Multipart form parse error - Request max total header size exceeded.",
        ),
    ],
    ids=["cut off", "two files", "another field", "no name", "no name but dots", "an endless name"],
)
def test_a_form_that_is_not_one_file_is_refused_and_leaves_nothing(
    client: APIClient, dataset: Any, objects: Path, parts: list[tuple[str, str, str]], end: str, said: str
) -> None:
    body = _multipart(('name="dataset"', "", str(dataset.pk)), *parts, end=end)
    answer = client.post("/api/v1/sources", body, content_type="multipart/form-data; boundary=B")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(said)
    assert (Source.objects.count(), _files(objects)) == (0, [])


@pytest.mark.parametrize("said", ["nonsense", "-5", "10"])
def test_a_length_that_is_not_so_is_no_fault_of_ours(client: APIClient, dataset: Any, objects: Path, said: str) -> None:
    body = _multipart(('name="dataset"', "", str(dataset.pk)), FILE)
    headers = {"Content-Length": said}
    answer = client.post("/api/v1/sources", body, content_type="multipart/form-data; boundary=B", headers=headers)
    assert answer.status_code == 400
    assert (Source.objects.count(), _files(objects)) == (0, [])


def test_an_empty_file_is_refused(client: APIClient, dataset: Any, objects: Path) -> None:
    answer = _upload(client, dataset, b"")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["file"])
    assert (Source.objects.count(), _files(objects)) == (0, [])


def test_a_database_that_fails_after_the_file_was_written_leaves_nothing(
    client: APIClient, dataset: Any, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**values: Any) -> None:
        assert len(_files(objects)) == 1
        raise RuntimeError("out of luck")

    with monkeypatch.context() as broken:
        broken.setattr(Source.objects, "create", fails)
        with pytest.raises(RuntimeError, match="out of luck"):
            _upload(client, dataset)
    assert (Source.objects.count(), _files(objects)) == (0, [])


def test_an_upload_that_breaks_off_leaves_nothing(
    client: APIClient, dataset: Any, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaks(SimpleUploadedFile):
        def chunks(self, chunk_size: int | None = None) -> Any:
            yield b"age,"
            raise OSError("the temporary file is gone")

    monkeypatch.setattr("django.core.files.uploadhandler.InMemoryUploadedFile.chunks", Breaks.chunks)
    answer = _upload(client, dataset)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert (Source.objects.count(), _files(objects)) == (0, [])


@pytest.mark.parametrize("size_bytes", [100_000, 3 << 20])
def test_a_store_that_is_full_says_so_and_later_takes_the_same(
    client: APIClient, dataset: Any, objects: Path, size_bytes: int
) -> None:
    """Small ones find no room in the store, large ones none on their way to it."""
    content = b"x" * size_bytes
    with files_of_at_most(50_000):
        answer = _upload(client, dataset, content)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "storage_unavailable", True)
    assert "is full" in problem["detail"]
    assert (Source.objects.count(), _files(objects)) == (0, [])
    assert _upload(client, dataset, content).status_code == 201


def test_the_same_key_uploads_once(client: APIClient, dataset: Any, objects: Path) -> None:
    first = _upload(client, dataset, **{"Idempotency-Key": "upload-1"})
    again = _upload(client, dataset, **{"Idempotency-Key": "upload-1"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert _files(objects) == [f"sources/{first.json()['id']}/people.csv"]
    other = _upload(client, dataset, CSV + b"50,good\n", **{"Idempotency-Key": "upload-1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    assert (Source.objects.count(), len(_files(objects))) == (1, 1)


def test_files_of_a_version_are_downloaded_by_name(client: APIClient, dataset: Any) -> None:
    version = DatasetVersionFactory.with_objects(
        {"part-00000.parquet": b"PAR1"}, project=dataset.project, dataset=dataset
    )
    answer = client.get(f"/api/v1/dataset-versions/{version.pk}/files/part-00000.parquet")
    assert b"".join(answer.streaming_content) == b"PAR1"
    assert answer["Content-Disposition"] == f'attachment; filename="{version.pk}-part-00000.parquet"'
    for name in ("part-00001.parquet", "..%2Fdataset%2Fpart-00000.parquet", "preprocessor.json"):
        assert client.get(f"/api/v1/dataset-versions/{version.pk}/files/{name}").status_code == 404


def test_a_file_that_the_store_has_lost_is_404(client: APIClient, dataset: Any) -> None:
    source = SourceFactory.create(project=dataset.project, dataset=dataset)
    assert client.get(f"/api/v1/sources/{source.pk}/download").status_code == 404


def test_a_stranger_downloads_nothing(dataset: Any) -> None:
    source = SourceFactory.with_object(CSV, project=dataset.project, dataset=dataset)
    version = DatasetVersionFactory.with_objects({"p.parquet": b"PAR1"}, project=dataset.project, dataset=dataset)
    client = APIClient()
    client.force_authenticate(member(DatasetFactory.create().project, Role.ADMIN))
    for path in (f"/sources/{source.pk}/download", f"/dataset-versions/{version.pk}/files/p.parquet"):
        assert client.get(f"/api/v1{path}").status_code == 404
        assert APIClient().get(f"/api/v1{path}").status_code == 401


async def test_a_download_under_asgi_comes_in_chunks_too(objects: Path) -> None:
    store().put("sources/x/people.csv", [b"x" * (1 << 20), b"end"])
    request = Request(AsyncRequestFactory().get("/"))
    answer: Any = download(request, "sources/x/people.csv", name="people.csv", size_bytes=(1 << 20) + 3, tag="0")
    assert answer.is_async
    assert [len(chunk) async for chunk in answer] == [1 << 20, 3]
