"""What plugins hand over: frozen values that the core decides when to use.

Each hook of :mod:`crane_core.hookspecs` that is named by a plural noun returns some of these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from crane_core.errors import Violation

if TYPE_CHECKING:
    import threading

    from crane_core.context import Crane
    from crane_core.http import Listing
    from crane_core.security import Identity, Target

__all__ = [
    "Action",
    "Column",
    "Deployment",
    "DoctorCheck",
    "Feed",
    "Field",
    "Finding",
    "HealthCheck",
    "HealthReport",
    "Loop",
    "Metric",
    "Page",
    "PageAction",
    "RegistryLogin",
    "Setting",
    "Subscriber",
    "Topic",
    "Violation",
]


@dataclass(frozen=True)
class Setting:
    """Something an operator may set, in ``crane.toml`` or as a ``CRANE_*`` variable.

    :param name: ``<plugin>.<snake>``; the variable is ``CRANE_<PLUGIN>_<SNAKE>``.
    :param kind: The type of its value: ``str``, ``int``, ``float``, ``bool`` or ``list`` (of strings; in a variable
        separated by commas).
    :param default: The value when nobody sets it.
    :param help: One sentence for the operator, with the unit.
    :param secret: Whether its value is hidden wherever settings are shown.
    :param choices: The only values allowed, where there are few; of a list, the only items.
    """

    name: str
    kind: type
    default: Any
    help: str
    secret: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Action:
    """Something a caller may be allowed to do; a role is a set of these.

    :param name: ``<kind>:<verb>``, as in ``service:update``.
    :param help: One sentence: what whoever holds it may do.
    :param find: Finds the target that a route names, by name or id; raises ``NotFound``. None where the action is about
        no object in particular.
    :param within: What its objects may belong to: ``stack``, ``node``, ``registry``. Who holds it on one of those
        may ask for it in general, as for a list, which is then filtered. Nothing is a matter of the whole server, which
        nobody holds who was given a role on a stack only.
    :param role: The least of the roles that holds it, of those who come with Crane: ``viewer``, ``operator`` or
        ``admin``. Unless told otherwise, a viewer reads what is within something, an operator does what is
        within stacks, and an admin does the rest.
    """

    name: str
    help: str
    find: Callable[[str], Target] | None = None
    within: tuple[Literal["stack", "node", "registry"], ...] = ()
    role: Literal["viewer", "operator", "admin"] | None = None

    @property
    def least_role(self) -> Literal["viewer", "operator", "admin"]:
        """The least of the roles that come with Crane that holds it."""
        if self.role is not None:
            return self.role
        if self.within and self.name.endswith(":read"):
            return "viewer"
        return "operator" if "stack" in self.within else "admin"


@dataclass(frozen=True)
class Column:
    """A column of a page that is described by data: what to show of each item, and how.

    :param member: The member of the item; a dotted path leads to one further inside, as in ``Spec.Name``.
    :param title: Its heading.
    :param kind: What it holds: ``bytes`` are shown in the unit that fits, a ``moment`` by how long ago it is, a
        ``state`` by its colour, a ``list`` by its items.
    :param link: The path of the panel that it leads to, with members of the item in braces, as in
        ``/services/{name}``; empty for none.
    """

    member: str
    title: str
    kind: Literal["text", "number", "bytes", "moment", "state", "list"] = "text"
    link: str = ""


@dataclass(frozen=True)
class Field:
    """Something to fill in before an action of a page is done.

    :param name: The member of the JSON body that it becomes, or what the action's URL calls it.
    :param title: What stands before it.
    :param kind: What is filled in: ``lines`` are a list of texts, one a line; a ``choice`` is one of ``choices``.
    :param required: Whether it must be filled in.
    :param choices: What there is to choose from.
    :param help: One sentence for whoever fills it in.
    """

    name: str
    title: str
    kind: Literal["text", "number", "switch", "choice", "lines"] = "text"
    required: bool = True
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True)
class PageAction:
    """Something to do on a page that is described by data: one request for each item, or one for the page.

    :param label: What stands on its button.
    :param method: The method of the request.
    :param url: Its URL, on this server, with members of the item and names of fields in braces, as in
        ``/api/v1/freezes/{name}``; what is put there is percent-encoded. Fields that the URL does not name are sent as
        its JSON body.
    :param action: The action that whoever does it must hold; to others it is not offered.
    :param each: Whether it is done to items, of which several may be chosen; it is a button above the table otherwise.
    :param confirm: What is asked first, with members of the item in braces; empty to ask nothing.
    :param fields: What is filled in first.
    """

    label: str
    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    url: str
    action: str
    each: bool = True
    confirm: str = ""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page of the panel: either a JavaScript module to load, or a table described by data.

    :param path: Where it is found below the panel's root; no two pages have the same.
    :param title: Its name in the navigation.
    :param group: The group of the navigation: applications, infrastructure, images, access or system.
    :param action: The action that whoever opens it must hold.
    :param module: The URL of its JavaScript module, on this server.
    :param source: The URL of the list that a page without a module shows, on this server.
    :param columns: What to show of each item of that list.
    :param actions: What can be done there.
    :param key: The member by which items are told apart; a dotted path, as for columns.
    :param words: What it says in other languages than English: for each, as in ``zh-CN``, a text of this page and what
        it is there. What is left out is shown as it stands.
    """

    path: str
    title: str
    group: Literal["applications", "infrastructure", "images", "access", "system"]
    action: str
    module: str | None = None
    source: str | None = None
    columns: tuple[Column, ...] = ()
    actions: tuple[PageAction, ...] = ()
    key: str = "name"
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)


