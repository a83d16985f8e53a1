"""Which rules of the policy bind whom: the one place where every entry point asks before it makes something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crane_core.context import Crane
from crane_core.engine.policy import KINDS, Rules, check_network
from crane_core.errors import Violation
from crane_core.security import Identity, Target, decide, may_everything
from crane_core.settings import Settings

EXCEED = "policy:exceed"


def broken(
    crane: Crane, identity: Identity, target: Callable[[], Target], find: Callable[[Rules], list[Violation]]
) -> list[Violation]:
    """Return what breaks the rules for everybody, and for who may not exceed them those for the others too.

    :param target: Makes what they must hold ``policy:exceed`` on; not called where nothing is broken.
    :param find: Returns what breaks some rules.
    """
    everybody, others = read_rules(crane.settings)
    violations = find(everybody)
    if may_everything(identity):
        return violations
    known = {(each.path, each.code) for each in violations}
    more = [each for each in find(others) if (each.path, each.code) not in known]
    if more and not decide(crane, identity, EXCEED, target()).allows:
        violations += more
    return violations


def judge_network(crane: Crane, identity: Identity, body: Mapping[str, Any], stack: str | None) -> list[Violation]:
    """Ask the policy whether a network may be made, for a stack or for none.

    :returns: Everything that is wrong with it; pointers start at what is sent to make it.
    """
    target = Target("network", str(body.get("Name", "")), stack=stack)
    return broken(crane, identity, lambda: target, lambda rules: check_network(body, rules))


def read_rules(settings: Settings) -> tuple[Rules, Rules]:
    """Return what nobody may ask for, and what those may not who do not hold ``policy:exceed``."""
    mounts = tuple(settings["policy.allowed_mounts"])
    return (
        Rules(_read_kinds(settings, "policy.forbid"), mounts, tuple(settings["policy.allowed_registries"])),
        Rules(
            _read_kinds(settings, "policy.forbid_others"),
            mounts,
            tuple(settings["policy.allowed_registries_of_others"]),
            "Ask an administrator to deploy it: only who holds policy:exceed may",
        ),
    )


def _read_kinds(settings: Settings, name: str) -> frozenset[str]:
    kinds = frozenset(settings[name])
    return frozenset(KINDS) if "all" in kinds else kinds
