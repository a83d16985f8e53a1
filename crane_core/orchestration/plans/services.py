"""What changes when a service gets a new spec: the same for stacks, forms, the command line and webhooks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec

from crane_core.context import Crane
from crane_core.contributions import Deployment, RegistryLogin
from crane_core.engine import placement
from crane_core.engine.cache import Snapshot
from crane_core.engine.compatibility import drop_unknown
from crane_core.engine.parts import ServiceSpec
from crane_core.engine.records import Service
from crane_core.errors import NotFound, Violation
from crane_core.orchestration.deployments import (
    Digests,
    Logins,
    ResolveImage,
    Unresolved,
    judge_deployment,
    mutate_deployment,
    same_image,
)
from crane_core.orchestration.plans.belongings import Belongings
from crane_core.orchestration.plans.model import Change, Plan, Reason, digest
from crane_core.orchestration.plans.ports import find_clashes
from crane_core.orchestration.plans.references import NetworkNames, by_name
from crane_core.orchestration.stacks.desired import STACK_LABEL
from crane_core.orchestration.stacks.diff import diff, force, moves_tasks, restarts_tasks, settle
from crane_core.orchestration.stacks.formats.document import sentence_of
from crane_core.security import Identity

JSON = dict[str, Any]
# An update that stopped on the way and waits for somebody.
PAUSED = frozenset({"paused", "rollback_paused"})


@dataclass
class ServicePlanner:
    """Works out the change of each service of one plan, and collects what is wrong or noteworthy.

    :param origin: The entry point, for the rules of plugins.
    :param pinned: Images with their digests by service, for images whose tags are not to be looked up.
    :param place: Turns a pointer into a service's spec into one that the sender understands.
    """

    crane: Crane
    snapshot: Snapshot
    identity: Identity
    origin: str
    logins: Logins
    resolve_image: ResolveImage = "always"
    place: Callable[[str, Violation], Violation] = field(default=lambda service, violation: violation)
    warnings: list[Violation] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    pinned: Mapping[str, str] = field(default_factory=dict)
    _prepared: dict[str, Deployment] = field(default_factory=dict)
    # On a thousand nodes a constraint that none of them meets takes a while to find out.
    _obstacles: dict[str, str] = field(default_factory=dict)

    def resolve(self, wanted: Mapping[str, JSON]) -> None:
        """Pin the images of several services to the content that their tags stand for now.

        :param wanted: The specs by name of service; their images are changed in place.
        """
        asked: dict[str, list[str]] = {}
        for name, spec in wanted.items():
            image, kept = _image(spec), self._deployed(name, _image(spec))
            pinned = self.pinned.get(name)
            if pinned is not None and "@" not in image and same_image(image, pinned):
                _set_image(spec, pinned)
            elif self.resolve_image == "always" or (self.resolve_image == "changed" and kept is None):
                asked.setdefault(image, []).append(name)
            elif kept is not None:
                _set_image(spec, kept)
        answers = self.crane.room(Digests).resolve(asked, self.logins) if asked else {}
        for image, names in asked.items():
            answer = answers.get(image)
            if isinstance(answer, Unresolved):
                detail = (
                    f"The digest of {image} is unknown ({answer.reason}), so each node takes what the tag means to it."
                )
                if len(names) > 1:
                    detail += f" This concerns {sentence_of(names)}."
                self.warnings.append(
                    self.place(names[0], Violation("/TaskTemplate/ContainerSpec/Image", detail, code="digest-unknown"))
                )
            for name in names:
                # What runs already keeps the digest that it has: not knowing better is no reason to restart it.
                if chosen := answer if isinstance(answer, str) else self._deployed(name, image):
                    _set_image(wanted[name], chosen)

    def refuse_clashes(self, wanted: Mapping[str, JSON], leaving: Collection[str] = ()) -> None:
        """Object to ports that more than one service would publish.

        A stack file that clashes with itself was refused when it was loaded, unless its variables made it so: then that
        is a warning here too, and the Engine has the last word.
        """
        for clash in find_clashes(wanted, self.snapshot, leaving):
            found = self.place(
                clash.service, Violation(f"/EndpointSpec/Ports/{clash.index}", clash.detail, code=clash.code)
            )
            if not clash.within or self.origin != "stack":
                self.violations.append(found)
            elif not any(each.pointer.startswith(found.pointer) for each in self.warnings):
                self.warnings.append(found)

    def prepare(self, wanted: Mapping[str, JSON], stack: str | None, leaving: Collection[str] = ()) -> None:
        """Let plugins change all services of the plan, before any of them is judged.

        :param wanted: The whole specs by name of service, referring to everything by name; changed in place.
        :param leaving: The names of services that the plan removes.
        """
        together: list[Deployment] = []
        for name, desired in wanted.items():
            live = self.snapshot.service_named(name)
            previous = live_spec(self.crane, self.snapshot, live) if live else None
            deployment = Deployment(desired, previous, self.identity, stack, self.origin, together, leaving)
            together.append(deployment)
            self._prepared[name] = deployment
            mutate_deployment(self.crane, deployment)

    def change(self, name: str) -> Change:
        """Work out the change of one service that was prepared."""
        deployment = self._prepared[name]
        desired, stack = deployment.spec, deployment.stack
        live = self.snapshot.service_named(name)
        previous = live_spec(self.crane, self.snapshot, live) if live else None
        for violation in judge_deployment(self.crane, deployment, self._host_networks):
            self.violations.append(self.place(name, violation))
        for violation in self.belongings.refuse(desired, stack):
            self.violations.append(self.place(name, violation))
        image, login = deployment.image, self.logins.find(deployment.image)
        if live is not None and self.origin == "stack" and live.stack != stack:
            self.violations.append(self.place(name, _say_whose(live)))
        for unknown in drop_unknown(desired, self.crane.engine.api, creating=live is None):
            self.warnings.append(self.place(name, Violation(unknown.pointer, unknown.detail, code="engine-too-old")))
        self._warn(name, desired)
        if live is None or previous is None:
            return Change("service", name, "create", body=desired, starts=True, image=image, login=login)
        _settle_platforms(desired, previous)
        sent = settle(desired, previous)
        fields = tuple(diff(previous, sent))
        based_on = digest(previous)
        reason = None
        if not fields and live.update_state in PAUSED:
            # The same spec again would be taken for the update that is paused, and passed over.
            sent = force(sent)
            fields = tuple(diff(previous, sent))
            reason = Reason("update-paused", "Its last update was paused; forcing it makes it go on.")
        if not fields:
            return Change("service", name, "keep", live.id, live.version, based_on, image=image)
        replaces, moves = restarts_tasks(previous, sent), moves_tasks(previous, sent)
        if moves:
            reason = Reason("tasks-move", "Tasks on nodes that the new constraints forbid are moved.")
        return Change(
            "service",
            name,
            "update",
            live.id,
            live.version,
            based_on,
            body=sent,
            fields=fields,
            restarts=live.tasks_running if replaces else 0,
            replaces=replaces,
            starts=replaces or moves or _changes_mode(previous, sent),
            reason=reason,
            image=image,
            login=login,
        )

    @cached_property
    def belongings(self) -> Belongings:
        """Whose it is what services would use."""
        return Belongings(self.crane, self.snapshot, self.identity)

    @cached_property
    def _host_networks(self) -> frozenset[str]:
        return self.crane.room(NetworkNames).of_host(self.snapshot)

    @cached_property
    def _idle(self) -> Snapshot:
        """The Swarm without its tasks: those of the service itself make room for the new ones."""
        return replace(self.snapshot, tasks={}, _indexes={})

    def _deployed(self, name: str, image: str) -> str | None:
        """Return what a live service made of this image, digest included; None when it has another."""
        live = self.snapshot.service_named(name)
        return live.image if live is not None and "@" not in image and same_image(image, live.image) else None

    def _warn(self, name: str, desired: JSON) -> None:
        update = desired.get("UpdateConfig") or {}
        ports = (desired.get("EndpointSpec") or {}).get("Ports") or ()
        if update.get("Order") == "start-first" and any(port.get("PublishMode") == "host" for port in ports):
            detail = "A new task cannot start before the old one stops, because both want the same port of their node."
            self.warnings.append(
                self.place(name, Violation("/UpdateConfig/Order", detail, code="start-first-on-host-port"))
            )
        if obstacle := self._find_obstacle(desired):
            detail = f"As things are: {obstacle}."
            self.warnings.append(
                self.place(name, Violation("/TaskTemplate/Placement", detail, code="no-suitable-node"))
            )

    def _find_obstacle(self, desired: Mapping[str, Any]) -> str:
        """Say why no node would take a task of a service; empty when one would, or the spec is none."""
        task = desired.get("TaskTemplate") or {}
        asked = repr([task.get("Placement"), task.get("Resources"), desired.get("EndpointSpec")])
        if asked not in self._obstacles:
            try:
                spec = msgspec.convert(desired, ServiceSpec, strict=False)
            except msgspec.ValidationError:
                # The Engine will say what is wrong with it.
                return ""
            self._obstacles[asked] = placement.explain(spec, self._idle)
        return self._obstacles[asked]


def plan_service(
    crane: Crane,
    identity: Identity,
    kind: str,
    name: str,
    wish: Callable[[JSON | None], JSON],
    *,
    logins: Mapping[str, RegistryLogin] | None = None,
    resolve_image: ResolveImage = "always",
    timeout: float | None = None,
    require: Callable[[Service], None] = lambda live: None,
) -> Plan:
    """Plan the change of one service.

    :param kind: The operation, as in ``service.scale``.
    :param name: Its exact name.
    :param wish: Given the live spec (None for a new service), returns the spec wanted; raises what is wrong with it.
    :param resolve_image: When an image's digest is looked up; never where the image is not touched.
    :param require: Raises when the live service is not the one that the caller meant.
    """

    def make(identity: Identity, require: Callable[[Service], None] = lambda live: None) -> Plan:
        snapshot = crane.watcher.fresh()
        live = snapshot.service_named(name)
        if live is None and kind != "service.create":
            raise NotFound(f"There is no service {name}.")
        if live is not None:
            require(live)
        previous = live_spec(crane, snapshot, live) if live else None
        desired = by_name(crane, snapshot, wish(copy.deepcopy(previous)))
        planner = ServicePlanner(crane, snapshot, identity, "service", Logins(crane, logins or {}), resolve_image)
        if previous is None or kind == "service.image" or _image(desired) != _image(previous):
            planner.resolve({name: desired})
        planner.refuse_clashes({name: desired})
        stack = (desired.get("Labels") or {}).get(STACK_LABEL) or None
        planner.prepare({name: desired}, stack)
        change = planner.change(name)
        return Plan(
            kind,
            name,
            stack,
            identity,
            [change],
            remake=make,
            warnings=planner.warnings,
            violations=planner.violations,
            timeout=timeout,
            seen={f"service {name}": change.based_on},
        )

    return make(identity, require)


def live_spec(crane: Crane, snapshot: Snapshot, service: Service) -> JSON:
    """Return the spec of a live service, referring to everything by name."""
    return by_name(crane, snapshot, msgspec.json.decode(service.Spec))


def _say_whose(live: Service) -> Violation:
    """Object to a service that a stack would take from somebody else, because names are put together alike."""
    owner = f"belongs to the stack {live.stack}" if live.stack else "belongs to no stack"
    detail = f"There is a service {live.name} already, which {owner}. Rename or remove one of them."
    return Violation("/Name", detail, code="service-of-another")


def _changes_mode(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Tell whether the number of tasks or runs that a service asks for changes."""
    return bool(diff({"Mode": old.get("Mode")}, {"Mode": new.get("Mode")}))


def _settle_platforms(desired: JSON, previous: Mapping[str, Any]) -> None:
    """Keep the platforms that the docker CLI noted for an image with that image, and drop them with another one.

    No stack file names them, and those of another image would keep tasks from the nodes that could run it.
    """
    noted = ((previous.get("TaskTemplate") or {}).get("Placement") or {}).get("Platforms")
    if not noted:
        return
    task = desired["TaskTemplate"]
    rules = dict(task.get("Placement") or {})
    if _image(desired) == _image(previous):
        rules.setdefault("Platforms", noted)
    elif rules.get("Platforms") == noted:
        del rules["Platforms"]
    task["Placement"] = rules


def _image(spec: Mapping[str, Any]) -> str:
    return str(((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image", ""))


def _set_image(spec: JSON, image: str) -> None:
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = image
