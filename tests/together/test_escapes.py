"""Every way out of a container, by every entry point: an operator is refused, whoever may exceed the policy is not.

The table of entry points is compared with the routes, so that a new one must be added to it.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine import policy
from crane_core.plugins import discover
from crane_core.security import Identity, Target, Vote, guard_of
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.plugins import make_plugin

JSON = dict[str, Any]
LABEL = "com.docker.stack.namespace"
PLAIN = "nginx:1"
REGISTRY = "registry-not-allowed"


@dataclass(frozen=True)
class Escape:
    """Something that an operator may not ask for.

    :param code: What its violation is called.
    :param task: What is merged into a task template.
    :param compose: The same in a Compose file's service; None where such a file cannot say it.
    :param top: What stands beside the services of that file.
    :param kept: Whether the Swarm in memory keeps it, which is an old Engine that forgets what is newer.
    """

    code: str
    task: JSON
    compose: JSON | None = None
    top: JSON | None = None
    kept: bool = True

    @property
    def image(self) -> str:
        """The image of its service."""
        return str(self.task.get("ContainerSpec", {}).get("Image", PLAIN))

    def spec(self, name: str, stack: str) -> JSON:
        """Return the spec of a service that asks for it."""
        return _service(name, stack, self.task)

    def file(self) -> JSON | None:
        """Return a Compose file that asks for it."""
        if self.compose is None:
            return None
        return {"services": {"web": {"image": self.image, **self.compose}}, **(self.top or {})}

    def bundle(self) -> JSON:
        """Return a Crane bundle that asks for it."""
        service = _service("web", "", self.task)
        del service["Labels"]
        return {"Namespace": "shop", "Stack": {"Version": "0.1", "Services": {"web": service}}}

    def dab(self) -> JSON | None:
        """Return a distributed application bundle that asks for it: all that one can choose is the image."""
        if self.code != REGISTRY:
            return None
        return {"Version": "0.1", "Services": {"web": {"Image": self.image}}}


def _service(name: str, stack: str, task: JSON) -> JSON:
    container = {"Image": PLAIN, **task.get("ContainerSpec", {})}
    return {"Name": name, "Labels": {LABEL: stack}, "TaskTemplate": {**task, "ContainerSpec": container}}


def _container(**members: Any) -> JSON:
    return {"ContainerSpec": members}


def _mount(**members: Any) -> JSON:
    return _container(Mounts=[{"Target": "/x", **members}])


def _volume(**options: str) -> JSON:
    return _mount(Type="volume", Source="own", VolumeOptions={"DriverConfig": {"Name": "local", "Options": options}})


def _compose_volume(**options: str) -> JSON:
    return {"volumes": {"own": {"driver": "local", "driver_opts": options}}}


BIND = {"type": "none", "o": "bind", "device": "/etc"}
OVERLAY = {"type": "overlay", "o": "lowerdir=/etc", "device": "overlay"}
ESCAPES = {
    "a directory of the node": Escape(
        policy.HOST_MOUNTS, _mount(Type="bind", Source="/etc"), {"volumes": ["/etc:/x"]}
    ),
    "a path by a template": Escape(
        policy.HOST_MOUNTS,
        _mount(Type="bind", Source="/srv/{{.Node.Hostname}}"),
        {"volumes": ["/srv/{{.Node.Hostname}}:/x"]},
    ),
    "the socket of the Engine": Escape(
        policy.DOCKER_SOCKET,
        _mount(Type="bind", Source="/var/run/docker.sock"),
        {"volumes": ["/var/run/docker.sock:/x"]},
    ),
    "a volume that binds": Escape(
        policy.HOST_MOUNTS, _volume(**BIND), {"volumes": ["own:/x"]}, _compose_volume(**BIND)
    ),
    "a volume that overlays": Escape(
        policy.HOST_MOUNTS, _volume(**OVERLAY), {"volumes": ["own:/x"]}, _compose_volume(**OVERLAY)
    ),
    "a volume of another driver": Escape(
        policy.VOLUME_DRIVERS,
        _mount(Type="volume", Source="own", VolumeOptions={"DriverConfig": {"Name": "vieux/sshfs"}}),
        {"volumes": ["own:/x"]},
        {"volumes": {"own": {"driver": "vieux/sshfs"}}},
    ),
    "a named pipe": Escape(
        policy.NAMED_PIPES,
        _mount(Type="npipe", Source="\\\\.\\pipe\\docker_engine"),
        {"volumes": [{"type": "npipe", "source": "\\\\.\\pipe\\docker_engine", "target": "/x"}]},
    ),
    "a capability": Escape(policy.CAPABILITIES, _container(CapabilityAdd=["NET_ADMIN"]), {"cap_add": ["NET_ADMIN"]}),
    "a parameter of the kernel": Escape(
        policy.SYSCTLS, _container(Sysctls={"net.core.somaxconn": "1"}), {"sysctls": {"net.core.somaxconn": "1"}}
    ),
    "the network of the node": Escape(
        policy.HOST_NETWORK,
        {"Networks": [{"Target": "host"}]},
        {"networks": ["own"]},
        {"networks": {"own": {"external": True, "name": "host"}}},
    ),
    "a network on a card of the node": Escape(
        policy.NETWORK_DRIVERS,
        {},
        {"networks": ["own"]},
        {"networks": {"own": {"driver": "macvlan", "driver_opts": {"parent": "eth0"}}}},
    ),
    "no seccomp": Escape(
        policy.SECURITY_OPTIONS, _container(Privileges={"Seccomp": {"Mode": "unconfined"}}), kept=False
    ),
    "no AppArmor": Escape(
        policy.SECURITY_OPTIONS, _container(Privileges={"AppArmor": {"Mode": "disabled"}}), kept=False
    ),
    "another SELinux context": Escape(
        policy.SECURITY_OPTIONS, _container(Privileges={"SELinuxContext": {"Disable": True}})
    ),
    "credentials of a domain": Escape(
        policy.CREDENTIAL_SPECS,
        _container(Privileges={"CredentialSpec": {"File": "spec.json"}}),
        {"credential_spec": {"file": "spec.json"}},
    ),
    "a log into a socket": Escape(
        policy.HOST_MOUNTS,
        {"LogDriver": {"Name": "syslog", "Options": {"syslog-address": "unixgram:///dev/log"}}},
        {"logging": {"driver": "syslog", "options": {"syslog-address": "unixgram:///dev/log"}}},
    ),
    "an image from elsewhere": Escape(REGISTRY, _container(Image="evil.example.com/x:1"), {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def swarm() -> MemorySwarm:
    """The Swarm of all rows."""
    return MemorySwarm(nodes=2)


@pytest.fixture(scope="module")
def app(swarm: MemorySwarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A server with the history; an operator may change every stack, an admin may exceed the policy besides."""

    def crane_authenticate(request: Any) -> Identity | None:
        name = request.headers.get("Authorization")
        return Identity(name) if name else None

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        return Vote(identity.name == "admin" or action != "policy:exceed", "operators may not")

    wanted = [plugin for plugin in discover() if plugin.name in ("database", "history")]
    made = application.create_app(
        {
            "server.data_directory": str(tmp_path_factory.mktemp("data")),
            "policy.allowed_registries_of_others": ["docker.io"],
            "watch.short_seconds": 0.02,
        },
        environ={},
        plugins=[*wanted, make_plugin("rights", crane_authenticate, crane_authorize)],
        transport=MemoryAdapter(swarm),
    )
    made.extensions["crane"].watcher.look()
    application.start(made)
    yield made
    application.stop(made)


