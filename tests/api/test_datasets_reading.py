"""Versions read by programs: from a laptop with an API token, in a job with its own, whole or in part."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from apps.access.states import TokenScope
from apps.common import clock
from apps.common.storage import store
from apps.datasets.models import DatasetVersion
from apps.datasets.services.aliases import version_alias_set
from apps.datasets.services.profiles import profile_create
from apps.quotas.services.attempt_tokens import issue
from tests.support.factories.access import UserFactory, member, token_for
from tests.support.factories.datasets import (
    TESTER,
    DatasetVersionFactory,
    attempt_of,
    pool_ready,
    running,
)
from workers.runtime.client import JobApiError
from workers.runtime.datasets import open_dataset

VERSIONS = "/api/v1/dataset-versions"
OPEN = "/api/v1/runtime/data/open"


@pytest.fixture
def version(settings: Settings, tmp_path: Path, db: None) -> DatasetVersion:
    """Two parts of two rows, kept as parts are."""
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    pool_ready()
    files = []
    for number in range(2):
        buffer = io.BytesIO()
        pq.write_table(pa.table({"__ordinal": [2 * number, 2 * number + 1], "age": [number, 9]}), buffer)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        path = f"parts/x/{digest[:2]}/{digest}.parquet"
        store().put(path, [buffer.getvalue()])
        size = len(buffer.getvalue())
        files.append({"name": f"part-{number}.parquet", "rows": 2, "size_bytes": size, "sha256": digest, "path": path})
    schema = [{"name": "age", "type": "int64", "nullable": False}]
    made: DatasetVersion = DatasetVersionFactory.create(
        manifest={"files": files},
        schema=schema,
        row_count=4,
        size_bytes=sum(f["size_bytes"] for f in files),
    )
    return made


def test_a_manifest_says_where_each_file_is_and_what_it_is(version: DatasetVersion) -> None:
    client = APIClient()
    client.force_authenticate(member(version.project, "viewer"))
    found = client.get(f"{VERSIONS}/{version.pk}/manifest").json()
    assert found["reference"] == f"{version.project.name}/{version.dataset.name}@1"
    assert [file["url"] for file in found["files"]] == [
        f"{VERSIONS}/{version.pk}/files/part-{number}.parquet" for number in range(2)
    ]
    assert "path" not in found["files"][0], "where the store keeps it is nobody's business"


@pytest.mark.parametrize(
    "asked, status, said, part",
    [
        ({}, 200, None, slice(None)),
        ({"Range": "bytes=4-"}, 206, "bytes 4-{last}/{size}", slice(4, None)),
        ({"Range": "bytes=0-3"}, 206, "bytes 0-3/{size}", slice(0, 4)),
        ({"Range": "bytes=4-999999999"}, 206, "bytes 4-{last}/{size}", slice(4, None)),
        ({"Range": "bytes=4-", "If-Range": '"another"'}, 200, None, slice(None)),
        ({"Range": "bytes=9-3"}, 200, None, slice(None)),
        ({"Range": "bytes=-3"}, 200, None, slice(None)),
        ({"Range": "bytes=99999999-"}, 416, "bytes */{size}", slice(0, 0)),
    ],
)
def test_a_file_comes_whole_or_in_part(
    version: DatasetVersion, asked: dict[str, str], status: int, said: str | None, part: slice
) -> None:
    (file, _) = version.manifest["files"]
    client = APIClient()
    client.force_authenticate(member(version.project, "viewer"))
    answer: Any = client.get(f"{VERSIONS}/{version.pk}/files/part-0.parquet", headers=asked)
    assert answer.status_code == status
    size = file["size_bytes"]
    assert answer.headers.get("Content-Range") == (said and said.format(size=size, last=size - 1))
    with store().open(file["path"]) as opened:
        assert b"".join(answer.streaming_content) == opened.read()[part]


def test_a_job_opens_its_own_inputs_by_name_and_nothing_else(version: DatasetVersion) -> None:
    profile, _ = profile_create(version=version, requested_by=None, actor=TESTER)
    attempt = attempt_of(running(profile))
    token = issue(attempt.pk, clock.now() + timedelta(hours=1))
    client = APIClient(headers={"Authorization": f"Bearer {token}"})
    name = f"{version.project.name}/{version.dataset.name}"
    newer = DatasetVersionFactory.create(project=version.project, dataset=version.dataset, number=2)
    version_alias_set(dataset=version.dataset, name="gold", version=newer, actor=TESTER)
    for words in ("1", "latest", "gold"):
        found = client.post(OPEN, {"ref": f"{name}@{words}"})
        assert (found.status_code, found.json()["number"]) == (200, 1), "what it meant when the job was asked for"
    assert [Path(file["path"]).exists() for file in found.json()["files"]] == [True, True]
    other = DatasetVersionFactory.create(project=version.project)
    for words in (f"{name}@2", f"{version.project.name}/{other.dataset.name}@1", f"x/{version.dataset.name}@1"):
        refused = client.post(OPEN, {"ref": words})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_an_input")
    assert client.post(OPEN, {"ref": "nonsense"}).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_laptop_reads_what_its_owner_may_see(
    version: DatasetVersion, live_server: LiveServer, tmp_path: Path
) -> None:
    words = f"bedplate://{version.project.name}/{version.dataset.name}@latest"
    secret = token_for(member(version.project, "viewer"), TokenScope.READ)
    data = open_dataset(words, api_url=live_server.url, token=secret, cache=tmp_path / "cache")
    assert (data.reference, data.to_arrow().column("age").to_pylist()) == (
        f"{version.project.name}/{version.dataset.name}@1", [0, 9, 1, 9],
    )  # fmt: skip
    assert len(list((tmp_path / "cache").rglob("*.parquet"))) == 2
    stranger = token_for(UserFactory.create(), TokenScope.READ)
    with pytest.raises(JobApiError, match="not_found"):
        open_dataset(words, api_url=live_server.url, token=stranger, cache=tmp_path)
