"""Planning a stack: from what its file asks for and what runs, to what changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from crane_core.context import Crane
from crane_core.contributions import RegistryLogin
from crane_core.engine.data import DataKind
from crane_core.engine.records import Config, Network, Secret, Service
from crane_core.errors import Violation
from crane_core.orchestration.deployments import Logins, ResolveImage
from crane_core.orchestration.plans import existing
from crane_core.orchestration.plans.model import Change, Kind, Plan, Reason, digest
from crane_core.orchestration.plans.ports import find_holders, find_releasing
from crane_core.orchestration.plans.references import referred, rename
from crane_core.orchestration.plans.services import ServicePlanner
from crane_core.orchestration.stacks.desired import DesiredStack, Place
from crane_core.orchestration.stacks.diff import FieldChange
from crane_core.orchestration.stacks.formats import load
from crane_core.orchestration.stacks.formats.naming import PREDEFINED_NETWORKS
from crane_core.orchestration.stacks.formats.request import StackRequest
from crane_core.orchestration.stacks.versions import Version, choose_version, version_number
from crane_core.rules import judge_network
from crane_core.security import Identity

JSON = dict[str, Any]


# Where a Compose file says what a part of a spec says. Items of lists are sorted on the way, so only the list is named.
_CONTAINER = "/TaskTemplate/ContainerSpec"
_WRITTEN = {
    f"{_CONTAINER}/Image": "image",
    f"{_CONTAINER}/Mounts": "volumes",
    f"{_CONTAINER}/Env": "environment",
    f"{_CONTAINER}/CapabilityAdd": "cap_add",
    f"{_CONTAINER}/Sysctls": "sysctls",
    f"{_CONTAINER}/Privileges/CredentialSpec": "credential_spec",
    "/TaskTemplate/Networks": "networks",
    "/TaskTemplate/Placement": "deploy/placement",
    "/UpdateConfig": "deploy/update_config",
    "/EndpointSpec/Ports": "ports",
    "/Labels": "deploy/labels",
    "/Mode": "deploy/replicas",
}


@dataclass(frozen=True)
class Wish:
    """What somebody wants of a stack: the request, and how to carry it out.

    :param pinned: Images with their digests by the name of the service; each counts in place of what its tag means now.
    """

    request: StackRequest
    resolve_image: ResolveImage = "always"
    prune: bool = False
    logins: Mapping[str, RegistryLogin] = field(default_factory=dict, repr=False)
    timeout: float | None = None
    pinned: Mapping[str, str] = field(default_factory=dict)


def plan_stack(crane: Crane, identity: Identity, wish: Wish) -> Plan:
    """Plan a deployment of a stack.

    :raises InvalidStackFile: with everything that is wrong with the file.
    """
    desired = load(wish.request)
    return _StackPlanner(crane, identity, wish, desired).make()


class _StackPlanner:
    def __init__(self, crane: Crane, identity: Identity, wish: Wish, desired: DesiredStack) -> None:
        self.crane = crane
        self.identity = identity
        self.wish = wish
        self.desired = desired

    def make(self) -> Plan:
        """Make the plan from the Swarm as it is now."""
        self.snapshot = self.crane.watcher.fresh()
        self.services = ServicePlanner(
            self.crane,
            self.snapshot,
            self.identity,
            "stack",
            Logins(self.crane, self.wish.logins),
            self.wish.resolve_image,
            place=self._place,
            warnings=list(self.desired.warnings),
            pinned=self.wish.pinned,
        )
        self._adopted: dict[str, str] = {}
        self._chosen: dict[tuple[str, str], str] = {}
        self._existing: dict[tuple[str, str], str] = {}
        changes = [*self._networks(), *self._objects("config"), *self._objects("secret")]
        changes += self._plan_services(self._chosen)
        changes += self._left_over(changes)
        self._find_missing()
        leaving = {change.name for change in changes if change.kind == "service" and change.action == "remove"}
        self.services.refuse_clashes(self.desired.services, leaving)
        # The Swarm gives a port to a new service only after the old one is gone.
        holders = find_holders(self.desired.services, self.snapshot, leaving)
        changes = [
            replace(change, early=True) if change.kind == "service" and change.name in holders else change
            for change in changes
        ]
        return Plan(
            "stack.deploy",
            self.desired.name,
            self.desired.name,
            self.identity,
            changes,
            remake=self._remake,
            warnings=self.services.warnings,
            violations=self.services.violations,
            prune=self.wish.prune,
            timeout=self.wish.timeout,
            wish=self.wish,
            existing=self._existing,
            seen={
                f"{change.kind} {change.name}": change.based_on or str(change.id)
                for change in changes
                if change.id is not None
            },
        )

    def _remake(self, identity: Identity) -> Plan:
        # Loaded anew, because plugins change the specs of a plan in place.
        return plan_stack(self.crane, identity, self.wish)

    def _networks(self) -> list[Change]:
        changes = []
        for name, body in self.desired.networks.items():
            live = self.snapshot.network_named(name)
            plain = self.desired.adoptable_networks.get(name)
            if live is None and plain and (found := self.snapshot.network_named(plain)):
                # The format names networks of the Swarm and networks to be made in the same way.
                self._adopted[name] = found.name
                changes.append(Change("network", found.name, "keep", found.id))
            elif live is None:
                changes.append(Change("network", name, "create", body=body))
                self._judge_network(name, body)
            else:
                changes.append(Change("network", name, "keep", live.id))
                self._warn_of_network(name, body, live)
        return changes

    def _judge_network(self, name: str, body: Mapping[str, Any]) -> None:
        for found in judge_network(self.crane, self.identity, body, self.desired.name):
            pointer = f"{self._pointer_of('networks', name)}{found.pointer.lower()}"
            self.services.violations.append(self._locate(pointer, found.detail, found.code))

    def _warn_of_network(self, name: str, body: Mapping[str, Any], live: Network) -> None:
        compared = (
            ("driver", body.get("Driver") or "overlay", live.Driver),
            ("attachable", bool(body.get("Attachable")), live.Attachable),
            ("internal", bool(body.get("Internal")), live.Internal),
        )
        different = [word for word, wanted, present in compared if wanted != present]
        if different:
            detail = (
                f"The network {name} exists with another {' and '.join(different)}, and no network can be changed: "
                "it stays as it is. Remove the stack first if you need it changed."
            )
            self.services.warnings.append(self._locate(f"/networks/{self._short(name)}", detail, "network-differs"))

    def _objects(self, kind: DataKind) -> Iterator[Change]:
        """Plan configs or secrets; remembers in ``_chosen`` which version holds what the file asks for."""
        bodies = self.desired.configs if kind == "config" else self.desired.secrets
        live: Collection[Config | Secret] = (
            self.snapshot.configs.values() if kind == "config" else self.snapshot.secrets.values()
        )
        for name, body in bodies.items():
            # Whose it is not may not even learn whether it holds the same.
            own = [each for each in live if self._may_take(kind, name, each)]
            version = choose_version(self.crane.engine, kind, body, own, bodies)
            self._chosen[f"{kind}s", name] = version.name
            yield self._object_change(kind, name, body, version)

    def _may_take(self, kind: DataKind, plain: str, live: Config | Secret) -> bool:
        if not version_number(plain, live.name) or self.services.belongings.may_take(kind, live, self.desired.name):
            return True
        owner = f"the stack {live.stack}" if live.stack else "no stack"
        detail = f"The {kind} {live.name} exists already and belongs to {owner}. Give this one another name."
        pointer = self._pointer_of(f"{kind}s", plain)
        self.services.violations.append(self._locate(pointer, detail, "belongs-to-another"))
        return False

    @staticmethod
    def _object_change(kind: DataKind, plain: str, body: JSON, version: Version) -> Change:
        if version.live is None:
            body = {**body, "Name": version.name}
            if version.name == plain:
                return Change(kind, plain, "create", body=body)
            reason = Reason("new-content", "Its content is new.")
            return Change(kind, version.name, "create", body=body, reason=reason)
        live = version.live
        if not version.relabelled:
            return Change(kind, version.name, "keep", live.id, live.version)
        labels = FieldChange("/Labels", dict(live.labels), body.get("Labels"))
        return Change(
            kind,
            version.name,
            "update",
            live.id,
            live.version,
            body={"Name": version.name, "Labels": body.get("Labels")},
            fields=(labels,),
        )

    def _plan_services(self, chosen: Mapping[tuple[str, str], str]) -> list[Change]:
        specs = {name: dict(spec) for name, spec in self.desired.services.items()}
        for spec in specs.values():
            rename(spec, chosen)
            for attachment in (spec.get("TaskTemplate") or {}).get("Networks") or ():
                attachment["Target"] = self._adopted.get(attachment["Target"], attachment["Target"])
        self.services.resolve(specs)
        # The Swarm gives a port to one service only after the other has given it up.
        releasing = find_releasing(specs, self.snapshot)
        in_order = sorted(specs.items(), key=lambda item: item[0] not in releasing)
        stack = self.desired.name
        leaving = {each.name for each in self.snapshot.services_of(stack) if self.wish.prune} - specs.keys()
        self.services.prepare(dict(in_order), stack, leaving)
        return [self.services.change(name) for name, _ in in_order]

    def _left_over(self, planned: list[Change]) -> Iterator[Change]:
        """Plan what the stack has and its file no longer names: removed only when pruning."""
        mentioned = {(change.kind, change.name) for change in planned}
        stack = self.desired.name
        for service in self.snapshot.services_of(stack):
            if ("service", service.name) not in mentioned:
                yield self._leave("service", service, digest(service.spec))
        objects: tuple[tuple[Kind, Collection[Config | Secret | Network]], ...] = (
            ("config", self.snapshot.configs.values()),
            ("secret", self.snapshot.secrets.values()),
            ("network", self.snapshot.networks.values()),
        )
        own = [(kind, found) for kind, live in objects for found in live if found.stack == stack]
        unnamed = [(kind, found) for kind, found in own if (kind, found.name) not in mentioned]
        # To look through the specs of all services takes a while, and mostly there is nothing to look for.
        used = self._used_by_services(mentioned) if unnamed else set()
        for kind, found in unnamed:
            if (kind, found.name) not in used:
                yield self._leave(kind, found)

    def _leave(self, kind: Kind, live: Service | Config | Secret | Network, based_on: str = "") -> Change:
        version = None if isinstance(live, Network) else live.version
        if self.wish.prune:
            return Change(kind, live.name, "remove", live.id, version, based_on)
        reason = Reason("no-longer-named", "The file no longer names it; with prune it is removed.")
        return Change(kind, live.name, "keep", live.id, version, based_on, reason=reason)

    def _used_by_services(self, mentioned: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the configs, secrets and networks that services go on using, also for a rollback of them."""
        used: set[tuple[str, str]] = set()
        for service in self.snapshot.services.values():
            own = service.stack == self.desired.name
            if own and self.wish.prune and ("service", service.name) not in mentioned:
                continue
            for live in (service.spec, service.previous_spec):
                if live is None:
                    continue
                task = live.TaskTemplate
                used |= {("config", each.ConfigName) for each in task.ContainerSpec.Configs or ()}
                used |= {("secret", each.SecretName) for each in task.ContainerSpec.Secrets or ()}
                for attachment in (*(task.Networks or ()), *(live.Networks or ())):
                    network = self.snapshot.networks.get(attachment.Target)
                    used.add(("network", network.name if network else attachment.Target))
        for spec in self.desired.services.values():
            used |= {(kind.removesuffix("s"), name) for kind, name in referred(spec)}
        return used

    def _find_missing(self) -> None:
        """Object to references to networks, configs and secrets that are said to exist and do not."""
        for name in self.desired.external_networks:
            if name not in PREDEFINED_NETWORKS and not existing.is_network(self.crane, self.snapshot, name):
                detail = (
                    f"The network {name} is said to exist (external), but it does not. Create it first: "
                    f"docker network create --driver overlay {name}."
                )
                pointer = self._pointer_of("networks", name)
                self.services.violations.append(self._locate(pointer, detail, "external-missing"))
        wanted: tuple[tuple[DataKind, Collection[str]], ...] = (
            ("config", self.desired.external_configs),
            ("secret", self.desired.external_secrets),
        )
        for kind, names in wanted:
            for name in names:
                if found := existing.find_id(self.crane, self.snapshot, kind, name):
                    self._existing[f"{kind}s", name] = found
                else:
                    detail = f"The {kind} {name} is said to exist (external), but it does not. Create it first."
                    pointer = self._pointer_of(f"{kind}s", name)
                    self.services.violations.append(self._locate(pointer, detail, "external-missing"))

    def _short(self, name: str) -> str:
        return name.removeprefix(f"{self.desired.name}_")

    def _pointer_of(self, section: str, name: str) -> str:
        return f"/{section}/{self._short(name)}"

    def _place(self, service: str, found: Violation) -> Violation:
        """Tell where in the file a violation of a service's spec stands, as near as it is known."""
        own = f"/services/{self._short(service)}"
        for part, written in _WRITTEN.items():
            if found.pointer.startswith(part) and f"{own}/{written}" in self.desired.places:
                return self._locate(f"{own}/{written}", found.detail, found.code)
        return replace(self._locate(own, found.detail, found.code), path=f"{own}{found.pointer}")

    def _locate(self, pointer: str, detail: str, code: str) -> Violation:
        nearest, place = pointer, self.desired.places.get(pointer)
        while place is None and nearest:
            nearest = nearest.rpartition("/")[0]
            place = self.desired.places.get(nearest)
        place = place or Place("", None)
        return Violation(pointer, detail, place.line, place.file or None, code)
