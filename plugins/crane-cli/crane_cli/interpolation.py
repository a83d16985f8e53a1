"""Put variables into a path that a stack file names.

The server does this for the whole file. The client does it again for each path that the server asks for, because it
sends no file whose path it did not find in the stack file itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with its variables replaced: ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and their like.

    An undefined variable is empty; ``$$`` is a dollar sign; what is no variable stays as it is.
    """
    parts: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        parts.append(text[at:dollar])
        at = dollar + 1
        if text.startswith("$", at):
            parts.append("$")
            at += 1
        elif text.startswith("{", at) and (end := _find_end(text, at)) is not None:
            parts.append(_substitute(text[at + 1 : end], variables))
            at = end + 1
        elif name := _NAME.match(text, at):
            parts.append(variables.get(name[0], ""))
            at = name.end()
        else:
            parts.append("$")
    return "".join([*parts, text[at:]])


def names(text: str, name: str) -> bool:
    """Return whether a text names a variable: its name stands there as a word."""
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text) is not None


def _find_end(text: str, opening: int) -> int | None:
    depth = 0
    for at in range(opening, len(text)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    return None


def _substitute(expression: str, variables: Mapping[str, str]) -> str:
    name = _NAME.match(expression)
    if name is None:
        return ""
    value, rest = variables.get(name[0]), expression[name.end() :]
    operator = next((operator for operator in _OPERATORS if rest.startswith(operator)), "")
    other = rest[len(operator) :]
    given = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("-"):
        return value if given and value is not None else interpolate(other, variables)
    if operator.endswith("+"):
        return interpolate(other, variables) if given else ""
    return value or ""
