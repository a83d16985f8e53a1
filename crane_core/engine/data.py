"""Configs and secrets alike: finding them, and encoding what they hold."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Literal

from crane_core.engine.records import Config, Secret
from crane_core.engine.snapshot import Snapshot
from crane_core.errors import Invalid, Violation

DataKind = Literal["config", "secret"]
Data = Config | Secret

# What the Swarm takes is smaller than this many bytes.
LIMITS: Mapping[DataKind, int] = {"config": 1_024_000, "secret": 512_000}
# The Engine's limit on names of configs and secrets.
LONGEST_NAME = 64


def find_data(snapshot: Snapshot, kind: DataKind, key: str) -> Data | None:
    """Find a config or a secret by id, name or the beginning of its id. Raises ``Ambiguous``."""
    return snapshot.find_config(key) if kind == "config" else snapshot.find_secret(key)


def get_data(snapshot: Snapshot, kind: DataKind, key: str) -> Data:
    """Find a config or a secret as :func:`find_data` does. Raises ``NotFound``."""
    return snapshot.get_config(key) if kind == "config" else snapshot.get_secret(key)


def encode(kind: DataKind, wish: Mapping[str, Any]) -> str:
    """Return a content as the Engine takes it, which is base64.

    :param wish: The content as ``content``, which is text, or as ``data``, which is base64.
    :raises Invalid: when there is none, or there are both, or it is no base64 or has a size that the Swarm refuses.
        What was sent is not repeated.
    """
    text, data = wish.get("content"), wish.get("data")
    if (text is None) == (data is None):
        raise _refuse("content", "Send the content either as text (content) or as base64 (data).", "content-missing")
    if text is not None:
        raw, member = text.encode(), "content"
    else:
        try:
            raw, member = base64.b64decode(str(data), validate=True), "data"
        except (binascii.Error, ValueError):
            raise _refuse("data", "This is no base64.", "not-base64") from None
    if not 0 < len(raw) < LIMITS[kind]:
        kib = LIMITS[kind] // 1024
        detail = f"The content has {len(raw)} bytes. A {kind} holds at least one byte and less than {kib} KiB."
        raise _refuse(member, detail, "content-size")
    return base64.b64encode(raw).decode()


def _refuse(member: str, detail: str, code: str) -> Invalid:
    return Invalid(detail, violations=[Violation(member, detail, code=code)])
