"""The installation's encryption keys: a file of lines `key_id:base64 of 32 bytes`; the first encrypts, all decrypt."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from apps.common.errors import Unavailable

NONCE_BYTES = 12


class KeyUnusable(Unavailable):
    """The key file is not as it should be, or lacks a key that a secret was encrypted with."""

    code, title = "key_unusable", "The installation's encryption keys cannot be used"
    retryable = False


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored of a value."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Keys by id, the encrypting one first."""

    keys: dict[str, bytes]

    def seal(self, value: bytes, about: bytes) -> Sealed:
        """Encrypt; `about` must be given again to decrypt and is not stored."""
        key_id, key = next(iter(self.keys.items()))
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(key_id, nonce, AESGCM(key).encrypt(nonce, value, about))

    def open(self, sealed: Sealed, about: bytes) -> bytes:
        """Decrypt.

        Raises:
            KeyUnusable: the key is missing or is not the one, or the stored bytes were changed or moved.
        """
        key = self.keys.get(sealed.key_id)
        if key is None:
            raise KeyUnusable(f"The key {sealed.key_id} is not in the key file.")
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, about)
        except InvalidTag as error:
            raise KeyUnusable(f"The key {sealed.key_id} does not open what was stored.") from error


def keyring() -> Keyring:
    """The keys as they are in the file now, so that a rotation needs no restart.

    Raises:
        KeyUnusable: the file cannot be read or has a wrong line.
    """
    return Keyring(keys_in(Path(settings.BEDPLATE_ENCRYPTION_KEY_FILE)))


def keys_in(path: Path) -> dict[str, bytes]:
    """The keys of a file, the encrypting one first; raises KeyUnusable as `keyring` does."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        keys = dict(_key(line) for line in lines if line.strip() and not line.startswith("#"))
    except (OSError, ValueError, binascii.Error) as error:
        raise KeyUnusable("The key file cannot be read or has a wrong line.") from error
    if not keys:
        raise KeyUnusable("The key file has no key.")
    return keys


def _key(line: str) -> tuple[str, bytes]:
    key_id, _, text = line.strip().partition(":")
    key = base64.b64decode(text, validate=True)
    if not key_id or len(key_id) > 40 or len(key) != 32:
        raise ValueError("a line is `key_id:base64 of 32 bytes`")
    return key_id, key
