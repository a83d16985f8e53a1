"""A server over a Swarm in memory, and what may go on in that: a Swarm as people run them, or a very large one."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from crane_core.testing import Exits, MemorySwarm, Missing, Runs
from crane_core.testing.population import populate
from crane_core.testing.transport import serve
from tests.swarm.server import Server, request

NODES = (
    "manager-fra1-a",
    "worker-fra1-a",
    "worker-fra1-b",
    "worker-fra2-a",
    "worker-fra2-b",
    "gpu-fra2-a.machines.eu-central.compute.internal.example.com",
)
LONG = "customer-relationship-platform-production"
REGISTRY = "registry.example.com"

STACKS: dict[str, str] = {
    "shop": f"""\
services:
  web:
    image: {REGISTRY}/shop/web:4.12.0
    ports: ["443:8443", "80:8080"]
    networks: [front, back]
    configs: [{{source: web, target: /etc/web/web.toml}}]
    secrets: [session_key]
    environment: {{PUBLIC_URL: "https://shop.example.com", LOG_LEVEL: info, SESSION_SECRET: "not for everybody"}}
    healthcheck: {{test: [CMD, /web, check], interval: 10s, timeout: 3s, retries: 3}}
    deploy:
      replicas: 6
      labels: {{com.example.team: storefront}}
      update_config: {{parallelism: 2, delay: 1s, order: start-first, failure_action: rollback, monitor: 2s}}
      resources: {{limits: {{cpus: "1", memory: 512M}}, reservations: {{memory: 128M}}}}
  api:
    image: {REGISTRY}/shop/api:4.12.0
    networks: [back]
    environment: {{DATABASE_URL: "postgres://shop:secret@db/shop", QUEUE: "amqp://queue"}}
    deploy: {{replicas: 4, update_config: {{monitor: 2s}}}}
  cache:
    image: redis:7.4-alpine
    networks: [back]
  queue:
    image: rabbitmq:4.0-management
    networks: [back]
    volumes: ["queue:/var/lib/rabbitmq"]
networks: {{front: {{}}, back: {{driver_opts: {{encrypted: ""}}}}}}
configs: {{web: {{content: "workers = 4"}}}}
secrets: {{session_key: {{file: ./session_key}}}}
volumes: {{queue: {{}}}}
""",
    "monitoring": """\
services:
  prometheus:
    image: prom/prometheus:v3.1.0
    ports: ["9090:9090"]
    volumes: ["data:/prometheus"]
    deploy: {placement: {constraints: ["node.role == manager"]}}
  grafana:
    image: grafana/grafana:11.5.1
    ports: ["3000:3000"]
  node-exporter:
    image: prom/node-exporter:v1.8.2
    deploy: {mode: global}
  alertmanager:
    image: prom/alertmanager:v0.28.0
    deploy: {replicas: 2}
volumes: {data: {}}
""",
    "ingress": """\
services:
  traefik:
    image: traefik:v3.3
    ports: [{target: 443, published: 9443, mode: host}]
    deploy: {mode: global}
""",
    "payments": f"""\
services:
  gateway:
    image: {REGISTRY}/payments/gateway:2.8.0
    deploy:
      replicas: 3
      restart_policy: {{condition: any, delay: 1s}}
      update_config: {{parallelism: 1, failure_action: rollback, monitor: 2s}}
  ledger:
    image: {REGISTRY}/payments/ledger:1.19.3
    deploy:
      replicas: 2
      restart_policy: {{condition: any, delay: 5s}}
      update_config: {{parallelism: 1, failure_action: pause, monitor: 2s}}
""",
    "search": """\
services:
  index:
    image: opensearchproject/opensearch:2.18.0
    deploy: {replicas: 2, placement: {constraints: ["node.labels.disk == ssd"]}}
""",
    LONG: f"""\
services:
  messaging-dispatcher:
    image: {REGISTRY}/customer-relationship-management/notification-dispatcher-with-templates:2026.07.3-build.20418
    deploy: {{replicas: 3}}
  frontend:
    image: {REGISTRY}/customer-relationship-management/frontend:2026.07.3
    deploy: {{replicas: 2}}
""",
    "night-jobs": f"""\
services:
  reports:
    image: {REGISTRY}/reports:31
    deploy: {{replicas: 0}}
