"""A canary: what is secret is given to a server with every plugin, and then looked for in all that the server tells."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crane_auth.testing import Browser
from crane_database.backups import back_up
from crane_database.models import db
from crane_database.testing import PASSWORD as DATABASE_PASSWORD
from crane_database.testing import Cluster, postgresql_cluster
from flask import Flask

from crane_core import app as application
from crane_core.context import Crane
from crane_core.contributions import Subscriber, Topic
from crane_core.errors import CraneError
from crane_core.events import Event
from crane_core.plugins import discover
from crane_core.security import LOCAL
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.plugins import make_plugin
from tests.meta.test_unsafe_requests import is_socket, paths_of
from tests.terminals import sit_down_inside

__all__ = ["postgresql_cluster"]

# One for each way in, so that what got out says where it came in.
MARKERS = {
    name: f"Canary{number}Kx7Qz{number}"
    for number, name in enumerate(
        (
            "content of a secret",
            "variable that looks secret",
            "password inside an address",
            "argument that looks secret",
            "password of a registry",
            "password of a login",
            "wrong password of a login",
            "password of somebody else",
            "client secret of a provider",
            "password of a directory",
            "passphrase of backups",
            "setup token",
            "secret in a bad request",
            "key of an authority",
            "content of a secret that was made",
            "content of a secret that was rotated",
        )
    )
}
FILE = """
services:
  web:
    image: registry.example.com/web:1
    command: [serve, --password, {argument}]
    environment: {{DB_PASSWORD: "{variable}", DB: "postgres://ann:{address}@db/shop", API_TOKEN: "${{API_TOKEN}}"}}
    secrets: [key]
