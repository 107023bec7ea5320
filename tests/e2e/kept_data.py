"""Data of every kind that is kept in files: what a backup has to bring back, and how it is read."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.conftest import post
from tests.support.stack import finished
from tests.workers.runtime.cleaning.pictures import picture

BAD = b"id,amount\n" + b"".join(b"%d,%d\n" % (n, n * 3) for n in range(50)) + b"50,150,and,more\n51\n"
MORE = b"id,amount\n" + b"".join(b"%d,%d\n" % (n, n * 3) for n in range(100, 130))
HALF = b"id,amount\n1,2\n"
UPLOAD_BYTES = 2 * len(HALF)


@dataclass(frozen=True)
class Kept:
    """A version with rows that were left out, one that was appended to it, one cleaned of that, pictures, and a file
    of which half has come."""

    ingestion: str
    first: str
    appended: str
    cleaned: str
    pictures: str
    upload: str

    @property
    def versions(self) -> tuple[str, ...]:
        return self.first, self.appended, self.cleaned, self.pictures


def kept_data(client: httpx.Client) -> Kept:
    project = post(client, "/projects", {"name": "kept", "title": "Kept"})["id"]
    rows = post(client, "/datasets", {"project": project, "name": "rows"})["id"]
    ingestion = _ingested(client, rows, "bad.csv", BAD)
    assert ingestion["quarantine"], ingestion
    appended = _ingested(client, rows, "more.csv", MORE, append_to=ingestion["version"])["version"]
    steps = [{"kind": "outliers", "method": "iqr", "columns": ["amount"]}, {"kind": "split", "test_ratio": 0.2}]
    recipe = post(client, "/recipes", {"project": project, "name": "kept", "steps": steps})["id"]
    cleaning = post(client, "/cleaning-runs", {"recipe": recipe, "input_version": appended})
    cleaned = finished(client, f"/cleaning-runs/{cleaning['id']}")["output_version"]
    album = post(client, "/datasets", {"project": project, "name": "pictures"})["id"]
    pictures = _ingested(client, album, "pictures.zip", _zip(), options={"format": "images"})["version"]
    upload = _half_an_upload(client, rows)
    found = Kept(ingestion["id"], ingestion["version"], appended, cleaned, pictures, upload)
    _is_what_it_should_be(client, found)
    return found


def _ingested(client: httpx.Client, dataset: str, name: str, content: bytes, **more: Any) -> dict[str, Any]:
    sent = client.post("/sources", data={"dataset": dataset}, files={"file": (name, content)})
    assert sent.status_code == 201, sent.text
    asked = post(client, "/ingestions", {"dataset": dataset, "source": sent.json()["id"], **more})
    done = finished(client, f"/ingestions/{asked['id']}")
    assert done["state"] == "succeeded", done
    return done


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for number, label in enumerate(("cat", "dog", "cat")):
            packed.writestr(f"{label}/{number}.png", picture(seed=number))
    return file.getvalue()


def _half_an_upload(client: httpx.Client, dataset: str) -> str:
    """By tus, cut off in the middle."""
    said = ",".join(f"{key} {_base64(value)}" for key, value in {"filename": "half.csv", "dataset": dataset}.items())
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(UPLOAD_BYTES), "Upload-Metadata": said}
    made = client.post("/uploads", headers=headers)
    assert made.status_code == 201, made.text
    found = made.headers["Location"].rstrip("/").rsplit("/", 1)[1]
    assert send(client, found, 0).status_code == 204
    return found


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def send(client: httpx.Client, upload: str, offset: int) -> httpx.Response:
    """The half of the file that begins there."""
    headers = {
        "Tus-Resumable": "1.0.0", "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
    }  # fmt: skip
    return client.patch(f"/uploads/{upload}", content=HALF, headers=headers)


def _is_what_it_should_be(client: httpx.Client, kept: Kept) -> None:
    """What makes this data worth a backup: there are rows left out, small pictures, and a part of two versions."""
    seen = seen_of(client, kept)
    assert len(gzip.decompress(seen["left out"]).decode().splitlines()) == 3
    assert len(seen["thumbnails"]) == 3
    parts = [
        {file["sha256"] for file in seen["manifests"][version]["files"]} for version in (kept.first, kept.appended)
    ]
    assert len(parts[0] & parts[1]) == 1 < len(parts[1])


def seen_of(client: httpx.Client, kept: Kept) -> dict[str, Any]:
    """Everything that is read of it from files of the store."""
    manifests = {version: _json(client, f"/dataset-versions/{version}/manifest") for version in kept.versions}
    return {
        "left out": client.get(f"/ingestions/{kept.ingestion}/quarantine").raise_for_status().content,
        "thumbnails": _json(client, f"/dataset-versions/{kept.pictures}/thumbnails")["thumbnails"],
        "manifests": manifests,
        "files": {
            (version, file["name"]): hashlib.sha256(_file(client, version, file["name"])).hexdigest() == file["sha256"]
            for version, manifest in manifests.items()
            for file in manifest["files"]
        },
        "beside": {
            (version, name): _json(client, f"/dataset-versions/{version}/{name}")
            for version in kept.versions
            for name in ("sample", "profile", "report")
        },
    }


def _json(client: httpx.Client, path: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(path).raise_for_status().json()
    return found


def _file(client: httpx.Client, version: str, name: str) -> bytes:
    return client.get(f"/dataset-versions/{version}/files/{name}").raise_for_status().content
