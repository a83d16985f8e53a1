"""Seals: what must be read again, and by nobody else, is encrypted before it goes into the database.

A key is a file of 32 bytes: in the data directory, where backups contain it (``crane_database_backup_files``), or
wherever an operator puts it for several servers. A copy of the database alone tells no secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class NoSealKey(ValueError):
    """A file that is to hold a key holds none, or cannot be read; says which and why."""


class OtherSealKey(ValueError):
    """Something was sealed with another key than the one that is here."""


class SealAltered(ValueError):
    """Something is not what was sealed, or is of something else."""


class Seal:
    """Closes and opens with one key (AES-256-GCM).

    :param path: The file of the key.
    :param make: Whether a key is made where there is none.
    :raises NoSealKey: when there is none then.
    """

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self._key = _read(path, make) or _make(path)
        self._cipher = AESGCM(self._key)
        self.key_id = self.derive(b"id").hex()[:16]

    def derive(self, purpose: bytes) -> bytes:
        """Return 32 bytes that belong to the key, and tell nothing of it."""
        return hashlib.sha256(purpose + self._key).digest()

    def close(self, data: bytes, about: str) -> bytes:
        """Seal something.

        :param about: What it is of; it can be opened as that alone.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, about: str, key_id: str) -> bytes:
        """Return what was sealed.

        :param key_id: The id of the key that it was sealed with.
        :raises OtherSealKey: when that is another one.
        :raises SealAltered: when it was altered, or is of something else.
        """
        if key_id != self.key_id:
            raise OtherSealKey(f"It was sealed with the key {key_id}, and this server has the key {self.key_id}.")
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except InvalidTag as error:
            raise SealAltered("It was altered in the database.") from error


def _read(path: Path, make: bool) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError as error:
        if not make:
            raise NoSealKey(f"There is no {path}.") from error
        return None
    except OSError as error:
        raise NoSealKey(f"{path} cannot be read: {error.strerror}.") from error
    if len(key) != KEY_BYTES:
        raise NoSealKey(f"{path} holds no key: it must have {KEY_BYTES} bytes, as of head -c {KEY_BYTES} /dev/urandom.")
    return key


def _make(path: Path) -> bytes:
    """Make a key; of two processes that do so at once, the first one's counts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = path.with_name(f".{secrets.token_hex(8)}")
    descriptor = os.open(waiting, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(waiting, path)
    finally:
        waiting.unlink()
    return path.read_bytes()
