"""Freeze: while a service is frozen, nobody changes it. An example of the hooks; the reference quotes it."""

import json
import sys

import click
import marshmallow as ma

from crane_core.answers import AnswerSchema, text
from crane_core.context import get_crane
from crane_core.contributions import (
    Action,
    Column,
    DoctorCheck,
    EventKind,
    Field,
    Finding,
    HealthCheck,
    HealthReport,
    Loop,
    Metric,
    Page,
    PageAction,
    Setting,
    Topic,
    Violation,
)
from crane_core.errors import NotFound
from crane_core.events import Event
from crane_core.hookspecs import hookimpl, hookspec
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list
from crane_core.security import Target, guard, identify

blueprint = Blueprint("freeze", __name__, url_prefix="/api/v1", description="What nobody may change.")
# The reason of each freeze, by the name of its service.
frozen = {}


class FreezeSchema(AnswerSchema):
    """A service that nobody may change."""

    name = text("The service.")
    reason = text("Why it is frozen.")


class ReasonSchema(ma.Schema):
    """Why to freeze a service."""

    reason = ma.fields.String(required=True)


@hookspec
def crane_freeze_reason(name):
    """Say why a service is frozen besides those that somebody froze.

    :param name: The service.
    :returns: The reason, or None.
    """


@hookimpl
def crane_hookspecs():
    return sys.modules[__name__]


@hookimpl
def crane_settings():
    yield Setting("freeze.most", int, 10, "How many services may be frozen at a time.")


@hookimpl
def crane_actions():
    yield Action("freeze:read", "See what is frozen.")
    yield Action("freeze:create", "Freeze a service.", lambda name: Target("service", name))
    yield Action("freeze:remove", "Thaw a service.", find_frozen)


@hookimpl
def crane_routes():
    yield blueprint


@blueprint.route("/freezes")
@guard("freeze:read")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(FreezeSchema, description="What is frozen.")
def list_freezes(query):
    """List what is frozen."""
    return answer_list(get_crane(), list_frozen(), query)


@blueprint.route("/freezes/<name>", methods=["PUT"])
@guard("freeze:create", by="name")
@blueprint.arguments(ReasonSchema)
@blueprint.response(200, FreezeSchema, description="The freeze.")
def freeze(sent, name):
    """Freeze a service."""
    frozen[name] = sent["reason"]
    get_crane().emit(Event("freeze.created", name, by=identify().name, detail=sent))
    return answer({"name": name, **sent})


@blueprint.route("/freezes/<name>", methods=["DELETE"])
@guard("freeze:remove", by="name")
@blueprint.response(200, FreezeSchema, description="The freeze that ended.")
def thaw(name):
    """Thaw a service."""
    return answer({"name": name, "reason": frozen.pop(name)})


def find_frozen(name):
    """Find a frozen service as the target of an action."""
    if name not in frozen:
        raise NotFound(f"The service {name} is not frozen.")
    return Target("service", name)


def list_frozen():
    """Return what is frozen, as lists and topics present it."""
    return Listing(
        version=repr(frozen),
        rows=lambda: [{"name": name, "reason": reason} for name, reason in frozen.items()],
        action="freeze:read",
        target=lambda row: Target("service", row["name"]),
        fields={"name": lambda row: row["name"]},
    )


@hookimpl
def crane_topics():
    yield Topic("freezes", "freeze:read", "What is frozen.", lambda crane, _: list_frozen(), lambda row: row["name"])


@hookimpl
def crane_pages():
    url = "/api/v1/freezes/{name}"
    fields = (Field("name", "Service"), Field("reason", "Why", help="Whoever tries to change the service is told."))
    yield Page(
        "/freezes",
        "Freezes",
        "applications",
        "freeze:read",
        source="/api/v1/freezes",
        columns=(Column("name", "Service", link="/services/{name}"), Column("reason", "Why")),
        actions=(
            PageAction("Thaw", "DELETE", url, "freeze:remove", confirm="Thaw {name}, so that it can be changed?"),
            PageAction("Freeze", "PUT", url, "freeze:create", each=False, fields=fields),
        ),
    )


@hookimpl
def crane_commands():
    yield click.Command(
        "freeze-help", callback=lambda: click.echo("PUT /api/v1/freezes/NAME"), help="Say how to freeze."
    )


@hookimpl
def crane_health_checks():
    def check():
        if len(frozen) > get_crane().settings["freeze.most"]:
            return HealthReport("degraded", "More services are frozen than freeze.most allows.")
        return HealthReport("ok")

    yield HealthCheck("freeze", check)


@hookimpl
def crane_doctor_checks():
    def look():
        known = {service.name for service in get_crane().cache.snapshot().services.values()}
        for name in sorted(frozen.keys() - known):
            what, advice = f"The freeze of {name} is about no service.", f"Thaw it: DELETE /api/v1/freezes/{name}."
            yield Finding("freeze-of-nothing", "info", what, name, advice)

    yield DoctorCheck("freezes", "Frozen services", look)


@hookimpl
def crane_metrics():
    yield Metric("crane_freeze_frozen_services", "How many services are frozen.", "gauge", lambda: [((), len(frozen))])


@hookimpl
def crane_event_kinds():
    yield EventKind("freeze.created", "A service was frozen; the detail has why.")


@hookimpl
def crane_loops():
    def thaw(stop):
        while not stop.wait(60):
            known = {service.name for service in get_crane().cache.snapshot().services.values()}
            for name in frozen.keys() - known:
                del frozen[name]

    yield Loop("freeze.thaw", thaw)


@hookimpl
def crane_startup(app):
    path = app.extensions["crane"].data_directory / "freezes.json"
    if path.exists():
        frozen.update(json.loads(path.read_text()))


@hookimpl
def crane_shutdown(app):
    directory = app.extensions["crane"].data_directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / "freezes.json").write_text(json.dumps(frozen))


@hookimpl
def crane_validate_deployment(deployment):
    reasons = [reason for _, reason in get_crane().plugins.ask_all("crane_freeze_reason", name=deployment.name)]
    if reason := frozen.get(deployment.name):
        reasons.append(reason)
    for reason in reasons:
        yield Violation("/Name", f"The service is frozen: {reason}")


@hookimpl
def crane_event(event):
    if event.kind == "service.removed":
        frozen.pop(event.name, None)
