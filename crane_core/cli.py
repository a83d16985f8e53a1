"""crane-server: run, check, doctor, plugins, routes, settings, openapi."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from crane_core.errors import CraneError, SetupError

if TYPE_CHECKING:
    from flask import Flask

_CONTRIBUTED = "crane_core.cli.commands"


class ServerCommands(click.Group):
    """The commands of the core, and those that plugins contribute."""

    def list_commands(self, context: click.Context) -> list[str]:
        """List all commands by name."""
        return sorted({*super().list_commands(context), *self._contributed(context)})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Find a command; plugins are not loaded for those of the core."""
        return super().get_command(context, name) or self._contributed(context).get(name)

    def _contributed(self, context: click.Context) -> dict[str, click.Command]:
        from crane_core.app import load_plugins

        # Kept for one run of the program: the next one in this process may have other plugins.
        kept: dict[str, dict[str, click.Command]] = context.find_root().meta
        if _CONTRIBUTED not in kept:
            commands: dict[str, click.Command] = load_plugins(os.environ).collect_named("crane_commands")
            if taken := sorted(set(commands) & set(self.commands)):
                raise SetupError(
                    f"crane_commands: a plugin claims the name {taken[0]}, which is a command of the core."
                )
            kept[_CONTRIBUTED] = commands
        return kept[_CONTRIBUTED]


@click.group(cls=ServerCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crane-core", prog_name="crane-server")
def server() -> None:
    """Run and inspect a Crane server."""


@server.command()
@click.option("--host", help="The address to listen on (setting server.host).")
@click.option("--port", type=int, help="The port to listen on (setting server.port).")
@click.option("--init-swarm", is_flag=True, help="Make an Engine that is in no Swarm a Swarm of one node.")
def run(host: str | None, port: int | None, init_swarm: bool) -> None:
    """Run the server."""
    from crane_core import serving

    overrides: dict[str, Any] = {}
    if host is not None:
        overrides["server.host"] = host
    if port is not None:
        overrides["server.port"] = port
    app = build(overrides)
    if init_swarm:
        serving.init_swarm(app, click.echo)
    serving.serve(app, click.echo)


@server.command()
def check() -> None:
    """Check settings, plugins and their routes, and whether the Engine answers; starts nothing."""
    app = build()
    crane = app.extensions["crane"]
    troubled = [plugin for plugin in crane.plugins if plugin.state in ("failed", "blocked")]
    for plugin in troubled:
        click.echo(f"plugin {plugin.name}: {plugin.state}: {plugin.error}")
    read_document(app)
    try:
        version = crane.engine.version()
        swarm = crane.engine.info().get("Swarm") or {}
        state = swarm.get("LocalNodeState", "inactive")
        click.echo(f"engine: {version.get('Version')} (API {version.get('ApiVersion')}), swarm {state}")
    except CraneError as error:
        raise SetupError(error.detail) from error
    if troubled:
        raise SetupError("Some plugins do not run; see above.")
    if not swarm.get("ControlAvailable"):
        raise SetupError("The Engine is no manager of a Swarm. Set engine.url to one, or run with --init-swarm.")
    click.echo("All is well.")


@server.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(context: click.Context, /, *, as_json: bool) -> None:
    """Look what is wrong with the Swarm or will be; needs no server. Exit status 1 when something is."""
    from crane_core.monitoring.doctor.operations import Doctor

    app = build()
    crane = app.extensions["crane"]
    # Where the Swarm cannot be read, that is what the doctor tells of it, beside what can be looked at all the same.
    with suppress(CraneError):
        crane.watcher.look(full=True)
    report = crane.room(Doctor).examine(app.app_context)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        for examined in report.examined:
            click.echo(f"{examined.state:8} {examined.check.title}")
            for finding in examined.findings:
                click.echo(f"  {finding.severity}: {finding.what}")
                if finding.advice:
                    click.echo(f"    {finding.advice}")
    context.exit(0 if report.state == "ok" else 1)


@server.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """List the plugins: name, version, state, requirements, hooks, error."""
    from crane_core.app import load_plugins
    from crane_core.core import describe_plugin

    rows = [describe_plugin(plugin) for plugin in load_plugins(os.environ)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']} {row['version']} ({row['distribution']}): {row['state']}")
        if row["error"]:
            click.echo(f"  error: {row['error']}")
        if row["requires"]:
            click.echo(f"  requires: {', '.join(row['requires'])}")
        click.echo(f"  hooks: {', '.join(row['hooks'])}")


@server.command()
def routes() -> None:
    """List the routes, each with the action that it demands."""
    from crane_core.security import guard_of

    app = build()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        found = guard_of(app.view_functions[rule.endpoint])
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        demand = found.action if found and found.action else f"open: {found.reason if found else ''}"
        click.echo(f"{methods:7} {rule.rule}  [{demand}]")


@server.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def settings(as_json: bool) -> None:
    """List the settings: name, variable, value, where it comes from, help."""
    from crane_core.app import load_plugins, read_settings

    rows = read_settings(load_plugins(os.environ), os.environ).describe()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['name']} = {json.dumps(row['value'], ensure_ascii=False)}  ({row['source']}; {row['variable']})"
        )
        click.echo(f"  {row['help']}")


@server.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    click.echo(json.dumps(read_document(build()), indent=2))


def read_document(app: Flask) -> Any:
    """Read the OpenAPI document.

    :raises SetupError: when a route of a plugin cannot be described; its text names both.
    """
    response = app.test_client().get("/api/v1/openapi.json")
    if response.status_code != 200:
        raise SetupError((response.json or {}).get("detail", response.text))
    return response.json


def build(overrides: dict[str, Any] | None = None) -> Flask:
    """Build the application for a command."""
    from crane_core.app import create_app
    from crane_core.serving import configure_logging

    app = create_app(overrides)
    configure_logging(app.extensions["crane"].settings)
    return app


def main() -> None:
    """Run crane-server; what keeps it from starting is one line and the exit status 2."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        server()
    except SetupError as error:
        click.echo(f"crane-server: {error.detail}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
