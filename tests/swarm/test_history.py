"""What the history keeps of real Engines: the last words of a task, and a revision to return to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab.lab import Lab
from tests.swarm.server import Server

DYING = """\
networks: {default: {external: true, name: bridge}}
services:
  web:
    image: lab/busybox:1
    command: ["sh", "-c", "echo starting; echo 'DB_PASSWORD=hunter2 is wrong' >&2; exit 3"]
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {condition: any, delay: 300ms, max_attempts: 2}
      resources: {limits: {memory: 32M}}
  hungry:
    image: lab/busybox:1
    command: ["sh", "-c", "x=$$(tail /dev/zero)"]
    deploy:
      endpoint_mode: dnsrr
      # An Engine with too much to do does not always tell that memory was wanting.
      restart_policy: {condition: any, delay: 1s, max_attempts: 4}
      resources: {limits: {memory: 8M}}
      # Only the Engine that ran a container knows that memory was wanting, and no other is reached here.
      placement: {constraints: ["node.role == manager"]}
"""
WEB = """\
networks: {default: {external: true, name: bridge}}
services:
  web:
    image: lab/web:${VERSION}
    environment: {TOKEN: "${TOKEN}"}
    deploy: {replicas: 2, endpoint_mode: dnsrr, update_config: {monitor: 1s}}
"""


def crane(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line against a server."""
    program = Path(sys.executable).with_name("crane")
    environment = {**os.environ, "CRANE_CLI_SERVER": server.url, "CRANE_CLI_TOKEN": server.token}
    return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def test_task_that_died_tells_its_last_output_after_its_service_is_gone(server: Server, swarm3: Lab) -> None:
    server.deploy("dying", DYING, wait=60)

    def taken() -> Any:
        status, told = server.ask("GET", "/task-history/dying_web.1/why")
        return status == 200 and told["output"] and len(told["attempts"]) >= 2 and told

    server.until(taken, "the output of the last attempt is kept")
    hungry = "dying_hungry.1", "out-of-memory"
    server.until(
        lambda: hungry in _causes(server.ask("GET", "/task-history?died=true")[1]), "memory is known to be wanting"
    )
    server.change("DELETE", "/stacks/dying")
    server.until(lambda: server.ask("GET", "/tasks")[1]["total"] == 0, "the tasks are forgotten")
    server.until(
        lambda: server.ask("GET", "/task-history/dying_web.1")[1]["gone_at"], "the task is known to be forgotten"
    )

    told = crane(server, "why", "dying_web.1")
    listed = json.loads(crane(server, "task", "history", "--died", "-o", "json").stdout)

    assert told.returncode == 0, told.stderr
    assert "exit status 3" in told.stdout
    # The Engine reads both streams side by side, so that either line may come first.
    assert set(told.stdout.splitlines()[-2:]) == {"  starting", "  DB_PASSWORD=(hidden) is wrong"}
    assert "Memory limit:  32.0 MiB" in told.stdout
    assert listed["total"] >= 4
    assert _causes(listed) >= {("dying_web.1", "exits"), hungry}
    assert {cause for name, cause in _causes(listed) if name == "dying_web.1"} == {"exits"}


def _causes(listed: Any) -> set[tuple[str, str]]:
    return {(task["name"], task["cause_code"]) for task in listed["items"]}


def test_rollback_to_the_first_revision_converges(server: Server, swarm3: Lab) -> None:
    for version, token in (("v1", "first secret"), ("v2", "second secret")):
        operation = server.deploy("shop", WEB, variables={"VERSION": version, "TOKEN": token})
        assert operation["verdict"]["outcome"] == "converged", operation

    shown = crane(server, "stack", "diff", "shop@1", "shop@2")
    back = crane(server, "stack", "rollback", "shop@1")

    spec = swarm3.ask("GET", "/services/shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert back.returncode == 0, back.stderr
    assert "shop: converged" in back.stdout
    assert (spec["Image"], spec["Env"]) == ("lab/web:v1", ["TOKEN=first secret"])
    assert "VERSION: v1 -> v2" in shown.stdout
    assert "secret" not in shown.stdout
    revisions = crane(server, "stack", "revisions", "shop").stdout
    assert "shop@3 (as @1)" in revisions
