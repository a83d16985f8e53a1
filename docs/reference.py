"""Write the reference pages from the program itself: ``docs/reference.py``; with ``--check``, only compare them.

The pages tell of the core and of the plugins of this repository, whatever else is installed beside them.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import logging
import pkgutil
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from flask import Flask

import crane_core
from crane_core import app as application
from crane_core import cli, hookspecs
from crane_core.contributions import Setting
from crane_core.errors import CraneError
from crane_core.plugins import CALLED_FOR_EFFECT, TOLD, Plugin, discover
from crane_core.security import Guard, guard_of

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
HEAD = "<!-- Written by docs/reference.py (make docs). Change the program, not this page. -->\n\n"


def first_party_plugins() -> list[Plugin]:
    """Find the installed plugins that belong to this repository."""
    own = {path.parent.name for path in ROOT.glob("plugins/*/setup.cfg")}
    return [plugin for plugin in discover() if plugin.distribution in own]


def make_app() -> Flask:
    """Build the application that the pages tell of: every setting at its default."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as empty:
        return application.create_app(environ={"CRANE_CONFIG": empty.name}, plugins=first_party_plugins())


# --- Text ---------------------------------------------------------------------------------------------------------


def to_markdown(text: str) -> str:
    """Turn the reStructuredText of docstrings, as far as they use it, into Markdown."""
    text = re.sub(r":\w+:`~?([\w.]+)`", lambda found: f"`{found[1].rpartition('.')[2]}`", text)
    return text.replace("``", "`")


def in_one_line(text: str) -> str:
    """Return a text for a cell of a table."""
    return " ".join(to_markdown(text).split()).replace("|", "\\|")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(value: object) -> str:
    """Write a value as code; nothing for nothing."""
    return f"`{value}`" if value not in ("", None) else ""


def summary(thing: Any) -> str:
    """Return the first line of a docstring."""
    return in_one_line((inspect.getdoc(thing) or "").partition("\n\n")[0])


