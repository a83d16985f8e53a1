"""The cluster: the Swarm, its nodes, and what belongs to all of them."""

from __future__ import annotations

from collections.abc import Iterator

import flask

from crane_core.cluster.agent.operations import Agents
from crane_core.cluster.agent.routes import blueprint as agent
from crane_core.cluster.agent.rules import find_imitations
from crane_core.cluster.configs.routes import blueprint as configs
from crane_core.cluster.containers.routes import blueprint as containers
from crane_core.cluster.data.routes import finder
from crane_core.cluster.data.topics import topics_of
from crane_core.cluster.engines.routes import blueprint as engines
from crane_core.cluster.images.routes import blueprint as images
from crane_core.cluster.networks.routes import blueprint as networks
from crane_core.cluster.networks.routes import find_network_target
from crane_core.cluster.networks.topics import topics as topics_of_networks
from crane_core.cluster.nodes.routes import blueprint as nodes
from crane_core.cluster.nodes.routes import find_node
from crane_core.cluster.secrets.routes import blueprint as secrets
from crane_core.cluster.swarm.routes import blueprint as swarm
from crane_core.cluster.terminal.contributions import ACTIONS as TERMINAL_ACTIONS
from crane_core.cluster.terminal.contributions import SETTINGS as TERMINAL_SETTINGS
from crane_core.cluster.terminal.operations import Sessions
from crane_core.cluster.terminal.routes import blueprint as terminals
from crane_core.cluster.terminal.routes import sockets as terminal_sockets
from crane_core.cluster.topics import TOPICS
from crane_core.cluster.volumes.routes import blueprint as volumes
from crane_core.cluster.volumes.routes import find_volume_target
from crane_core.containers import find_container_target
from crane_core.context import get_crane
from crane_core.contributions import Action, Deployment, Loop, Metric, Setting, Topic
from crane_core.engine.data import DataKind
from crane_core.errors import Violation
from crane_core.hookspecs import hookimpl


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield Setting(
        "agent.image",
        str,
        "haproxy:3.2-alpine",
        "The image of the agent: HAProxy 2.6 or newer, with its program in PATH.",
    )
    yield Setting("agent.port", int, 5014, "The port of each node that the agent listens at.")
    yield Setting("agent.socket", str, "/var/run/docker.sock", "Where the socket of the Engine is on each node.")
    yield Setting(
        "agent.directory",
        str,
        "",
        "Where the keys to the agents are kept; several servers share it. In the data directory when empty.",
    )
    yield from TERMINAL_SETTINGS


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("node:read", "See nodes.", find_node, within=("node",))
    yield Action("node:create", "Join Engines to the Swarm, and say where the Engine of a node is reached.")
    yield Action("node:update", "Change labels, role and availability of nodes.", find_node, within=("node",))
    yield Action("node:remove", "Remove nodes.", find_node, within=("node",))
    yield Action("engine:read", "See how the Engines of nodes are reached.", find_node, within=("node",))
    yield Action("agent:read", "See the agent, and how it fares on each node.", role="viewer")
    yield Action("agent:create", "Install the agent, which reaches the Engine of each node.")
    yield Action("agent:rotate", "Replace the authority and certificates of the agent.")
    yield Action("agent:remove", "Remove the agent.")
    yield Action("swarm:read", "See how the Swarm is set up.", role="viewer")
    yield Action("swarm:init", "Make a Swarm.")
    yield Action("swarm:update", "Change how the Swarm is set up.")
    yield Action("swarm:read-tokens", "See the tokens with which machines join the Swarm.")
    yield Action("swarm:read-unlock-key", "See the key that unlocks managers.")
    yield Action("swarm:rotate", "Replace join tokens, the unlock key, and certificates of nodes.")
    yield Action("swarm:unlock", "Unlock a manager after its Engine was started anew.")
    yield from _data_actions("config")
    yield Action("config:reveal", "See the content of configs.", finder("config"), within=("stack",))
    yield Action("network:read", "See networks and who is on them.", find_network_target, within=("stack", "node"))
    yield Action("network:create", "Make networks.", within=("stack", "node"))
    yield Action("network:remove", "Remove networks.", find_network_target, within=("stack", "node"))
    yield Action(
        "network:connect",
        "Connect containers to networks, and take them off.",
        find_network_target,
        within=("stack", "node"),
    )
    yield from _data_actions("secret")
    yield from _container_actions()
    yield Action("image:read", "See images and what they were made by.", within=("node",))
    yield Action("image:pull", "Pull images.", within=("node",))
    yield Action("image:tag", "Give images further names.", within=("node",))
    yield Action("image:remove", "Remove images, and prune those that nothing needs.", within=("node",))
    yield Action("volume:read", "See volumes and who uses them.", find_volume_target, within=("stack", "node"))
    yield Action("volume:create", "Make volumes.", within=("stack", "node"))
    yield Action(
        "volume:remove",
        "Remove volumes with what is in them, and prune those that nothing needs.",
        find_volume_target,
        within=("stack", "node"),
    )


def _data_actions(kind: DataKind) -> Iterator[Action]:
    find = finder(kind)
    yield Action(f"{kind}:read", f"See {kind}s, without their content.", find, within=("stack",))
    yield Action(f"{kind}:create", f"Make {kind}s.", within=("stack",))
    yield Action(f"{kind}:update", f"Change the labels of {kind}s.", find, within=("stack",))
    yield Action(f"{kind}:remove", f"Remove {kind}s.", find, within=("stack",))


def _container_actions() -> Iterator[Action]:
    for verb, says in (
        ("read", "See containers, what runs in them and what they changed."),
        ("start", "Start containers."),
        ("stop", "Stop containers."),
        ("restart", "Stop containers and start them again."),
        ("pause", "Hold up what runs in containers, and let it go on."),
        ("kill", "Send signals to containers."),
        ("rename", "Rename containers."),
        ("remove", "Remove containers, and prune stopped ones."),
    ):
        yield Action(f"container:{verb}", says, find_container_target, within=("stack", "node"))
    yield from TERMINAL_ACTIONS


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield nodes
    yield engines
    yield agent
    yield swarm
    yield networks
    yield configs
    yield secrets
    yield containers
    yield images
    yield volumes
    yield terminals
    yield terminal_sockets


@hookimpl
def crane_topics() -> Iterator[Topic]:
    yield from TOPICS
    yield from topics_of_networks()
    yield from topics_of("config")
    yield from topics_of("secret")


@hookimpl
def crane_loops() -> Iterator[Loop]:
    yield Loop("cluster.agent", lambda stop: get_crane().room(Agents).run(stop), once=True)
    yield Loop("cluster.terminals", lambda stop: get_crane().room(Sessions).run(stop))


@hookimpl
def crane_validate_deployment(deployment: Deployment) -> Iterator[Violation]:
    yield from find_imitations(deployment, get_crane().cache.snapshot())


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    yield Metric(
        "crane_terminals", "How many terminals are open.", "gauge", lambda: [((), len(get_crane().room(Sessions)))]
    )
