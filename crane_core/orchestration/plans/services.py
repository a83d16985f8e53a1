"""What changes when a service gets a new spec: the same for stacks, forms, the command line and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from crane_core.context import Crane
from crane_core.contributions import Deployment, RegistryLogin, Violation
from crane_core.engine import placement
from crane_core.engine.cache import Snapshot
from crane_core.engine.parts import ServiceSpec
from crane_core.engine.records import Service
from crane_core.errors import NotFound
from crane_core.orchestration.deployments import Digests, Logins, ResolveImage, settle_deployment
from crane_core.orchestration.plans.model import Change, Plan, digest
from crane_core.orchestration.plans.references import by_name
from crane_core.orchestration.stacks.desired import IMAGE_LABEL
from crane_core.orchestration.stacks.diff import diff, moves_tasks, restarts_tasks, settle
from crane_core.security import Identity

JSON = dict[str, Any]


@dataclass
class ServicePlanner:
    """Works out the change of each service of one plan, and collects what is wrong or noteworthy.

    :param origin: The entry point, for the rules of plugins.
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

    def resolve(self, wanted: Mapping[str, JSON]) -> None:
        """Pin the images of several services to the content that their tags stand for now.

        :param wanted: The specs by name of service; their images are changed in place.
        """
        asked: dict[str, list[str]] = {}
        for name, spec in wanted.items():
            image = _image(spec)
            if self.resolve_image == "always" or (self.resolve_image == "changed" and not self._deployed(name, image)):
                asked.setdefault(image, []).append(name)
            elif kept := self._deployed(name, image):
                _set_image(spec, kept)
        answers = self.crane.room(Digests).resolve(asked, self.logins) if asked else {}
        for image, names in asked.items():
            answer = answers.get(image)
            if isinstance(answer, Violation):
                self.warnings.append(self.place(names[0], Violation("/TaskTemplate/ContainerSpec/Image", answer.detail)))
                answer = None
            for name in names:
                # What runs already keeps the digest that it has: not knowing better is no reason to restart it.
                if chosen := answer or self._deployed(name, image):
                    _set_image(wanted[name], chosen)

    def change(self, name: str, desired: JSON, stack: str | None) -> Change:
        """Work out the change of one service.

        :param desired: The whole spec wanted, referring to everything by name; plugins may change it.
        """
        live = self.snapshot.find_service(name)
        previous = _live_spec(self.crane, self.snapshot, live) if live else None
        deployment = Deployment(desired, previous, self.identity, stack, self.origin)
        for violation in settle_deployment(self.crane, deployment):
            self.violations.append(self.place(name, violation))
        image, login = deployment.image, self.logins.find(deployment.image)
        self._warn(name, desired)
        if live is None or previous is None:
            return Change("service", name, "create", body=desired, starts=True, image=image, login=login)
        sent = settle(desired, previous)
        fields = tuple(diff(previous, sent))
        based_on = digest(previous)
        if not fields:
            return Change("service", name, "keep", live.id, live.version, based_on, image=image)
        replaces, moves = restarts_tasks(previous, sent), moves_tasks(previous, sent)
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
            starts=replaces or moves or diff_mode(previous, sent),
            reason="Tasks on nodes that the new constraints forbid are moved." if moves else None,
            image=image,
            login=login,
        )

    def _deployed(self, name: str, image: str) -> str | None:
        """Return what a running service made of this image, digest included; None when it runs another."""
        live = self.snapshot.find_service(name)
        if live is None:
            return None
        asked = live.labels.get(IMAGE_LABEL) or live.image.partition("@")[0]
        return live.image if image in (asked, live.image) else None

    def _warn(self, name: str, desired: JSON) -> None:
        update = desired.get("UpdateConfig") or {}
        ports = (desired.get("EndpointSpec") or {}).get("Ports") or ()
        if update.get("Order") == "start-first" and any(port.get("PublishMode") == "host" for port in ports):
            detail = "A new task cannot start before the old one stops, because both want the same port of their node."
            self.warnings.append(self.place(name, Violation("/UpdateConfig/Order", detail)))
        if obstacle := _find_obstacle(desired, self.snapshot):
            self.warnings.append(self.place(name, Violation("/TaskTemplate/Placement", f"As things are: {obstacle}.")))


def plan_service(
    crane: Crane,
    identity: Identity,
    kind: str,
    name: str,
    wish: Callable[[JSON | None], JSON],
    *,
    logins: Mapping[str, RegistryLogin] | None = None,
    resolve_image: ResolveImage = "never",
    timeout: float | None = None,
) -> Plan:
    """Plan the change of one service.

    :param kind: The operation, as in ``service.scale``.
    :param wish: Given the live spec (None for a new service), returns the spec wanted; raises what is wrong with it.
    """

    def make() -> Plan:
        snapshot = crane.watcher.fresh()
        live = snapshot.find_service(name)
        if live is None and kind != "service.create":
            raise NotFound(f"There is no service {name}.")
        previous = _live_spec(crane, snapshot, live) if live else None
        desired = wish(previous)
        planner = ServicePlanner(crane, snapshot, identity, "service", Logins(crane, logins or {}), resolve_image)
        full_name = str(desired.get("Name", name))
        if previous is None or _image(desired) != _image(previous):
            planner.resolve({full_name: desired})
        stack = (desired.get("Labels") or {}).get("com.docker.stack.namespace") or None
        change = planner.change(full_name, desired, stack)
        return Plan(
            kind,
            full_name,
            stack,
            identity,
            [change],
            remake=make,
            warnings=planner.warnings,
            violations=planner.violations,
            timeout=timeout,
            seen={f"service {full_name}": change.based_on},
        )

    return make()


def _find_obstacle(desired: Mapping[str, Any], snapshot: Snapshot) -> str:
    """Say why no node would take a task of a service; empty when one would, or the spec is none."""
    try:
        spec = msgspec.convert(desired, ServiceSpec, strict=False)
    except msgspec.ValidationError:
        # The Engine will say what is wrong with it.
        return ""
    empty = replace(snapshot, tasks={})
    return placement.explain(spec, empty)


def diff_mode(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Tell whether the number of tasks or runs that a service asks for changes."""
    return bool(diff({"Mode": old.get("Mode")}, {"Mode": new.get("Mode")}))


def _live_spec(crane: Crane, snapshot: Snapshot, service: Service) -> JSON:
    return by_name(crane, snapshot, msgspec.json.decode(service.Spec))


def _image(spec: Mapping[str, Any]) -> str:
    return str(((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image", ""))


def _set_image(spec: JSON, image: str) -> None:
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = image
