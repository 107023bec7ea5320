"""Files in parts where the store is a bucket: senders speak to it themselves, by addresses that it checks."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from apps.access.states import Role, TokenScope
from apps.common import addresses, clock
from apps.common.storage import ObjectStore
from apps.experiments.models import Artifact, ArtifactUpload
from apps.experiments.services import artifact_uploads
from apps.experiments.services.artifact_uploads import artifact_uploads_expire, part_path
from apps.experiments.services.contents import ARRIVING
from apps.quotas.models import Pulse
from controlplane.asgi import application
from tests.support.buckets import S3Server, bucket_of, s3_server
from tests.support.factories.access import member, token_for
from tests.support.factories.experiments import RunFactory
from tests.support.stack import ROOT
from tests.support.web_server import served
from workers.dispatch import objects
from workers.dispatch.objects import unfinished_sweep

API = "/api/v1"
MIB = 1 << 20
CONTENTS = [b"a" * (5 * MIB), b"b" * (6 * MIB), b"c" * 7]
SHA256 = hashlib.sha256(b"".join(CONTENTS)).hexdigest()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(autouse=True)
def store(server: S3Server, settings: Any) -> Iterator[ObjectStore]:
    with bucket_of(server, settings) as made:
        yield made


@pytest.fixture
def run(db: None) -> Any:
    return RunFactory.create()


@pytest.fixture
def client(run: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(member(run.project, Role.EDITOR))
    return client


def begin(client: APIClient, run: Any, parts: int = 3, **said: Any) -> str:
    body = {"run": str(run.pk), "name": "models/большая 模型.bin", "parts": parts, **said}
    answer = client.post(f"{API}/artifact-uploads", body, format="json")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def parts_of(client: APIClient, upload: str, first: int = 1) -> list[dict[str, Any]]:
    address = f"{API}/artifact-uploads/{upload}/parts"
    found: list[dict[str, Any]] = client.get(address, {"first": first}).json()["parts"]
    return found


def send(part: dict[str, Any], content: bytes) -> int:
    return httpx.put(part["url"], content=content, timeout=60).status_code


def complete(client: APIClient, upload: str) -> Any:
    return client.post(f"{API}/artifact-uploads/{upload}/complete")


@pytest.mark.parametrize("contents", [CONTENTS, [b"abc", b"", b"defg"]], ids=["joined by the bucket", "read by us"])
def test_parts_are_sent_to_the_bucket_and_make_a_file(
    client: APIClient, run: Any, store: ObjectStore, contents: list[bytes]
) -> None:
    whole = b"".join(contents)
    upload = begin(client, run, size_bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest())
    asked = parts_of(client, upload)
    assert [(one["number"], one["size_bytes"]) for one in asked] == [(1, None), (2, None), (3, None)]
    assert send(asked[2], contents[2]) == 200
    assert send(asked[0], b"first and wrong") == 200
    early = complete(client, upload)
    assert (early.status_code, early.json()["code"]) == (409, "parts_missing")
    assert early.json()["detail"] == "1 of 3 parts are missing: 2"
    # Whoever was killed asks what is there, and goes on with the rest.
    assert [one["size_bytes"] for one in parts_of(client, upload)] == [15, None, len(contents[2])]
    again = parts_of(client, upload)
    assert [send(again[number], contents[number]) for number in (0, 1)] == [200, 200]
    done = complete(client, upload)
    assert (done.status_code, done.json()["sha256"]) == (200, hashlib.sha256(whole).hexdigest())
    assert complete(client, upload).json() == done.json()
    made = Artifact.objects.get()
    assert store.measure(made.path).sha256 == made.sha256
    assert [path for path, _ in store.listing()] == [made.path], "nothing else is left"
    got = client.get(f"{API}/runs/{run.pk}/files/{made.name}", headers={"Range": "bytes=2-6"})
    assert (got.status_code, b"".join(got.streaming_content)) == (206, whole[2:7])


def test_what_is_not_as_it_was_said_is_kept_nowhere(client: APIClient, run: Any, store: ObjectStore) -> None:
    upload = begin(client, run, parts=2, sha256=SHA256)
    for part in parts_of(client, upload):
        assert send(part, b"other") == 200
    refused = complete(client, upload)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert ArtifactUpload.objects.get().state == "failed"
    assert (Artifact.objects.count(), list(store.listing())) == (0, [])
    assert complete(client, upload).json()["code"] == "upload_gone"
    assert parts_of(client, upload)[0]["url"] is None


def test_a_file_above_the_limit_is_refused_once_its_parts_are_there(
    client: APIClient, run: Any, settings: Any, store: ObjectStore
) -> None:
    settings.BEDPLATE_OUTPUT_MOST_BYTES = 9
    upload = begin(client, run, parts=2)
    assert [send(part, b"12345") for part in parts_of(client, upload)] == [200, 200]
    refused = complete(client, upload)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert Artifact.objects.count() == 0


def test_who_gives_up_leaves_nothing_and_what_comes_late_is_swept(
    client: APIClient, run: Any, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(client, run, parts=2)
    first, second = parts_of(client, upload)
    assert send(first, b"1") == 200
    assert client.delete(f"{API}/artifact-uploads/{upload}").status_code == 204
    assert list(store.listing()) == []
    assert send(second, b"2") == 200, "the bucket knows nothing of uploads: the address is good for an hour"
    artifact_uploads_expire()
    assert [path for path, _ in store.listing()] == [part_path(ArtifactUpload.objects.get().pk, 2)]
    monkeypatch.setattr(artifact_uploads, "LEFT_OVER_SECONDS", -1.0)
    artifact_uploads_expire()
    assert list(store.listing()) == []


def test_nothing_for_its_hours_ends_an_upload(client: APIClient, run: Any, store: ObjectStore) -> None:
    upload = begin(client, run, parts=2)
    assert send(parts_of(client, upload)[0], b"1") == 200
    assert artifact_uploads_expire() == 0
    ArtifactUpload.objects.update(expires_at=clock.db_now() - timedelta(seconds=1))
    assert artifact_uploads_expire() == 1
    assert ArtifactUpload.objects.get().state == "expired"
    assert complete(client, upload).status_code == 410


def test_a_part_that_is_sent_again_while_parts_are_read_changes_nothing(
    client: APIClient, run: Any, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is good for an hour: what was read must be what is kept."""
    upload = begin(client, run, parts=1)
    (part,) = parts_of(client, upload)
    assert send(part, b"read") == 200
    real = ObjectStore.measure

    def measured(self: ObjectStore, path: str) -> Any:
        found = real(self, path)
        assert send(part, b"sent") == 200
        return found

    monkeypatch.setattr(ObjectStore, "measure", measured)
    assert complete(client, upload).status_code == 200
    monkeypatch.undo()
    made = Artifact.objects.get()
    assert store.open(made.path).read() == b"read"


