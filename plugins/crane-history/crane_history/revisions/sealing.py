"""Sealing what was sent to deploy a stack: its secrets are needed to deploy it again, and readable to nobody else.

The key is a file of the data directory, and part of backups. A copy of the database alone tells no secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from typing import Any

import msgspec
from crane_database import NoSealKey, OtherSealKey, SealAltered
from crane_database import Seal as KeySeal

from crane_core.context import Crane
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest
from crane_core.orchestration.stacks.planner import Wish
from crane_history.revisions.errors import RevisionSealed

KEY_FILE = "history/seal.key"


class Seal:
    """The room of one server that has the key."""

    def __init__(self, crane: Crane) -> None:
        try:
            self._seal = KeySeal(crane.data_directory / KEY_FILE)
        except NoSealKey as error:
            raise RevisionSealed(f"{error} Put it back from a backup.") from error
        self._marker = self._seal.derive(b"mark")
        self.key_id = self._seal.key_id

    def close(self, wish: Wish, about: str) -> bytes:
        """Seal what was sent to deploy a stack, but for the logins of registries, which are not kept.

        :param about: What it is of; it can be opened as that alone.
        """
        return self._seal.close(zlib.compress(msgspec.json.encode(_pack(wish))), about)

    def open(self, sealed: bytes, about: str, key_id: str) -> Wish:
        """Return what was sealed.

        :raises RevisionSealed: when it was sealed with another key, or altered.
        """
        try:
            packed = self._seal.open(sealed, about, key_id)
        except OtherSealKey as error:
            raise RevisionSealed(
                f"This revision cannot be read. {error} Put the file {KEY_FILE} back into the data directory, from a "
                "backup or from the server that sealed it."
            ) from error
        except SealAltered as error:
            raise RevisionSealed("This revision was altered in the database, so it is not deployed again.") from error
        return _unpack(msgspec.json.decode(zlib.decompress(packed)))

    def mark(self, value: Any) -> str:
        """Return a fingerprint of something secret: equal for what is equal, and of no use without the key."""
        content = msgspec.json.encode(value, order="deterministic")
        return hmac.new(self._marker, content, hashlib.sha256).hexdigest()

    def mark_wish(self, wish: Wish) -> str:
        """Return the fingerprint of what was sent, whatever its images stood for at the time."""
        return self.mark({**_pack(wish), "pinned": {}, "timeout": None})


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
