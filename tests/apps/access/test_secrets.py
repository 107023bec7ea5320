"""Secrets: encrypted with keys from a file, opened only in their own place."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import Secret
from apps.access.services.keyring import KeyUnusable, keyring
from apps.access.services.secrets import secret_delete, secret_set, secrets_open
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.models import AuditEvent, Event
from tests.support.factories.access import ProjectFactory, SecretFactory, member

ACTOR = Actor("user", "u1", "Ann")
pytestmark = pytest.mark.django_db


def line(key_id: str, byte: int) -> str:
    return f"{key_id}:{base64.b64encode(bytes([byte]) * 32).decode()}"


@pytest.fixture
def keys(tmp_path: Path, settings: Any) -> Path:
    path = tmp_path / "keys"
    path.write_text(line("k1", 1) + "\n")
    settings.BEDPLATE_ENCRYPTION_KEY_FILE = path
    return path


def test_a_value_comes_back_and_is_not_stored_plainly(keys: Path) -> None:
    project = ProjectFactory.create()
    secret = secret_set(project=project, name="hf-token", value=b"s3cret\0\xff", actor=ACTOR)
    stored = Secret.objects.get(pk=secret.pk)
    assert (stored.key_id, len(bytes(stored.nonce)), len(bytes(stored.ciphertext))) == ("k1", 12, 8 + 16)
    assert b"s3cret" not in bytes(stored.ciphertext)
    assert secrets_open(project, ["hf-token"]) == {"hf-token": b"s3cret\0\xff"}
    assert secrets_open(project, []) == {}
    assert "s3cret" not in str([*AuditEvent.objects.values(), *Event.objects.values()])


def test_a_second_value_takes_the_place_of_the_first(keys: Path) -> None:
    project = ProjectFactory.create()
    first = secret_set(project=project, name="key", value=b"same", actor=ACTOR)
    second = secret_set(project=project, name="key", value=b"same", actor=ACTOR)
    assert first.pk == second.pk
    assert bytes(first.nonce) != bytes(second.nonce)
    assert bytes(first.ciphertext) != bytes(second.ciphertext)
    assert second.replaced_at is not None
    assert [row.action for row in AuditEvent.objects.order_by("id")] == ["secret.created", "secret.replaced"]
    secret_delete(secret=second, actor=ACTOR)
    with pytest.raises(Invalid, match="has no secret key"):
        secrets_open(project, ["key"])


def test_keys_rotate(keys: Path) -> None:
    project = ProjectFactory.create()
    secret_set(project=project, name="old", value=b"1", actor=ACTOR)
    keys.write_text(f"# new first\n{line('k2', 2)}\n{line('k1', 1)}\n")
    secret_set(project=project, name="new", value=b"2", actor=ACTOR)
    assert dict(Secret.objects.values_list("name", "key_id")) == {"old": "k1", "new": "k2"}
    assert secrets_open(project, ["old", "new"]) == {"old": b"1", "new": b"2"}
    keys.write_text(line("k2", 2))
    with pytest.raises(KeyUnusable, match="The key k1 is not in the key file"):
        secrets_open(project, ["old"])


def test_a_stored_value_opens_only_in_its_own_place(keys: Path) -> None:
    project, other = ProjectFactory.create(), ProjectFactory.create()
    secret = secret_set(project=project, name="key", value=b"v", actor=ACTOR)
    copied = SecretFactory.create(
        project=other, name="key", key_id=secret.key_id, nonce=secret.nonce, ciphertext=secret.ciphertext
    )
    with pytest.raises(KeyUnusable):
        secrets_open(other, [copied.name])
    Secret.objects.filter(pk=secret.pk).update(name="renamed")
    with pytest.raises(KeyUnusable):
        secrets_open(project, ["renamed"])
    first, *rest = bytes(secret.ciphertext)
    Secret.objects.filter(pk=secret.pk).update(name="key", ciphertext=bytes([first ^ 1, *rest]))
    with pytest.raises(KeyUnusable):
        secrets_open(project, ["key"])


@pytest.mark.parametrize("content", ["", "k1", "k1:x", "k1:" + "A" * 10, ":" + line("", 1)[1:], "k1:é"])
def test_a_wrong_key_file_is_said(keys: Path, content: str) -> None:
    keys.write_text(content)
    with pytest.raises(KeyUnusable, match="key file"):
        keyring()
    keys.unlink()
    with pytest.raises(KeyUnusable, match="cannot be read"):
        keyring()


def test_keys_do_not_show(keys: Path) -> None:
    assert base64.b64encode(b"\1" * 32).decode() not in repr(keyring())
    assert "\\x01" not in repr(keyring())


@pytest.mark.parametrize("value", [b"", b"x" * (64 * 1024 + 1)])
def test_a_value_has_a_size(keys: Path, value: bytes) -> None:
    with pytest.raises(Invalid, match="1 to 65536 bytes"):
        secret_set(project=ProjectFactory.create(), name="key", value=value, actor=ACTOR)


def test_no_answer_holds_the_value(keys: Path) -> None:
    project = ProjectFactory.create()
    api = APIClient()
    api.force_authenticate(member(project, "admin"))
    made = api.post("/api/v1/secrets", {"project": str(project.pk), "name": "key", "value": " geheim \n"})
    assert made.status_code == 201
    assert sorted(made.json()) == ["created_at", "id", "name", "project", "project_name", "replaced_at"]
    listed = api.get("/api/v1/secrets").content + api.get(f"/api/v1/secrets/{made.json()['id']}").content
    assert b"geheim" not in listed
    assert secrets_open(project, ["key"]) == {"key": b" geheim \n"}
    for name in ("../up", "", "a/b", ".hidden", "x" * 61):
        answer = api.post("/api/v1/secrets", {"project": str(project.pk), "name": name, "value": "v"})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["name"])
