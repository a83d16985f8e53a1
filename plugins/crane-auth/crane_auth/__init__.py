"""Logging in: passwords, sessions, API tokens, second factors, and identity providers.

Who the accounts are is the business of ``crane_accounts``; this plugin says which of them sends a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import click
from crane_database import BackupFiles, Migrations

from crane_auth import hookspecs
from crane_auth.authenticating import authenticate
from crane_auth.commands import auth as auth_commands
from crane_auth.factors import routes as factors
from crane_auth.local import LocalToken
from crane_auth.logins import routes as logins
from crane_auth.methods import Method, Outside, Start
from crane_auth.outside import routes as outside
from crane_auth.passwords import operations as passwords
from crane_auth.restoring import routes as restoring
from crane_auth.sealing import KEY_FILE
from crane_auth.sessions import operations as session_operations
from crane_auth.sessions import routes as sessions
from crane_auth.settings import settings
from crane_auth.tokens import operations as token_operations
from crane_auth.tokens import routes as tokens
from crane_core.context import get_crane
from crane_core.contributions import Action, Column, EventKind, Loop, Page, PageAction, Setting
from crane_core.events import Event
from crane_core.hookspecs import hookimpl

if TYPE_CHECKING:
    import flask

    from crane_core.security import Identity

requires = ("database", "accounts")

__all__ = ["Method", "Outside", "Start"]


@hookimpl
def crane_hookspecs() -> ModuleType:
    return hookspecs


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield from settings()


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("session:read", "See who is logged in, and where.")
    yield Action("session:remove", "End the sessions of others.", session_operations.find_target)
    yield Action("token:read", "See the API tokens of all accounts, but not their secrets.")
    yield Action("token:create", "Make API tokens that stand for service accounts.")
    yield Action("token:remove", "Revoke the API tokens of others.", token_operations.find_target)
    yield Action("password:update", "Set the passwords of others, and so become any of them.", factors.find_person)
    yield Action("second-factor:remove", "Take away the second factors of others.", factors.find_person)


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield logins.blueprint
    yield restoring.blueprint
    yield outside.blueprint
    yield factors.blueprint
    yield sessions.blueprint
    yield tokens.blueprint


@hookimpl
def crane_pages() -> Iterator[Page]:
    yield Page(
        "/sessions",
        "Sessions",
        "access",
        "session:read",
        source="/api/v1/sessions",
        columns=(
            Column("name", "Account", link="/access/users/{name}"),
            Column("method", "Logged in by"),
            Column("address", "Address"),
            Column("device", "Device"),
            Column("used_at", "Last used", kind="moment"),
            Column("created_at", "Since", kind="moment"),
        ),
        actions=(
            PageAction(
                "End",
                "DELETE",
                "/api/v1/sessions/{id}",
                "session:remove",
                confirm="End this session of {name}? What it has open is closed.",
            ),
        ),
        key="id",
        words={
            "zh-CN": {
                "Sessions": "会话",
                "Account": "账户",
                "Logged in by": "登录方式",
                "Address": "地址",
                "Device": "设备",
                "Last used": "上次使用",
                "Since": "开始于",
                "End": "结束",
                "End this session of {name}? What it has open is closed.": (
                    "结束 {name} 的此会话？其打开的内容将被关闭。"
                ),
            }
        },
    )
    yield Page(
        "/tokens",
        "API tokens",
        "access",
        "token:read",
        source="/api/v1/tokens",
        columns=(
            Column("name", "Name"),
            Column("account", "Account", link="/access/users/{account}"),
            Column("actions", "Actions", kind="list"),
            Column("stacks", "Stacks", kind="list"),
            Column("used_at", "Last used", kind="moment"),
            Column("expires_at", "Expires", kind="moment"),
            Column("created_by", "Made by"),
        ),
        actions=(
            PageAction(
                "Revoke",
                "DELETE",
                "/api/v1/tokens/{id}",
                "token:remove",
                confirm="Revoke the token {name} of {account}? Programs that use it are refused.",
            ),
        ),
        key="id",
        words={
            "zh-CN": {
                "API tokens": "API 令牌",
                "Name": "名称",
                "Account": "账户",
                "Actions": "操作",
                "Stacks": "堆栈",
                "Last used": "上次使用",
                "Expires": "过期时间",
                "Made by": "创建者",
                "Revoke": "吊销",
                "Revoke the token {name} of {account}? Programs that use it are refused.": (
                    "吊销 {account} 的令牌 {name}？使用它的程序将被拒绝。"
                ),
            }
        },
    )


@hookimpl
def crane_commands() -> Iterator[click.Command]:
    yield auth_commands


@hookimpl
def crane_event_kinds() -> Iterator[EventKind]:
    yield EventKind("login.succeeded", "Somebody logged in; the detail has from where, and how.")
    yield EventKind("login.failed", "Somebody could not log in; the detail has from where, and why.")
    yield EventKind("password.changed", "A password was changed.")
    yield EventKind("session.revoked", "A session was ended before its time.")
    yield EventKind("factor.added", "A second factor was added; the detail has which.")
    yield EventKind("factor.used", "A recovery code was used in place of a second factor.")
    yield EventKind("factor.removed", "A second factor was removed; the detail has which.")
    yield EventKind("token.created", "An API token was made; the detail has what it is called.")
    yield EventKind("token.removed", "An API token was removed.")


@hookimpl
def crane_loops() -> Iterator[Loop]:
    from crane_auth.forgetting import run

    # Of several servers that share the database, one forgets for all.
    yield Loop("auth.forget", run, once=True)


@hookimpl
def crane_database_migrations() -> Iterator[Migrations]:
    yield Migrations("crane_auth.models", "crane_auth.migrations")


@hookimpl
def crane_database_backup_files() -> Iterator[BackupFiles]:
    yield BackupFiles(KEY_FILE)


@hookimpl
def crane_auth_methods() -> Iterator[Method]:
    yield Method("password", "Password", "password", check=passwords.check)
    crane = get_crane()
    if crane.settings["auth.oidc_issuer"]:
        # What speaks with a provider is imported where there is one.
        from crane_auth.outside.oidc import NAME, Provider

        provider = crane.room(Provider)
        provider.check_settings()
        source = f"{NAME}:{provider.issuer}"
        yield Method(NAME, provider.title, "redirect", start=provider.start, finish=provider.finish, source=source)


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    from crane_auth.starting import start

    start(app)


@hookimpl
def crane_shutdown(app: flask.Flask) -> None:
    app.extensions["crane"].room(LocalToken).withdraw()


@hookimpl
def crane_authenticate(request: flask.Request) -> Identity | None:
    return authenticate(request)


@hookimpl
def crane_event(event: Event) -> None:
    if event.kind == "user.removed" and event.id.isdecimal():
        from crane_auth.forgetting import forget_account

        forget_account(int(event.id))