class Feed(Protocol):
    """What one subscriber is sent as it comes; kept, bounded, until they are ready for it."""

    def next(self, rights: int) -> bytes | None:
        """Return the next message, as JSON; None while there is none. Must not wait.

        :param rights: The version of everybody's rights: where it is another than before, what the subscriber may see
            of it is to be decided anew.
        """

    def close(self) -> None:
        """Let go of everything: the subscriber is gone, or may not have it any more. Must not wait."""


@dataclass(frozen=True)
class Subscriber:
    """Somebody who asks for a feed.

    :param topic: The topic as they named it; every message says it in its member ``topic``.
    :param parameters: The parameters of its name.
    :param query: What stands after a question mark in it, by name.
    :param ring: To be called, from any thread, when there is a message; it does not wait.
    """

    crane: Crane
    identity: Identity
    topic: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    ring: Callable[[], None]


@dataclass(frozen=True)
class Topic:
    """Something that a browser tab or another client can subscribe to: a list, one object of it, or a feed.

    :param name: ``<plural>``, ``<plural>/{name}`` for one object, or ``<plural>/{name}/<plural>`` for what belongs to
        one.
    :param action: The action that a subscriber must hold; each row is decided on besides. Where the name has a
        parameter, the action must know how to ``find`` the object.
    :param help: One sentence: what is sent.
    :param listing: Called four times a second at the most, with the server and the parameters of the name; returns the
        rows and how to present them. What it tells is made anew only when its version changes.
    :param key: Returns what an item is known by, while it is the same item.
    :param feed: In place of these two: opens what is sent as it comes, and to each as they asked for. Called on the
        thread of the subscriber's connection, which it must not keep waiting.
    """

    name: str
    action: str
    help: str
    listing: Callable[[Crane, Mapping[str, str]], Listing[Any]] | None = None
    key: Callable[[Any], str] = str
    feed: Callable[[Subscriber], Feed] | None = None


@dataclass(frozen=True)
class Loop:
    """Something done again and again in the background.

    :param name: ``<plugin>.<what>``.
    :param run: Does it, until the event that it is given is set. When it raises, it is started again after a pause.
    :param once: Whether it runs on one server at a time, where several share a database. The event may then be set
        because another server goes on.
    """

    name: str
    run: Callable[[threading.Event], None]
    once: bool = False


