"""Every way in which a deployment can go ends with a verdict that says so, on real Engines.

Most of them are independent of one another, so they go on at once: the fixture ``scenes`` plays them all, and each test
looks at what came of one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.swarm.server import Server, request

# The bridge of each node, because laying an overlay network for each of many stacks takes longer than all the rest.
WEB = """\
networks: {{default: {{external: true, name: bridge}}}}
services:
  web:
    image: {image}
    deploy:
      replicas: {replicas}
      endpoint_mode: dnsrr
      restart_policy: {{condition: any, delay: 500ms}}
      update_config: {{parallelism: 1, monitor: {monitor}, failure_action: {action}}}
      placement: {{constraints: {constraints}}}
"""


def web(image: str, replicas: int = 1, action: str = "pause", on: str = "", more: str = "", monitor: str = "1s") -> str:
    """Return a stack of one service; ``on`` is a constraint, ``more`` goes to the service and what comes after it."""
    constraints = f"['{on}']" if on else "[]"
    text = WEB.format(image=image, replicas=replicas, action=action, monitor=monitor, constraints=constraints)
    return text + "".join(f"    {line}\n" for line in more.splitlines())


# Sending it takes a while, and starts nothing.
MANY = 200
CROWD = (
    WEB.partition("services:")[0].format()
    + "services:\n"
    + "".join(
        f"  s{number}: {{image: 'lab/web:v1', deploy: {{replicas: 0, endpoint_mode: dnsrr}}}}\n"
        for number in range(MANY)
    )
)


def outcome(operation: Any) -> tuple[str, str]:
    """Return outcome and code of an operation's verdict."""
    assert operation["state"] == "ended", operation
    return operation["verdict"]["outcome"], operation["verdict"]["code"]


def cause(operation: Any) -> str:
    """Return the cause of an operation's verdict."""
    return str(operation["verdict"]["cause"])


# --- The scenes ---------------------------------------------------------------------------------------------------


def play_life(server: Server, lab: Lab) -> Any:
    """A stack is created, deployed again unchanged, updated, rolled back."""
    return SimpleNamespace(
        created=server.deploy("life", web("lab/web:v1", 3)),
        same=server.deploy("life", web("lab/web:v1", 3)),
        updated=server.deploy("life", web("lab/web:v2", 3)),
        back=server.change("POST", "/stacks/life/rollback"),
        image=lab.ask("GET", "/services/life_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"],
    )


def play_missing_image(server: Server, lab: Lab) -> Any:
    """An image is missing from the start, and then in an update."""
    created = server.deploy("missing", web("lab/nowhere:1"))
    server.deploy("missing-later", web("lab/web:v1"))
    return SimpleNamespace(created=created, updated=server.deploy("missing-later", web("lab/nowhere:2")))


def play_sick(server: Server, lab: Lab, action: str) -> Any:
    """An update brings a healthcheck that never passes, on the node whose Engine is asked."""
    stack = f"sick-{action}"
    server.deploy(stack, web("lab/health:good", 2, action, on="node.hostname==node1"))
    operation = server.deploy(stack, web("lab/health:sick", 2, action, on="node.hostname==node1"))
    return SimpleNamespace(operation=operation, service=lab.ask("GET", f"/services/{stack}_web"))


def play_nowhere(server: Server, lab: Lab) -> Any:
    """No node fits: for want of a label, and of processors."""
    label = server.deploy("nowhere", web("lab/web:v1", on="node.labels.ssd==true"))
    wanting = web("lab/web:v1").replace(
        "    deploy:\n", "    deploy:\n      resources: {reservations: {cpus: '500'}}\n"
    )
    return SimpleNamespace(label=label, processors=server.deploy("greedy", wanting))


def play_ports(server: Server, lab: Lab) -> Any:
    """Ports are taken: one of the Swarm's, and one of each node."""
    own = web("lab/web:v1", more="ports: ['18081:80']").replace("      endpoint_mode: dnsrr\n", "")
    own = own.partition("\n")[2]
    server.deploy("port", own)
    status, refusal = server.ask("PUT", "/stacks/port-too?wait=60", request(own))
    host = web("lab/web:v1", 2, more="ports: [{target: 80, published: 18082, mode: host}]")
    first = server.deploy("host-port", host)
    return SimpleNamespace(status=status, refusal=refusal, first=first, second=server.deploy("host-port-too", host))


def play_crashes(server: Server, lab: Lab) -> Any:
    """Services whose tasks end: badly, and well."""
    bad = server.deploy("crash", web("lab/web:broken", monitor="5s"))
    return SimpleNamespace(
        bad=bad, well=server.deploy("ends", web("lab/busybox:1", more="command: ['true']", monitor="5s"))
    )


