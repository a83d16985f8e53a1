"""The requests of the Engine's API that are about services and tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crane_core.testing.answers import Refusal, Response, answer, refuse
from crane_core.testing.checks import check_service
from crane_core.testing.filters import joined, read_filters, with_labels
from crane_core.testing.orchestrator import networks_of
from crane_core.testing.records import ServiceRecord, Store, TaskRecord
from crane_core.testing.rollouts import image_of
from crane_core.testing.shapes import read

if TYPE_CHECKING:
    from crane_core.testing.orchestrator import Orchestrator

_ADJECTIVES = ("quiet", "brave", "early", "gentle", "keen", "lucid", "plain", "vivid")
_NOUNS = ("heron", "otter", "maple", "comet", "fjord", "ember", "lark", "reed")
_MODES = {"replicated": "Replicated", "global": "Global", "replicated-job": "ReplicatedJob", "global-job": "GlobalJob"}
_DESIRED = ("running", "shutdown", "accepted")


class Services:
    """List, create, change and remove services; list tasks."""

    def __init__(self, store: Store, orchestrator: Orchestrator) -> None:
        self._store = store
        self._orchestrator = orchestrator

    def list(self, params: Mapping[str, str]) -> Response:
        """Answer ``GET /services``."""
        filters = read_filters(params, ("id", "name", "label", "mode", "runtime"))
        status = params.get("status", "").lower() in ("1", "true")
        found: Iterable[ServiceRecord] = with_labels(self._store.services, filters)
        for name, matches in _SERVICE_FILTERS.items():
            if wanted := filters.get(name):
                found = [service for service in found if any(matches(service, value) for value in wanted)]
        return joined(service.encoded_with_status() if status else service.encoded() for service in found)

    def inspect(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``GET /services/{id}``."""
        return Response(200, self._store.services.get(name).encoded())

    def create(self, sent: dict[str, Any]) -> Response:
        """Answer ``POST /services/create``."""
        if not sent.get("Name"):
            sent = {**sent, "Name": self._new_name()}
        spec = self._read_spec(sent)
        check_service(self._store, sent, spec, None)
        self._resolve_networks(spec)
        body = {**self._store.meta(), "Spec": spec, "Endpoint": {"Spec": {}}}
        service = ServiceRecord(body)
        if service.is_job:
            body["JobStatus"] = {"JobIteration": {}, "LastExecution": self._store.agenda.stamp()}
        self._store.services.put(service)
        self._publish(service)
        self._store.tell("service", "create", service)
        self._orchestrator.reconcile(service)
        return answer({"ID": service.id}, 201)

    def update(self, name: str, params: Mapping[str, str], sent: dict[str, Any]) -> Response:
        """Answer ``POST /services/{id}/update``."""
        version = params.get("version", "")
        if not version.isdecimal():
            problem = "invalid syntax"
            raise Refusal(
                400, f"invalid service version '{version}': strconv.ParseUint: parsing \"{version}\": {problem}"
            )
        service = self._store.services.get(name)
        rollback = params.get("rollback", "")
        if rollback not in ("", "none", "previous"):
            raise Refusal(500, f"unrecognized rollback option {rollback}")
        if params.get("registryAuthFrom", "") not in ("", "spec", "previous-spec"):
            raise Refusal(500, "unsupported registryAuthFrom value")
        if rollback == "previous":
            self._check_version(service, int(version))
            self._roll_back(service)
        else:
            spec = self._read_spec(sent)
            self._check_version(service, int(version))
            self._check_change(service, spec)
            check_service(self._store, sent, spec, service)
            self._resolve_networks(spec)
            self._change(service, spec)
        return answer({"Warnings": None})

    def remove(self, name: str) -> Response:
        """Answer ``DELETE /services/{id}``."""
        service = self._store.services.get(name)
        self._store.services.drop(service)
        self._orchestrator.remove(service)
        self._store.tell("service", "remove", service)
        return Response(200)

    def list_tasks(self, params: Mapping[str, str]) -> Response:
        """Answer ``GET /tasks``."""
        names = ("id", "name", "service", "node", "label", "desired-state", "runtime", "_up-to-date")
        filters = read_filters(params, names)
        found: Iterable[TaskRecord] = self._store.tasks
        if "service" in filters:
            services = [self._store.services.get(name) for name in filters["service"]]
            found = [task for service in services for task in service.tasks.values()]
        if "node" in filters:
            nodes = {self._store.nodes.get(name).id for name in filters["node"]}
            found = [task for task in found if task.node_id in nodes]
        for state in filters.get("desired-state", ()):
            if state not in _DESIRED:
                raise Refusal(500, f"Invalid desired-state filter: '{state}'")
        if states := filters.get("desired-state"):
            found = [task for task in found if _desired_of(task) in states]
        for name, matches in _TASK_FILTERS.items():
            if wanted := filters.get(name):
                found = [task for task in found if any(matches(task, value) for value in wanted)]
        return joined(task.encoded() for task in with_labels(found, filters))

    def inspect_task(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``GET /tasks/{id}``."""
        return Response(200, self._store.tasks.get(name).encoded())

    def _new_name(self) -> str:
        number = len(self._store.services)
        return f"{_ADJECTIVES[number % 8]}_{_NOUNS[number // 8 % 8]}{number // 64 or ''}"

    @staticmethod
    def _read_spec(sent: dict[str, Any]) -> dict[str, Any]:
        """Return a spec as the Engine gives it back, with the mode filled in."""
        spec = read("ServiceSpec", sent)
        if not spec["Mode"]:
            spec["Mode"] = {"Replicated": {"Replicas": 1}}
        if (job := spec["Mode"].get("ReplicatedJob")) is not None:
            concurrent = job.get("MaxConcurrent", 1)
            spec["Mode"] = {
                "ReplicatedJob": {
                    "MaxConcurrent": concurrent,
                    "TotalCompletions": job.get("TotalCompletions", concurrent),
                }
            }
        return spec

    @staticmethod
    def _check_version(service: ServiceRecord, version: int) -> None:
        if version != service.version:
            raise refuse("Unknown", "update out of sequence", 500)

    @staticmethod
    def _check_change(service: ServiceRecord, spec: dict[str, Any]) -> None:
        if spec.get("Name", "") != service.name:
            raise refuse("Unimplemented", "renaming services is not supported", 501)
        if set(spec["Mode"]) != set(service.spec["Mode"]):
            raise refuse("Unimplemented", "service mode change is not allowed", 501)

    def _change(self, service: ServiceRecord, spec: dict[str, Any]) -> None:
        old = service.spec
        service.body.pop("UpdateStatus", None)
        self._replace(service, spec, _what_changed(old, spec))

    def _roll_back(self, service: ServiceRecord) -> None:
        previous = service.body.get("PreviousSpec")
        if previous is None:
            raise refuse("FailedPrecondition", f"service {service.id} does not have a previous spec", 400)
        was = (service.body.get("UpdateStatus") or {}).get("State")
        service.body["UpdateStatus"] = {
            "State": "rollback_started",
            "StartedAt": self._store.agenda.stamp(),
            "Message": "manually requested rollback",
        }
        states = {"updatestate.new": "rollback_started", **({"updatestate.old": was} if was else {})}
        self._replace(service, previous, {**_what_changed(service.spec, previous), **states})

    def _replace(self, service: ServiceRecord, spec: dict[str, Any], attributes: dict[str, str]) -> None:
        service.body["PreviousSpec"] = service.spec
        service.body["Spec"] = spec
        if service.is_job:
            iteration = service.iteration + 1
            stamp = self._store.agenda.stamp()
            service.body["JobStatus"] = {"JobIteration": {"Index": iteration}, "LastExecution": stamp}
            service.restarts.clear()
        service.tasks_changed()
        self._publish(service)
        self._store.touch(service)
        self._store.tell("service", "update", service, **attributes)
        self._orchestrator.reconcile(service)

    def _resolve_networks(self, spec: dict[str, Any]) -> None:
        """Put ids in the place of names, and refuse what does not exist."""
        for attachments in (spec["TaskTemplate"].get("Networks"), spec.get("Networks")):
            for attachment in attachments or ():
                attachment["Target"] = self._store.networks.get(attachment["Target"]).id

    def _publish(self, service: ServiceRecord) -> None:
        """Give a service its ports and virtual addresses."""
        endpoint = service.spec.get("EndpointSpec") or {}
        networks = networks_of(service, self._store)
        if not endpoint.get("Ports") and not networks:
            service.body["Endpoint"] = {"Spec": {}}
            return
        held = {_port_key(port): port for port in service.body["Endpoint"].get("Ports") or ()}
        addresses = {vip["NetworkID"]: vip["Addr"] for vip in service.body["Endpoint"].get("VirtualIPs") or ()}
        published: dict[str, Any] = {"Spec": endpoint or {"Mode": "vip"}}
        if ports := endpoint.get("Ports"):
            published["Ports"] = [self._with_number(port, held.get(_port_key(port))) for port in ports]
        if endpoint.get("Mode", "vip") == "vip":
            published["VirtualIPs"] = [
                {"NetworkID": network.id, "Addr": addresses.get(network.id) or network.next_address()}
                for network in networks
            ]
        service.body["Endpoint"] = published

    def _with_number(self, port: dict[str, Any], held: dict[str, Any] | None) -> dict[str, Any]:
        if "PublishedPort" in port or port["PublishMode"] == "host":
            return port
        if held is not None:
            return held
        used = {
            taken.get("PublishedPort")
            for service in self._store.services
            for taken in (service.body.get("Endpoint") or {}).get("Ports") or ()
        }
        return {**port, "PublishedPort": next(number for number in range(30000, 32768) if number not in used)}


def _port_key(port: dict[str, Any]) -> tuple[Any, ...]:
    return port.get("Name"), port["Protocol"], port["TargetPort"], port["PublishMode"]


def _desired_of(task: TaskRecord) -> str:
    return "running" if task.desired == "complete" else "accepted" if task.desired == "ready" else task.desired


def _what_changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """Return the attributes by which an event tells of a service's change."""
    told = {}
    if image_of(old) != image_of(new):
        told.update({"image.new": image_of(new), "image.old": image_of(old)})
    replicas = [spec["Mode"].get("Replicated", {}).get("Replicas") for spec in (old, new)]
    if replicas[0] != replicas[1]:
        told.update({"replicas.new": str(replicas[1]), "replicas.old": str(replicas[0])})
    return told


_SERVICE_FILTERS: Mapping[str, Callable[[ServiceRecord, str], bool]] = {
    "id": lambda service, value: service.id.startswith(value),
    "name": lambda service, value: service.name.startswith(value),
    "mode": lambda service, value: service.mode == _MODES.get(value),
}
_TASK_FILTERS: Mapping[str, Callable[[TaskRecord, str], bool]] = {
    "id": lambda task, value: task.id.startswith(value),
    "name": lambda task, value: task.name.startswith(value),
}
