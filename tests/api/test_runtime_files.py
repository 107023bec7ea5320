"""Files to and from jobs that share no disk with the store: short-lived addresses, and what is sent."""

from __future__ import annotations

import base64
import hashlib
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from apps.common import clock, receiving
from apps.common.storage import Room, store
from apps.datasets.services.ingestions import ingestion_create
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import issue
from apps.quotas.services.distance import is_distant
from controlplane.asgi import application
from tests.support.factories.datasets import TESTER, SourceFactory, attempt_of, pool_ready, running
from tests.support.waiting import until
from tests.support.web_server import served
from workers.contracts.specs import Resources, ServingSpec, spec_to_json

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 12
SHA256 = hashlib.sha256(CONTENT).hexdigest()
RESOLVE, UPLOAD = "/api/v1/runtime/data/resolve", "/api/v1/runtime/data/upload"
START = "/api/v1/runtime/attempts/self/start"


@pytest.fixture
def objects(settings: Settings, tmp_path: Path) -> Path:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    settings.BEDPLATE_DISTANT_BACKENDS = ("fake",)
    return tmp_path / "objects"


@pytest.fixture
def attempt(objects: Path) -> Attempt:
    """The attempt of an ingestion, on a machine of its own."""
    pool_ready()
    source = SourceFactory.with_object(CONTENT)
    job = ingestion_create(dataset=source.dataset, source=source, options={}, requested_by=None, actor=TESTER)
    return attempt_of(running(job))


def caller(attempt: Attempt) -> APIClient:
    token = issue(attempt.pk, clock.now() + timedelta(hours=1))
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def said(**changes: Any) -> dict[str, Any]:
    return {"output": "dataset", "path": "part-0.parquet", "size_bytes": len(CONTENT), "sha256": SHA256, **changes}


def put(client: APIClient, content: bytes = CONTENT, path: str = "part-0.parquet", **changes: Any) -> Any:
    query = urlencode({"size_bytes": len(CONTENT), "sha256": SHA256, **changes})
    address = f"/api/v1/runtime/outputs/dataset/{path}?{query}"
    return client.generic("PUT", address, content, content_type="application/octet-stream")


def left(objects: Path, attempt: Attempt) -> list[str]:
    """What lies below the attempt's own folder."""
    own = objects / "attempts" / str(attempt.pk)
    return sorted(str(path.relative_to(own)) for path in own.rglob("*") if path.is_file())


