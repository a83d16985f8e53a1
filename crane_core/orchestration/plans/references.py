"""References inside a service spec: networks, configs and secrets by name for people, by id for the Engine."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.errors import CraneError, EngineUnavailable

JSON = dict[str, Any]
HOST = "host"
_OBJECTS = (("Configs", "ConfigName", "ConfigID", "configs"), ("Secrets", "SecretName", "SecretID", "secrets"))


class NetworkNames:
    """The names of networks by id, those included that no list of the Swarm mentions.

    The room of one server. The Swarm's own copies of the predefined networks (``host``) are in no list, but services
    refer to them; they are asked for one by one, and remembered because such a network never changes.
    """

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._unlisted: dict[str, str] = {}

    def find(self, snapshot: Snapshot, network: str) -> str:
        """Return the name of a network by its name, its id or the beginning of that; what was given for none.

        :raises EngineUnavailable: rather than to call a network by a name that nobody checked.
        """
        if not network or snapshot.network_named(network) is not None:
            return network
        if known := snapshot.networks.get(network):
            return known.name
        if network not in self._unlisted:
            try:
                self._unlisted[network] = str(self._crane.engine.inspect("network", network)["Name"])
            except EngineUnavailable:
                raise
            except CraneError:
                return network
        return self._unlisted[network]

    def of_host(self, snapshot: Snapshot) -> frozenset[str]:
        """Return the names and ids of the networks that are a node's own."""
        unlisted = {network for network, name in self._unlisted.items() if name == HOST}
        listed = {word for each in snapshot.networks.values() if each.Driver == HOST for word in (each.id, each.name)}
        return frozenset({HOST, *unlisted, *listed})


def by_name(crane: Crane, snapshot: Snapshot, spec: Mapping[str, Any]) -> JSON:
    """Return a spec that refers to everything by name only."""
    named = copy.deepcopy(dict(spec))
    names = crane.room(NetworkNames)
    for attachment in _attachments(named):
        attachment["Target"] = names.find(snapshot, str(attachment.get("Target", "")))
    for reference, name, identifier, kind in _references(named):
        found = getattr(snapshot, kind).get(reference.pop(identifier, ""))
        if found is not None:
            reference[name] = found.name
    credential = _credential(named)
    if found := snapshot.configs.get(str(credential.get("Config"))):
        credential["Config"] = found.name
    return named


def with_ids(spec: Mapping[str, Any], ids: Mapping[tuple[str, str], str]) -> JSON:
    """Return a spec with the ids of its configs and secrets filled in; networks the Engine finds by name itself.

    :param ids: The ids by kind (``configs``, ``secrets``) and name.
    """
    filled = copy.deepcopy(dict(spec))
    for reference, name, identifier, kind in _references(filled):
        if known := ids.get((kind, str(reference.get(name, "")))):
            reference[identifier] = known
    credential = _credential(filled)
    if known := ids.get(("configs", str(credential.get("Config")))):
        credential["Config"] = known
    return filled


def rename(spec: JSON, names: Mapping[tuple[str, str], str]) -> None:
    """Let a spec refer to other versions of its configs and secrets.

    :param names: The new names by kind (``configs``, ``secrets``) and old name.
    """
    for reference, name, _, kind in _references(spec):
        reference[name] = names.get((kind, str(reference.get(name, ""))), reference.get(name))
    credential = _credential(spec)
    if isinstance(credential.get("Config"), str):
        credential["Config"] = names.get(("configs", credential["Config"]), credential["Config"])


def referred(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the configs and secrets that a spec refers to, as kind and name."""
    for reference, name, _, kind in _references(dict(spec)):
        yield kind, str(reference.get(name, ""))


def _container(spec: Mapping[str, Any]) -> JSON:
    return (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}


def _credential(spec: Mapping[str, Any]) -> JSON:
    """Return the credential spec of a Windows service, which names its config without saying so elsewhere."""
    return (_container(spec).get("Privileges") or {}).get("CredentialSpec") or {}


def _attachments(spec: JSON) -> list[JSON]:
    return [*((spec.get("TaskTemplate") or {}).get("Networks") or ()), *(spec.get("Networks") or ())]


def _references(spec: JSON) -> Iterator[tuple[JSON, str, str, str]]:
    for member, name, identifier, kind in _OBJECTS:
        for reference in _container(spec).get(member) or ():
            yield reference, name, identifier, kind
