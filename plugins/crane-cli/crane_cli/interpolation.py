"""Put variables into a path that a stack file names.

The server does this for the whole file. The client does it again for each path that the server asks for, because it
sends no file whose path it did not find in the stack file itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# A word ends at the first brace, and a default needs no braces: both as the docker CLI and the server have it.
_VARIABLE = re.compile(
    rf"\$(?:(?P<dollar>\$)|\{{(?P<braced>{_NAME})(?:(?P<operator>:?[-?]|:?\+(?=[^}}$]*\}}))(?P<word>[^}}]*))?\}}"
    rf"|(?P<bare>{_NAME})(?:(?P<bare_operator>:?[-?])(?P<bare_word>[^}}]*))?)"
)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with its variables replaced: ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and their like.

    An undefined variable is empty; ``$$`` is a dollar sign; what is no variable stays as it is.
    """

    def fill(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        operator, word = found["operator"] or found["bare_operator"] or "", found["word"] or found["bare_word"] or ""
        value = variables.get(found["braced"] or found["bare"])
        given = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return word if given else ""
        return word if operator.endswith("-") and not given else value or ""

    return _VARIABLE.sub(fill, text)


def names(text: str, name: str) -> bool:
    """Return whether a text names a variable: its name stands there as a word."""
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text) is not None