def play_global(server: Server, lab: Lab) -> Any:
    """A global service, of which the drained node gets no task."""
    file = web("lab/web:v1").replace("      replicas: 1\n", "      mode: global\n")
    return SimpleNamespace(operation=server.deploy("everywhere", file))


def play_jobs(server: Server, lab: Lab) -> Any:
    """A job that ends, and one that fails."""
    job = """\
services:
  job:
    image: lab/busybox:1
    command: {command}
    deploy: {{mode: replicated-job, replicas: 2, restart_policy: {{condition: {condition}, delay: 500ms}}}}
"""
    good = server.deploy("job", job.format(command="['true']", condition="none"))
    bad = server.deploy("bad-job", job.format(command="['sh', '-c', 'exit 3']", condition="on-failure"))
    return SimpleNamespace(good=good, bad=bad)


def play_rotation(server: Server, lab: Lab) -> Any:
    """Contents of configs and secrets change, and old versions are removed."""
    file = web("lab/web:v1", more="configs: [app]\nsecrets: [key]")
    file += "configs: {app: {file: ./app.conf}}\nsecrets: {key: {file: ./key}}\n"

    def attached(app: str, key: str) -> dict[str, Any]:
        return {
            "./app.conf": {"content": app, "encoding": "text"},
            "./key": {"content": key, "encoding": "text"},
        }

    created = server.deploy("rotation", file, attachments=attached("one", "first"))
    same = server.plan("rotation", file, attachments=attached("one", "first"))
    rotated = server.deploy("rotation", file, attachments=attached("two", "second"))
    kept = server.plan("rotation", file, attachments=attached("two", "second"))
    pruned = server.deploy("rotation", file, attachments=attached("three", "second"), prune=True)
    # What a service can be rolled back to is kept until the next time.
    server.deploy("rotation", file, attachments=attached("three", "second"), prune=True)
    names = {
        kind: sorted(each["Spec"]["Name"] for each in lab.ask("GET", f"/{kind}")) for kind in ("configs", "secrets")
    }
    return SimpleNamespace(created=created, same=same, rotated=rotated, kept=kept, pruned=pruned, names=names)


def play_service(server: Server, lab: Lab) -> Any:
    """One service is scaled, restarted and rolled back."""
    server.deploy("single", web("lab/web:v1"))
    scaled = server.change("POST", "/services/single_web/scale", {"replicas": 3})
    forced = server.change("POST", "/services/single_web/force")
    image = server.change("POST", "/services/single_web/image", {"image": "lab/web:v2", "resolve_image": "never"})
    back = server.change("POST", "/services/single_web/rollback")
    removed = server.change("DELETE", "/services/single_web")
    return SimpleNamespace(scaled=scaled, forced=forced, image=image, back=back, removed=removed)


def play_removal(server: Server, lab: Lab) -> Any:
    """A stack with a network, a config and a secret is removed; its task takes a while to stop."""
    lasting = "command: [sh, -c, 'trap \"sleep 2; exit 0\" TERM; while :; do sleep 0.2; done']"
    file = web("lab/busybox:1", more=f"{lasting}\nstop_signal: SIGTERM\nconfigs: [app]\nnetworks: [inner]")
    file = file.partition("\n")[2] + "configs: {app: {content: x}}\nnetworks: {inner: {}}\n"
    created = server.deploy("short-lived", file)
    removed = server.change("DELETE", "/stacks/short-lived")
    label = "%7B%22label%22:%5B%22com.docker.stack.namespace=short-lived%22%5D%7D"
    kinds = ("services", "tasks", "networks", "configs")
    left = {kind: len(lab.ask("GET", f"/{kind}?filters={label}")) for kind in kinds}
    return SimpleNamespace(created=created, removed=removed, left=left)


def play_superseded(server: Server, lab: Lab) -> Any:
    """A second deployment comes while the first is followed."""
    slow = web("lab/health:good", 2, more="environment: {HEALTHY_AFTER: 8}\nhealthcheck: {start_period: 20s}")
    first = server.deploy("again", slow, wait=0)
    second = server.deploy("again", web("lab/web:v2", 2))
    return SimpleNamespace(first=server.operation(first["id"], wait=60), second=second)


def play_at_once(server: Server, lab: Lab) -> Any:
    """A second deployment comes while the first sends its changes."""
    file = CROWD
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.deploy, "crowd", file)
        server.until(lambda: _applying(server, "crowd"), "the first is sending")
        status, second = server.ask("PUT", "/stacks/crowd?wait=60", request(web("lab/web:v1")))
    return SimpleNamespace(first=first.result(), status=status, second=second)


