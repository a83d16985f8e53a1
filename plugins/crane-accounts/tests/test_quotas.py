"""Quotas: kept, shown with what is used, and counted over all services of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

JSON = dict[str, Any]
MIB = 1024**2
Send = Callable[..., TestResponse]


@pytest.fixture
def told() -> list[Any]:
    """The events that plugins are told of."""
    return []


@pytest.fixture
def crane_plugins(crane_plugins: list[Plugin], told: list[Any]) -> list[Plugin]:
    """An admin, and operators who may do everything but ask for more than the policy allows."""

    def crane_authenticate(request: Any) -> Identity:
        return Identity(request.headers.get("Authorization", "admin"))

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        return Vote(identity.name == "admin" or action != "policy:exceed")

    def crane_event(event: Any) -> None:
        told.append(event)

    return [*crane_plugins, make_plugin("rights", crane_authenticate, crane_authorize, crane_event)]


@pytest.fixture
def send(client: FlaskClient) -> Send:
    """Send a request as an admin, or as somebody else."""

    def act(method: str, path: str, body: Any = None, who: str = "admin") -> TestResponse:
        return client.open(f"/api/v1{path}", method=method, json=body, headers={"Authorization": who})

    return act


@pytest.fixture
def quota(send: Send) -> Callable[..., JSON]:
    """Make a quota of the stack ``shop``."""

    def act(**members: Any) -> JSON:
        answer = send("POST", "/quotas", {"name": "shop", "stack": "shop", **members})
        assert answer.status_code == 201, answer.json
        made: JSON = answer.json
        return made

    return act


@pytest.fixture
def deploy(send: Send, swarm: MemorySwarm, crane: Crane) -> Callable[..., TestResponse]:
    """Deploy a stack, by an operator unless told otherwise, and let the Swarm come to rest."""

    def act(services: JSON, stack: str = "shop", who: str = "bob", **members: Any) -> TestResponse:
        file = repr({"services": {name: {"image": "nginx:1", **rest} for name, rest in services.items()}})
        body = {"files": [{"name": "stack.yml", "content": file}], "resolve_image": "never", **members}
        answer = send("PUT", f"/stacks/{stack}", body, who)
        swarm.settle()
        crane.watcher.look(full=True)
        return answer

    return act


def tasks(number: int, **limits: Any) -> JSON:
    return {"deploy": {"replicas": number, **({"resources": {"limits": limits}} if limits else {})}}


def codes(answer: TestResponse) -> list[str]:
    assert answer.json is not None
    return sorted({error["code"] for error in answer.json.get("errors", ())})


# --- Refusing -----------------------------------------------------------------------------------------------------


def test_services_of_a_stack_are_counted_together(quota: Any, deploy: Any, swarm: MemorySwarm) -> None:
    quota(replicas=4)

    assert codes(deploy({"web": tasks(3), "db": tasks(2)})) == ["quota-exceeded"]
    assert swarm.services == []
    assert deploy({"web": tasks(3), "db": tasks(1)}).status_code == 202


def test_refusal_says_by_how_much(quota: Any, deploy: Any) -> None:
    quota(replicas=4)

    [error] = deploy({"web": tasks(5)}).json["errors"]

    assert error["detail"] == (
        "With it, 5 replicas would be asked for, and the quota shop of the stack shop allows 4 replicas. Ask for less, "
        "or remove something first."
    )
    assert error["pointer"] == "/services/web/deploy/replicas"


def test_what_runs_already_counts(quota: Any, deploy: Any, send: Send) -> None:
    quota(replicas=4)
    deploy({"web": tasks(3)})
    spec = {"name": "more", "image": "nginx:1", "replicas": 2, "Labels": {"com.docker.stack.namespace": "shop"}}

    assert codes(send("POST", "/services", spec, "bob")) == ["quota-exceeded"]
    assert codes(send("POST", "/services/shop_web/scale", {"replicas": 5}, "bob")) == ["quota-exceeded"]
    assert codes(send("PATCH", "/services/shop_web", {"replicas": 5}, "bob")) == ["quota-exceeded"]
    assert send("POST", "/services/shop_web/scale", {"replicas": 4}, "bob").status_code == 202


def test_one_service_may_grow_by_what_another_gives_back(quota: Any, deploy: Any) -> None:
    quota(replicas=4)
    deploy({"web": tasks(3), "db": tasks(1)})

    assert deploy({"web": tasks(1), "db": tasks(3)}).status_code == 202


def test_what_the_same_plan_removes_counts_no_more(quota: Any, deploy: Any) -> None:
    quota(replicas=4)
    deploy({"web": tasks(3)})

    assert codes(deploy({"api": tasks(3)})) == ["quota-exceeded"]
    assert deploy({"api": tasks(3)}, prune=True).status_code == 202


def test_what_is_over_a_new_quota_may_stay_and_shrink(quota: Any, deploy: Any, send: Send) -> None:
    deploy({"web": tasks(6), "db": tasks(2)})
    quota(replicas=4, replicas_per_service=2, cpus=1)

    assert deploy({"web": {**tasks(6), "image": "nginx:2"}, "db": tasks(2)}).status_code == 202
    assert deploy({"web": tasks(5), "db": tasks(2)}).status_code == 202
    assert codes(deploy({"web": tasks(6), "db": tasks(2)})) == ["quota-exceeded", "quota-needs-limit"]


def test_processors_and_memory_are_counted_by_limits(quota: Any, deploy: Any) -> None:
    quota(cpus=1.5, memory_bytes=256 * MIB)

    assert deploy({"web": tasks(3, cpus="0.5", memory="64M")}).status_code == 202
    assert codes(deploy({"web": tasks(3, cpus="0.51", memory="64M")})) == ["quota-exceeded"]
    assert codes(deploy({"web": tasks(3, cpus="0.5", memory="128M")})) == ["quota-exceeded"]


def test_service_without_a_limit_is_refused(quota: Any, deploy: Any) -> None:
    quota(cpus=4, memory_bytes=256 * MIB)

    answer = deploy({"web": tasks(1, cpus="1")})

    [error] = answer.json["errors"]
    assert error["code"] == "quota-needs-limit"
    assert error["detail"].endswith("Set deploy.resources.limits.memory.")
    assert deploy({"web": tasks(0)}).status_code == 202


def test_limit_is_not_taken_away_again(quota: Any, deploy: Any) -> None:
    quota(cpus=4)
    deploy({"web": tasks(1, cpus="1")})

    assert codes(deploy({"web": tasks(1)})) == ["quota-needs-limit"]


def test_global_services_count_once_for_each_node(quota: Any, deploy: Any, swarm: MemorySwarm) -> None:
    quota(replicas=2)

    assert codes(deploy({"web": {"deploy": {"mode": "global"}}})) == ["quota-exceeded"]


def test_jobs_count_by_what_runs_at_a_time(quota: Any, send: Send) -> None:
    quota(replicas=4)
    spec = {"Name": "job", "Labels": {"com.docker.stack.namespace": "shop"}}

    def create(concurrent: int) -> TestResponse:
        mode = {"ReplicatedJob": {"MaxConcurrent": concurrent, "TotalCompletions": 100}}
        task = {"ContainerSpec": {"Image": "nginx:1"}, "RestartPolicy": {"Condition": "none"}}
        return send("POST", "/services", {**spec, "Mode": mode, "TaskTemplate": task}, "bob")

    assert codes(create(5)) == ["quota-exceeded"]
    assert create(4).status_code == 202


def test_replicas_of_each_service_are_limited(quota: Any, deploy: Any) -> None:
    quota(replicas_per_service=2)

    assert codes(deploy({"web": tasks(3), "db": tasks(2)})) == ["quota-exceeded"]
    assert deploy({"web": tasks(2), "db": tasks(2), "api": tasks(2)}).status_code == 202


def test_return_to_more_is_refused(quota: Any, deploy: Any, send: Send) -> None:
    deploy({"web": tasks(5)})
    deploy({"web": tasks(1)})
    quota(replicas=4)

    assert codes(send("POST", "/services/shop_web/rollback", None, "bob")) == ["quota-exceeded"]
    assert codes(send("POST", "/stacks/shop/rollback", None, "bob")) == ["quota-exceeded"]


def test_pattern_covers_several_stacks_and_no_others(quota: Any, deploy: Any) -> None:
    quota(stack="shop*", replicas=3)
    deploy({"web": tasks(2)}, stack="shop")

    assert codes(deploy({"web": tasks(2)}, stack="shop-eu")) == ["quota-exceeded"]
    assert deploy({"web": tasks(9)}, stack="bank").status_code == 202


def test_quota_of_everything_covers_services_of_no_stack(quota: Any, send: Send) -> None:
    quota(stack=None, replicas=3)

    assert codes(send("POST", "/services", {"name": "web", "image": "nginx", "replicas": 4}, "bob")) == [
        "quota-exceeded"
    ]


def test_service_is_not_moved_into_a_full_stack(quota: Any, deploy: Any, send: Send) -> None:
    quota(replicas=1)
    send("POST", "/services", {"name": "web", "image": "nginx:1", "replicas": 2}, "bob")

    labels = {"Labels": {"com.docker.stack.namespace": "shop"}}
    assert codes(send("PATCH", "/services/web", labels, "bob")) == ["quota-exceeded"]


def test_who_may_exceed_the_policy_is_exempt(quota: Any, deploy: Any) -> None:
    quota(replicas=1, cpus=1)

    assert deploy({"web": tasks(5)}, who="admin").status_code == 202


# --- Keeping ------------------------------------------------------------------------------------------------------


def test_quota_tells_how_much_is_used(quota: Any, deploy: Any, send: Send) -> None:
    quota(replicas=9, cpus=4, description="What the team paid for.")
    deploy({"web": tasks(3, cpus="0.5"), "db": {}}, who="admin")

    shown = send("GET", "/quotas/shop").json

    assert (shown["replicas"], shown["cpus"], shown["memory_bytes"]) == (9, 4.0, None)
    assert shown["services"] == 2
    assert shown["used"] == {"replicas": 4, "cpus": 1.5, "memory_bytes": 0, "largest_service": 3}
    assert shown["unlimited"] == {"cpus": ["shop_db"], "memory_bytes": ["shop_db", "shop_web"]}
    assert send("GET", "/quotas?stack=shop").json["items"] == [shown]


def test_quota_is_changed_and_removed(quota: Any, send: Send) -> None:
    quota(replicas=9)

    changed = send("PATCH", "/quotas/shop", {"replicas": None, "cpus": 2.5}).json

    assert (changed["replicas"], changed["cpus"], changed["stack"]) == (None, 2.5, "shop")
    assert send("PATCH", "/quotas/shop", {}).status_code == 200
    assert send("DELETE", "/quotas/shop").status_code == 204
    assert (send("GET", "/quotas/shop").status_code, send("GET", "/quotas").json["total"]) == (404, 0)
    assert send("DELETE", "/quotas/shop").json["code"] == "quota-not-found"


def test_name_is_given_once(quota: Any, send: Send) -> None:
    quota(replicas=9)

    answer = send("POST", "/quotas", {"name": "SHOP", "replicas": 1})

    assert (answer.status_code, answer.json["code"]) == (409, "quota-exists")


@pytest.mark.parametrize("wrong", [
    {"name": "a"},
    {"name": "", "replicas": 1},
    {"name": "a b", "replicas": 1},
    {"name": "a/../b", "replicas": 1},
    {"name": "a", "replicas": -1},
    {"name": "a", "replicas": 1.5},
    {"name": "a", "replicas": True},
    {"name": "a", "replicas": 10**30},
    {"name": "a", "cpus": -0.1},
    {"name": "a", "cpus": "NaN"},
    {"name": "a", "cpus": "Infinity"},
    {"name": "a", "memory_bytes": "1G"},
    {"name": "a", "memory_bytes": 2**60},
    {"name": "a", "replicas": 1, "stack": ""},
    {"name": "a", "replicas": 1, "stack": "a b"},
    {"name": "a", "replicas": 1, "stack": 7},
    {"name": "a", "replicas": 1, "description": "x" * 1001},
    {"name": "a", "replicas": 1, "colour": "red"},
    {"replicas": 1},
    [],
    None,
])  # fmt: skip
def test_bad_input_is_refused(send: Send, wrong: Any) -> None:
    answer = send("POST", "/quotas", wrong)

    assert answer.status_code in (400, 415, 422), answer.json
    assert send("GET", "/quotas").json["total"] == 0


def test_last_limit_is_not_taken_away(quota: Any, send: Send) -> None:
    quota(replicas=9)

    assert codes(send("PATCH", "/quotas/shop", {"replicas": None})) == ["limits-nothing"]


def test_changes_are_told(quota: Any, send: Send, crane: Crane, told: list[Any]) -> None:
    quota(replicas=9)
    send("PATCH", "/quotas/shop", {"replicas": 8})
    send("DELETE", "/quotas/shop")
    crane.events.drain()

    kinds = [(event.kind, event.name, event.by) for event in told if event.kind.startswith("quota.")]
    assert kinds == [(f"quota.{verb}", "shop", "admin") for verb in ("created", "updated", "removed")]
