"""Secrets of a project: encrypted with the installation's keys, opened only for a job that starts."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from apps.access.models import Project, Secret
from apps.access.services.keyring import Sealed, keyring
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.common.events import emit

MOST_BYTES = 64 * 1024


@transaction.atomic
def secret_set(*, project: Project, name: str, value: bytes, actor: Actor) -> Secret:
    """Store a value under a name, in place of the one before.

    Raises:
        Invalid: a wrong name, an empty or too large value.
        KeyUnusable: the installation has no key to encrypt with.
    """
    if not 0 < len(value) <= MOST_BYTES:
        raise Invalid(f"A secret has 1 to {MOST_BYTES} bytes.", fields={"value": ["wrong size"]})
    sealed = keyring().seal(value, _about(project, name))
    secret = Secret.objects.select_for_update().filter(project=project, name=name).first()
    action = "secret.replaced" if secret else "secret.created"
    if secret is None:
        secret = Secret(project=project, name=name)
    else:
        secret.replaced_at = clock.db_now()
    secret.key_id, secret.nonce, secret.ciphertext = sealed.key_id, sealed.nonce, sealed.ciphertext
    secret.clean_fields()
    secret.save()
    record(actor, action, secret, detail={"key_id": sealed.key_id})
    emit(action, secret, payload={"name": name})
    return secret


@transaction.atomic
def secret_delete(*, secret: Secret, actor: Actor) -> None:
    """Remove a secret; jobs that run keep their copy until they end."""
    record(actor, "secret.deleted", secret)
    emit("secret.deleted", secret, payload={"name": secret.name})
    secret.delete()


def secrets_open(project: Project, names: Collection[str]) -> dict[str, bytes]:
    """The values of the named secrets: for the files of a job, nowhere else. One query.

    Raises:
        Invalid: the project has no secret of some name.
        KeyUnusable: a value cannot be decrypted.
    """
    if not names:
        return {}
    found = {secret.name: secret for secret in Secret.objects.filter(project=project, name__in=names)}
    missing = sorted(set(names) - set(found))
    if missing:
        raise Invalid(f"The project {project.name} has no secret {', '.join(missing)}.")
    ring = keyring()
    return {
        name: ring.open(Sealed(one.key_id, bytes(one.nonce), bytes(one.ciphertext)), _about(project, name))
        for name, one in found.items()
    }


def _about(project: Project, name: str) -> bytes:
    """Associated data: a stored value opens only in its own place."""
    return f"{project.pk}/{name}".encode()
