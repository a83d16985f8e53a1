"""What holds for every Swarm, as seen through :class:`crane_core.engine.client.Engine`: tests to be borrowed.

A test module makes a class of its own from each class here and provides the fixture ``contract_swarm``, a
:class:`ContractSwarm`. The core runs them on its Swarm in memory and on real Engines, which is what makes tests on the
former worth anything. The Swarm has three nodes, ``node1`` being the manager, runs nothing, and has these images:
``lab/web:v1`` and ``lab/web:v2`` run, ``lab/web:broken`` prints a line and exits with 1, ``lab/health:sick`` never gets
healthy, ``lab/busybox:1`` with the argument ``true`` ends well; ``lab/web:none`` does not exist.
"""

from __future__ import annotations

from crane_core.testing.contract.asking import ContractSwarm, encode, service
from crane_core.testing.contract.cluster import ClusterContract
from crane_core.testing.contract.execs import ExecsContract
from crane_core.testing.contract.logs import LogsContract
from crane_core.testing.contract.node_engines import NodeEnginesContract
from crane_core.testing.contract.objects import ObjectsContract
from crane_core.testing.contract.services import ServicesContract
from crane_core.testing.contract.tasks import TasksContract
from crane_core.testing.contract.updates import UpdatesContract
from crane_core.testing.contract.usage import UsageContract

__all__ = [
    "ClusterContract",
    "ContractSwarm",
    "ExecsContract",
    "LogsContract",
    "NodeEnginesContract",
    "ObjectsContract",
    "ServicesContract",
    "TasksContract",
    "UpdatesContract",
    "UsageContract",
    "encode",
    "service",
]
