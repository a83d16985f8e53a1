"""Sealing what was sent to deploy a stack: its secrets are needed to deploy it again, and readable to nobody else.

The key is a file of the data directory, and part of backups. A copy of the database alone tells no secret.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import zlib
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crane_core.context import Crane
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest
from crane_core.orchestration.stacks.planner import Wish
from crane_history.revisions.errors import RevisionSealed

KEY_FILE = "history/seal.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class Seal:
    """The room of one server that has the key."""

    def __init__(self, crane: Crane) -> None:
        self._path = crane.data_directory / KEY_FILE
        key = self._read() or self._make()
        self._cipher = AESGCM(key)
        self._marker = hashlib.sha256(b"mark" + key).digest()
        self.key_id = hashlib.sha256(b"id" + key).hexdigest()[:16]

    def close(self, wish: Wish, about: str) -> bytes:
        """Seal what was sent to deploy a stack, but for the logins of registries, which are not kept.

        :param about: What it is of; it can be opened as that alone.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, zlib.compress(msgspec.json.encode(_pack(wish))), about.encode())

    def open(self, sealed: bytes, about: str, key_id: str) -> Wish:
        """Return what was sealed.

        :raises RevisionSealed: when it was sealed with another key, or altered.
        """
        if key_id != self.key_id:
            raise RevisionSealed(
                f"This revision was sealed with the key {key_id}, and this server has the key {self.key_id}. Put the "
                f"file {KEY_FILE} back into the data directory, from a backup or from the server that sealed it."
            )
        try:
            packed = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except InvalidTag as error:
            raise RevisionSealed("This revision was altered in the database, so it is not deployed again.") from error
        return _unpack(msgspec.json.decode(zlib.decompress(packed)))

    def mark(self, value: Any) -> str:
        """Return a fingerprint of something secret: equal for what is equal, and of no use without the key."""
        content = msgspec.json.encode(value, order="deterministic")
        return hmac.new(self._marker, content, hashlib.sha256).hexdigest()

    def mark_wish(self, wish: Wish) -> str:
        """Return the fingerprint of what was sent, whatever its images stood for at the time."""
        return self.mark({**_pack(wish), "pinned": {}, "timeout": None})

    def _read(self) -> bytes | None:
        try:
            key = self._path.read_bytes()
        except FileNotFoundError:
            return None
        if len(key) != _KEY_BYTES:
            raise RevisionSealed(f"{self._path} holds no key. Put it back from a backup.")
        return key

    def _make(self) -> bytes:
        """Make a key; of two processes that do so at once, the first one's counts."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        waiting = self._path.with_name(f".{secrets.token_hex(8)}")
        descriptor = os.open(waiting, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(waiting, self._path)
        finally:
            waiting.unlink()
        return self._path.read_bytes()


def _pack(wish: Wish) -> dict[str, Any]:
    request = wish.request
    return {
        "name": request.name,
        "files": [{"name": file.name, "content": file.content} for file in request.files],
        "variables": dict(request.variables),
        "attachments": {path: base64.b64encode(content).decode() for path, content in request.attachments.items()},
        "working_dir": request.working_dir,
        "home": request.home,
        "profiles": list(request.profiles),
        "format": request.format,
        "resolve_image": wish.resolve_image,
        "prune": wish.prune,
        "timeout": wish.timeout,
        "pinned": dict(wish.pinned),
    }


def _unpack(packed: dict[str, Any]) -> Wish:
    request = StackRequest(
        name=packed["name"],
        files=tuple(SourceFile(file["name"], file["content"]) for file in packed["files"]),
        variables=packed["variables"],
        attachments={path: base64.b64decode(content) for path, content in packed["attachments"].items()},
        working_dir=packed["working_dir"],
        home=packed["home"],
        profiles=tuple(packed["profiles"]),
        format=packed["format"],
    )
    return Wish(
        request,
        resolve_image=packed["resolve_image"],
        prune=packed["prune"],
        timeout=packed["timeout"],
        pinned=packed["pinned"],
    )
