"""Specs of services as callers write them: short words expanded, and what the Engine would not take refused.

The Engine reads the names of members in any case of letters. Whoever decides here about a spec reads them in one only,
so another case is refused, and nothing passes unseen.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from crane_core.engine.images import find_registry
from crane_core.engine.parts import ServiceSpec
from crane_core.errors import Invalid, Violation
from crane_core.orchestration.services.restoring import find_hidden
from crane_core.orchestration.stacks.normal import OPAQUE

JSON = dict[str, Any]
# The Swarm's own limit on names of services, and what they are made of.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_KNOWN = ("Name", "Labels", "TaskTemplate", "Mode", "UpdateConfig", "RollbackConfig", "Networks", "EndpointSpec")
# Members that Crane itself decides on, wherever they stand.
_READ = frozenset(
    {"Aliases", "Config", "ConfigID", "ConfigName", "Configs", "ContainerSpec", "CredentialSpec", "EndpointSpec", "Env"}
    | {"Image", "Labels", "Mode", "Mounts", "Name", "Networks", "Placement", "Ports", "Privileges", "PublishedPort"}
    | {"PublishMode", "RollbackConfig", "SecretID", "SecretName", "Secrets", "Target", "TaskTemplate", "UpdateConfig"}
)
_WRITTEN = {member.casefold(): member for member in _READ}


def expand(spec: Mapping[str, Any]) -> JSON:
    """Return a spec in the Engine's shape from one that may say ``name``, ``image`` and ``replicas`` for short.

    :raises Invalid: when a short word has no place to go, because something else stands there.
    """
    full = copy.deepcopy(dict(spec))
    for word, path in (
        ("name", ("Name",)),
        ("image", ("TaskTemplate", "ContainerSpec", "Image")),
        ("replicas", ("Mode", "Replicated", "Replicas")),
    ):
        if word not in full:
            continue
        value, place = full.pop(word), full
        for member in path[:-1]:
            place = place.setdefault(member, {})
            if not isinstance(place, dict):
                raise Invalid(violations=[Violation(f"/{member}", "This must be an object.", code="wrong-type")])
        place[path[-1]] = value
    return full


def checked(spec: JSON, live: JSON | None = None) -> JSON:
    """Return a spec if the Engine can take it.

    :param live: The spec that it replaces; what stands there already is not looked at again.
    :raises Invalid: with everything that is wrong with it.
    """
    return _unless_wrong(shaped(spec), _find_wrong_values(spec, live or {}))


def shaped(spec: JSON) -> JSON:
    """Return a spec if it has the shape of one.

    :raises Invalid: with everything that is wrong with its shape.
    """
    return _unless_wrong(spec, _find_wrong_shape(spec))


def _unless_wrong(spec: JSON, found: Iterator[Violation]) -> JSON:
    if violations := list(found):
        raise Invalid("The service cannot be like this; each thing wrong is named.", violations=violations)
    return spec


def _find_wrong_shape(spec: JSON) -> Iterator[Violation]:
    yield from _find_wrong_case("", spec)
    for member in spec:
        if member not in _KNOWN and member.casefold() not in _WRITTEN:
            detail = f"There is no {member}; there are {', '.join(_KNOWN)}."
            yield Violation(f"/{member}", detail, code="unknown-member")
    try:
        msgspec.convert(spec, ServiceSpec)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$")
        yield Violation(_point(place.rstrip("`")), f"{said}.", code="wrong-type")
        return
    variables = ((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Env")
    if variables is not None and not (isinstance(variables, list) and all(isinstance(each, str) for each in variables)):
        detail = "This must be a list of texts like NAME=value."
        yield Violation("/TaskTemplate/ContainerSpec/Env", detail, code="wrong-type")


def _point(place: str) -> str:
    """Return the JSON pointer of what msgspec calls ``.Ports[0].Name``; it does not tell which key of a map."""
    return re.sub(r"\[(\d+)\]", r"/\1", place.replace("[...]", "").replace(".", "/"))


def _find_wrong_case(pointer: str, node: Any) -> Iterator[Violation]:
    if isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _find_wrong_case(f"{pointer}/{index}", inner)
    if not isinstance(node, dict):
        return
    for member, inner in node.items():
        if (written := _WRITTEN.get(member.casefold(), member)) != member:
            yield Violation(f"{pointer}/{member}", f"Write it {written}, as Docker does.", code="wrong-case")
        elif member not in OPAQUE:
            yield from _find_wrong_case(f"{pointer}/{member}", inner)


def _find_wrong_values(spec: JSON, live: JSON) -> Iterator[Violation]:
    name = spec.get("Name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        detail = "A name has 1 to 63 letters, digits, hyphens, dots and underscores, not at its edges."
        yield Violation("/Name", detail, code="wrong-name")
    image = ((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image")
    if not isinstance(image, str) or find_registry(image) is None:
        detail = "Name an image, as in nginx:1.27."
        yield Violation("/TaskTemplate/ContainerSpec/Image", detail, code="image-unnamed")
    if len([mode for mode in (spec.get("Mode") or {}).values() if mode is not None]) > 1:
        detail = "A service has one mode. Send null for the one that it is to lose."
        yield Violation("/Mode", detail, code="several-modes")
    known = {value for _, value in find_hidden("", live)}
    for pointer, value in find_hidden("", spec):
        if value not in known:
            detail = "This is what is shown instead of a hidden value. Send the value itself, or leave the member out."
            yield Violation(pointer, detail, code="hidden-value")
