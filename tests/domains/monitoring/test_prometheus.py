"""The figures of /metrics, read by a real Prometheus with the configuration and the rules of the documentation."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml
from werkzeug.serving import make_server

from crane_core.testing.ports import find_free_port

EXAMPLES = Path(__file__).parents[3] / "docs/examples/prometheus"
SHOP = "services: {web: {image: 'nginx:1', deploy: {replicas: 2}}, db: {image: 'postgres:16'}}"


def run(*command):
    if not shutil.which(command[0]):
        pytest.fail(f"{command[0]} is missing (Debian: apt-get install prometheus).")
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_rules_of_the_documentation_are_accepted():
    done = run("promtool", "check", "rules", str(EXAMPLES / "crane-rules.yml"))

    assert done.returncode == 0, done.stderr


def test_figures_are_well_formed(client):
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=client.get("/metrics").text, capture_output=True, text=True, timeout=60
    )

    complaints = [line for line in done.stderr.splitlines() if line.startswith("crane_")]
    assert complaints == []


@pytest.fixture
def address(crane_app):
    """The server on a port of this machine."""
    server = make_server("127.0.0.1", 0, crane_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ask(address, tmp_path, client):
    """Ask a Prometheus that scrapes the server, in its language; returns its samples by their labels."""
    config = yaml.safe_load((EXAMPLES / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(EXAMPLES / "crane-rules.yml")]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [address]}]
    token = client.environ_base.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ") or "none"
    (tmp_path / "token").write_text(token)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    name = f"127.0.0.1:{find_free_port()}"
    if not shutil.which("prometheus"):
        pytest.fail("Prometheus is missing (Debian: apt-get install prometheus).")

    def act(expression):
        query = urllib.parse.urlencode({"query": expression})
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://{name}/api/v1/query?{query}", timeout=5) as response:
                    found = json.load(response)["data"]["result"]
            except OSError:
                found = []
            if found:
                return {
                    tuple(
                        sorted(
                            (key, value)
                            for key, value in sample["metric"].items()
                            if key not in ("__name__", "instance", "job")
                        )
                    ): float(sample["value"][1])
                    for sample in found
                }
            process.poll()
            assert process.returncode is None, (tmp_path / "prometheus.log").read_text()
        raise AssertionError(f"{expression} is worth nothing: {(tmp_path / 'prometheus.log').read_text()[-2000:]}")

    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address={name}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield act
        finally:
            process.terminate()
            process.wait(30)


def test_prometheus_scrapes_and_answers(deploy, swarm, crane, ask):
    deploy(SHOP)
    swarm.node_down("node3")
    swarm.advance(30)
    crane.watcher.look(full=True)

    assert ask('up{job="crane"} == 1') == {(): 1.0}
    assert ask("sum by (stack) (crane_orchestration_service_desired_tasks)") == {(("stack", "shop"),): 3.0}
    updated = ask("crane_orchestration_service_updated_tasks")
    assert updated[("service", "shop_db"), ("stack", "shop")] <= 1.0
    assert ask("count(crane_monitoring_node_ready == 0)") == {(): 1.0}
    assert ask("sum(crane_monitoring_node_capacity_cpu_cores)") == {(): 12.0}
    assert ask('crane_orchestration_tasks{state="running"}')[(("state", "running"),)] >= 2.0
    assert ask("sum(crane_monitoring_streams_open)")[()] >= 1
    assert ask("crane_monitoring_threads")[()] > 1
    assert ask('crane_monitoring_loops{state="running"}')[(("state", "running"),)] >= 5
    # An alert that waits for its two minutes is pending.
    [alert] = ask('ALERTS{alertname="NodeNotReady"}')
    assert ("node", "node3") in alert