""",
}
TEAM = "customer-relationship-platform-operators"
# Who may do what, as what is sent to make it so.
SHARED: list[tuple[str, dict[str, Any]]] = [
    ("/users", {"name": "bob", "display_name": "Bob Baker", "email": "bob@example.com"}),
    ("/users", {"name": "eve", "display_name": "Eve Evans"}),
    ("/users", {"name": "pipeline", "kind": "service", "display_name": "Deploys the shop"}),
    ("/groups", {"name": "shop-team", "description": "Those who look after the shop"}),
    ("/groups", {"name": TEAM}),
    ("/groups/shop-team/members", {"name": "bob"}),
    (
        "/roles",
        {"name": "deployer", "description": "Deploys, and nothing else", "actions": ["stack:read", "stack:update"]},
    ),
    ("/grants", {"role": "operator", "group": "shop-team", "scope": "stack", "on": "shop"}),
    ("/grants", {"role": "viewer", "group": "shop-team"}),
    ("/grants", {"role": "viewer", "account": "eve"}),
    ("/grants", {"role": "operator", "group": TEAM, "scope": "stack", "on": "customer-*"}),
    ("/grants", {"role": "deployer", "account": "pipeline", "scope": "stack", "on": "shop"}),
    ("/grants", {"role": "operator", "account": "eve", "effect": "deny", "scope": "stack", "on": "payments"}),
    ("/quotas", {"name": "shop", "stack": "shop", "replicas": 20, "memory_bytes": 2**33, "cpus": None}),
    ("/quotas", {"name": "all", "stack": None, "replicas": 10, "replicas_per_service": 8}),
]
# What happens is seen soon; and what does not end here goes on for as long as somebody looks at it.
_SETTINGS = {
    "CRANE_WATCH_SHORT_SECONDS": "0.2",
    "CRANE_ORCHESTRATION_PENDING_SECONDS": "36000",
    "CRANE_ORCHESTRATION_STALLED_SECONDS": "36000",
}
# Of a Swarm of hundreds of nodes nobody asks all.
_MOST_SOCKETS = 20
_SLOW = f"{REGISTRY}/shop/api:4.13.0"
_ENDING = f"{REGISTRY}/payments/gateway:2.9.0"
_MISSING = f"{REGISTRY}/payments/ledger:1.20.0"


class Simulated:
    """A server over a Swarm in memory, in which time passes as it does here, or faster.

    The Engine of each node answers, of the first twenty where there are more.

    :param nodes: How many nodes it has.
    :param speed: Seconds that pass in it for each real one.
    """

    def __init__(self, directory: Path, nodes: int = 3, speed: float = 10.0, **environment: str) -> None:
        self.swarm = MemorySwarm(nodes=nodes, start=time.time() - 86_400)
        self.speed = speed
        self._directory = directory
        self._stack = ExitStack()
        # The own Engine of each node, by the node's id; None is the manager that the server speaks with.
        self._sockets: dict[str | None, Path] = {None: directory / "engine.sock"}
        for number, node in enumerate(list(self.swarm.store.nodes)[1:_MOST_SOCKETS], 2):
            self._sockets[node.id] = directory / f"engine{number}.sock"
        ways = [f"{node}=unix://{socket}" for node, socket in self._sockets.items() if node]
        own = {**_SETTINGS, "CRANE_ENGINE_NODE_ENDPOINTS": ",".join(ways)}
        self.server = Server(f"unix://{self._sockets[None]}", directory, **{**own, **environment})

    def __enter__(self) -> Simulated:
        for node, socket in self._sockets.items():
            engine = serve(self.swarm, str(socket), node=node)
            self._stack.callback(engine.server_close)
            self._stack.callback(engine.shutdown)
        stop = threading.Event()
        clock = threading.Thread(target=self._run, args=(stop,))
        clock.start()
        self._stack.callback(clock.join)
        self._stack.callback(stop.set)
        self._stack.callback(self.server.stop)
        try:
            self.server.start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _run(self, stop: threading.Event) -> None:
        last = time.monotonic()
        while not stop.wait(0.02):
            now = time.monotonic()
            self.swarm.advance((now - last) * self.speed)
            last = now

    def create(self, name: str, replicas: int = 1, **members: Any) -> None:
        """Create a service, whose tasks count as stable at once, and wait until it has converged."""
        own = {"Mode": {"Replicated": {"Replicas": replicas}}, "UpdateConfig": {"Monitor": 10_000_000}}
        body = {"Name": name, "image": "lab/web:v1", **own, **members}
        status, answer = self.server.ask("POST", "/services?wait=30", body)
        assert status == 200, answer

    def fill(self, services: int, tasks: int) -> None:
        """Have very many services and tasks, at once."""
        populate(self.swarm, services, tasks)
        # What is put there from behind causes no events, so whatever happens next shows it.
        self.swarm.label_node("node1", filled="yes")
        wanted = services
        self.server.until(lambda: self.server.ask("GET", "/services?limit=1")[1]["total"] >= wanted, "all are known")

    def furnish(self) -> None:
        """Have what people run: most of it well, two failed updates, one that goes on, one node down, one drained."""
        self._name_nodes()
        self.swarm.images.update({_SLOW: Runs(healthy_after=1e9), _ENDING: Exits(1, after=0.2), _MISSING: Missing()})
        self.swarm.label_node(NODES[3], disk="ssd", zone="fra2")
        self.swarm.node_down(NODES[2])
        self.swarm.advance(60)
        started = [self._deploy(name, file) for name, file in STACKS.items()]
        self._await(started)
        # All of that was yesterday.
        self.swarm.advance(max(0.0, time.time() - 1_200 - self.swarm.now))
        self.swarm.drain(NODES[4])
        self.server.until(lambda: self.server.ask("GET", f"/nodes/{NODES[4]}")[1]["tasks_running"] == 0, "it is empty")
        failing = (("payments_gateway", _ENDING), ("payments_ledger", _MISSING))
        self._await([self._change(f"/services/{name}/image", image=image) for name, image in failing])
        self._change("/services/shop_api/image", image=_SLOW)
        self._deploy("search", STACKS["search"].replace("replicas: 2", "replicas: 3").replace("ssd", "nvme"))
        self.share()
        self._leave_behind()
        self.record()
        # Nothing is in the future.
        self.speed = 1.0
        self.swarm.advance(max(0.0, time.time() - self.swarm.now))

    def share(self) -> None:
        """Have accounts, and something granted to them."""
        for path, body in SHARED:
            status, answer = self.server.ask("POST", path, body)
            assert status in (201, 204), answer

    def record(self) -> Path:
        """Have the recording of a terminal, as the server keeps it; return its file."""
        crane = {"by": "ann", "container": "backup-by-hand", "container_id": "c" * 64, "node": NODES[1], "user": ""}
        head = {"version": 2, "width": 60, "height": 10, "timestamp": int(time.time()) - 600, "command": "sh"}
        lines: list[Any] = [
            {**head, "crane": crane},
            [0.5, "o", "/ # echo first\r\nfirst\r\n"],
            [1.0, "r", "70x12"],
            [600.0, "o", "/ # echo second\r\nsecond\r\n"],
        ]
        folder = self._directory / "data" / "terminal-recordings"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "0123456789abcdef.cast"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        return file

    def _leave_behind(self) -> None:
        """Have on two nodes what somebody forgot there, and what nobody needs."""
        first, other = self.swarm.engine(NODES[0]), self.swarm.engine(NODES[1])
        other.volumes.add(
            "backups", Labels={"com.example.team": "storefront"}, Options={"type": "nfs", "o": "addr=nas"}
        )
        other.volumes.add("5e" * 32)
        other.containers.add("backup-by-hand", f"{REGISTRY}/tools/backup:3", running=False, volumes=["backups"])
        other.containers.add("debug", "busybox:1.37", Env=["TOKEN=not for everybody", "PLACE=here"])
        for engine in (first, other):
            engine.images.add("")
            engine.images.add("debian:13")

    def _name_nodes(self) -> None:
        for node, name in zip(self.swarm.store.nodes, NODES, strict=False):
            node.body["Description"] = {**node.body["Description"], "Hostname": name}
            self.swarm.label_node(name, zone=name.split("-")[1].split(".")[0])

    def _deploy(self, name: str, file: str) -> str:
        attachments = {"./session_key": {"content": "0123456789", "encoding": "text"}} if "session_key" in file else {}
        status, answer = self.server.ask("PUT", f"/stacks/{name}", request(file, attachments=attachments))
        assert status == 202, answer
        return str(answer["id"])

    def _change(self, path: str, **body: Any) -> str:
        status, answer = self.server.ask("POST", path, {"resolve_image": "never", **body})
        assert status == 202, answer
        return str(answer["id"])

    def _await(self, operations: list[str]) -> None:
        for operation in operations:
            answer = self.server.operation(operation, wait=100)
            assert answer["state"] == "ended", answer
