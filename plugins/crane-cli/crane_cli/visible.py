"""Make visible what a terminal would carry out.

Names, errors and images come from a server and from images that strangers built. An escape sequence in one of them
could rewrite what the user has read already, so that none is ever printed as it is.
"""

from __future__ import annotations

import re

# Control characters of both sets, and those that turn the direction of text or end a line without being a line feed.
_CARRIED_OUT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_NAMES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def visible(text: object) -> str:
    """Return the text on one line, each character that a terminal would carry out written as an escape."""
    return _CARRIED_OUT.sub(lambda found: _escape(found[0]), str(text))


def _escape(character: str) -> str:
    number = ord(character)
    return _NAMES.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")
