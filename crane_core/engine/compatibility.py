"""What an Engine is too old to know.

An Engine passes over members of a spec that its API does not have, without a word, and reads them back as if they had
never been sent. Whoever compares what is wanted with what runs must leave them out, or sees a difference for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ApiVersion = tuple[int, int]


@dataclass(frozen=True)
class _Newer:
    """A member of a service spec, and the version of the API that brought it."""

    path: tuple[str, ...]
    since: ApiVersion
    words: str
    # Whether the docker CLI sends it to an older Engine all the same; what Crane creates is to be what that creates.
    sent: bool = True


# From the version history of the Engine API; a star stands for each item of a list.
_CONTAINER = ("TaskTemplate", "ContainerSpec")
_NEWER = (
    _Newer((*_CONTAINER, "Healthcheck", "StartInterval"), (1, 44), "a start interval of health checks"),
    _Newer((*_CONTAINER, "Mounts", "*", "BindOptions", "CreateMountpoint"), (1, 42), "creating sources of bind mounts"),
    _Newer((*_CONTAINER, "Mounts", "*", "BindOptions", "ReadOnlyNonRecursive"), (1, 44), "read-only mounts in part"),
    _Newer((*_CONTAINER, "Mounts", "*", "BindOptions", "ReadOnlyForceRecursive"), (1, 44), "read-only mounts in whole"),
    _Newer((*_CONTAINER, "Privileges", "NoNewPrivileges"), (1, 44), "forbidding new privileges"),
    _Newer((*_CONTAINER, "Privileges", "Seccomp"), (1, 44), "seccomp profiles"),
    _Newer((*_CONTAINER, "Privileges", "AppArmor"), (1, 44), "AppArmor modes"),
    _Newer((*_CONTAINER, "Mounts", "*", "VolumeOptions", "Subpath"), (1, 45), "folders inside of volumes"),
    _Newer((*_CONTAINER, "OomScoreAdj"), (1, 46), "adjusting the out-of-memory score", sent=False),
)


@dataclass(frozen=True)
class Unknown:
    """A member that an Engine does not know: its JSON pointer, and what that means in a sentence."""

    pointer: str
    detail: str


def drop_unknown(spec: dict[str, Any], api: ApiVersion, *, creating: bool = False) -> list[Unknown]:
    """Take out of a spec, in place, what an Engine of this API does not know; returns what it was.

    :param creating: Whether the spec is for a new service, which is compared with nothing: what the docker CLI would
        send is told of, but stays.
    """
    dropped = []
    for newer in _NEWER:
        if api >= newer.since:
            continue
        for pointer, holder, member in _find(spec, newer.path, ""):
            wanted = holder[member]
            if not (creating and newer.sent):
                del holder[member]
            if wanted:
                needs = f"{newer.words} needs API {_say(newer.since)}, and it has {_say(api)}"
                detail = f"The Engine ignores this: {needs}."
                dropped.append(Unknown(pointer, detail))
    return dropped


def _find(node: Any, path: tuple[str, ...], pointer: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    member, rest = path[0], path[1:]
    if member == "*":
        for index, item in enumerate(node if isinstance(node, list) else ()):
            yield from _find(item, rest, f"{pointer}/{index}")
    elif isinstance(node, dict) and member in node:
        if rest:
            yield from _find(node[member], rest, f"{pointer}/{member}")
        else:
            yield f"{pointer}/{member}", node, member


def _say(version: ApiVersion) -> str:
    return f"{version[0]}.{version[1]}"
