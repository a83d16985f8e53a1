"""Who last changed each stack is told by the operations that are kept."""

from __future__ import annotations

from itertools import pairwise

from crane_core.orchestration.operations.authors import Authors
from crane_core.orchestration.operations.model import Operation, Step
from crane_core.orchestration.operations.operations import MOST_ENDED
from crane_core.orchestration.stacks.operations import version_of

WEB = "services: {web: {image: 'nginx:1'}}"


def operation(number, by, *, stack="shop", kind="stack.deploy", target="shop", second=0, steps=1):
    """Return an operation that has ended."""
    moment = f"2026-01-01T00:00:{second:02}.000Z"
    made = [Step("service", "shop_web", "update", "done")] * steps
    return Operation(f"{number:016x}", kind, target, stack, by, state="ended", created_at=moment, steps=made)


def keep(desk, *operations):
    """Let a server know operations as if they had ended there."""
    desk.operations._all |= {each.id: each for each in operations}


def authors(desk):
    """Return who last changed each stack."""
    return dict(desk.crane.room(Authors).read()[1])


def test_newest_operation_of_a_stack_or_of_its_services_tells(desk):
    keep(
        desk,
        operation(1, "ann", second=3),
        operation(2, "bob", second=1),
        operation(3, "eve", second=2, stack="blog", kind="service.scale", target="blog_web"),
    )

    assert authors(desk) == {"shop": "ann", "blog": "eve"}


def test_of_operations_of_one_moment_the_last_one_tells(desk):
    keep(desk, operation(1, "ann"), operation(2, "bob"))

    assert authors(desk) == {"shop": "bob"}


def test_removal_of_a_stack_tells_by_its_target(desk):
    keep(desk, operation(1, "ann", stack=None, kind="stack.remove"))

    assert authors(desk) == {"shop": "ann"}


def test_operation_on_a_service_of_no_stack_tells_of_no_stack_of_its_name(desk):
    keep(desk, operation(1, "ann", stack=None, kind="service.scale", target="shop"))

    assert authors(desk) == {}


def test_operation_that_had_nothing_to_change_tells_nothing(desk):
    keep(desk, operation(1, "ann"), operation(2, "bob", second=1, steps=0))

    assert authors(desk) == {"shop": "ann"}


def test_running_operation_tells_before_it_ends(desk):
    started = desk.deploy(WEB)

    assert not started.ended
    assert authors(desk) == {"shop": "local"}


def test_version_changes_exactly_when_somebody_else_is_told(desk):
    snapshot = desk.crane.cache.snapshot()
    versions = [version_of(desk.crane, snapshot)]
    for number, by in enumerate(("ann", "ann", "bob", "bob", "ann")):
        keep(desk, operation(number, by, second=number))
        versions.append(version_of(desk.crane, snapshot))

    changed = [before != after for before, after in pairwise(versions)]
    assert changed == [True, False, True, False, True]
    assert len(set(versions)) == 4, "an old version never comes back"


def test_operation_that_goes_on_changes_no_version(desk):
    desk.deploy(WEB)
    versions = {desk.crane.room(Authors).read()[0]}
    for _ in range(40):
        desk.swarm.advance(0.25)
        desk.look()
        versions.add(desk.crane.room(Authors).read()[0])

    assert versions == {1}


def test_next_server_knows_who_it_was(swarm, desk, desk_at):
    desk.run(desk.deploy(WEB))

    assert authors(desk_at(swarm)) == {"shop": "local"}


def test_who_it_was_is_forgotten_with_the_operation(swarm, desk, desk_at):
    desk.keep(operation(1, "ann"))
    for number in range(MOST_ENDED):
        desk.keep(operation(number + 2, "bob", stack="blog", target="blog", second=1))

    later = desk_at(swarm)

    assert authors(later) == {"blog": "bob"}
