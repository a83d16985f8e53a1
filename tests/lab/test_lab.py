"""The lab is what other tests believe it to be, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.lab import images, leftovers, network
from tests.lab.lab import Lab, LabError, check_requirements
from tests.lab.node import CGROUPS

ROOT = Path(__file__).parents[2]


def service(name: str, image: str, replicas: int = 1, **container: Any) -> dict[str, Any]:
    """Return the spec of a service."""
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": image, **container}, "RestartPolicy": {"Condition": "none"}},
        "Mode": {"Replicated": {"Replicas": replicas}},
    }


def tasks(lab: Lab, state: str) -> list[dict[str, Any]]:
    """Return the tasks that are in a state."""
    return [task for task in lab.ask("GET", "/tasks") if task["Status"]["State"] == state]


def traces(name: str) -> list[str]:
    """Return everything on this machine that belongs to the lab of a name."""
    found = [str(path) for path in network.NAMESPACES.glob(f"{name}-*")]
    found += [str(path) for path in CGROUPS.glob(f"*/{name}-*")] + [str(path) for path in CGROUPS.glob(f"{name}-*")]
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if name in line]
    found += [str(path) for path in (Path("/sys/class/net") / leftovers.link_of(name),) if path.exists()]
    found += [f"process {path.parent}" for path in Path("/proc").glob("[0-9]*/cmdline") if _mentions(path, name)]
    return found + [str(path) for path in (leftovers.directory_of(name),) if path.exists()]


def _mentions(path: Path, name: str) -> bool:
    try:
        return name in path.read_text(errors="replace")
    except OSError:
        return False


def test_three_nodes_are_ready_and_have_every_image(lab3):
    nodes = lab3.ask("GET", "/nodes")

    assert sorted(node["Description"]["Hostname"] for node in nodes) == ["node1", "node2", "node3"]
    for node in lab3.nodes:
        tags = {tag for image in node.ask("GET", "/images/json") for tag in image["RepoTags"]}
        assert tags >= set(images.NAMES)


def test_service_converges_on_three_nodes_and_answers(swarm3):
    spec = service("web", "lab/web:v2", 3)
    spec["TaskTemplate"]["Placement"] = {"MaxReplicas": 1}
    port = {"TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"}
    spec["EndpointSpec"] = {"Mode": "dnsrr", "Ports": [port]}

    swarm3.ask("POST", "/services/create", spec)
    swarm3.wait_until(lambda: len(tasks(swarm3, "running")) == 3, "three tasks run")

    def read() -> set[bytes]:
        return {urllib.request.urlopen(f"http://{node.address}:8080/", timeout=10).read() for node in swarm3.nodes}

    # A task runs as soon as its program was started, which is before that listens.
    swarm3.wait_until(lambda: read() == {b"hello v2\n"}, "each node answers")


def test_tasks_of_a_killed_node_move_and_the_node_comes_back(swarm3):
    spec = service("web", "lab/web:v1", 3)
    spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "any"}
    swarm3.ask("POST", "/services/create", spec)
    swarm3.wait_until(lambda: len(tasks(swarm3, "running")) == 3, "three tasks run")
    names = {node["ID"]: node["Description"]["Hostname"] for node in swarm3.ask("GET", "/nodes")}

    swarm3.kill_node(2)
    assert not swarm3.node(2).running

    def moved() -> bool:
        wanted = [task for task in tasks(swarm3, "running") if task["DesiredState"] == "running"]
        return sorted({names[task["NodeID"]] for task in wanted}) == ["node1", "node3"] and len(wanted) == 3

    swarm3.wait_until(moved, "the tasks of node2 run elsewhere")
    swarm3.start_node(2)

    def back() -> bool:
        return {node["Status"]["State"] for node in swarm3.ask("GET", "/nodes")} == {"ready"}

    swarm3.wait_until(back, "node2 is ready again")


def test_manager_remembers_its_services_after_a_power_cut(swarm1):
    swarm1.ask("POST", "/services/create", service("web", "lab/web:v1"))

    swarm1.kill_node(1)
    with pytest.raises(OSError):
        swarm1.ask("GET", "/_ping")
    swarm1.start_node(1)

    swarm1.wait_until(lambda: [it["Spec"]["Name"] for it in swarm1.ask("GET", "/services")] == ["web"], "it is known")


def test_paused_engine_answers_nothing_until_it_is_resumed(swarm1):
    swarm1.pause_engine(1)
    with pytest.raises(TimeoutError):
        swarm1.ask("GET", "/_ping", timeout=0.5)

    swarm1.resume_engine(1)
    swarm1.ask("GET", "/_ping")


def test_node_without_network_is_down_until_it_is_plugged_in(swarm3):
    def states() -> list[str]:
        return sorted(node["Status"]["State"] for node in swarm3.ask("GET", "/nodes"))

    swarm3.unplug(3)
    swarm3.wait_until(lambda: states() == ["down", "ready", "ready"], "node3 is down")

    swarm3.plug(3)
    swarm3.wait_until(lambda: states() == ["ready", "ready", "ready"], "node3 is ready")


def test_image_that_does_not_exist_is_refused_at_once(swarm1):
    swarm1.ask("POST", "/services/create", service("web", "lab/nothing:1"))

    swarm1.wait_until(lambda: bool(tasks(swarm1, "rejected")), "the task is rejected", timeout=10)
    assert "lab/nothing:1" in tasks(swarm1, "rejected")[0]["Status"]["Err"]


def test_broken_image_ends_with_status_one(swarm1):
    swarm1.ask("POST", "/services/create", service("web", "lab/web:broken"))

    swarm1.wait_until(lambda: bool(tasks(swarm1, "failed")), "the task fails")
    assert tasks(swarm1, "failed")[0]["Status"]["ContainerStatus"]["ExitCode"] == 1


def test_healthcheck_is_controlled_by_image_and_variable(swarm1):
    swarm1.ask("POST", "/services/create", service("good", "lab/health:good"))
    swarm1.ask("POST", "/services/create", service("sick", "lab/health:sick"))
    swarm1.ask("POST", "/services/create", service("ill", "lab/health:good", Env=["HEALTHY=no"]))

    swarm1.wait_until(lambda: len(tasks(swarm1, "failed")) == 2, "the two unhealthy tasks fail")
    errors = {task["Status"]["Err"] for task in tasks(swarm1, "failed")}
    assert errors == {"task: non-zero exit (137): dockerexec: unhealthy container"}
    assert len(tasks(swarm1, "running")) == 1


def test_cleared_lab_runs_nothing_and_forgets_labels(swarm1):
    swarm1.ask("POST", "/networks/create", {"Name": "back", "Driver": "overlay"})
    spec = service("web", "lab/web:v1")
    spec["TaskTemplate"]["Networks"] = [{"Target": "back"}]
    swarm1.ask("POST", "/services/create", spec)
    swarm1.ask("POST", "/configs/create", {"Name": "page", "Data": "aGk="})
    node = swarm1.ask("GET", "/nodes")[0]
    spec = {**node["Spec"], "Labels": {"ssd": "true"}, "Availability": "drain"}
    swarm1.ask("POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", spec)

    swarm1.clear()

    assert swarm1.ask("GET", "/services") == []
    assert swarm1.ask("GET", "/configs") == []
    assert [net["Name"] for net in swarm1.ask("GET", "/networks") if net["Scope"] == "swarm"] == ["ingress"]
    assert swarm1.ask("GET", "/nodes")[0]["Spec"] == {"Availability": "active", "Labels": {}, "Role": "manager"}


def test_lab_that_has_lost_its_swarm_is_made_anew():
    with Lab(1) as lab:
        lab.node(1).ask("POST", "/swarm/leave?force=1")

        lab.clear(patience=1)

        [node] = lab.ask("GET", "/nodes")
        assert (node["Spec"]["Role"], node["Status"]["State"]) == ("manager", "ready")
        assert set(images.NAMES) <= {tag for image in lab.ask("GET", "/images/json") for tag in image["RepoTags"]}


def test_lab_leaves_no_process_namespace_mount_or_directory():
    lab = Lab(1)
    with lab:
        lab.ask("POST", "/services/create", service("web", "lab/web:v1"))
        lab.wait_until(lambda: bool(tasks(lab, "running")), "the task runs")
        assert traces(lab.name)

    assert traces(lab.name) == []


def test_lab_of_a_killed_run_is_removed_by_the_next():
    command = [sys.executable, "-u", "-m", "tests.lab.lab", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "DOCKER_HOST" in line:
                break
        run.kill()
    name = f"{leftovers.PREFIX}-{run.pid}-1"
    assert traces(name)

    assert name in leftovers.remove_dead()

    assert traces(name) == []


def test_lab_of_a_living_run_is_left_alone(lab1):
    assert lab1.name not in leftovers.remove_dead()
    assert traces(lab1.name)


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("tests.lab.lab.PROGRAMS", {"no-such-program": "no-such-package"})

    with pytest.raises(LabError, match=r"no-such-program \(Debian: no-such-package\)"):
        check_requirements()


def test_without_root_the_lab_says_so():
    code = "import os; from tests.lab.lab import Lab; os.setuid(65534); Lab(1).up()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert "needs root" in done.stderr
