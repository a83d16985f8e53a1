"""The core as its own first plugin: its settings, and the routes about the server itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import flask
import marshmallow as ma
from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from crane_core.answers import (
    AnswerSchema,
    anything,
    many,
    one_of,
    text,
    whole,
    words_of,
)
from crane_core.context import Crane, get_crane
from crane_core.contributions import Action, EventKind, Loop, Metric, Setting, Topic
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.policy import KINDS
from crane_core.engine.pool import Pool
from crane_core.errors import NotFound
from crane_core.events import EVENT_KINDS
from crane_core.hookspecs import hookimpl
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, read_members
from crane_core.live.hub import Hub
from crane_core.live.routes import blueprint as live
from crane_core.pages import PageQuery, PageSchema, page_listing
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, decide, guard, identify, may_in_general, public
from crane_core.standing import Standing

_POLICY = ("all", *KINDS)

blueprint = Blueprint("server", __name__, url_prefix="/api/v1", description="The server itself.")
pages = flask.Blueprint("server_pages", __name__)
# Each is looked up and decided on while others wait.
MOST_NAMES = 200


class PluginQuery(ListQuery):
    """How plugins can be filtered."""

    state = ma.fields.String(load_default=None, metadata={"description": "active, disabled, failed or blocked."})


class SettingQuery(ListQuery):
    """How settings can be filtered."""

    source = ma.fields.String(load_default=None, metadata={"description": "Where their values come from."})


class WhoAmISchema(AnswerSchema):
    """Who a caller is."""

    name = text("How logs, operations and events call them.")
    kind = one_of(words_of(Identity, "kind"), "What sort of caller.")
    version = text("The version of the server.")
    actions = many(
        ma.fields.String(), "The actions that they may do in general; single objects are decided on besides."
    )


class OwnRightsQuery(ma.Schema):
    """Which objects are asked about."""

    class Meta:
        unknown = ma.RAISE

    kind = ma.fields.String(required=True, metadata={"description": "Their kind, as in service."})
    name = ma.fields.List(
        ma.fields.String(),
        load_default=[],
        validate=ma.validate.Length(max=MOST_NAMES),
        metadata={"description": "Their names or ids; given once for each."},
    )


class OwnRightSchema(AnswerSchema):
    """What a caller may do to one object."""

    name = text("Its name, as it was asked for.")
    actions = many(
        ma.fields.String(), "The actions that they may do; none also where there is no such object that they may see."
    )


class OwnRightsSchema(AnswerSchema):
    """What a caller may do to some objects."""

    items = many(OwnRightSchema, "One for each object that was asked about, in that order.")


class PluginSchema(AnswerSchema):
    """One plugin and how it fares."""

    name = text("Its name.")
    version = text("Its version.")
    distribution = text("The distribution that it was installed with.")
    state = one_of(words_of(Plugin, "state"), "How it fares; blocked: something that it requires is not active.")
    error = text("Why it is not active; empty when it is.")
    requires = many(ma.fields.String(), "The plugins that it requires.")
    hooks = many(ma.fields.String(), "The hooks that it implements.")
    failures = whole("How often it failed when it was told something.")


class SettingSchema(AnswerSchema):
    """One setting."""

    name = text("Its name.")
    variable = text("The variable that sets it.")
    kind = text("The type of its value.")
    value = anything("Its value, hidden when it is secret.")
    default = anything("Its value when nobody sets it.")
    source = text("Where its value comes from.")
    help = text("What it does, with the unit.")


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield Setting("server.host", str, "127.0.0.1", "The address to listen on.")
    yield Setting("server.port", int, 5013, "The port to listen on.")
    yield Setting("server.threads", int, 1100, "How many requests and streams are served at a time.")
    yield Setting(
        "server.live_connections",
        int,
        1000,
        "How many browser tabs and other clients may follow what changes; at the most nine tenths of the threads.",
    )
    yield Setting(
        "server.data_directory", str, "", "Where the server keeps its files; the platform's place when empty."
    )
    yield Setting("server.max_request_mib", int, 16, "The largest request that is read, in MiB.")
    yield Setting("server.log_level", str, "info", "What is logged.", choices=("debug", "info", "warning", "error"))
    yield Setting("server.log_format", str, "text", "How it is logged.", choices=("text", "json"))
    yield Setting(
        "security.open", bool, False, "Serve everybody who can reach the port, although no plugin authenticates."
    )
    yield Setting("plugins.disabled", list, [], "Names of installed plugins that are not to run.")
    yield Setting("engine.url", str, "", "The Engine to use; DOCKER_HOST, else /var/run/docker.sock, when empty.")
    yield Setting("engine.tls_ca", str, "", "File of the authority that signed the Engine's certificate.")
    yield Setting("engine.tls_certificate", str, "", "File of the certificate to show to the Engine.")
    yield Setting("engine.tls_key", str, "", "File of that certificate's key.")
    yield Setting(
        "engine.node_endpoints",
        list,
        [],
        "Where the Engines of single nodes are, as in node2=tcp://10.0.0.2:2376 or node3=ssh://root@10.0.0.3.",
    )
    yield Setting("engine.node_tls_ca", str, "", "File of the authority that signed those of nodes' Engines.")
    yield Setting("engine.node_tls_certificate", str, "", "File of the certificate to show to nodes' Engines.")
    yield Setting("engine.node_tls_key", str, "", "File of that certificate's key.")
    yield Setting("engine.timeout_seconds", float, 30.0, "How long one call of the Engine may take, in seconds.")
    yield Setting(
        "watch.short_seconds", float, 1.0, "How often the Swarm is looked at while somebody watches, in seconds."
    )
    yield Setting("watch.long_seconds", float, 15.0, "How often the Swarm is looked at otherwise, in seconds.")
    yield Setting("watch.full_seconds", float, 300.0, "How often everything is read again, in seconds.")
    yield Setting("policy.forbid", list, [], "What no service may ask for; all forbids everything.", choices=_POLICY)
    yield Setting(
        "policy.forbid_others",
        list,
        ["all"],
        "What services of callers who do not hold policy:exceed may not ask for besides; all forbids everything.",
        choices=_POLICY,
    )
    yield Setting("policy.allowed_mounts", list, [], "Paths of the nodes that services may mount in spite of that.")
    yield Setting("policy.allowed_registries", list, [], "The only registries images may come from; empty allows all.")
    yield Setting(
        "policy.allowed_registries_of_others",
        list,
        [],
        "The only registries that images of callers who do not hold policy:exceed may come from; empty allows all.",
    )


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("policy:exceed", "Ask for what the policy forbids to others, as in directories of the node.")
    yield Action(
        "live:read",
        "Open the live socket; each topic demands an action of its own.",
        within=("stack", "node", "registry"),
    )
    yield Action("plugin:read", "See which plugins are installed and how they fare.")
    yield Action("setting:read", "See the settings of the server, secret ones hidden.")


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield blueprint
    yield pages
    yield live


@hookimpl
def crane_topics() -> Iterator[Topic]:
    yield Topic(
        "plugins",
        "plugin:read",
        "The installed plugins, as `GET /api/v1/plugins` lists them.",
        lambda crane, _: plugin_listing(crane),
        lambda row: str(row["name"]),
    )


@hookimpl
def crane_event_kinds() -> Iterator[EventKind]:
    for name, what in EVENT_KINDS.items():
        yield EventKind(name, what)


@hookimpl
def crane_loops() -> Iterator[Loop]:
    yield Loop("core.live", lambda stop: get_crane().room(Hub).run(stop))
    yield Loop("core.nodes", lambda stop: get_crane().room(Pool).run(stop))
    yield Loop("core.node_events", lambda stop: get_crane().room(NodeEvents).run(stop))
    yield Loop("core.standing", lambda stop: get_crane().room(Standing).run(stop))


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    yield Metric(
        "crane_live_connections",
        "How many live connections there are.",
        "gauge",
        lambda: [((), len(get_crane().room(Hub)))],
    )


@blueprint.route("/whoami")
@blueprint.doc(operationId="showOwnIdentity")
@public("It tells callers only who they are themselves, and what they may do.")
@blueprint.response(200, WhoAmISchema, description="The caller.")
def whoami() -> Response:
    """Tell who the caller is, and what they may do."""
    crane, identity = get_crane(), identify()
    return answer(
        {
            "name": identity.name,
            "kind": identity.kind,
            "version": crane.version,
            "actions": sorted(action for action in crane.actions if may_in_general(crane, identity, action)),
        }
    )


@blueprint.route("/whoami/rights")
@blueprint.doc(operationId="listOwnRights")
@public("It tells callers only what they themselves may do.")
@blueprint.arguments(OwnRightsQuery, location="query")
@blueprint.response(200, OwnRightsSchema, description="What the caller may do to each.")
def show_own_rights(query: dict[str, Any]) -> Response:
    """Tell what the caller may do to single objects, so that a client offers nothing else."""
    crane, identity = get_crane(), identify()
    return answer(
        {
            "items": [
                {"name": name, "actions": sorted(_actions_on(crane, identity, query["kind"], name))}
                for name in query["name"]
            ]
        }
    )


def _actions_on(crane: Crane, identity: Identity, kind: str, name: str) -> Iterator[str]:
    """Find the actions that somebody may do to the object of a name."""
    found: dict[Callable[[str], Target], Target | None] = {}
    for action, described in crane.actions.items():
        if described.find is None or action.partition(":")[0] != kind:
            continue
        if described.find not in found:
            found[described.find] = _find_or_none(described.find, name)
        target = found[described.find]
        if target is not None and decide(crane, identity, action, target).allows:
            yield action


def _find_or_none(find: Callable[[str], Target], name: str) -> Target | None:
    try:
        return find(name)
    except NotFound:
        return None


@blueprint.route("/pages")
@public("It tells callers only what they themselves may open.")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response_list(PageSchema, description="The pages, each with what the caller may do there.")
def list_pages(query: dict[str, Any]) -> Response:
    """List the pages of the panel that the caller may open."""
    crane = get_crane()
    return answer_list(crane, page_listing(crane, identify()), query)


def plugin_listing(crane: Crane) -> Listing[dict[str, Any]]:
    """Return the list of plugins."""
    rows = [describe_plugin(plugin) for plugin in crane.plugins]
    return Listing(
        version=repr(rows),
        rows=lambda: rows,
        action="plugin:read",
        target=lambda row: Target("plugin", row["name"]),
        fields=read_members("name", "state"),
    )


@blueprint.route("/plugins")
@guard("plugin:read")
@blueprint.arguments(PluginQuery, location="query")
@blueprint.response_list(PluginSchema, description="The plugins.")
def list_plugins(query: dict[str, Any]) -> Response:
    """List the plugins."""
    crane = get_crane()
    return answer_list(crane, plugin_listing(crane), query)


def describe_plugin(plugin: Plugin) -> dict[str, Any]:
    """Describe a plugin as the API, the command line and the panel show it."""
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "state": plugin.state,
        "error": plugin.error,
        "requires": list(plugin.requires),
        "hooks": list(plugin.hooks),
        "failures": plugin.failures,
    }


@blueprint.route("/settings")
@guard("setting:read")
@blueprint.arguments(SettingQuery, location="query")
@blueprint.response_list(SettingSchema, description="The settings.")
def list_settings(query: dict[str, Any]) -> Response:
    """List the settings."""
    crane = get_crane()
    rows = crane.settings.describe()
    listing = Listing(
        version=repr(rows),
        rows=lambda: rows,
        action="setting:read",
        target=lambda row: Target("setting", row["name"]),
        fields=read_members("name", "source"),
    )
    return answer_list(crane, listing, query)


@pages.route("/api/v1/docs/rapidoc-min.js")
@public("It is the program of the API's page and says nothing of this Swarm.")
def rapidoc() -> Response:
    """Send the program that shows the OpenAPI document; it comes from this server, so that none else is asked."""
    script = files("crane_core").joinpath("static", "rapidoc-min.js").read_bytes()
    return Response(script, mimetype="text/javascript", headers={"Cache-Control": "public, max-age=86400"})


@public("It only says where the API is.")
def root() -> BaseResponse:
    """Say where things are; served at ``/`` while no plugin has a page there."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return redirect("/api/v1/docs")
    return answer({"name": "crane", "api": "/api/v1/openapi.json", "docs": "/api/v1/docs"})
