"""The environment of a service: ``env_file`` and ``environment``, with what the sender's variables fill in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crane_core.orchestration.stacks.formats.compose import values


def parse_env_file(content: bytes, variables: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables of an env file: ``NAME=value`` lines, taken literally.

    ``NAME`` alone takes its value from the sender's variables, and is left out when there is none. Raises ValueError
    with a sentence.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text.") from error
    found: dict[str, str | None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not name:
            raise ValueError(f"has no name before the `=` in line {number}.")
        if name != "".join(name.split()):
            raise ValueError(f"has a name with a space in it in line {number}; lines are `NAME=value`.")
        if equals:
            found[name] = value
        elif name in variables:
            found[name] = variables[name]
    return found


def fill(environment: Mapping[str, str | None], variables: Mapping[str, str]) -> dict[str, str | None]:
    """Return an environment in which what has no value, or an empty one, is taken from the sender's variables."""
    return {name: value or variables.get(name, value) for name, value in environment.items()}


def asked_for(environment: Any) -> dict[str, str | None]:
    """Return the names that would be taken from the sender's variables, with what stands in for each."""
    return {name: value for name, value in values.pairs(environment, empty=None).items() if not value}