@dataclass(frozen=True)
class HealthReport:
    """What a health check found: ``ok``, ``degraded`` (works in part) or ``failed``, with a sentence."""

    state: Literal["ok", "degraded", "failed"]
    detail: str = ""


@dataclass(frozen=True)
class HealthCheck:
    """One line of ``/api/v1/health``; ``check`` must answer at once, from what is known."""

    name: str
    check: Callable[[], HealthReport]


@dataclass(frozen=True)
class Finding:
    """Something that the doctor found.

    :param code: Names it, stable and in kebab case.
    :param severity: ``info`` is worth knowing, ``warning`` will hurt some day, ``error`` hurts now; ``unknown`` is what
        cannot be found out from here.
    :param what: What is so, in a sentence.
    :param where: What it is about, as in ``node2``; empty for the whole Swarm.
    :param advice: What to do, in a sentence.
    """

    code: str
    severity: Literal["info", "warning", "error", "unknown"]
    what: str
    where: str = ""
    advice: str = ""


@dataclass(frozen=True)
class DoctorCheck:
    """Something that the doctor looks at when somebody asks for it; it may take a few seconds.

    :param name: ``<what>`` in one word.
    :param title: What is looked at, in a few words.
    :param run: Looks, and returns what is worth saying; nothing where all is well.
    """

    name: str
    title: str
    run: Callable[[], Iterable[Finding]]


@dataclass(frozen=True)
class EventKind:
    """A kind of event that a plugin tells of.

    :param name: ``<kind>.<past participle>``, as in ``service.created``.
    :param help: What happened, in a sentence.
    """

    name: str
    help: str


@dataclass(frozen=True)
class Metric:
    """A family of figures of ``/metrics``.

    :param name: ``crane_<plugin>_<what>_<unit>``.
    :param help: What it counts or measures.
    :param kind: ``gauge`` or ``counter``.
    :param labels: The names of its labels.
    :param read: Returns the samples, each as the values of the labels and the figure.
    """

    name: str
    help: str
    kind: Literal["gauge", "counter"]
    read: Callable[[], Iterable[tuple[Sequence[str], float]]]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegistryLogin:
    """A credential with which the Swarm pulls an image. Its password is never shown.

    :param registry: The registry's address, as in ``ghcr.io``.
    :param label: What a plan calls it; ``<username>@<registry>`` unless told otherwise.
    """

    registry: str
    username: str
    password: str = field(repr=False)
    label: str = ""

    def __str__(self) -> str:
        return self.label or f"{self.username}@{self.registry}"


@dataclass(frozen=True)
class Deployment:
    """A service that is about to be created or changed.

    :param spec: The final service spec as the Engine's JSON (``Name``, ``Labels``, ``TaskTemplate`` ...). A
        ``crane_mutate_deployment`` may change it in place.
    :param previous: The spec that it replaces, None when the service is new. Not to be changed.
    :param identity: On whose behalf.
    :param stack: The stack that the service belongs to, None outside a stack.
    :param origin: The entry point it came through: ``stack``, ``service`` ...
    :param together: All deployments of the same plan, this one among them. Each is final by the time the first of
        them is validated.
    :param leaving: The names of services that the same plan removes.
    """

    spec: dict[str, Any]
    previous: Mapping[str, Any] | None
    identity: Identity
    stack: str | None = None
    origin: str = "service"
    together: Sequence[Deployment] = field(default=(), repr=False, compare=False)
    leaving: Collection[str] = ()

    @property
    def name(self) -> str:
        """The service's name."""
        return str(self.spec.get("Name", ""))

    @property
    def image(self) -> str:
        """The image that its tasks run, empty when it names none."""
        template = self.spec.get("TaskTemplate") or {}
        return str((template.get("ContainerSpec") or {}).get("Image", ""))
