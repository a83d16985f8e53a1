"""File formats: from what somebody sends to a desired stack.

``load`` gives the stack that the files ask for, ``inspect`` what must be sent along with them, ``review`` what is wrong
with them, ``explain_compose`` what may stand in a Compose file. Which format it is shows in the name of the file or in
its content: ``.dab`` and JSON with ``Services`` that have an ``Image`` are application bundles, JSON with a ``Stack``
is a bundle of the first Crane, and everything else is a Compose file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from crane_core.errors import Violation
from crane_core.orchestration.stacks.desired import DesiredStack
from crane_core.orchestration.stacks.formats.errors import InvalidStackFile
from crane_core.orchestration.stacks.formats.needs import FileNeeds, NeededPath, NeededVariable
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest
from crane_core.redaction import HIDDEN, looks_secret

__all__ = [
    "FORMATS",
    "FileNeeds",
    "InvalidStackFile",
    "NeededPath",
    "NeededVariable",
    "SourceFile",
    "StackRequest",
    "detect",
    "explain_compose",
    "inspect",
    "load",
    "review",
]

FORMATS = ("compose", "dab", "bundle")
# A shorter value would be found in words that have nothing to do with it.
SHORTEST_SECRET = 4


def load(request: StackRequest) -> DesiredStack:
    """Return the stack that a request's files ask for.

    Raises InvalidStackFile with everything that is wrong with them.
    """
    with _hiding(request):
        desired = _load(request)
    return replace(desired, warnings=_hide_variables(request, desired.warnings))


def _load(request: StackRequest) -> DesiredStack:
    # Each format is imported when it is met: the libraries of one are no burden to the start of the server.
    match detect(request):
        case "dab":
            from crane_core.orchestration.stacks.formats.dab import load_dab

            return load_dab(request)
        case "bundle":
            from crane_core.orchestration.stacks.formats.bundle import load_bundle

            return load_bundle(request)
        case _:
            from crane_core.orchestration.stacks.formats.compose import load_compose

            return load_compose(request)


def inspect(request: StackRequest) -> FileNeeds:
    """Return what must be sent along with a request's files."""
    found = detect(request)
    if found == "compose":
        from crane_core.orchestration.stacks.formats.compose import inspect_compose

        with _hiding(request):
            return inspect_compose(request)
    return FileNeeds(found, images=tuple(sorted(set(_images(_json(request.files[0].content))))))


def review(request: StackRequest) -> tuple[tuple[Violation, ...], tuple[Violation, ...]]:
    """Return what keeps a request's files from being loaded; where nothing does, also what is worth knowing of them."""
    try:
        return (), load(request).warnings
    except InvalidStackFile as error:
        return tuple(error.violations), ()


def explain_compose() -> dict[str, Any]:
    """Return the JSON Schema that Compose files are checked with, and what each key means beside it."""
    from crane_core.orchestration.stacks.formats.compose import explain

    return explain()


@contextmanager
def _hiding(request: StackRequest) -> Iterator[None]:
    """Hide the values of variables that look secret in what is said to be wrong: it quotes what stands in a place."""
    try:
        yield
    except InvalidStackFile as error:
        # Without the cause, which quotes them still.
        raise InvalidStackFile(_hide_variables(request, error.violations)) from None


def _hide_variables(request: StackRequest, violations: Iterable[Violation]) -> tuple[Violation, ...]:
    values = [
        value for name, value in request.variables.items() if looks_secret(name) and len(value) >= SHORTEST_SECRET
    ]

    def hide(text: str) -> str:
        # The longest first, because one may hold another.
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return text

    return tuple(replace(each, detail=hide(each.detail)) for each in violations)


def detect(request: StackRequest) -> str:
    """Return the format of a request's files: one of :data:`FORMATS`."""
    if request.format in FORMATS:
        return request.format
    if request.format != "auto":
        detail = f"There is no format `{request.format}`; there are auto, {', '.join(FORMATS)}."
        raise InvalidStackFile([Violation("format", detail)])
    for file in request.files:
        if file.name.endswith(".dab"):
            return "dab"
        document = _json(file.content)
        if isinstance(document, dict):
            keys = {key.lower() for key in document}
            if "stack" in keys and keys <= {"namespace", "stack"}:
                return "bundle"
            if "Services" in document or ("services" in keys and _has_capital_image(document)):
                return "dab"
    return "compose"


def _has_capital_image(document: dict[str, Any]) -> bool:
    services = next(value for key, value in document.items() if key.lower() == "services")
    return isinstance(services, dict) and any(
        isinstance(service, dict) and "Image" in service for service in services.values()
    )


def _json(content: str) -> Any:
    if not content.lstrip().startswith("{"):
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _images(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [value for key, value in node.items() if key.lower() == "image" and isinstance(value, str)]
        return own + [image for value in node.values() for image in _images(value)]
    return [image for value in node for image in _images(value)] if isinstance(node, list) else []
