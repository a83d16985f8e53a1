"""Laws of permission: what holds whatever was granted to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from crane_accounts.directory import Account, Directory, Effect, Grant, Group, Membership, Role, Scope
from crane_accounts.giving import find_missing
from crane_accounts.identities import ACCOUNT, LIMITS, Limits
from crane_accounts.names import matches, overlap
from crane_accounts.voting import prepare
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from crane_core import app as application
from crane_core.context import Crane
from crane_core.security import Identity, Target, in_general
from crane_core.testing import MemoryAdapter, MemorySwarm

ANN = 1
STACKS = ("shop", "shop-a", "bank")
PATTERNS = ("shop", "shop-*", "*", "b*", "s*a")
ROLES = ("viewer", "operator", "admin", "scaler")

patterns = st.text(alphabet="ab*", min_size=1, max_size=6)
names = st.text(alphabet="ab", max_size=8)


@pytest.fixture(scope="module")
def crane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crane]:
    """A server that does not run: votes ask nothing of it but which actions there are."""
    app: Flask = application.create_app(
        {"server.data_directory": str(tmp_path_factory.mktemp("data"))},
        environ={},
        plugins=[],
        transport=MemoryAdapter(MemorySwarm(nodes=1)),
    )
    found: Crane = app.extensions["crane"]
    found.watcher.look()
    return found


def scopes() -> st.SearchStrategy[Scope]:
    on_stacks = st.sampled_from(PATTERNS).map(lambda pattern: Scope("stack", pattern))
    return st.one_of(st.just(Scope()), on_stacks, st.just(Scope("node", "node1")), st.just(Scope("registry", "shop")))


def grants(effect: st.SearchStrategy[Effect]) -> st.SearchStrategy[Grant]:
    holders = st.sampled_from([(ANN, None), (None, 1), (None, 2)])
    return st.builds(
        lambda effect, role, scope, holder: Grant(0, effect, role, scope, *holder),
        effect,
        st.sampled_from(ROLES),
        scopes(),
        holders,
    )


ANY: st.SearchStrategy[Any] = grants(st.sampled_from(["allow", "deny"]))
TARGETS = st.one_of(
    st.sampled_from(STACKS).map(lambda stack: Target("service", f"{stack}_web", "1", stack)),
    st.sampled_from(STACKS).map(lambda stack: Target("stack", stack, stack=stack)),
    st.sampled_from(["node1", "node2"]).map(lambda name: Target("node", name, name)),
    st.just(Target("service", "lone", "2")),
    st.sampled_from(["service", "stack", "node", "plugin"]).map(Target),
)
VERBS = st.sampled_from(["read", "update", "create", "remove", "reveal"])


def directory(held: list[Grant]) -> Directory:
    """Make a directory of one account in one of two groups."""
    numbered = [replace(grant, id=number) for number, grant in enumerate(held)]
    return Directory(
        1,
        {ANN: Account(ANN, "ann"), 2: Account(2, "bob")},
        {1: Group(1, "team"), 2: Group(2, "others")},
        (Membership(1, ANN), Membership(2, 2)),
        {"scaler": Role("scaler", frozenset({"service:read", "service:update", "plugin:read"}))},
        {grant.id: grant for grant in numbered},
    )


def allows(crane: Crane, held: list[Grant], action: str, target: Target, limits: Limits | None = None) -> bool:
    vote = prepare(crane, directory(held), ANN, action, limits)(target)
    return vote is not None and vote.allows


@given(held=st.lists(ANY, max_size=5), more=grants(st.just("deny")), target=TARGETS, verb=VERBS)
def test_another_deny_never_allows_more(
    crane: Crane, held: list[Grant], more: Grant, target: Target, verb: str
) -> None:
    action = f"{target.kind}:{verb}"

    assert allows(crane, held, action, target) or not allows(crane, [*held, more], action, target)


@given(held=st.lists(ANY, max_size=5), more=grants(st.just("allow")), target=TARGETS, verb=VERBS)
def test_another_allow_never_allows_less(
    crane: Crane, held: list[Grant], more: Grant, target: Target, verb: str
) -> None:
    action = f"{target.kind}:{verb}"

    assert allows(crane, [*held, more], action, target) or not allows(crane, held, action, target)


@given(
    held=st.lists(ANY, max_size=5),
    target=TARGETS,
    verb=VERBS,
    actions=st.none() | st.frozensets(st.sampled_from(["service:read", "stack:read", "service:update"])),
    stacks=st.none() | st.lists(st.sampled_from(PATTERNS), max_size=2).map(tuple),
)
def test_limits_never_allow_more(
    crane: Crane,
    held: list[Grant],
    target: Target,
    verb: str,
    actions: frozenset[str] | None,
    stacks: tuple[str, ...] | None,
) -> None:
    action, limits = f"{target.kind}:{verb}", Limits(actions, stacks)

    if allows(crane, held, action, target, limits):
        assert allows(crane, held, action, target)
        assert actions is None or action in actions
        assert stacks is None or not target.name or any(matches(one, target.stack or "") for one in stacks)


@given(held=st.lists(ANY, max_size=4), target=TARGETS, verb=VERBS)
def test_whoever_may_do_it_to_an_object_may_ask_for_the_list(
    crane: Crane, held: list[Grant], target: Target, verb: str
) -> None:
    action = f"{target.kind}:{verb}"

    if allows(crane, held, action, target):
        assert allows(crane, held, action, in_general(action))


@given(held=st.lists(ANY, max_size=4), scope=scopes(), target=TARGETS, verb=VERBS)
def test_whoever_could_give_it_on_a_scope_may_do_it_to_all_that_lies_there(
    crane: Crane, held: list[Grant], scope: Scope, target: Target, verb: str
) -> None:
    action = f"{target.kind}:{verb}"
    given_away = Grant(99, "allow", "admin", scope, account_id=2)
    receiver = prepare(crane, directory([given_away]), 2, action)
    identity = Identity("ann", details={ACCOUNT: ANN, LIMITS: None})

    vote = receiver(target)
    if target.name and vote is not None and vote.allows:
        missing = find_missing(crane, directory(held), identity, [action], scope)
        assert missing or allows(crane, held, action, target)


@given(pattern=patterns, name=names)
def test_pattern_matches_as_an_expression_would(pattern: str, name: str) -> None:
    def expand(pattern: str, name: str) -> bool:
        if not pattern:
            return not name
        if pattern[0] == "*":
            return expand(pattern[1:], name) or (bool(name) and expand(pattern, name[1:]))
        return bool(name) and name[0] == pattern[0] and expand(pattern[1:], name[1:])

    assert matches(pattern, name) is expand(pattern, name)


@given(one=patterns, other=patterns, name=names)
def test_pattern_that_covers_another_matches_all_of_its_names(one: str, other: str, name: str) -> None:
    if matches(one, other) and matches(other, name):
        assert matches(one, name)


@given(one=patterns, other=patterns, name=names)
def test_patterns_overlap_if_one_name_is_of_both(one: str, other: str, name: str) -> None:
    if matches(one, name) and matches(other, name):
        assert overlap(one, other)
    assert overlap(one, other) is overlap(other, one)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("a*", "b*"), ("*a", "*b"), ("a*b", "b*a"), ("ab", "a")])
def test_patterns_without_a_name_in_both_do_not_overlap(one: str, other: str) -> None:
    assert not overlap(one, other)
