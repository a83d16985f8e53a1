"""How long it takes to decide which of many tasks somebody may see, by what was granted to them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import crane_accounts
from crane_accounts.directory import Scope
from crane_accounts.grants.operations import create_grant
from crane_accounts.groups.operations import add_member, create_group

from crane_core import app as application
from crane_core.context import Crane
from crane_core.orchestration.tasks.routes import task_listing
from crane_core.plugins import discover
from crane_core.security import LOCAL, Identity, Target, decide, decider
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.population import populate
from tests.bench.client import median
from tests.bench.figures import Figure

SERVICES, TASKS = 1_000, 10_000
GROUPS, GRANTS = 3, 20
TIMES = 15
SINGLE = 2_000


def measure(directory: Path) -> Iterator[Figure]:
    """Measure the decision on a whole list, and on one object."""
    swarm = MemorySwarm(nodes=10)
    populate(swarm, SERVICES, TASKS)
    app = application.create_app(
        {"server.data_directory": str(directory)},
        environ={},
        plugins=[replace(plugin) for plugin in discover() if plugin.name in ("database", "accounts")],
        transport=MemoryAdapter(swarm),
    )
    crane: Crane = app.extensions["crane"]
    crane.watcher.look()
    application.start(app)
    try:
        with app.app_context():
            identity = _make_somebody(crane)
            yield _list(crane, identity)
            yield _one(crane, identity)
    finally:
        application.stop(app)


def _make_somebody(crane: Crane) -> Identity:
    """Make a user with grants of their own and by groups, on names and on patterns, one of which denies."""
    ann = crane_accounts.create_account("ann")
    for number in range(GROUPS):
        create_group(crane, LOCAL, f"team{number}")
        add_member(crane, LOCAL, f"team{number}", "ann")
    for number in range(GRANTS):
        group = number % (GROUPS + 1)
        holder = {"group": f"team{group}"} if group < GROUPS else {"account": "ann"}
        pattern = f"stack{number:02d}*" if number % 2 else f"stack{number:03d}"
        effect = "deny" if number == GRANTS - 1 else "allow"
        create_grant(crane, LOCAL, effect, "operator", Scope("stack", pattern), **holder)
    identity = crane_accounts.identity_of(ann.id)
    if identity is None:
        raise RuntimeError("The account is not there.")
    return identity


def _list(crane: Crane, identity: Identity) -> Figure:
    listing = task_listing(crane, {})
    rows = list(listing.rows())
    taken, seen = [], 0
    for _ in range(TIMES):
        began = time.perf_counter()
        decide_on, target = decider(crane, identity, "task:read"), listing.target
        seen = len([row for row in rows if decide_on(target(row)).allows])
        taken.append(time.perf_counter() - began)
    if len(rows) != TASKS or not 0 < seen < TASKS:
        raise RuntimeError("Not some of the tasks were seen.")
    note = f"{GRANTS} grants, {GROUPS} groups, {seen:,} of them seen; median of {TIMES}"
    return Figure(f"Deciding which of {TASKS:,} tasks a user may see", median(taken), 30, "ms", note=note)


def _one(crane: Crane, identity: Identity) -> Figure:
    target = Target("service", "stack003_service1", "1", "stack003")
    began = time.perf_counter()
    for _ in range(SINGLE):
        decide(crane, identity, "service:update", target)
    each = (time.perf_counter() - began) / SINGLE * 1_000_000
    return Figure("Deciding on one object", each, 100, "µs", note="no database is asked")
