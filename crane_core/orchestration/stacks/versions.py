"""Versions of configs and secrets: a changed content becomes a new object, because the Swarm never changes one.

The first version has the plain name, as with the docker CLI; later ones are ``shop_app.2``, ``shop_app.3`` and so on. A
content that was there before is used again, so that going back to an older file goes back to its versions.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.engine.client import Engine
from crane_core.engine.data import LONGEST_NAME, DataKind
from crane_core.engine.decode import digest_of
from crane_core.engine.errors import InvalidSpec, Outdated
from crane_core.engine.parts import DriverChoice
from crane_core.engine.records import Config, Secret
from crane_core.errors import Invalid, Violation


@dataclass(frozen=True)
class Version:
    """Which object holds a content.

    :param name: The object's name.
    :param live: The object, None when it must be made.
    :param relabelled: Whether its labels must be changed to those that are wanted.
    """

    name: str
    live: Config | Secret | None = None
    relabelled: bool = False


def choose_version(
    engine: Engine,
    kind: DataKind,
    body: Mapping[str, Any],
    live: Iterable[Config | Secret],
    reserved: Collection[str],
) -> Version:
    """Find the object that holds a content, or a name for a new one.

    :param body: What to create, with the plain name.
    :param live: All live objects of the kind.
    :param reserved: Plain names of the stack's other objects, which no version may take.
    """
    plain = str(body["Name"])
    existing: dict[int, Config | Secret] = {}
    for candidate in live:
        number = version_number(plain, candidate.name)
        if number == 1 or (number and candidate.name not in reserved):
            existing[number] = candidate
    for _, candidate in sorted(existing.items(), reverse=True):
        if is_same(engine, candidate, body):
            wanted = dict(body.get("Labels") or {})
            return Version(candidate.name, candidate, relabelled=dict(candidate.labels) != wanted)
    if not existing:
        return Version(plain)
    number = max(existing) + 1
    while f"{plain}.{number}" in reserved:
        number += 1
    name = f"{plain}.{number}"
    if len(name) > LONGEST_NAME:
        detail = f"Its next version, {name}, has a name of more than {LONGEST_NAME} characters. Give it a shorter name."
        raise Invalid(detail, violations=[Violation(f"/{kind}s", detail, code="name-too-long")])
    return Version(name)


def version_number(plain: str, name: str) -> int:
    """Return which version of a plain name a name is: 1 for the plain one itself, 0 for none.

    >>> version_number("shop_app", "shop_app.3"), version_number("shop_app", "shop_apple")
    (3, 0)
    """
    if name == plain:
        return 1
    found = re.fullmatch(r"\.([1-9][0-9]{0,8})", name[len(plain) :]) if name.startswith(plain) else None
    return int(found[1]) if found and int(found[1]) > 1 else 0


def is_same(engine: Engine, candidate: Config | Secret, body: Mapping[str, Any]) -> bool:
    """Tell whether an object holds what is to be created, labels aside."""
    if _driver(candidate.Spec.Templating) != _driver(body.get("Templating")):
        return False
    if isinstance(candidate, Config):
        return candidate.digest == digest_of(base64.b64decode(body.get("Data") or ""))
    if _driver(candidate.Spec.Driver) != _driver(body.get("Driver")):
        return False
    return bool(body.get("Driver")) or _holds(engine, candidate, body)


def _driver(choice: DriverChoice | Mapping[str, Any] | None) -> tuple[str, dict[str, str]]:
    """Return the name and the options of a driver; none is the same as one without a name."""
    if isinstance(choice, DriverChoice):
        return choice.Name, dict(choice.Options or {})
    return str((choice or {}).get("Name") or ""), dict((choice or {}).get("Options") or {})


def _holds(engine: Engine, secret: Secret, body: Mapping[str, Any]) -> bool:
    """Ask the Engine whether a secret has this content, which it never tells.

    An update of a secret may change nothing but labels, and the Engine looks at the content first and at the version
    then. So an update of a version that cannot be changes nothing, and says by its refusal which of both it is.
    """
    try:
        engine.update(
            "secret", secret.id, 0, {"Name": secret.name, "Labels": dict(secret.labels), "Data": body.get("Data", "")}
        )
    except Outdated:
        return True
    except InvalidSpec:
        return False
    return True