def docstring(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Split a docstring into its text, and its fields with their names."""
    body, *fields = re.split(r"^:", inspect.cleandoc(text), flags=re.MULTILINE)
    named = [each.partition(":") for each in fields]
    return to_markdown(body.strip()), [(name, in_one_line(value)) for name, _, value in named]


# --- Pages --------------------------------------------------------------------------------------------------------


def find_examples() -> dict[str, tuple[Path, str]]:
    """Return the implementation of each hook in an example plugin, with the file that it stands in."""
    found = {}
    examples = ROOT / "docs" / "examples"
    for path in sorted((*examples.glob("*.py"), *examples.glob("*/crane_*/__init__.py"))):
        lines = path.read_text("utf-8").splitlines()
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(each) == "hookimpl" for each in node.decorator_list
            ):
                found[node.name] = path, "\n".join(lines[node.decorator_list[0].lineno - 1 : node.end_lineno])
    return found


EXAMPLES = find_examples()


def write_hooks(app: Flask) -> Iterator[str]:
    """Tell of every hook, in the order in which a process meets them."""
    yield "# Hooks\n\n"
    yield to_markdown(inspect.cleandoc(hookspecs.__doc__ or "").partition("\n\n")[2]) + "\n"
    source = inspect.getsource(hookspecs)
    sections = re.split(r"^# --- (.+?) -+$", source, flags=re.MULTILINE)
    for title, part in zip(sections[1::2], sections[2::2], strict=True):
        yield f"\n## {title}\n"
        yield from _write_module(hookspecs, part)
    for owner, module in app.extensions["crane"].plugins.collect("crane_hookspecs"):
        yield f"\n## Of the plugin {owner}\n"
        yield from _write_module(module, inspect.getsource(module))
    yield "\n## Who implements them\n\n"
    plugins = app.extensions["crane"].plugins
    rows = [[code(plugin.name), ", ".join(code(hook) for hook in plugin.hooks)] for plugin in plugins]
    yield table(["Plugin", "Hooks"], rows)


def _write_module(module: ModuleType, source: str) -> Iterator[str]:
    """Tell of the hooks that a part of a module specifies."""
    for name in re.findall(r"^def (\w+)", source, flags=re.MULTILINE):
        hook = getattr(module, name)
        body, fields = docstring(hook.__doc__ or "")
        # Annotations are texts in a module that postpones them; they are shown without their quotes.
        signature = str(inspect.signature(hook)).replace("'", "")
        yield f"\n### {name}\n\n```python\ndef {name}{signature}\n```\n\n{_how(name, hook)}\n\n{body}\n"
        if fields:
            yield "\n" + "".join(f"- {code(_field(field))}: {text}\n" for field, text in fields)
        path, example = EXAMPLES[name]
        where = path.relative_to(ROOT / "docs" / "examples").as_posix()
        yield f"\nFor example, in [{where}](../examples/{where}):\n\n```python\n{example}\n```\n"


def _how(name: str, hook: Callable[..., Any]) -> str:
    """Say how a hook is called, by the grammar of its name."""
    if name in TOLD:
        return "*Told: one plugin's failure does not keep the others from being told.*"
    if hook.crane_spec["firstresult"]:  # type: ignore[attr-defined]
        return "*Asked: the first answer counts.*"
    if name in CALLED_FOR_EFFECT:
        return "*Asked in turn: each plugin sees what those before it made of it.*"
    if not inspect.signature(hook).parameters:
        return "*Contributes: a name that two plugins claim stops the server.*"
    return "*Asked: all answers count.*"


def _field(field: str) -> str:
    return field.removeprefix("param ")


def write_settings(app: Flask) -> Iterator[str]:
    """Tell of every setting."""
    yield "# Settings\n\n"
    yield (
        "In `crane.toml` (`[server]`, then `port = 5013`) or as a variable (`CRANE_SERVER_PORT=5013`); a variable\n"
        "wins. The file is the one that `CRANE_CONFIG` names, else `crane.toml` in the working directory, else in the\n"
        "platform's configuration directory. A key that no plugin contributed stops the start.\n\n"
    )
    declared: dict[str, Setting] = app.extensions["crane"].settings.declared
    rows = []
    for row in app.extensions["crane"].settings.describe():
        setting = declared[row["name"]]
        text = setting.help
        if setting.choices:
            text += f" One of {', '.join(code(each) for each in setting.choices)}."
        text += " Hidden wherever settings are shown." if setting.secret else ""
        default = ", ".join(setting.default) if setting.kind is list else setting.default
        rows.append(
            [
                code(row["name"]),
                code(row["variable"]),
                row["kind"],
                code(str(default).lower() if setting.kind is bool else default),
                in_one_line(text),
            ]
        )
    yield table(["Setting", "Variable", "Kind", "Default", "What it is"], rows)


def write_routes(app: Flask) -> Iterator[str]:
    """Tell of every route, with the action that it demands."""
    yield "# Routes\n\n"
    yield (
        "The OpenAPI document at `/api/v1/openapi.json` (page: `/api/v1/docs`) has their parameters and answers.\n"
        "*Demands* is the [action](actions.md) that the caller must hold; an open route says why it is\n"
        "open. *To be known* is to have logged in, whatever one may do.\n\n"
    )
    rows = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        view = app.view_functions[rule.endpoint]
        methods = {"WS"} if rule.websocket else (rule.methods or set()) - {"HEAD", "OPTIONS"}
        for method in sorted(methods):
            described = view
            if view_class := getattr(view, "view_class", None):
                described = getattr(view_class, method.lower())
            found = guard_of(view)
            demand = _demand(found) if found else "open"
            path = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule)
            rows.append([method, code(path), summary(described), in_one_line(demand)])
    yield table(["Method", "Path", "What it does", "Demands"], rows)


def _demand(found: Guard) -> str:
    """Say whom a route is for."""
    if found.action:
        return code(found.action)
    return f"to be known: {found.reason}" if found.known else f"open: {found.reason}"


def write_topics(app: Flask) -> Iterator[str]:
    """Tell of every topic of the live socket."""
    yield "# Topics\n\n"
    yield (
        "What can be followed on the [live socket](../how-to/follow-live.md), `WS /api/v1/live`, and the\n"
        "[action](actions.md) that each demands; items that a caller may not see are left out.\n\n"
    )
    owned = app.extensions["crane"].plugins.collect("crane_topics")
    rows = [[code(topic.name), in_one_line(topic.help), code(topic.action), code(owner)] for owner, topic in owned]
    yield table(["Topic", "What is sent", "Demands", "Plugin"], sorted(rows))


def write_actions(app: Flask) -> Iterator[str]:
    """Tell of every action."""
    yield (
        "# Actions\n\nWhat callers may be allowed to do; a role is a set of these. *Least role* is the least of\n"
        "viewer, operator and admin that holds it. What is *granted on* a stack or a node may be given there alone;\n"
        "the rest is given on everything.\n\n"
    )
    owned = app.extensions["crane"].plugins.collect("crane_actions")
    rows = [
        [
            code(action.name),
            in_one_line(action.help),
            action.least_role,
            ", ".join(action.within) or "everything",
            code(plugin),
        ]
        for plugin, action in owned
    ]
    yield table(["Action", "Who holds it may", "Least role", "Granted on", "Plugin"], sorted(rows))


def import_all(name: str) -> None:
    """Import a module and all below it, but for what only tests use."""
    package = importlib.import_module(name)
    for module in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{name}."):
        if not module.name.endswith((".testing", ".__main__")):
            import_all(module.name)


def all_errors() -> list[type[CraneError]]:
    """Import all of the core and the plugins of this repository; return every kind of error."""
    names = ["crane_core", *(plugin.load().__name__ for plugin in first_party_plugins() if plugin.load)]
    for name in names:
        import_all(name)
    found: list[type[CraneError]] = [CraneError]
    for kind in found:
        found += [each for each in kind.__subclasses__() if each not in found]
    owners = tuple(f"{name}." for name in names)
    return [kind for kind in found if kind.__module__.startswith(owners)]


def write_errors(app: Flask) -> Iterator[str]:
    """Tell of every error."""
    yield "# Errors\n\n"
    yield (
        "Every error is `application/problem+json` (RFC 9457): `type`, `code`, `status`, `title`, `detail`, and\n"
        "`errors` with a `pointer` and a `detail` for each thing that is wrong, and a `code` where that has a name.\n"
        "Programs decide on `code`, which does not change.\n\n"
    )
    rows = {
        (kind.status, kind.code): [str(kind.status), code(kind.code), summary(kind)]
        for kind in reversed(all_errors())
        if kind.code != "setup-error"
    }
    yield table(["Status", "Code", "What it means"], [rows[key] for key in sorted(rows)])
    yield (
        "\nWhat HTTP itself refuses has the code of its name: `bad-request` 400, `method-not-allowed` 405 (with\n"
        "`Allow`), `request-entity-too-large` 413, `unsupported-media-type` 415.\n"
        "What keeps the server from starting is one line on standard error, and the exit status 2.\n"
    )


def write_server_commands(app: Flask) -> Iterator[str]:
    """Tell of every command of crane-server."""
    yield "# crane-server\n\n"
    yield f"{summary(cli.server)} `crane-server COMMAND --help` tells the same.\n"
    commands: dict[str, click.Command] = dict(cli.server.commands)
    commands |= app.extensions["crane"].plugins.collect_named("crane_commands")
    for name, command in sorted(commands.items()):
        yield from _write_command(f"crane-server {name}", command)


def _write_command(name: str, command: click.Command) -> Iterator[str]:
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option)]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *((each.name or "").upper() for each in arguments)])
    yield f"\n## {name}\n\n```console\n$ {usage}\n```\n\n{to_markdown(inspect.cleandoc(command.help or ''))}\n"
    if options:
        rows = [[", ".join(code(each) for each in option.opts), in_one_line(option.help or "")] for option in options]
        yield "\n" + table(["Option", "What it does"], rows)
    if isinstance(command, click.Group):
        for inner, inner_command in sorted(command.commands.items()):
            yield from _write_command(f"{name} {inner}", inner_command)


def write_events(app: Flask) -> Iterator[str]:
    """Tell of every event."""
    yield "# Events\n\nWhat plugins are told by [crane_event](hooks.md#crane_event), and contribute with\n"
    yield "[crane_event_kinds](hooks.md#crane_event_kinds). A filter by `kind` takes these, what stands before their\n"
    yield "dot, and what [Engines tell](../how-to/follow-events.md).\n\n"
    kinds = app.extensions["crane"].event_kinds.values()
    yield table(["Kind", "What happened"], [[code(kind.name), in_one_line(kind.help)] for kind in kinds])


def write_metrics(app: Flask) -> Iterator[str]:
    """Tell of every metric and health check."""
    crane = app.extensions["crane"]
    yield "# Metrics and health\n\n`GET /metrics` tells these in the text format of Prometheus.\n\n"
    rows = [
        [code(metric.name), metric.kind, ", ".join(code(label) for label in metric.labels), in_one_line(metric.help)]
        for metric in sorted(crane.metrics, key=lambda metric: metric.name)
    ]
    yield table(["Metric", "Kind", "Labels", "What it tells"], rows)
    yield "\n## Health checks\n\n`GET /api/v1/health` tells how each of these fares.\n\n"
    yield "".join(f"- {code(check.name)}\n" for check in crane.health_checks)


def write_cli(app: Flask) -> Iterator[str]:
    """Tell of the client: it writes its page itself, because it knows the server by HTTP only."""
    done = subprocess.run(
        [sys.executable, "-m", "crane_cli.reference"], capture_output=True, text=True, check=True, timeout=60
    )
    yield done.stdout


WRITERS: dict[str, Callable[[Flask], Iterator[str]]] = {
    "hooks.md": write_hooks,
    "settings.md": write_settings,
    "routes.md": write_routes,
    "topics.md": write_topics,
    "actions.md": write_actions,
    "errors.md": write_errors,
    "server-commands.md": write_server_commands,
    "events.md": write_events,
    "metrics.md": write_metrics,
    "cli.md": write_cli,
}


def write_pages() -> dict[str, str]:
    """Return what each page must say, by its name."""
    app = make_app()
    return {name: HEAD + "".join(writer(app)).rstrip() + "\n" for name, writer in WRITERS.items()}


def outdated_pages() -> list[str]:
    """Return the names of the pages that do not say what the program says."""
    wanted = write_pages()
    present = {path.name: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    logging.basicConfig(level=logging.WARNING)
    if arguments == ["--check"]:
        outdated = outdated_pages()
        for name in outdated:
            print(f"docs/reference/{name} is not what the program says. Run: make docs")
        return 1 if outdated else 0
    PAGES.mkdir(exist_ok=True)
    for name, text in write_pages().items():
        (PAGES / name).write_text(text, "utf-8")
    print(f"Wrote {len(WRITERS)} pages to docs/reference, for crane-core at {Path(crane_core.__file__ or '').parent}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