def test_the_most_parts_there_can_be(client: APIClient, run: Any) -> None:
    body = {"run": str(run.pk), "name": "x", "parts": 10_001}
    assert client.post(f"{API}/artifact-uploads", body, format="json").status_code == 400
    upload = begin(client, run, parts=10_000)
    answer = client.get(f"{API}/artifact-uploads/{upload}/parts").json()
    assert (len({one["url"] for one in answer["parts"]}), answer["next"]) == (1000, 1001)
    (last,) = parts_of(client, upload, first=10_000)
    assert (last["number"], send(last, b"last")) == (10_000, 200)
    answer = client.get(f"{API}/artifact-uploads/{upload}/parts", {"first": 9_999}).json()
    assert [one["size_bytes"] for one in answer["parts"]] == [None, 4]
    assert answer["next"] is None
    assert client.get(f"{API}/artifact-uploads/{upload}/parts", {"first": 0}).status_code == 400


def test_an_address_that_is_over_is_asked_for_again(
    client: APIClient, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(client, run, parts=1)
    (part,) = parts_of(client, upload)
    monkeypatch.setattr(addresses, "SECONDS", 604_801)  # more than a bucket grants
    assert send(parts_of(client, upload)[0], b"x") in (400, 403)
    assert httpx.put(part["url"].replace("/00001", "/00002"), content=b"x").status_code == 403
    monkeypatch.undo()
    assert send(parts_of(client, upload)[0], b"x") == 200


@pytest.mark.django_db
def test_what_a_killed_writer_began_is_given_up_once_an_hour(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, key, _ = store.fs.split_path(f"{store.root}/artifact-uploads/x/whole")
    store.fs.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    assert unfinished_sweep() == 0, "it is not a week old"
    monkeypatch.setattr(objects, "UNFINISHED", timedelta(seconds=-60))
    assert unfinished_sweep() == 0, "it was looked at within the hour"
    Pulse.objects.update(at=clock.db_now() - timedelta(minutes=61))
    assert unfinished_sweep() == 1


MLFLOW = """
import hashlib, os, sys
sys.path[:0] = [{path!r}]
import mlflow
from mlflow.artifacts import download_artifacts
client = mlflow.MlflowClient()
local = {local!r}
client.log_artifact({run!r}, local, "big")
print([(one.path, one.file_size) for one in client.list_artifacts({run!r}, "big")])
got = download_artifacts(run_id={run!r}, artifact_path="big/" + os.path.basename(local), dst_path={to!r})
print(hashlib.sha256(open(got, "rb").read()).hexdigest())
"""


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.django_db(transaction=True)
def test_mlflows_client_sends_its_parts_to_the_bucket(
    version: str, tmp_path: Path, server: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROOT / ".venv" / f"mlflow-{version}"
    assert path.is_dir(), f"`make test` installs {path}"
    run = RunFactory.create(kind="tracked", state="running")
    token = token_for(member(run.project, Role.EDITOR), TokenScope.READ, TokenScope.WRITE)
    local = tmp_path / "weights.bin"
    local.write_bytes(b"".join(CONTENTS))
    (tmp_path / "to").mkdir()
    sent: list[int] = []
    real = artifact_uploads.parts_there
    monkeypatch.setattr(
        artifact_uploads, "parts_there", lambda upload: sent.extend(real(upload).values()) or real(upload)
    )
    script = MLFLOW.format(path=str(path), local=str(local), run=run.pk.hex, to=str(tmp_path / "to"))
    with served(application) as web:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_"))},
            "MLFLOW_TRACKING_URI": f"http://{web.host}:{web.port}",
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
            "MLFLOW_ENABLE_PROXY_PRESIGNED_DOWNLOAD": "true",
            "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 * MIB),
            "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * MIB),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "HOME": str(tmp_path),
        }
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=150, check=False
        )
    assert done.returncode == 0, done.stderr[-3000:]
    size = sum(map(len, CONTENTS))
    assert done.stdout.splitlines()[-2:] == [f"[('big/weights.bin', {size})]", SHA256]
    assert sent == [5 * MIB, 5 * MIB, size - 10 * MIB]
    assert list(store.listing(ARRIVING)) == []
