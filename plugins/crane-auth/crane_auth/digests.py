"""Secrets that are given out once: made of 256 random bits, and kept as nothing but their digest.

So many bits cannot be guessed, and so a plain hash keeps them: only what people think up needs a slow one.
"""

from __future__ import annotations

import hashlib
import re
import secrets

TOKEN = "crane_"  # noqa: S105 (what all tokens begin with)
SESSION = "crane_session_"
LOCAL = "crane_local_"
_ID = re.compile(r"[0-9a-f]{16}")


def make_secret(prefix: str = "") -> str:
    """Make a secret that nobody guesses; in hexadecimal, so that a double click takes all of it."""
    return prefix + secrets.token_hex(32)


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_id() -> str:
    """Make an id, by which something is named that has a secret."""
    return secrets.token_hex(8)


def is_id(text: str) -> bool:
    """Tell whether a text can be an id."""
    return bool(_ID.fullmatch(text))
