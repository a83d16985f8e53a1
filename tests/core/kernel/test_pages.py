"""Facts about pages of the panel: what is refused when the server starts, and who is told of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, Request

from crane_core.contributions import Action, Column, Field, Page, PageAction
from crane_core.errors import SetupError
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin

RunServer = Callable[..., Flask]
THAW = PageAction("Thaw", "DELETE", "/api/v1/freezes/{name}", "freeze:remove", confirm="Thaw {name}?")
FREEZE = PageAction(
    "Freeze",
    "PUT",
    "/api/v1/freezes/{name}",
    "freeze:create",
    each=False,
    fields=(Field("name", "Service"), Field("until", "Until", "choice", False, ("noon", "night"), "When it ends.")),
)
FREEZES = Page(
    "/freezes",
    "Freezes",
    "applications",
    "freeze:read",
    source="/api/v1/freezes",
    columns=(Column("Spec.Name", "Service", link="/services/{Spec.Name}"), Column("since", "Since", "moment")),
    actions=(THAW, FREEZE),
    key="Spec.Name",
    words={"zh-CN": {"Freezes": "冻结", "Thaw {name}?": "解冻 {name}？"}},
)


def contributing(name: str, *pages: Any) -> Plugin:
    """Make a plugin that contributes pages, and the actions that they demand."""

    def crane_actions() -> Iterator[Action]:
        for verb in ("read", "create", "remove"):
            yield Action(f"{name}:{verb}", "Do something.")

    def crane_pages() -> Iterator[Any]:
        yield from pages

    return make_plugin(name, crane_actions, crane_pages)


def voting(*allowed: str) -> Plugin:
    """Make a plugin that allows a caller the actions that a header names, in general only, and these ones always."""

    def crane_authenticate(request: Request) -> Identity:
        held = request.headers.get("X-Actions", "").split(",")
        return Identity("ann", details={"held": held})

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        in_general = (target.kind, target.name) == (action.partition(":")[0], "")
        return Vote.allow() if in_general and action in (*allowed, *identity.details["held"]) else None

    return make_plugin("auth", crane_authenticate, crane_authorize)


# --- Telling ------------------------------------------------------------------------------------------------------


def test_page_is_told_with_its_plugin_columns_and_actions(run_server: RunServer) -> None:
    answered = run_server(contributing("freeze", FREEZES)).test_client().get("/api/v1/pages")

    assert (answered.json["total"], answered.json["sources"]) == (1, [])
    assert answered.headers["ETag"] == f'"{answered.json["version"]}"'
    assert answered.json["items"] == [
        {
            "path": "/freezes",
            "title": "Freezes",
            "group": "applications",
            "plugin": "freeze",
            "action": "freeze:read",
            "module": None,
            "source": "/api/v1/freezes",
            "key": "Spec.Name",
            "columns": [
                {"member": "Spec.Name", "title": "Service", "kind": "text", "link": "/services/{Spec.Name}"},
                {"member": "since", "title": "Since", "kind": "moment", "link": ""},
            ],
            "actions": [
                {
                    "label": "Thaw",
                    "method": "DELETE",
                    "url": "/api/v1/freezes/{name}",
                    "action": "freeze:remove",
                    "each": True,
                    "confirm": "Thaw {name}?",
                    "fields": [],
                },
                {
                    "label": "Freeze",
                    "method": "PUT",
                    "url": "/api/v1/freezes/{name}",
                    "action": "freeze:create",
                    "each": False,
                    "confirm": "",
                    "fields": [
                        {
                            "name": "name",
                            "title": "Service",
                            "kind": "text",
                            "required": True,
                            "choices": [],
                            "help": "",
                        },
                        {
                            "name": "until",
                            "title": "Until",
                            "kind": "choice",
                            "required": False,
                            "choices": ["noon", "night"],
                            "help": "When it ends.",
                        },
                    ],
                },
            ],
            "words": {"zh-CN": {"Freezes": "冻结", "Thaw {name}?": "解冻 {name}？"}},
        }
    ]


def test_pages_are_sorted_by_title_and_filtered(run_server: RunServer) -> None:
    module = Page("/budget", "Budget", "system", "budget:read", module="/panel/budget.js")
    client = run_server(contributing("freeze", FREEZES), contributing("budget", module)).test_client()

    def paths(query: str) -> list[str]:
        return [page["path"] for page in client.get(f"/api/v1/pages{query}").json["items"]]

    assert paths("") == ["/budget", "/freezes"]
    assert paths("?sort=-path") == ["/freezes", "/budget"]
    assert paths("?group=system") == paths("?plugin=budget") == paths("?q=BUD") == ["/budget"]
    assert client.get("/api/v1/pages?plugins=budget").status_code == 422


def test_caller_is_told_of_what_they_may_open_and_do_there(run_server: RunServer) -> None:
    client = run_server(contributing("freeze", FREEZES), voting()).test_client()

    def told(*actions: str) -> list[tuple[str, list[str]]]:
        items = client.get("/api/v1/pages", headers={"X-Actions": ",".join(actions)}).json["items"]
        return [(page["path"], [action["label"] for action in page["actions"]]) for page in items]

    assert told() == []
    assert told("freeze:create") == [], "whoever may not see the page is not told what could be done there"
    assert told("freeze:read") == [("/freezes", [])]
    assert told("freeze:read", "freeze:create") == [("/freezes", ["Freeze"])]
    assert told("freeze:read", "freeze:create", "freeze:remove") == [("/freezes", ["Thaw", "Freeze"])]


def test_unchanged_pages_cost_a_304_until_the_caller_may_do_more(run_server: RunServer) -> None:
    client = run_server(contributing("freeze", FREEZES), voting("freeze:read")).test_client()
    etag = client.get("/api/v1/pages").headers["ETag"]

    again = client.get("/api/v1/pages", headers={"If-None-Match": etag})
    more = client.get("/api/v1/pages", headers={"If-None-Match": etag, "X-Actions": "freeze:remove"})

    assert (again.status_code, more.status_code) == (304, 200)


# --- Checking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (replace(FREEZES, path="freezes"), "must have a path that begins with one slash"),
        (replace(FREEZES, path="//evil.example"), "must have a path that begins with one slash"),
        (replace(FREEZES, path=""), "must have a path that begins with one slash"),
        (replace(FREEZES, group="other"), "is in the group other; there are applications, infrastructure, images,"),
        (replace(FREEZES, words={"zh_CN": {}}), "has words in 'zh_CN', which names no language: write it as in zh-CN"),
        (replace(FREEZES, words={"zh-CN": {"Freeze!": "冻结"}}), "has words for 'Freeze!' in zh-CN, which it does not"),
        (replace(FREEZES, source=None), "has neither a module nor a source"),
        (replace(FREEZES, module="/freezes.js"), "has both a module and a source"),
        (replace(FREEZES, source="http://evil.example/x"), "has the source http://evil.example/x, which is no URL of"),
        (replace(FREEZES, source="//evil.example/x"), "has the source //evil.example/x, which is no URL of this"),
        (replace(FREEZES, source="/\\evil.example"), "which is no URL of this server"),
        (replace(FREEZES, source="/\t/evil.example"), "which is no URL of this server"),
        (replace(FREEZES, source=None, module="freezes.js"), "has the module freezes.js, which is no URL of this"),
        (replace(FREEZES, action="freeze:raed"), "demands freeze:raed, which no plugin contributes as an action"),
        (
            replace(FREEZES, columns=(Column("a", "A", "date"),)),
            "has the column a, which is of the kind date; there are",
        ),  # type: ignore[arg-type]
        (replace(FREEZES, columns=(Column("a", "A", link="//x"),)), "has the column a, which leads to //x, no path of"),
        (replace(FREEZES, actions=(replace(THAW, method="GET"),)), "has the action Thaw, which sends a GET; there are"),
        (
            replace(FREEZES, actions=(replace(THAW, url="freezes"),)),
            "has the action Thaw, which is sent to freezes, no",
        ),
        (replace(FREEZES, actions=(replace(THAW, url="//evil/{name}"),)), "which is sent to //evil/{name}, no URL of"),
        (
            replace(FREEZES, actions=(replace(THAW, url="/freezes/{name"),)),
            "which is sent to /freezes/{name, no URL of",
        ),
        (replace(FREEZES, actions=(replace(THAW, url="/freezes/{}"),)), "which is sent to /freezes/{}, no URL of this"),
        (
            replace(FREEZES, actions=(replace(THAW, action="thaw:do"),)),
            "has the action Thaw, which demands thaw:do, wh",
        ),
        (replace(FREEZES, actions=(replace(THAW, each=False),)), "whose URL names name, which none of its fields fill"),
        (replace(FREEZES, actions=(replace(THAW, fields=(Field("a", "A", "date"),)),)), "field a is of the kind date;"),  # type: ignore[arg-type]
        (
            replace(FREEZES, actions=(replace(THAW, fields=(Field("a", "A", "choice"),)),)),
            "field a must have choices if",
        ),
        (
            replace(FREEZES, actions=(replace(THAW, fields=(Field("a", "A", choices=("x",)),)),)),
            "and none if it is not",
        ),
    ],
)
def test_page_that_cannot_work_stops_the_start_and_names_its_plugin(
    run_server: RunServer, page: Page, said: str
) -> None:
    with pytest.raises(SetupError) as stopped:
        run_server(contributing("freeze", page))

    assert stopped.value.detail.startswith(f"Plugin freeze: the page {page.path} ")
    assert said in stopped.value.detail


@pytest.mark.parametrize("path", ["/freezes", "/freezes/"])
def test_two_pages_of_one_path_stop_the_start_and_name_their_plugins(run_server: RunServer, path: str) -> None:
    other = Page(path, "Frost", "applications", "frost:read", source="/api/v1/frost")

    with pytest.raises(SetupError, match="plugins freeze and frost both claim the name /freezes"):
        run_server(contributing("freeze", FREEZES), contributing("frost", other))


def test_value_that_is_no_page_stops_the_start(run_server: RunServer, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SetupError, match="A plugin failed in crane_pages"):
        run_server(contributing("freeze", "/freezes"))