secrets: {{key: {{file: ./key}}}}
"""


# What is asked for a secret gives it, to who may have it.
GIVING = {
    "/api/v1/swarm/join-tokens": "manager token",
    "/api/v1/swarm/join-command": "worker token",
    "/api/v1/swarm/unlock-key": "unlock key",
}


@dataclass
class Heard:
    """Everything that a server told, by where."""

    texts: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, text: Any) -> None:
        """Note what was told somewhere."""
        self.texts[where] = self.texts.get(where, "") + (text if isinstance(text, str) else repr(text))

    def find(self, secrets: dict[str, str]) -> list[str]:
        """Return which secrets were told where."""
        return [f"{name}: {where}" for where, text in self.texts.items() for name, it in secrets.items() if it in text]


@pytest.fixture
def settings(postgresql_cluster: Cluster, tmp_path: Path) -> dict[str, Any]:
    """Settings with every secret that there is."""
    return {
        "server.data_directory": str(tmp_path / "data"),
        "watch.short_seconds": 0.02,
        "database.url": postgresql_cluster.url(postgresql_cluster.make_database(), password=DATABASE_PASSWORD),
        "database.backup_passphrase": MARKERS["passphrase of backups"],
        "auth.setup_token": MARKERS["setup token"],
        "auth.oidc_issuer": "https://127.0.0.1:1",
        "auth.oidc_client_id": "crane",
        "auth.oidc_client_secret": MARKERS["client secret of a provider"],
        "terminal.record": True,
        "ldap.url": "ldaps://127.0.0.1:1",
        "ldap.base": "dc=example,dc=com",
        "ldap.bind_dn": "cn=crane,dc=example,dc=com",
        "ldap.bind_password": MARKERS["password of a directory"],
    }


@pytest.fixture
def events() -> list[Event]:
    """What plugins were told."""
    return []


@pytest.fixture
def swarm() -> MemorySwarm:
    """The Swarm of that server."""
    return MemorySwarm(nodes=1)


@pytest.fixture
def app(swarm: MemorySwarm, settings: dict[str, Any], events: list[Event]) -> Iterator[Flask]:
    """A server with every plugin."""

    def crane_event(event: Event) -> None:
        events.append(event)

    made = application.create_app(
        settings,
        environ={},
        plugins=[*discover(), make_plugin("listener", crane_event)],
        transport=MemoryAdapter(swarm),
    )
    made.extensions["crane"].watcher.look()
    application.start(made)
    yield made
    application.stop(made)


def test_what_is_secret_is_told_nowhere(
    app: Flask,
    swarm: MemorySwarm,
    settings: dict[str, Any],
    events: list[Event],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    crane: Crane = app.extensions["crane"]
    heard, secrets = Heard(), {**MARKERS, "password of the database": DATABASE_PASSWORD}
    admin = Browser(app.test_client())
    known = live(app, swarm, admin, heard, secrets)
    manage(app, swarm, admin, heard, secrets)
    ask_wrongly(admin, heard)

    asked = 0
    for method, rule, path in paths_of(app, frozenset({"GET"}), known):
        if is_socket(rule) or str(rule).endswith(("/events", "/follow")):
            continue
        answer = admin.client.open(path, method=method)
        if str(rule) in GIVING:
            assert secrets[GIVING[str(rule)]] in answer.text
            continue
        heard.add(f"{method} {rule}", answer.text + str(answer.headers))
        asked += answer.status_code == 200
    assert asked > 30
    assert "python_info" in heard.texts["GET /metrics"]
    # Who may see it does: the secrets have come in.
    assert MARKERS["variable that looks secret"] in admin.ask("GET", "services/shop_web?reveal=true").text
    tell_topics(app, crane, known, heard)
    crane.events.drain()
    assert {"login.failed", "operation.ended", "terminal.closed"} <= {event.kind for event in events}
    heard.add("events", events)
    heard.add("repr", [crane, crane.settings.describe(), settings_of_program(settings, tmp_path)])
    with app.app_context():
        back_up(crane, tmp_path / "backup", "another passphrase of the tests")
        heard.add("database", list(read_tables()))
    heard.add("backup", (tmp_path / "backup").read_bytes().decode("latin-1"))
    for file in (tmp_path / "data").rglob("*"):
        # There the keys to the agents are kept, which are told nowhere else.
        if file.is_file() and file.parent.name != "agent":
            heard.add(f"file {file.name}", file.read_bytes().decode("latin-1"))
    heard.add("log", caplog.text)

    assert heard.find(secrets) == []


def live(app: Flask, swarm: MemorySwarm, admin: Browser, heard: Heard, secrets: dict[str, str]) -> dict[str, Any]:
    """Do what people do, with all the secrets; returns what there is then."""
    setup = {"token": MARKERS["setup token"], "name": "root", "password": MARKERS["password of a login"]}
    heard.add("setup", admin.ask("POST", "auth/setup", setup).text)
    token = admin.ask("POST", "auth/me/tokens", {"name": "robot"}, 201)
    secrets["token"] = token["token"]
    secrets["session"] = admin.cookie
    for name in ("ann", "bob"):
        heard.add("user", admin.ask("POST", "users", {"name": name}).text)
    body = {"password": MARKERS["password of somebody else"]}
    heard.add("password", admin.ask("PUT", "passwords/ann", body).text)
    admin.ask("POST", "groups", {"name": "team"}, 201)
    admin.ask("POST", "roles", {"name": "looker", "actions": ["stack:read"]}, 201)
    admin.ask("POST", "quotas", {"name": "small", "replicas": 5}, 201)
    sent = {
        "files": [
            {
                "name": "stack.yml",
                "content": FILE.format(
                    argument=MARKERS["argument that looks secret"],
                    variable=MARKERS["variable that looks secret"],
                    address=MARKERS["password inside an address"],
                ),
            }
        ],
        "variables": {"API_TOKEN": MARKERS["variable that looks secret"]},
        "attachments": {"key": {"content": MARKERS["content of a secret"]}},
        "registry_logins": {
            "registry.example.com": {"username": "robot", "password": MARKERS["password of a registry"]}
        },
        "resolve_image": "never",
    }
    plan = admin.ask("POST", "stacks/shop/plan", sent, 201)
    operation = admin.ask("PUT", "stacks/shop", sent, 202)
    heard.add("plan and operation", [plan, operation])
    swarm.settle()
    app.extensions["crane"].watcher.look(full=True)
    heard.add("end", admin.ask("GET", f"operations/{operation['id']}?wait=20").text)
    heard.add("again", admin.ask("PUT", "stacks/shop", sent).text)
    sit_down(admin, secrets)
    made = {"name": "made", "content": MARKERS["content of a secret that was made"]}
    heard.add("made", admin.ask("POST", "secrets", made, 201))
    rotated = {"content": MARKERS["content of a secret that was rotated"]}
    heard.add("rotation planned", admin.ask("POST", "secrets/shop_key/rotate?plan=true", rotated, 201))
    rotation = admin.ask("POST", "secrets/shop_key/rotate", {**rotated, "keep_old": True}, 202)
    swarm.settle()
    app.extensions["crane"].watcher.look(full=True)
    heard.add("rotated", [rotation, admin.ask("GET", f"operations/{rotation['id']}?wait=20").text])
    admin.ask("POST", "configs", {"name": "made", "content": "listen 80;"}, 201)
    heard.add("agent", admin.ask("POST", "agent?wait=0.1").text)
    for key in (app.extensions["crane"].data_directory / "agent").glob("*.key"):
        secrets[f"key of the agents {key.stem}"] = key.read_text().splitlines()[1]
    certificate = next(name for name in swarm.secrets if name.startswith("crane-agent-certificate"))
    pem = base64.b64decode(swarm.secret_data(certificate)).decode()
    secrets["key that agents show"] = pem.partition("PRIVATE KEY-----\n")[2].splitlines()[0]
    by_hand = leave_on_the_node(swarm, admin, heard)
    return {
        "stacks": "shop",
        "networks": "shop_default",
        "secrets": "shop_key",
        "configs": "made",
        "services": "shop_web",
        "tasks": swarm.tasks("shop_web")[0]["ID"],
        "nodes": "node1",
        "operations": operation["id"],
        "plans": plan["id"],
        "containers": by_hand,
        "images": "nginx",
        "volumes": "node1/share",
        "revisions": 1,
        "users": "ann",
        "groups": "team",
        "roles": "looker",
        "quotas": "small",
    }


def leave_on_the_node(swarm: MemorySwarm, admin: Browser, heard: Heard) -> str:
    """Leave a container, an image and a volume on the node, with secrets in all that tells of them."""
    secret = MARKERS["variable that looks secret"]
    engine = swarm.engine("node1")
    by_hand = engine.containers.add(
        "by-hand",
        "nginx",
        volumes=["share"],
        Env=[f"DB_PASSWORD={secret}"],
        Cmd=["serve", "--password", secret],
        Labels={"api.token": secret},
    )
    engine.volumes.add("share", Options={"type": "cifs", "o": f"username=ann,password={secret}"})
    login = {"username": "robot", "password": MARKERS["password of a registry"]}
    pulled = admin.ask("POST", "images/pull", {"image": "registry.example.com/shop:1", "registry_login": login})
    assert pulled.status_code == 200, pulled.text
    heard.add("pulled", pulled.text)
    heard.add("paused", admin.ask("POST", "containers/by-hand/pause").text)
    return by_hand


def manage(app: Flask, swarm: MemorySwarm, admin: Browser, heard: Heard, secrets: dict[str, str]) -> None:
    """Do what is done to the Swarm and its nodes, with all its secrets."""
    marker = MARKERS["key of an authority"]
    pem = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n"
    authority = {"certificate": pem.format("CERTIFICATE", "MIIB"), "key": pem.format("PRIVATE KEY", marker)}
    for method, path, body in (
        ("PATCH", "swarm", {"autolock": True}),
        ("POST", "swarm/ca/rotate", authority),
        ("POST", "swarm/join-tokens/rotate", {}),
        ("POST", "swarm/unlock-key/rotate", None),
    ):
        answer = admin.ask(method, path, body)
        assert answer.status_code < 300, answer.text
        heard.add(f"{method} {path}", answer.text)
    tls = {"ca": authority["certificate"], "certificate": authority["certificate"], "key": authority["key"]}
    for path, refused in (
        ("nodes", {"url": "tcp://127.0.0.1:1", "tls": tls}),
        ("nodes", {"url": f"unix:///{marker}", "tls": {"key": marker}}),
        ("swarm/unlock", {"unlock_key": f"SWMKEY-1-{marker}"}),
        ("swarm/init", {"unlock_key": f"SWMKEY-1-{marker}"}),
    ):
        heard.add(f"refused {path}", admin.ask("POST", path, refused).text)
    app.extensions["crane"].watcher.look(full=True)
    for role in ("worker", "manager"):
        secrets[f"{role} token"] = swarm.cluster.tokens[role.capitalize()]
    secrets["unlock key"] = swarm.cluster.unlock_key


def sit_down(admin: Browser, secrets: dict[str, str]) -> None:
    """Run something in a terminal, which is recorded."""
    order = {
        "command": ["true", "--password", MARKERS["argument that looks secret"]],
        "environment": {"DB_PASSWORD": MARKERS["variable that looks secret"]},
    }
    ticket = admin.ask("POST", "services/shop_web/terminal-tickets", order, 201)
    sitter = sit_down_inside(admin.client, ticket["address"], ticket["ticket"])
    assert sitter.until_closed() == (4000, {"code": "exited", "exit_code": 0})
    secrets |= {"ticket": ticket["ticket"], "secret of a terminal": sitter.message("opened")["secret"]}


def ask_wrongly(admin: Browser, heard: Heard) -> None:
    """Send what is refused, each with a secret in it."""
    marker = MARKERS["secret in a bad request"]
    stranger = Browser(admin.client.application.test_client())
    wrong = MARKERS["wrong password of a login"]
    for body in (
        {"name": "root", "password": wrong},
        {"name": "nobody", "password": wrong},
        {"name": "root", "password": wrong, "method": "ldap"},
        {"name": "root", "password": [wrong]},
        {"name": {"a": 1}, "password": wrong},
    ):
        heard.add("login", stranger.ask("POST", "auth/login", body).text)
    stranger.token = f"crane_{marker}"
    heard.add("token", stranger.ask("GET", "stacks").text)
    mount = {"Type": "bind", "Source": "/", "Target": "/x"}
    task = {"ContainerSpec": {"Image": "nginx", "Env": [f"DB_PASSWORD={marker}"], "Mounts": [mount]}}
    stack = {"resolve_image": "never", "variables": {"PASSWORD": marker}}
    unclosed = f"services: {{w: {{environment: [PASSWORD={marker}, 7"
    for method, path, refused in (
        ("POST", "auth/setup", {"token": marker, "name": "x", "password": marker}),
        ("PUT", "auth/me/password", {"old": marker, "new": marker}),
        ("PUT", "auth/me/password", {"old": [marker], "new": {"password": marker}}),
        ("PUT", "passwords/ann", {"password": [marker]}),
        ("POST", "auth/me/totp", {"password": marker}),
        ("POST", "services", {"Name": "bad name", "TaskTemplate": task}),
        ("POST", "services", {"Name": "x", "TaskTemplate": {"ContainerSpec": {"Env": f"DB_PASSWORD={marker}"}}}),
        ("PATCH", "services/shop_web", {"TaskTemplate": {"ContainerSpec": {"Env": {"DB_PASSWORD": marker}}}}),
        ("PATCH", "services/gone", {"TaskTemplate": task}),
        ("PUT", "stacks/shop", {**stack, "files": [{"name": "a", "content": "services: {web: {image: '${PASSWORD}'"}]}),
        (
            "PUT",
            "stacks/shop",
            {**stack, "files": [{"name": "a", "content": unclosed}]},
        ),
        ("PUT", "stacks/shop", {**stack, "files": [], "registry_logins": {"x": {"password": marker}}}),
        ("PUT", "stacks/shop", {**stack, "files": [], "attachments": {"key": {"content": marker, "encoding": "x"}}}),
        ("POST", "secrets", {"name": "bad name", "content": marker}),
        ("POST", "secrets", {"name": "made", "content": marker}),
        ("POST", "secrets", {"name": "x", "data": marker + "!"}),
        ("POST", "secrets", {"name": "x", "content": [marker]}),
        ("POST", "secrets", {"name": "x", "content": marker, "labels": {"a": [marker]}}),
        ("POST", "configs", {"name": "x", "content": marker, "data": marker}),
        ("POST", "secrets/made/rotate", {"content": {"a": marker}}),
        ("POST", "secrets/made/rotate", {"data": marker + "!"}),
        ("POST", "services/shop_web/image", {"image": "x", "registry_logins": {"x": {"password": [marker]}}}),
    ):
        answer = admin.ask(method, path, refused)
        assert answer.status_code >= 400, (method, path)
        heard.add(f"refused {method} {path}", answer.text)
    broken = admin.client.post("/api/v1/auth/login", data=f'{{"password": "{marker}"', content_type="application/json")
    heard.add("broken", broken.text)


def tell_topics(app: Flask, crane: Crane, known: dict[str, Any], heard: Heard) -> None:
    """Read every topic of the live socket."""
    with app.app_context():
        for topic in crane.topics:
            if topic.feed is not None:
                heard.add(f"topic {topic.name}", read_feed(app, crane, topic, known))
                continue
            kind = topic.name.partition("/")[0]
            listing = topic.listing(crane, {"name": str(known.get(kind, "x")), "id": str(known.get(kind, "x"))})
            heard.add(f"topic {topic.name}", [listing.present(row) for row in listing.rows()])


def read_feed(app: Flask, crane: Crane, topic: Topic, known: dict[str, Any]) -> list[bytes]:
    """Read what a feed tells first."""
    _, kind, parameter = topic.name.split("/")
    news = threading.Event()
    try:
        parameters = {parameter.strip("{}"): str(known.get(kind, "x"))}
        feed = topic.feed(Subscriber(crane, LOCAL, topic.name, parameters, {}, news.set))
    except CraneError as error:
        return [str(error).encode()]
    messages = []
    while not messages or b'"begun"' not in messages[-1]:
        if (message := feed.next(crane.rights.version)) is None:
            assert news.wait(20)
            news.clear()
        else:
            messages.append(message)
    feed.close()
    return messages


def read_tables() -> Iterator[Any]:
    """Return everything that stands in the database."""
    metadata = sa.MetaData()
    metadata.reflect(db.engine)
    with db.engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                yield table.name, tuple(bytes(each) if isinstance(each, memoryview) else each for each in row)


def settings_of_program(settings: dict[str, Any], tmp_path: Path) -> str:
    """Return what the program says of its settings."""
    variables = {f"CRANE_{name.upper().replace('.', '_')}": str(value) for name, value in settings.items()}
    (tmp_path / "crane.toml").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRANE_")}
    done = subprocess.run(
        [sys.executable, "-m", "crane_core.cli", "settings"],
        env={**kept, **variables, "CRANE_CONFIG": str(tmp_path / "crane.toml")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "database.url" in done.stdout
    return done.stdout + done.stderr + json.dumps(sorted(variables))