def play_adoption(server: Server, lab: Lab) -> Any:
    """A stack that the docker program deployed is planned from the same file."""
    own = web("lab/web:v1", 2, more="environment: {A: b}\nnetworks: [inner]").partition("\n")[2]
    file = f'version: "3.8"\n{own}networks: {{inner: {{}}}}\n'
    path = lab.directory / "adopted.yml"
    path.write_text(file)
    lab.docker("stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", str(path), "adopted")
    plan = server.until(lambda: _if_known(server, file), "the stack is known")
    return SimpleNamespace(plan=plan, operation=server.deploy("adopted", file))


def _if_known(server: Server, file: str) -> Any:
    status, _ = server.ask("GET", "/stacks/adopted")
    return server.plan("adopted", file) if status == 200 else None


def _applying(server: Server, stack: str) -> Any:
    answer = server.ask("GET", f"/operations?stack={stack}")[1]
    return next(
        (
            operation
            for operation in answer["items"]
            if operation["state"] == "applying" and any(step["state"] == "done" for step in operation["steps"])
        ),
        None,
    )


SCENES: dict[str, Callable[[Server, Lab], Any]] = {
    "life": play_life,
    "missing image": play_missing_image,
    "sick rollback": lambda server, lab: play_sick(server, lab, "rollback"),
    "sick pause": lambda server, lab: play_sick(server, lab, "pause"),
    "nowhere": play_nowhere,
    "ports": play_ports,
    "crashes": play_crashes,
    "global": play_global,
    "jobs": play_jobs,
    "rotation": play_rotation,
    "service": play_service,
    "removal": play_removal,
    "superseded": play_superseded,
    "at once": play_at_once,
    "adoption": play_adoption,
}


@pytest.fixture(scope="module")
def scenes(lab3: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[Any]]:
    """All scenes, played to their end; the lab is as before.

    The third node is drained, and is the one that has the label ssd=true.
    """
    server = Server(lab3.url, tmp_path_factory.mktemp("server")).start()
    node = next(node for node in lab3.ask("GET", "/nodes") if node["Description"]["Hostname"] == "node3")
    spec = {**node["Spec"], "Availability": "drain", "Labels": {"ssd": "true"}}
    lab3.ask("POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", spec)
    server.until(
        lambda: any(each["availability"] == "drain" for each in server.ask("GET", "/nodes")[1]["items"]),
        "the drained node is known",
    )
    with ThreadPoolExecutor(len(SCENES)) as pool:
        played = {name: pool.submit(play, server, lab3) for name, play in SCENES.items()}
    server.stop()
    lab3.clear()
    return played


@pytest.fixture
def scene(scenes: dict[str, Future[Any]], request: pytest.FixtureRequest) -> Any:
    """What came of the scene that the test names."""
    return scenes[request.param].result()


def of(name: str) -> pytest.MarkDecorator:
    """Give a test what came of a scene."""
    return pytest.mark.parametrize("scene", [name], indirect=True)


# --- What came of them --------------------------------------------------------------------------------------------


@of("life")
def test_new_stack_converges(scene):
    assert outcome(scene.created) == ("converged", "converged")
    assert cause(scene.created) == "1 service converged."
    (progress,) = scene.created["services"]
    assert (progress["running"], progress["desired"]) == (3, 3)


@of("life")
def test_same_file_again_changes_nothing(scene):
    assert outcome(scene.same) == ("converged", "converged")
    assert scene.same["steps"] == []
    assert cause(scene.same).startswith("Nothing had to change")


@of("life")
def test_rolling_update_converges_when_all_tasks_are_new(scene):
    assert outcome(scene.updated) == ("converged", "converged")
    (progress,) = scene.updated["services"]
    assert (progress["updated"], progress["total"]) == (3, 3)
    assert scene.updated["verdict"]["created"] == []


@of("life")
def test_stack_that_is_rolled_back_on_demand_converges(scene):
    assert outcome(scene.back) == ("converged", "converged")
    assert scene.back["kind"] == "stack.rollback"
    assert scene.image == "lab/web:v1"


@of("missing image")
def test_new_service_of_a_missing_image_fails_and_says_what_was_created(scene):
    assert outcome(scene.created) == ("failed", "image-missing")
    assert "The image lab/nowhere:1 cannot be had" in cause(scene.created)
    assert scene.created["verdict"]["created"] == ["service missing_web"]


@of("missing image")
def test_update_to_a_missing_image_is_paused_for_that(scene):
    assert outcome(scene.updated) == ("paused", "image-missing")
    assert "The image lab/nowhere:2 cannot be had" in cause(scene.updated)
    assert scene.updated["verdict"]["created"] == []