_NUMBERS = itertools.count()


class Row:
    """One entry point and one escape: a stack of its own, prepared by an admin."""

    def __init__(self, app: Flask, swarm: MemorySwarm, escape: Escape) -> None:
        self.client = app.test_client()
        self.crane: Crane = app.extensions["crane"]
        self.swarm = swarm
        self.escape = escape
        self.stack = f"s{next(_NUMBERS)}"
        self.service = f"{self.stack}_web"
        # What was there before the request that counts, and after an admin's preparations.
        self.left: list[JSON] = []

    def specs(self) -> list[JSON]:
        """Return the specs of the stack's services."""
        return [self.swarm.service(self.service)["Spec"]] if self.service in self.swarm.services else []

    def send(self, who: str, method: str, path: str, body: Any = None) -> TestResponse:
        """Send a request as somebody."""
        self.left = self.specs()
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers={"Authorization": who})

    def run(self, *tasks: JSON) -> None:
        """Let a service run with one task template after the other, as an admin has left it."""
        for task in tasks:
            spec = _service(self.service, self.stack, task)
            if task is tasks[0]:
                self.crane.engine.create("service", spec)
            else:
                live = self.crane.engine.inspect("service", self.service)
                self.crane.engine.update("service", live["ID"], live["Version"]["Index"], spec)
        self.crane.watcher.look(full=True)

    def clear(self) -> None:
        """Remove the services and networks of the stack, whoever made them."""
        for name in self.swarm.services:
            if name == self.service:
                self.crane.engine.remove("service", self.swarm.service(name)["ID"])
        self.swarm.settle()
        for network in self.crane.engine.read_json("/networks"):
            if network["Name"].startswith(f"{self.stack}_"):
                self.crane.engine.remove("network", network["Id"])
        self.crane.watcher.look(full=True)

    def deploy(self, who: str, file: JSON) -> TestResponse:
        """Deploy a file."""
        return self.send(who, "PUT", f"/stacks/{self.stack}", _files(file))

    def deployed(self, file: JSON) -> None:
        """Have an admin deploy a file."""
        answer = self.deploy("admin", file)
        assert answer.status_code == 202, answer.json


