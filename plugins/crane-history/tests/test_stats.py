"""Stats of the past: read from a real Prometheus, which scrapes what cAdvisor would say."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from crane_history.stats.operations import FIGURES, MOST_POINTS, express, find_span
from crane_history.stats.prometheus import Prometheus

from crane_core.errors import Invalid
from crane_core.testing.ports import find_free_port

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
STACK = "services: {web: {image: 'nginx:1', deploy: {replicas: 2}}, api: {image: 'nginx:1'}}"
Answer = tuple[int, dict[str, str], bytes]


class Speaker:
    """An HTTP server that says the same to everybody."""

    def __init__(self, say: Callable[[], Answer]) -> None:
        asked: list[BaseHTTPRequestHandler] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, body = say()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Speaker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Once more does no harm.
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


# What Prometheus answers.
answered: dict[str, Any] = {"status": "success", "data": {"resultType": "matrix", "result": []}}


@pytest.fixture
def said() -> list[Answer]:
    """What answers in the place of Prometheus says; the last one counts."""
    return [(200, {}, json.dumps(answered).encode())]


@pytest.fixture
def prometheus(said: list[Answer]) -> Iterator[Speaker]:
    """Something in the place of Prometheus."""
    with Speaker(lambda: said[-1]) as speaker:
        yield speaker


@pytest.fixture
def crane_settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """A SQLite database, and where Prometheus is."""
    url = f"http://user:hunter2@{request.getfixturevalue('prometheus').name}/"
    return {"database.url": f"sqlite:///{tmp_path}/crane.db", "history.prometheus_url": url}


@pytest.fixture
def shop(deploy: Callable[..., Any]) -> None:
    """A stack of two services."""
    deploy(STACK)


@pytest.mark.usefixtures("shop")
class TestRoutes:
    @pytest.mark.parametrize("path", ["services/shop_web", "stacks/shop", "nodes/node1"])
    def test_nothing_known_is_nothing_shown(self, client, path):
        told = client.get(f"/api/v1/stats-history/{path}").json

        assert [figure["name"] for figure in told["figures"]] == [figure.name for figure in FIGURES]
        assert [figure["series"] for figure in told["figures"]] == [[]] * len(FIGURES)

    def test_that_there_is_a_prometheus_is_told_without_asking_it(self, client, prometheus):
        assert client.get("/api/v1/stats-history").json == {"remembered": True}
        assert prometheus.asked == []

    def test_name_and_password_of_the_address_are_sent(self, client, prometheus):
        client.get("/api/v1/stats-history/stacks/shop")

        assert {each.headers["Authorization"] for each in prometheus.asked} == {"Basic dXNlcjpodW50ZXIy"}

    def test_gap_has_no_points_and_what_is_no_number_is_left_out(self, client, said):
        series = [{"metric": {}, "values": [[10, "1"], [25, "NaN"], [40, "+Inf"], [100, "3"]]}]
        said.append((200, {}, json.dumps({"data": {"result": series}}).encode()))

        [series] = client.get("/api/v1/stats-history/stacks/shop").json["figures"][0]["series"]

        assert series["points"] == [[10, 1], [100, 3]]
        assert (series["least"], series["mean"], series["most"]) == (1, 2, 3)

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            ((200, {}, b"<html>"), "is no Prometheus"),
            ((200, {}, b"[]"), "is no Prometheus"),
            ((200, {}, b'{"data": {"result": [{"metric": {}, "values": [[1]]}]}}'), "is no Prometheus"),
            ((400, {}, b'{"error": "parse error"}'), "refused: parse error"),
            ((503, {}, b"later"), "refused: 503"),
            ((302, {"Location": "http://127.0.0.1:9/"}, b""), "refused: 302"),
            ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "cannot be reached"),
            ((200, {}, b" " * (17 * 2**20)), "more than fits"),
        ],
    )
    def test_what_is_no_answer_is_said_in_a_sentence(self, client, said, answer, sentence):
        said.append(answer)

        problem = client.get("/api/v1/stats-history/services/shop_web")

        assert (problem.status_code, problem.json["code"]) == (502, "prometheus-unavailable")
        assert sentence in problem.json["detail"]
        assert "hunter2" not in problem.text

    @pytest.mark.parametrize(
        "query",
        [
            "since=yesterday",
            "step=1",
            "step=a",
            "by=node",
            "from=1",
            "since=2026-05-04T12:00:00Z&until=2026-05-04T12:00:00Z",
            "since=2026-01-01T00:00:00Z&until=2026-05-04T12:00:00Z&step=15",
        ],
    )
    def test_wrong_span_is_refused(self, client, prometheus, query):
        answer = client.get(f"/api/v1/stats-history/stacks/shop?{query}")

        assert (answer.status_code, prometheus.asked) == (422, [])
        assert answer.json["errors"]

    @pytest.mark.parametrize("path", ["services/none", "nodes/none"])
    def test_unknown_object_is_not_found(self, client, path):
        assert client.get(f"/api/v1/stats-history/{path}").status_code == 404


@pytest.mark.usefixtures("shop")
def test_prometheus_that_is_away_is_named(client, prometheus):
    prometheus.__exit__()

    problem = client.get("/api/v1/stats-history/stacks/shop").json

    assert (problem["code"], problem["detail"]) == (
        "prometheus-unavailable",
        f"Prometheus at {prometheus.name} cannot be reached.",
    )


@pytest.mark.usefixtures("shop")
class TestWithout:
    @pytest.fixture
    def crane_settings(self, tmp_path: Path) -> dict[str, Any]:
        return {"database.url": f"sqlite:///{tmp_path}/crane.db"}

    def test_without_prometheus_it_is_said_what_to_set(self, client):
        problem = client.get("/api/v1/stats-history/stacks/shop").json

        assert (problem["status"], problem["code"]) == (404, "no-prometheus")
        assert "history.prometheus_url" in problem["detail"]
        assert client.get("/api/v1/stats-history").json == {"remembered": False}


def test_token_is_sent(prometheus):
    Prometheus(f"http://{prometheus.name}", "canary").ask("up", find_span(None, None, None, NOW))

    assert [each.headers["Authorization"] for each in prometheus.asked] == ["Bearer canary"]


def test_span_is_a_day_in_steps_that_a_chart_has_room_for():
    span = find_span(None, None, None, NOW)

    assert (span.since, span.until, span.step) == (NOW - timedelta(hours=24), NOW, 360)


def test_short_span_has_the_shortest_step():
    assert find_span(NOW - timedelta(minutes=5), NOW, None, NOW).step == 15


def test_too_many_points_are_refused_with_the_step_that_fits():
    with pytest.raises(Invalid) as refused:
        find_span(NOW - timedelta(days=30), NOW, 15, NOW)

    assert f"{30 * 86_400 // MOST_POINTS} seconds or more" in refused.value.violations[0].detail


def test_name_does_not_become_part_of_the_expression():
    told = express(FIGURES[1], "stack", 'a"} or vector(1)#\\\n', 15, False)

    assert told.endswith('_stack_namespace="a\\"} or vector(1)#\\\\\\n"})')


# --- On a real Prometheus ---------------------------------------------------------------------------------------------


def cadvisor() -> Answer:
    """Say what cAdvisor would: each task of the service has used half a core all the time, and 100 MB."""
    lines = []
    for slot in (1, 2):
        task, service, stack = f"shop_web.{slot}.id{slot}", "shop_web", "shop"
        labels = f'container_label_com_docker_swarm_task_name="{task}",cpu="total",id="/docker/{slot}"'
        labels += f',container_label_com_docker_swarm_service_name="{service}"'
        labels += f',container_label_com_docker_stack_namespace="{stack}"'
        lines.append(f"container_cpu_usage_seconds_total{{{labels}}} {time.time() / 2}")
        lines.append(f"container_memory_working_set_bytes{{{labels}}} 1e8")
    return 200, {"Content-Type": "text/plain"}, "\n".join([*lines, ""]).encode()


@pytest.mark.usefixtures("shop")
class TestRealPrometheus:
    @pytest.fixture
    def prometheus(self, tmp_path: Path) -> Iterator[Any]:
        if not shutil.which("prometheus"):
            pytest.fail("Prometheus is missing (Debian: apt-get install prometheus).")
        name = f"127.0.0.1:{find_free_port()}"
        with Speaker(cadvisor) as exporter, (tmp_path / "prometheus.log").open("wb") as log:
            scraped = [{"job_name": "cadvisor", "static_configs": [{"targets": [exporter.name]}]}]
            config = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}, "scrape_configs": scraped}
            (tmp_path / "prometheus.json").write_text(json.dumps(config))
            process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={tmp_path}/prometheus.json",
                    f"--storage.tsdb.path={tmp_path}/tsdb",
                    f"--web.listen-address={name}",
                ],
                stdout=log,
                stderr=log,
            )
            try:
                yield type("Real", (), {"name": name})
            finally:
                process.terminate()
                process.wait(30)

    def test_what_tasks_used_is_shown_together_and_each(self, client):
        def show(path: str, **more: str) -> dict[str, Any]:
            deadline = time.monotonic() + 90
            while time.monotonic() < deadline:
                since = datetime.now(UTC) - timedelta(seconds=60)
                query = {"since": since.isoformat(), **more}
                answer = client.get(f"/api/v1/stats-history/{path}", query_string=query)
                if answer.status_code == 200:
                    found = {figure["name"]: figure["series"] for figure in answer.json["figures"]}
                    if all(each["points"] for name in ("cpu", "memory") for each in found[name]) and found["cpu"]:
                        return found
            raise AssertionError(answer.text)

        together = show("services/shop_web")
        each = show("stacks/shop", by="task")

        assert together["memory"][0]["points"][-1][1] == 2e8
        # Prometheus takes what it has not seen of its two minutes for idle.
        assert 0 < together["cpu"][0]["points"][-1][1] < 1.2
        assert sorted((one["task"], one["task_id"], one["most"]) for one in each["memory"]) == [
            ("shop_web.1", "id1", 1e8),
            ("shop_web.2", "id2", 1e8),
        ]
        assert together["disk_read"] == []
