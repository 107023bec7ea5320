"""A file whose sender vanishes, over MLflow's protocol and a real connection: nothing stays, and it can come again."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.access.states import Role
from apps.common.storage import store
from apps.experiments.models import Artifact
from apps.experiments.services.contents import ARRIVING
from controlplane.asgi import application
from tests.support.factories.access import member, token_for
from tests.support.factories.experiments import RunFactory
from tests.support.waiting import until
from tests.support.web_server import served

CONTENT = b"0123456789abcdef" * 750_000
"""12 MB: more than the server holds of it."""


@pytest.mark.django_db(transaction=True)
def test_half_a_file_leaves_nothing(settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    run = RunFactory.create()
    token = token_for(member(run.project, Role.EDITOR))
    place = f"{run.experiment_id.hex}/{run.pk.hex}/artifacts/folder/big.bin"
    head = (
        f"PUT /api/2.0/mlflow-artifacts/artifacts/{place} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(CONTENT)}\r\nConnection: close\r\n\r\n"
    ).encode()
    with served(application) as server:
        with socket.create_connection((server.host, server.port)) as half:
            half.sendall(head + CONTENT[: len(CONTENT) // 2])
            until(lambda: store().folders(ARRIVING) != [], what="the half to be written")
        until(lambda: store().folders(ARRIVING) == [], what="the half to go")
        assert not Artifact.objects.exists()
        assert "Internal Server Error" not in caplog.text, "it is no failure of ours"
        with socket.create_connection((server.host, server.port)) as whole:
            whole.sendall(head + CONTENT)
            assert whole.makefile("rb").readline().split()[1] == b"200"
    made = Artifact.objects.get()
    assert (made.name, store().open(made.path).read() == CONTENT) == ("folder/big.bin", True)
    assert store().folders(ARRIVING) == []