def _files(file: JSON) -> JSON:
    # JSON is YAML too.
    return {"files": [{"name": "stack.yml", "content": json.dumps(file)}], "resolve_image": "never"}


Entry = Callable[[Row, str], TestResponse | None]
ENTRIES: dict[str, tuple[str, Entry]] = {}


def entry(route: str) -> Callable[[Entry], Entry]:
    """Enter a function into the table: it asks for an escape as somebody, by a route.

    It returns None where that entry point cannot ask for such a thing.
    """

    def add(function: Entry) -> Entry:
        ENTRIES[function.__name__.replace("_", " ").strip()] = (route, function)
        return function

    return add


@entry("PUT /api/v1/stacks/<name>")
def compose_file(row: Row, who: str) -> TestResponse | None:
    file = row.escape.file()
    return row.deploy(who, file) if file else None


@entry("PUT /api/v1/stacks/<name>")
def compose_file_that_changes(row: Row, who: str) -> TestResponse | None:
    file = row.escape.file()
    if file is None:
        return None
    row.deployed({"services": {"web": {"image": PLAIN}}})
    return row.deploy(who, file)


@entry("PUT /api/v1/stacks/<name>")
def bundle(row: Row, who: str) -> TestResponse | None:
    return row.deploy(who, row.escape.bundle()) if row.escape.task else None


@entry("PUT /api/v1/stacks/<name>")
def distributed_application_bundle(row: Row, who: str) -> TestResponse | None:
    file = row.escape.dab()
    return row.deploy(who, file) if file else None


@entry("POST /api/v1/stacks/<name>/plan")
def plan_and_apply(row: Row, who: str) -> TestResponse | None:
    file = row.escape.file()
    if file is None:
        return None
    plan = row.send(who, "POST", f"/stacks/{row.stack}/plan", _files(file)).json
    return row.send(who, "POST", f"/plans/{plan['id']}/apply")


@entry("POST /api/v1/plans/<plan_id>/apply")
def plan_of_an_admin(row: Row, who: str) -> TestResponse | None:
    file = row.escape.file()
    if file is None:
        return None
    plan = row.send("admin", "POST", f"/stacks/{row.stack}/plan", _files(file)).json
    return row.send(who, "POST", f"/plans/{plan['id']}/apply")


