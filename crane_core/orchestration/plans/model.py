"""Plans: what a change would do, worked out before anything happens."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from crane_core.contributions import RegistryLogin
from crane_core.errors import Violation
from crane_core.orchestration.errors import PlanApplied
from crane_core.orchestration.stacks.diff import FieldChange, redact
from crane_core.security import Identity

if TYPE_CHECKING:
    from crane_core.orchestration.stacks.planner import Wish

Kind = Literal["network", "config", "secret", "service"]
Verb = Literal["create", "update", "remove", "keep"]
VERBS: tuple[Verb, ...] = ("create", "update", "remove", "keep")

# In this order things are made; they are removed in the opposite one.
ORDER: tuple[Kind, ...] = ("network", "config", "secret", "service")
LIFETIME = timedelta(hours=1)


def digest(spec: Any) -> str:
    """Return a fingerprint of a spec: equal for equal content, whatever the order of its members."""
    return hashlib.blake2b(msgspec.json.encode(spec, order="deterministic"), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Reason:
    """Why an object changes as it does: a stable name in kebab case, and a sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class Change:
    """What happens to one object.

    :param id: The live object's id, None while there is none.
    :param version: The live object's version that the change was made from.
    :param based_on: The fingerprint of the live spec that the change was made from.
    :param body: What is sent to the Engine; holds secrets, so it is never shown or stored.
    :param fields: What differs; values that look secret are hidden in :meth:`to_json`.
    :param restarts: How many running tasks are replaced.
    :param replaces: Whether the service's tasks are replaced, also those that do not run.
    :param starts: Whether tasks are started, so that there is something to wait for.
    :param reason: Why, where it is not plain from the rest.
    :param login: The credential that the Swarm pulls the image with.
    :param credential: What that credential is called; taken from the login.
    :param rollback: Whether the Engine itself takes the spec that it kept from before.
    :param early: Whether it is removed before anything is made, because it holds what others need.
    :param late: Whether it is removed only once every service has converged, because a rollback would need it again.
    """

    kind: Kind
    name: str
    action: Verb
    id: str | None = None
    version: int | None = None
    based_on: str = ""
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    fields: tuple[FieldChange, ...] = field(default=(), repr=False)
    restarts: int = 0
    replaces: bool = False
    starts: bool = False
    reason: Reason | None = None
    image: str | None = None
    login: RegistryLogin | None = None
    rollback: bool = False
    early: bool = False
    late: bool = False
    credential: str | None = None

    def __post_init__(self) -> None:
        if self.login is not None and self.credential is None:
            object.__setattr__(self, "credential", str(self.login))

    def to_json(self) -> dict[str, Any]:
        """Return what is shown of it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "action": self.action,
            "restarts": self.restarts,
            "reason": self.reason.text if self.reason else None,
            "reason_code": self.reason.code if self.reason else None,
            "image": self.image,
            "credential": self.credential,
            "version": self.version,
            "fields": [change.to_json() for change in redact(self.fields)],
        }


@dataclass(frozen=True)
class Plan:
    """What a change of a stack or a service would do.

    :param kind: The operation that applying it starts, as in ``stack.deploy``.
    :param target: The name of the stack or service.
    :param remake: Makes the plan again for somebody, from the same wish and the state as it is then: what one may
        do, another need not be allowed.
    :param timeout: Seconds after which the operation ends as timed out, None to end when nothing moves any more.
    :param existing: The ids of configs and secrets that the stack uses and does not make, by kind (``configs``,
        ``secrets``) and name.
    :param seen: Fingerprints of everything that the plan was made from, by kind and name; outdated when they moved.
    :param wish: What was sent to have a stack deployed; holds secrets, so it is never shown. None for other changes.
    :param applied_at: When it was applied, None before.
    """

    kind: str
    target: str
    stack: str | None
    identity: Identity
    changes: Sequence[Change]
    remake: Callable[[Identity], Plan] = field(repr=False)
    warnings: Sequence[Violation] = ()
    violations: Sequence[Violation] = ()
    prune: bool = False
    timeout: float | None = None
    existing: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    seen: Mapping[str, str] = field(default_factory=dict)
    wish: Wish | None = field(default=None, repr=False)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    applied_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        """When it is forgotten."""
        return self.created_at + LIFETIME

    @property
    def effective(self) -> list[Change]:
        """The changes that do something, in the order in which they are made."""
        making = [change for kind in ORDER for change in self._of(kind) if change.action in ("create", "update")]
        removing = [change for kind in reversed(ORDER) for change in self._of(kind) if change.action == "remove"]
        early = [change for change in removing if change.early]
        return early + making + [change for change in removing if not change.early]

    def _of(self, kind: Kind) -> list[Change]:
        return [change for change in self.changes if change.kind == kind]

    def as_applied(self) -> Plan:
        """Return what is kept of it once it was applied: what it said, and nothing to send."""

        def refuse(identity: Identity) -> Plan:
            raise PlanApplied

        bare = [replace(change, body=None, login=None, credential=change.credential) for change in self.changes]
        return replace(self, changes=bare, remake=refuse, wish=None, applied_at=datetime.now(UTC))

    def to_json(self) -> dict[str, Any]:
        """Return what is shown of it."""
        actions = Counter(change.action for change in self.changes)
        return {
            "id": self.id,
            "kind": self.kind,
            "target": self.target,
            "stack": self.stack,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "applied_at": self.applied_at,
            "by": self.identity.name,
            "prune": self.prune,
            "changes": [change.to_json() for change in self.changes],
            "warnings": [warning.to_json() for warning in self.warnings],
            "violations": [violation.to_json() for violation in self.violations],
            "summary": {
                **{verb: actions[verb] for verb in VERBS},
                "restarts": sum(change.restarts for change in self.changes),
            },
        }
