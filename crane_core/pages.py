"""Pages of the panel: checked when the server starts, and told to each caller as far as they may use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict
from functools import cache
from typing import Any, get_args

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, one_of, text, truth, words_of
from crane_core.context import Crane
from crane_core.contributions import Column, Field, Page, PageAction
from crane_core.errors import SetupError
from crane_core.http import Listing, ListQuery, read_members
from crane_core.security import Identity, Target, may_in_general

# What leads nowhere but to this server, whatever a browser makes of it: it takes a backslash for a slash, and passes
# over tabs and ends of lines. Names to fill in stand in braces.
_LOCAL = re.compile(r"/(?!/)(?:[^\\\s\x00-\x1f\x7f{}]|\{[^\\\s\x00-\x1f\x7f{}]+\})*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PLACE = re.compile(r"\{([^{}]+)\}")


# --- Checking -----------------------------------------------------------------------------------------------------


def check_pages(owned: Iterable[tuple[str, Page]], actions: Collection[str]) -> None:
    """Refuse to start with a page that cannot work.

    :param owned: The pages, each with the name of the plugin that contributed it.
    :param actions: The names of all actions.
    :raises SetupError: with the plugin, its page, and what is wrong with it.
    """
    for plugin, page in owned:
        for wrong in _find_wrong(page, actions):
            raise SetupError(f"Plugin {plugin}: the page {page.path} {wrong}.")


def _find_wrong(page: Page, actions: Collection[str]) -> Iterator[str]:
    if not _is_local(page.path):
        yield "must have a path that begins with one slash, without spaces and backslashes"
    if page.group not in (groups := get_args(words_of(Page, "group"))):
        yield f"is in the group {page.group}; there are {', '.join(groups)}"
    if bool(page.module) == bool(page.source):
        yield f"has {'both a module and a source' if page.module else 'neither a module nor a source'}; give it one"
    for what in ("module", "source"):
        if (url := getattr(page, what)) and not _is_local(url):
            yield f"has the {what} {url}, which is no URL of this server: begin it with one slash"
    if page.action not in actions:
        yield f"demands {page.action}, which no plugin contributes as an action"
    for column in page.columns:
        for wrong in _find_wrong_column(column):
            yield f"has the column {column.member}, {wrong}"
    for action in page.actions:
        for wrong in _find_wrong_action(action, actions):
            yield f"has the action {action.label}, {wrong}"
    said = set(_find_texts(page))
    for language, words in page.words.items():
        if not _LANGUAGE.fullmatch(language):
            yield f"has words in {language!r}, which names no language: write it as in zh-CN"
        if unsaid := sorted(set(words) - said):
            yield f"has words for {unsaid[0]!r} in {language}, which it does not say"


def _find_texts(page: Page) -> Iterator[str]:
    """Yield what a page says, as far as it stands in its description."""
    yield page.title
    yield from (column.title for column in page.columns)
    for action in page.actions:
        yield from (action.label, action.confirm)
        for field in action.fields:
            yield from (field.title, field.help)


def _find_wrong_column(column: Column) -> Iterator[str]:
    if column.kind not in (kinds := get_args(words_of(Column, "kind"))):
        yield f"which is of the kind {column.kind}; there are {', '.join(kinds)}"
    if column.link and not _is_local(column.link):
        yield f"which leads to {column.link}, no path of the panel: begin it with one slash"


def _find_wrong_action(action: PageAction, actions: Collection[str]) -> Iterator[str]:
    if action.method not in (methods := get_args(words_of(PageAction, "method"))):
        yield f"which sends a {action.method}; there are {', '.join(methods)}"
    if not _is_local(action.url):
        yield f"which is sent to {action.url}, no URL of this server: begin it with one slash"
        return
    if action.action not in actions:
        yield f"which demands {action.action}, which no plugin contributes as an action"
    filled = {field.name for field in action.fields}
    if not action.each and (missing := set(_PLACE.findall(action.url)) - filled):
        yield f"whose URL names {', '.join(sorted(missing))}, which none of its fields fills in"
    for field in action.fields:
        if field.kind not in (kinds := get_args(words_of(Field, "kind"))):
            yield f"whose field {field.name} is of the kind {field.kind}; there are {', '.join(kinds)}"
        if (field.kind == "choice") != bool(field.choices):
            yield f"whose field {field.name} must have choices if it is a choice, and none if it is not"


def _is_local(url: object) -> bool:
    return isinstance(url, str) and _LOCAL.fullmatch(url) is not None


# --- Telling ------------------------------------------------------------------------------------------------------


class PageQuery(ListQuery):
    """What pages can be filtered by."""

    group = ma.fields.String(metadata={"description": "Their group of the navigation."})
    plugin = ma.fields.String(metadata={"description": "The plugin that contributes them."})


class PageColumnSchema(AnswerSchema):
    """A column of a page that is described by data."""

    member = text("The member of each item to show; a dotted path leads to one further inside.")
    title = text("Its heading.")
    kind = one_of(words_of(Column, "kind"), "What it holds.")
    link = text("The path of the panel that it leads to, with members of the item in braces; empty for none.")


class PageFieldSchema(AnswerSchema):
    """Something to fill in before an action of a page is done."""

    name = text("The member of the JSON body that it becomes, or what the action's URL calls it.")
    title = text("What stands before it.")
    kind = one_of(words_of(Field, "kind"), "What is filled in; lines are a list of texts, one a line.")
    required = truth("Whether it must be filled in.")
    choices = many(ma.fields.String(), "What there is to choose from; empty unless it is a choice.")
    help = text("A sentence for whoever fills it in; may be empty.")


class PageActionSchema(AnswerSchema):
    """Something to do on a page that is described by data: one request for each item, or one for the page."""

    label = text("What stands on its button.")
    method = one_of(words_of(PageAction, "method"), "The method of the request.")
    url = text("Its URL; members of the item and names of fields stand in braces.")
    action = text("The action that it demands.")
    each = truth("Whether it is done to items; it is a button above the table otherwise.")
    confirm = text("What is asked first, with members of the item in braces; empty to ask nothing.")
    # Marshmallow takes the members of an answer off the class, so that this hides nothing of the schema's own.
    fields = many(  # type: ignore[assignment]
        PageFieldSchema, "What is filled in first; what the URL does not name is sent as its JSON body."
    )


class PageSchema(AnswerSchema):
    """A page of the panel: either a JavaScript module to load, or a table described by data."""

    path = text("Where it is found below the panel's root.")
    title = text("Its name in the navigation.")
    group = one_of(words_of(Page, "group"), "The group of the navigation.")
    plugin = text("The plugin that contributes it.")
    action = text("The action that it demands.")
    module = text("The URL of its JavaScript module; null for a table.", null=True)
    source = text("The URL of the list that it shows; null for a module.", null=True)
    key = text("The member by which items are told apart; a dotted path, as for columns.")
    columns = many(PageColumnSchema, "What to show of each item.")
    actions = many(PageActionSchema, "What the caller may do there.")
    words = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String()),
        required=True,
        metadata={
            "description": "What it says in other languages: for each, a text of this page and what it is there."
        },
    )


def page_listing(crane: Crane, identity: Identity) -> Listing[dict[str, Any]]:
    """Return the list of the pages that somebody may open, each with what they may do there."""

    @cache
    def may(action: str) -> bool:
        return may_in_general(crane, identity, action)

    rows = [describe_page(crane.page_owners[page.path], page, may) for page in crane.pages if may(page.action)]
    return Listing(
        version=repr(rows),
        rows=lambda: rows,
        action=None,
        target=lambda row: Target("page", row["path"]),
        fields=read_members("title", "path", "group", "plugin", name="title"),
    )


def describe_page(plugin: str, page: Page, may: Callable[[str], bool]) -> dict[str, Any]:
    """Describe a page as the panel is told of it.

    :param plugin: The plugin that contributes it.
    :param may: Tells whether the caller may do an action; what they may not do there is left out.
    """
    return {
        "path": page.path,
        "title": page.title,
        "group": page.group,
        "plugin": plugin,
        "action": page.action,
        "module": page.module or None,
        "source": page.source or None,
        "key": page.key,
        "columns": [asdict(column) for column in page.columns],
        "actions": [asdict(action) for action in page.actions if may(action.action)],
        "words": page.words,
    }