@entry("POST /api/v1/plans/<plan_id>/apply")
def plan_of_an_admin_for_a_service(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task:
        return None
    spec = row.escape.spec(row.service, row.stack)
    plan = row.send("admin", "POST", "/services?plan=true", spec).json
    return row.send(who, "POST", f"/plans/{plan['id']}/apply")


@entry("POST /api/v1/services")
def service_create(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task:
        return None
    return row.send(who, "POST", "/services", row.escape.spec(row.service, row.stack))


@entry("PATCH /api/v1/services/<name>")
def service_patch(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task or not row.escape.kept:
        return None
    row.run({})
    return row.send(who, "PATCH", f"/services/{row.service}", {"TaskTemplate": copy.deepcopy(row.escape.task)})


@entry("PATCH /api/v1/services/<name>")
def service_patch_of_something_else(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task or not row.escape.kept:
        return None
    row.run(row.escape.task)
    command = {"TaskTemplate": {"ContainerSpec": {"Command": ["cat", "/x/shadow"]}}}
    return row.send(who, "PATCH", f"/services/{row.service}", command)


@entry("POST /api/v1/services/<name>/image")
def image(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task or not row.escape.kept:
        return None
    row.run(row.escape.task)
    wanted = row.escape.image.replace(":1", ":2")
    return row.send(who, "POST", f"/services/{row.service}/image", {"image": wanted, "resolve_image": "never"})


@entry("POST /api/v1/services/<name>/scale")
def scale(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task or not row.escape.kept:
        return None
    row.run(row.escape.task)
    return row.send(who, "POST", f"/services/{row.service}/scale", {"replicas": 3})


@entry("POST /api/v1/services/<name>/force")
def force(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task or not row.escape.kept:
        return None
    row.run(row.escape.task)
    return row.send(who, "POST", f"/services/{row.service}/force")


@entry("POST /api/v1/services/<name>/rollback")
def service_rollback(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task or not row.escape.kept:
        return None
    row.run(row.escape.task, {})
    return row.send(who, "POST", f"/services/{row.service}/rollback")


@entry("POST /api/v1/stacks/<name>/rollback")
def stack_rollback(row: Row, who: str) -> TestResponse | None:
    if not row.escape.task or not row.escape.kept:
        return None
    row.run(row.escape.task, {})
    return row.send(who, "POST", f"/stacks/{row.stack}/rollback")


@entry("POST /api/v1/stacks/<name>/revisions/<int:number>/rollback")
def return_to_a_revision(row: Row, who: str) -> TestResponse | None:
    file = row.escape.file()
    if file is None:
        return None
    _leave_revisions(row, file)
    return row.send(who, "POST", f"/stacks/{row.stack}/revisions/1/rollback", {})


@entry("POST /api/v1/stacks/<name>/revisions/<int:number>/plan")
def plan_of_a_revision(row: Row, who: str) -> TestResponse | None:
    file = row.escape.file()
    if file is None:
        return None
    _leave_revisions(row, file)
    plan = row.send(who, "POST", f"/stacks/{row.stack}/revisions/1/plan", {}).json
    return row.send(who, "POST", f"/plans/{plan['id']}/apply")


@entry("POST /api/v1/secrets/<name>/rotate")
def rotate_secret(row: Row, who: str) -> TestResponse | None:
    return _rotate(row, who, "secret")


@entry("POST /api/v1/configs/<name>/rotate")
def rotate_config(row: Row, who: str) -> TestResponse | None:
    return _rotate(row, who, "config")


def _rotate(row: Row, who: str, kind: str) -> TestResponse | None:
    """Rotate what a service uses that an admin has left with the escape."""
    if not row.escape.task or not row.escape.kept:
        return None
    name = f"{row.stack}_data"
    id_ = row.crane.engine.create(kind, {"Name": name, "Data": "YQ==", "Labels": {LABEL: row.stack}})
    file = {"Name": "x", "UID": "0", "GID": "0", "Mode": 0o444}
    word = kind.capitalize()
    reference = {f"{word}ID": id_, f"{word}Name": name, "File": file}
    container = {**row.escape.task.get("ContainerSpec", {}), f"{word}s": [reference]}
    row.run({**row.escape.task, "ContainerSpec": container})
    return row.send(who, "POST", f"/{kind}s/{name}/rotate", {"content": "b"})


def _leave_revisions(row: Row, file: JSON) -> None:
    """Leave a first revision with the escape, and nothing of it in the Swarm."""
    row.deployed(file)
    row.clear()


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("way", ENTRIES)
def test_escape_is_refused_to_an_operator_and_not_to_an_admin(
    app: Flask, swarm: MemorySwarm, way: str, escape: str
) -> None:
    found, ask = ESCAPES[escape], ENTRIES[way][1]
    row, other = Row(app, swarm, found), Row(app, swarm, found)
    refused = ask(row, "operator")
    if refused is None:
        return
    told = refused.json or {}
    assert (refused.status_code, told.get("code")) == (422, "plan-refused"), told
    assert found.code in {error.get("code") for error in told["errors"]}
    assert all("administrator" in error["detail"] for error in told["errors"])
    assert row.left == row.specs()

    admin = ask(other, "admin")
    assert admin is not None
    assert admin.status_code in (200, 202), admin.json
    assert other.left != other.specs()
    row.clear()
    other.clear()


def test_table_names_every_route_that_changes_services_or_stacks(tmp_path: Path) -> None:
    made = application.create_app(
        {"server.data_directory": str(tmp_path)}, environ={}, transport=MemoryAdapter(MemorySwarm(nodes=1))
    )
    changing = {
        f"{method} {rule.rule}"
        for rule in made.url_map.iter_rules()
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH"}
        if changes(str(getattr(guard_of(made.view_functions[rule.endpoint]), "action", "")))
    }

    assert {route for route, _ in ENTRIES.values()} == changing


def changes(action: str) -> bool:
    """Tell whether whoever holds an action may have services made or changed."""
    return action in CHANGING


CHANGING = {f"{kind}:{verb}" for kind in ("service", "stack") for verb in ("create", "update", "plan")} | {
    "config:rotate",
    "plan:apply",
    "secret:rotate",
}


def test_every_kind_of_ask_is_in_the_table() -> None:
    by_engine_alone = {policy.PRIVILEGED, policy.ENGINE_PLUGINS}

    assert {escape.code for escape in ESCAPES.values()} | by_engine_alone == {*policy.KINDS, REGISTRY}


@pytest.mark.parametrize("task", [
    _container(Privileged=True), _container(PidMode="host"), {"Runtime": "plugin"},
])  # fmt: skip
def test_what_the_swarm_does_not_take_is_refused_too(app: Flask, swarm: MemorySwarm, task: JSON) -> None:
    row = Row(app, swarm, Escape(policy.PRIVILEGED, task))

    refused = row.send("operator", "POST", "/services", row.escape.spec(row.service, row.stack))

    assert refused.status_code == 422
    assert row.service not in swarm.services
