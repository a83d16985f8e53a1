"""Sealing what must be read again, and by nobody else: the secrets of authenticators.

The key is a file of the data directory and part of backups, or a file that a setting names: several servers share one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crane_auth.errors import SealBroken
from crane_core.context import Crane
from crane_core.errors import SetupError

KEY_FILE = "auth/seal.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class Seal:
    """The room of one server that has the key."""

    def __init__(self, crane: Crane) -> None:
        named = str(crane.settings["auth.seal_key_file"])
        path = Path(named) if named else crane.data_directory / KEY_FILE
        key = _read(path, must_exist=bool(named)) or _make(path)
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"id" + key).hexdigest()[:16]

    def close(self, secret: str, about: str) -> bytes:
        """Seal a secret.

        :param about: What it is of; it can be opened as that alone.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), about.encode())

    def open(self, sealed: bytes, about: str, key_id: str) -> str:
        """Return what was sealed.

        :raises SealBroken: when it was sealed with another key, or altered.
        """
        if key_id != self.key_id:
            raise SealBroken(
                f"This second factor was sealed with the key {key_id}, and this server has the key {self.key_id}. Put "
                f"the file {KEY_FILE} back into the data directory, or have all servers use one by "
                "auth.seal_key_file."
            )
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode()).decode()
        except InvalidTag as error:
            raise SealBroken("This second factor was altered in the database, so it is not used.") from error


def _read(path: Path, *, must_exist: bool) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError as error:
        if must_exist:
            raise SetupError(f"auth.seal_key_file: there is no {path}.") from error
        return None
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from error
    if len(key) != _KEY_BYTES:
        raise SetupError(
            f"{path} holds no key: it must have {_KEY_BYTES} bytes, as of head -c {_KEY_BYTES} /dev/urandom."
        )
    return key


def _make(path: Path) -> bytes:
    """Make a key; of two processes that do so at once, the first one's counts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = path.with_name(f".{secrets.token_hex(8)}")
    descriptor = os.open(waiting, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(waiting, path)
    finally:
        waiting.unlink()
    return path.read_bytes()
