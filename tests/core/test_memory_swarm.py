"""The Swarm in memory keeps the contract of a Swarm, and a few promises of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from crane_core.engine.client import Engine
from crane_core.errors import EngineUnavailable
from crane_core.testing import Exits, MemoryAdapter, MemorySwarm, Unhealthy, contract
from crane_core.testing.behaviours import Missing
from crane_core.testing.contract import service


class InMemory:
    """A Swarm in memory, for the contract."""

    def __init__(self) -> None:
        self.memory = MemorySwarm(nodes=3)
        self.memory.images |= {
            "lab/web:broken": Exits(1, prints="web: cannot start: no such option\n"),
            "lab/web:none": Missing(),
            "lab/health:sick": Unhealthy(),
            "lab/busybox:1": Exits(0),
        }
        self.engine = Engine(transport=MemoryAdapter(self.memory))
        self.lose_node = self.memory.node_down

    def engine_of(self, node: str) -> Engine:
        """Return a node's own Engine, which has an image."""
        self.memory.engine(node).images.add("lab/web:v1")
        return Engine(transport=MemoryAdapter(self.memory, node))

    def print(self, engine: Engine, container: str, content: bytes, stream: str = "stdout") -> None:
        """Have a container print something."""
        self.memory.print(container, content, stream)

    def until(self, fact: Callable[[], bool], words: str) -> None:
        """Let time pass until something is so."""
        for _ in range(600):
            if fact():
                return
            self.memory.advance(0.1)
        raise AssertionError(f"A minute passed without that {words}.")


@pytest.fixture
def contract_swarm() -> Iterator[InMemory]:
    in_memory = InMemory()
    yield in_memory
    in_memory.engine.close()


class TestCluster(contract.ClusterContract):
    pass


class TestNodeEngines(contract.NodeEnginesContract):
    pass


class TestUsage(contract.UsageContract):
    pass


class TestUsageByVersion1(contract.UsageContract):
    """The same on kernels with the first version of the control groups."""

    @pytest.fixture(autouse=True)
    def _version_1(self, contract_swarm: InMemory) -> None:
        contract_swarm.memory.cgroup_version = "1"


class TestObjects(contract.ObjectsContract):
    pass


class TestExecs(contract.ExecsContract):
    pass


class TestLogs(contract.LogsContract):
    pass


class TestServices(contract.ServicesContract):
    pass


class TestTasks(contract.TasksContract):
    pass


class TestUpdates(contract.UpdatesContract):
    pass


@pytest.fixture
def engine(swarm: MemorySwarm) -> Iterator[Engine]:
    engine = Engine(transport=MemoryAdapter(swarm))
    yield engine
    engine.close()


def test_nothing_happens_until_time_passes(swarm, engine):
    engine.create("service", service("web"))

    assert {task["Status"]["State"] for task in swarm.tasks("web")} == {"new"}
    swarm.settle()
    assert {task["Status"]["State"] for task in swarm.tasks("web")} == {"running"}


def test_same_calls_lead_to_the_same_state():
    def play() -> list[bytes]:
        swarm = MemorySwarm()
        swarm.images["lab/web:v1"] = Exits(1)
        Engine(transport=MemoryAdapter(swarm)).create("service", service("web"))
        swarm.advance(20)
        return [task.encoded() for task in swarm.store.tasks]

    assert play() == play()


def test_engine_that_went_away_refuses_and_answers_again_later(swarm, engine):
    engine.create("service", service("web"))
    swarm.go_away()
    with pytest.raises(EngineUnavailable, match="Connection refused"):
        engine.services()

    swarm.come_back()

    assert [service.spec.Name for service in engine.services()] == ["web"]


def test_streams_end_when_the_engine_goes_away(swarm, engine):
    stream = engine.events()

    swarm.go_away()

    assert list(stream) == []


def test_closed_stream_is_forgotten(swarm, engine):
    stream = engine.events()
    engine.create("service", service("web"))
    next(stream)

    stream.close()

    assert swarm.store.listeners == []


def test_requests_are_remembered_without_the_version(swarm, engine):
    engine.create("service", service("web"))
    engine.services()

    assert swarm.requests == [("GET", "/_ping"), ("POST", "/services/create"), ("GET", "/services")]
    assert swarm.writes == [("POST", "/services/create")]


def test_node_that_comes_back_stops_what_moved_away(swarm, engine):
    engine.create("service", service("web", replicas=3))
    swarm.settle()
    swarm.node_down("node3")
    swarm.settle()
    assert len([task for task in swarm.tasks("web") if task["Status"]["State"] == "running"]) == 4

    swarm.node_up("node3")
    swarm.settle()

    assert len([task for task in swarm.tasks("web") if task["Status"]["State"] == "running"]) == 3


def test_task_whose_node_loses_its_label_moves(swarm, engine):
    swarm.label_node("node2", disk="ssd")
    swarm.label_node("node3", disk="ssd")
    engine.create("service", service("web", replicas=1, task={"Placement": {"Constraints": ["node.labels.disk==ssd"]}}))
    swarm.settle()
    first = swarm.store.nodes.get(swarm.tasks("web")[0]["NodeID"]).name

    swarm.label_node(first, disk="hdd")
    swarm.settle()

    states = [(task["Status"]["State"], task["Status"].get("Err")) for task in swarm.tasks("web")]
    assert states == [("rejected", "assigned node no longer meets constraints"), ("running", None)]


def test_engine_outside_a_swarm_says_so():
    swarm = MemorySwarm(nodes=1, in_swarm=False)
    engine = Engine(transport=MemoryAdapter(swarm))
    with pytest.raises(Exception, match="not a manager of a Swarm"):
        engine.services()

    engine.init_swarm()

    assert engine.services() == []


def test_requests_for_lists_can_move_the_time():
    swarm = MemorySwarm(seconds_per_request=0.5)
    engine = Engine(transport=MemoryAdapter(swarm))
    engine.create("service", service("web"))

    states = [engine.services()[0].ServiceStatus.RunningTasks for _ in range(3)]

    assert states[-1] == 2


def test_digest_is_what_the_test_says(swarm, engine):
    swarm.digests["lab/web:v1"] = "sha256:1"

    assert engine.distribution("lab/web:v1") == "sha256:1"
    with pytest.raises(Exception, match="no such host"):
        engine.distribution("lab/web:v2")


def test_manager_tells_what_a_healthcheck_of_its_own_container_printed(swarm, engine):
    swarm.images["lab/health:sick"] = Unhealthy(output="no database")
    task = {"Placement": {"Constraints": ["node.role==manager"]}}
    engine.create("service", service("web", "lab/health:sick", replicas=1, task=task))
    swarm.advance(5)

    container = swarm.tasks("web")[0]["Status"]["ContainerStatus"]["ContainerID"]

    assert engine.container(container)["State"]["Health"]["Log"][0]["Output"] == "no database"