@of("sick rollback")
def test_update_that_never_gets_healthy_is_rolled_back_and_the_check_is_quoted(scene):
    assert outcome(scene.operation) == ("rolled-back", "unhealthy")
    assert "The check said: not healthy: HEALTHY is no" in cause(scene.operation)
    assert scene.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "lab/health:good"


@of("sick pause")
def test_update_that_never_gets_healthy_is_paused(scene):
    assert outcome(scene.operation) == ("paused", "unhealthy")
    assert "The check said: not healthy: HEALTHY is no" in cause(scene.operation)
    assert scene.service["UpdateStatus"]["State"] == "paused"


@of("nowhere")
def test_service_that_no_node_fits_fails_with_each_nodes_reason(scene):
    assert outcome(scene.label) == ("failed", "no-suitable-node")
    assert "2 of 3 lack label ssd=true, 1 is drained" in cause(scene.label)


@of("nowhere")
def test_service_that_reserves_too_much_fails_with_the_amount(scene):
    assert outcome(scene.processors) == ("failed", "no-suitable-node")
    assert "2 of 3 have less than 500 CPUs left to reserve, 1 is drained" in cause(scene.processors)


@of("ports")
def test_port_of_another_stack_is_a_violation(scene):
    assert (scene.status, scene.refusal["code"]) == (422, "plan-refused")
    assert "18081/tcp is published by the service port_web already" in scene.refusal["errors"][0]["detail"]


@of("ports")
def test_service_whose_nodes_ports_are_taken_fails_with_the_port(scene):
    assert outcome(scene.first) == ("converged", "converged")
    assert outcome(scene.second) == ("failed", "no-suitable-node")
    assert "have port 18082/tcp taken" in cause(scene.second)


@of("crashes")
def test_crash_loop_fails_with_the_exit_status(scene):
    assert outcome(scene.bad) == ("failed", "exits")
    assert "ends with exit status 1" in cause(scene.bad)
    assert scene.bad["services"][0]["failing"][0]["count"] >= 3


@of("crashes")
def test_service_whose_tasks_end_well_again_and_again_fails(scene):
    assert outcome(scene.well) == ("failed", "ends")
    assert "replicated-job" in scene.well["verdict"]["advice"]


@of("global")
def test_global_service_converges_on_the_nodes_that_take_tasks(scene):
    assert outcome(scene.operation) == ("converged", "converged")
    assert scene.operation["services"][0]["running"] == 2


@of("jobs")
def test_job_that_ends_converges(scene):
    assert outcome(scene.good) == ("converged", "converged")
    assert scene.good["services"][0]["message"] == "2 tasks have completed."


@of("jobs")
def test_job_that_fails_fails_with_the_exit_status(scene):
    assert outcome(scene.bad) == ("failed", "exits")
    assert "exit status 3" in cause(scene.bad)


@of("rotation")
def test_unchanged_secret_is_found_unchanged(scene):
    assert outcome(scene.created) == ("converged", "converged")
    for plan in (scene.same, scene.kept):
        assert {change["action"] for change in plan["changes"]} <= {"keep"}, plan["changes"]


@of("rotation")
def test_changed_contents_are_one_rolling_update(scene):
    assert outcome(scene.rotated) == ("converged", "converged")
    steps = {(step["kind"], step["name"], step["action"]) for step in scene.rotated["steps"]}
    assert steps == {
        ("config", "rotation_app.2", "create"),
        ("secret", "rotation_key.2", "create"),
        ("service", "rotation_web", "update"),
    }
    assert scene.rotated["verdict"]["created"] == []


@of("rotation")
def test_prune_removes_the_versions_that_nothing_uses(scene):
    assert outcome(scene.pruned) == ("converged", "converged")
    assert "rotation_app.3" in scene.names["configs"]
    assert "rotation_app" not in scene.names["configs"]
    assert "rotation_key" not in scene.names["secrets"]
    assert "rotation_key.2" in scene.names["secrets"]


@of("service")
def test_service_is_scaled_restarted_and_given_another_image(scene):
    for operation, kind in ((scene.scaled, "scale"), (scene.forced, "force"), (scene.image, "image")):
        assert outcome(operation) == ("converged", "converged"), kind
        assert operation["services"][0]["running"] == 3


@of("service")
def test_service_that_is_rolled_back_on_demand_converges(scene):
    assert outcome(scene.back) == ("converged", "converged")
    assert outcome(scene.removed) == ("converged", "removed")


