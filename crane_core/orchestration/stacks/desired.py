"""A stack as somebody wants it, in the Engine's own JSON: what each file format is turned into.

Names in here are those of the Swarm (``shop_web``), not those of the file (``web``). References are by name: a
service's networks by ``Target``, its configs by ``ConfigName``, its secrets by ``SecretName``; the ids are filled in
when the plan is made, because only then it is known which version of a config is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crane_core.errors import Violation

STACK_LABEL = "com.docker.stack.namespace"
IMAGE_LABEL = "com.docker.stack.image"


@dataclass(frozen=True)
class Place:
    """Where in the sender's files something stands."""

    file: str
    line: int | None = None


@dataclass(frozen=True)
class DesiredStack:
    """Everything that the file of one stack asks for.

    :param name: The stack's name.
    :param networks: Bodies for ``POST /networks/create`` by full name.
    :param configs: Bodies for ``POST /configs/create`` by full name; ``Data`` is base64.
    :param secrets: Bodies for ``POST /secrets/create`` by full name; ``Data`` is base64.
    :param services: Bodies for ``POST /services/create`` by full name, in the order of the file.
    :param external_networks: Networks that must exist already.
    :param external_configs: Configs that must exist already.
    :param external_secrets: Secrets that must exist already.
    :param adoptable_networks: Plain names by full name (``shop_front``: ``front``) of those of ``networks`` that are
        made when no network of the plain name exists; where one does, the services use it instead.
    :param warnings: What the file says and Swarm will not do, with path, line and reason.
    :param places: Where each JSON pointer of the file's own structure stands (``/services/web/ports/0``).
    """

    name: str
    networks: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    configs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    secrets: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    services: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    external_networks: tuple[str, ...] = ()
    external_configs: tuple[str, ...] = ()
    external_secrets: tuple[str, ...] = ()
    adoptable_networks: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Violation, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