def source_address(attempt: Attempt) -> str:
    (file,) = caller(attempt).post(RESOLVE, {"name": "source", "mode": "read"}).json()["files"]
    assert (file["path"], file["size_bytes"], file["sha256"]) == (None, len(CONTENT), SHA256)
    return str(file["url"])


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_an_input_is_read_by_its_address_alone_and_in_parts(
    attempt: Attempt, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    address, anybody = source_address(attempt), APIClient()
    with django_assert_num_queries(0):
        whole = anybody.get(address)
        assert (whole.status_code, body(whole), whole["ETag"]) == (200, CONTENT, f'"{SHA256}"')
        part = anybody.get(address, headers={"Range": "bytes=1000-", "If-Range": f'"{SHA256}"'})
        assert (part.status_code, body(part)) == (206, CONTENT[1000:])
        assert part["Content-Range"] == f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"
        other = anybody.get(address, headers={"Range": "bytes=1000-", "If-Range": '"another"'})
        assert (other.status_code, body(other)) == (200, CONTENT)


def test_an_address_is_good_for_an_hour_and_for_one_object(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    store().put("sources/other/secret.csv", [b"secret"])
    address = source_address(attempt)
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    changed = [
        ("/api/v1/runtime/objects/sources/other/secret.csv", query),
        ("/api/v1/runtime/objects/../secret_key", query),
        *((parts.path, {**query, name: "0" * len(value)}) for name, value in query.items()),
        *((parts.path, {each: query[each] for each in query if each != name}) for name in query),
        (parts.path, {**query, "expires": str(int(query["expires"]) + 1)}),
    ]
    for path, asked in changed:
        answer = APIClient().get(f"{path}?{urlencode(asked)}")
        assert (answer.status_code, answer.json()["code"]) in {(403, "forbidden"), (404, "not_found")}, path

    later = clock.now() + timedelta(seconds=3601)
    monkeypatch.setattr(clock, "now", lambda: later)
    over = APIClient().get(address)
    assert (over.status_code, over.json()["code"]) == (410, "address_expired")
    assert body(APIClient().get(source_address(attempt))) == CONTENT, "resolving again gives another"


def test_what_is_gone_from_the_store_is_not_found(attempt: Attempt) -> None:
    address = source_address(attempt)
    store().delete(urlsplit(address).path.removeprefix("/api/v1/runtime/objects/"))
    assert APIClient().get(address).status_code == 404


def test_a_file_is_sent_once_and_is_there_whole(objects: Path, attempt: Attempt) -> None:
    client = caller(attempt)
    write = client.post(RESOLVE, {"name": "dataset", "mode": "write"}).json()
    assert write == {"name": "dataset", "uri": f"bedplate://attempts/{attempt.pk}/dataset/", "path": None}
    asked = client.post(UPLOAD, said())
    assert (asked.status_code, asked.json()) == (200, {"is_stored": False, "url": None, "headers": {}})
    assert put(client).status_code == 201
    assert (objects / f"attempts/{attempt.pk}/dataset/part-0.parquet").read_bytes() == CONTENT
    assert put(client).status_code == 201, "the answer was lost; it is sent again"
    assert client.post(UPLOAD, said()).json()["is_stored"] is True
    assert put(client, path="deep/er/part-0.parquet").status_code == 201
    assert left(objects, attempt) == ["dataset/deep/er/part-0.parquet", "dataset/part-0.parquet"]


def test_an_empty_file_is_a_file(objects: Path, attempt: Attempt) -> None:
    assert put(caller(attempt), b"", size_bytes=0, sha256=hashlib.sha256(b"").hexdigest()).status_code == 201
    assert left(objects, attempt) == ["dataset/part-0.parquet"]


@pytest.mark.parametrize(
    "content, changes",
    [
        (CONTENT[:-1], {}),
        (CONTENT + b"x", {}),
        (CONTENT[:-1] + b"x", {}),
        (CONTENT, {"sha256": "0" * 64}),
        (CONTENT, {"size_bytes": len(CONTENT) - 1}),
    ],
)
def test_what_is_not_as_it_was_said_leaves_nothing(
    content: bytes, changes: dict[str, Any], objects: Path, attempt: Attempt
) -> None:
    answer = put(caller(attempt), content, **changes)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_as_said")
    assert left(objects, attempt) == []


@pytest.mark.parametrize(
    "path",
    ["..", "../x", "a/../../x", "a//b", "/etc/passwd", "a\\b", "x.part", "a/", "n" * 201, "/".join("a" * 17), "\x01"],
)
def test_a_path_that_leaves_the_output_is_refused(path: str, objects: Path, attempt: Attempt) -> None:
    asked = caller(attempt).post(UPLOAD, said(path=path), format="json")
    assert (asked.status_code, asked.json()["code"]) == (400, "invalid")
    if "\x01" not in path and not path.startswith("/"):
        assert put(caller(attempt), path=path.replace("\\", "%5C")).status_code in (400, 404)
    assert not (objects / "attempts").exists() or left(objects, attempt) == []


def test_a_link_out_of_the_output_is_not_followed(objects: Path, attempt: Attempt) -> None:
    own = objects / f"attempts/{attempt.pk}/dataset"
    own.mkdir(parents=True)
    (objects / "elsewhere").mkdir()
    (own / "out").symlink_to(objects / "elsewhere")
    assert put(caller(attempt), path="out/x").status_code == 400
    assert list((objects / "elsewhere").iterdir()) == []


def test_another_file_keeps_its_name(objects: Path, attempt: Attempt) -> None:
    client, other = caller(attempt), b"other" * 100
    assert put(client).status_code == 201
    changes = {"size_bytes": len(other), "sha256": hashlib.sha256(other).hexdigest()}
    for answer in (client.post(UPLOAD, said(**changes)), put(client, other, **changes)):
        assert (answer.status_code, answer.json()["code"]) == (409, "object_differs")
    below = put(client, path="part-0.parquet/inside")
    assert (below.status_code, below.json()["code"]) == (409, "object_differs")
    assert (objects / f"attempts/{attempt.pk}/dataset/part-0.parquet").read_bytes() == CONTENT


def test_only_the_open_attempt_sends_and_into_its_own_outputs(objects: Path, attempt: Attempt) -> None:
    client = caller(attempt)
    for answer in (client.post(UPLOAD, said(output="raw")), client.post(UPLOAD, said(output="../x"))):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_an_input")
    newer = attempt_of(attempt.workload)
    for answer in (client.post(UPLOAD, said()), put(client)):
        assert (answer.status_code, answer.json()["code"]) == (401, "attempt_superseded")
    for token in ("bpa_nonsense", ""):
        nobody = APIClient(headers={"Authorization": f"Bearer {token}"})
        assert {nobody.post(UPLOAD, said()).status_code, put(nobody).status_code} == {401}
    assert left(objects, attempt) == left(objects, newer) == []


def test_too_large_a_file_is_refused_before_and_while_it_is_sent(
    objects: Path, attempt: Attempt, settings: Settings
) -> None:
    settings.BEDPLATE_OUTPUT_MOST_BYTES = len(CONTENT) - 1
    for answer in (caller(attempt).post(UPLOAD, said()), put(caller(attempt))):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    settings.BEDPLATE_OUTPUT_MOST_BYTES = len(CONTENT)
    assert put(caller(attempt)).status_code == 201


def test_a_full_disk_is_asked_again_later(objects: Path, attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(receiving.SPARE_BYTES + len(CONTENT) - 1, 1 << 40)
    monkeypatch.setattr(type(store()), "room", lambda self: room)
    for answer in (caller(attempt).post(UPLOAD, said()), put(caller(attempt))):
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert answer.json()["retryable"] is True
    monkeypatch.undo()
    assert put(caller(attempt)).status_code == 201


def test_a_job_on_the_machine_of_the_store_is_given_paths(objects: Path, attempt: Attempt, settings: Settings) -> None:
    settings.BEDPLATE_DISTANT_BACKENDS = ()
    (file,) = caller(attempt).post(RESOLVE, {"name": "source", "mode": "read"}).json()["files"]
    assert (Path(file["path"]).read_bytes(), file["url"]) == (CONTENT, None)
    write = caller(attempt).post(RESOLVE, {"name": "dataset", "mode": "write"}).json()
    assert Path(write["path"]) == objects / f"attempts/{attempt.pk}/dataset"


@pytest.mark.django_db(transaction=True)
def test_half_a_file_over_a_real_connection_leaves_nothing(objects: Path, attempt: Attempt) -> None:
    content = CONTENT * 4000  # 12 MB: more than the server holds of it
    query = urlencode({"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    token = issue(attempt.pk, clock.now() + timedelta(hours=1))
    head = (
        f"PUT /api/v1/runtime/outputs/dataset/big.bin?{query} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    ).encode()
    own = objects / f"attempts/{attempt.pk}/dataset"
    with served(application) as server:
        with socket.create_connection((server.host, server.port)) as half:
            half.sendall(head + content[: len(content) // 2])
            until(lambda: own.is_dir() and any(own.iterdir()), what="the half to be written")
            assert [path.suffix for path in own.iterdir()] == [".part"]
        until(lambda: not any(own.iterdir()), what="the half to go")
        with socket.create_connection((server.host, server.port)) as whole:
            whole.sendall(head + content)
            assert whole.makefile("rb").readline().split()[1] == b"201"
    assert [(path.name, path.read_bytes() == content) for path in own.iterdir()] == [("big.bin", True)]


@pytest.fixture
def remote(settings: Settings, attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """A store that calls itself S3 and signs whatever it is asked to."""
    settings.BEDPLATE_STORAGE_URL = "memory://remote"
    kind: type[Any] = type(store().fs)
    monkeypatch.setattr(kind, "protocol", ("s3", "s3a"))

    def sign(self: Any, path: str, expiration: int, **more: str) -> str:
        return f"https://store{path}?{urlencode({'for': expiration, **more})}"

    monkeypatch.setattr(kind, "sign", sign)
    return kind


def test_a_remote_store_takes_files_itself(attempt: Attempt, remote: type[Any]) -> None:
    client = caller(attempt)
    assert client.post(RESOLVE, {"name": "dataset", "mode": "write"}).json()["path"] is None
    place = client.post(UPLOAD, said()).json()
    digest = base64.b64encode(bytes.fromhex(SHA256)).decode()
    assert place["headers"] == {"x-amz-checksum-sha256": digest}
    parts = urlsplit(place["url"])
    assert parts.path == f"/remote/attempts/{attempt.pk}/dataset/part-0.parquet"
    assert dict(parse_qsl(parts.query)) == {"for": "3600", "client_method": "put_object", "ChecksumSHA256": digest}
    elsewhere = put(client)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "sent_elsewhere")
    store().put(f"attempts/{attempt.pk}/dataset/part-0.parquet", [CONTENT])
    assert client.post(UPLOAD, said()).json() == {"is_stored": True, "url": None, "headers": {}}
    assert client.post(UPLOAD, said(sha256="0" * 64)).json()["code"] == "object_differs"


def test_more_than_one_request_takes_is_refused(attempt: Attempt, remote: type[Any]) -> None:
    large = caller(attempt).post(UPLOAD, said(size_bytes=(5 << 30) + 1))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert caller(attempt).post(UPLOAD, said(size_bytes=5 << 30)).status_code == 200


def test_another_kind_of_remote_store_is_refused(
    attempt: Attempt, remote: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "protocol", "gs")
    refused = caller(attempt).post(UPLOAD, said())
    assert (refused.status_code, refused.json()["code"]) == (501, "no_direct_address")


def test_one_pod_starts_as_a_member_and_a_second_one_does_not(attempt: Attempt) -> None:
    client = caller(attempt)
    first = client.post(START, {"rank": 0, "member": "pod-1"})
    assert (first.status_code, first.json()) == (200, {"rank": 0})
    assert client.post(START, {"rank": 0, "member": "pod-1"}).status_code == 200
    second = client.post(START, {"rank": 0, "member": "pod-2"})
    assert (second.status_code, second.json()["code"]) == (409, "member_superseded")
    assert client.post(START, {"rank": 1, "member": "pod-3"}).status_code == 400
    assert client.post(START, {"member": "pod-3"}).status_code == 400
    assert Attempt.objects.get(pk=attempt.pk).starts == {"0": "pod-1"}


def test_a_replica_takes_a_free_place_or_that_of_the_one_that_is_silent(attempt: Attempt) -> None:
    workload = attempt.workload
    workload.spec = spec_to_json(ServingSpec(("python",), Resources(1, 1)))
    workload.count_granted, workload.count_max = 2, 2
    workload.save(update_fields=["spec", "count_granted", "count_max"])
    client = caller(attempt)

    def starts(member: str) -> int:
        return int(client.post(START, {"rank": None, "member": member}, format="json").json()["rank"])

    assert [starts("pod-a"), starts("pod-b"), starts("pod-a")] == [0, 1, 0]
    assert client.post("/api/v1/runtime/attempts/self/heartbeat", {"rank": 0}).status_code == 200
    assert starts("pod-c") == 1, "the other one was never heard of"
    assert client.post("/api/v1/runtime/attempts/self/heartbeat", {"rank": 1}).status_code == 200
    assert starts("pod-d") == 0
    assert Attempt.objects.get(pk=attempt.pk).starts == {"0": "pod-d", "1": "pod-c"}


@pytest.mark.parametrize(
    "backend, declared, distant",
    [
        ("local", (), False),
        ("fake", (), False),
        ("kubernetes", (), True),
        ("kubernetes/east", (), True),
        ("kubernetes-like", (), False),
        ("local", ("local",), True),
        ("", (), False),
    ],
)
def test_who_shares_no_disk(backend: str, declared: tuple[str, ...], distant: bool) -> None:
    assert is_distant(backend, declared) is distant