@of("removal")
def test_stack_is_removed_when_its_tasks_and_networks_are_gone(scene):
    assert outcome(scene.created) == ("converged", "converged")
    assert outcome(scene.removed) == ("converged", "removed")
    assert scene.left == {"services": 0, "tasks": 0, "networks": 0, "configs": 0}


@of("superseded")
def test_deployment_that_another_one_overtakes_says_so(scene):
    assert outcome(scene.first) == ("failed", "superseded")
    assert outcome(scene.second) == ("converged", "converged")


@of("at once")
def test_second_deployment_is_refused_while_the_first_is_sent(scene):
    assert (scene.status, scene.second["code"]) == (409, "deployment-in-progress")
    assert outcome(scene.first) == ("converged", "converged")
    assert len(scene.first["services"]) == MANY


@of("adoption")
def test_stack_of_the_docker_program_is_taken_over_without_a_change(scene):
    assert {change["action"] for change in scene.plan["changes"]} == {"keep"}, scene.plan["changes"]
    assert outcome(scene.operation) == ("converged", "converged")
    assert scene.operation["steps"] == []


# --- What needs the lab for itself --------------------------------------------------------------------------------

SLOW = web(
    "lab/health:good",
    2,
    on="node.role==worker",
    more="environment: {HEALTHY_AFTER: 6}\nhealthcheck: {start_period: 30s}",
)


def following(server: Server, stack: str, file: str) -> str:
    """Deploy a stack, and return the id of the operation that is followed from now on."""
    operation = server.deploy(stack, file, wait=0)
    assert operation["state"] == "following"
    return str(operation["id"])


def test_service_fails_when_all_nodes_are_drained(swarm3, server):
    for node in swarm3.ask("GET", "/nodes"):
        path = f"/nodes/{node['ID']}/update?version={node['Version']['Index']}"
        swarm3.ask("POST", path, {**node["Spec"], "Availability": "drain"})
    operation = server.deploy("shop", web("lab/web:v1"))

    assert outcome(operation) == ("failed", "no-suitable-node")
    assert "all 3 are drained" in cause(operation)


def test_update_in_which_a_node_is_lost_goes_on_or_names_the_node(swarm3, server):
    file = web("lab/web:v1", 6)
    assert outcome(server.deploy("shop", file)) == ("converged", "converged")
    update = following(server, "shop", web("lab/web:v2", 6, action="continue"))
    server.until(lambda: server.operation(update)["services"][0]["updated"] >= 1, "a task is updated")
    swarm3.kill_node(3)

    operation = server.operation(update, wait=150)

    # It depends on whether the Swarm had just chosen the node for a task: then its updater waits for that for ever.
    if outcome(operation) == ("timed-out", "node-lost"):
        assert "a task on the node node3, which is down" in cause(operation)
        operation = server.change("POST", "/services/shop_web/force")
    assert outcome(operation) == ("converged", "converged")
    running = [task for task in swarm3.ask("GET", "/tasks") if task["DesiredState"] == "running"]
    images = {task["Spec"]["ContainerSpec"]["Image"] for task in running}
    assert (len(running), images) == (6, {"lab/web:v2"})


def test_operation_outlives_the_engine(swarm3, server):
    operation_id = following(server, "shop", SLOW)
    swarm3.kill_node(1)
    server.until(lambda: server.operation(operation_id)["state"] == "unknown-yet", "it is not known how it fares")
    swarm3.start_node(1)

    operation = server.operation(operation_id, wait=100)

    assert outcome(operation) == ("converged", "converged")


def test_killed_server_follows_to_the_verdict_after_its_start(swarm3, server):
    operation_id = following(server, "shop", SLOW)
    server.kill()
    server.start()

    operation = server.operation(operation_id, wait=60)

    assert outcome(operation) == ("converged", "converged")
    assert operation["verdict"]["created"] == []


def test_killed_server_says_at_its_start_what_stands(swarm3, server):
    file = CROWD
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.deploy, "shop", file)
        operation_id = server.until(lambda: _applying(server, "shop"), "it is being sent")["id"]
        server.kill()
        assert isinstance(answer.exception(), OSError)
    server.start()

    operation = server.operation(operation_id, wait=30)

    assert outcome(operation) == ("failed", "interrupted")
    there = {f"service {service['Spec']['Name']}" for service in swarm3.ask("GET", "/services")}
    assert 0 < len(there) < MANY
    assert set(operation["verdict"]["created"]) == there
    again = server.deploy("shop", file)
    assert outcome(again) == ("converged", "converged")
    assert {step["name"] for step in again["steps"]}.isdisjoint({name.removeprefix("service ") for name in there})
