"""Show a plan: what will change, field by field, before anything does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from crane_cli.errors import describe
from crane_cli.session import Session, style
from crane_cli.visible import visible

SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "remove": ("-", "red")}
LONGEST_VALUE = 400


def show_plan(session: Session, plan: Mapping[str, Any]) -> None:
    """Print a plan as a coloured diff, its summary first; its warnings and violations on standard error."""
    told = plan.get("target") or plan.get("stack")
    click.echo(f"Plan for {visible(told)}: {summarise(plan)}" if told else f"Plan: {summarise(plan)}")
    for change in plan.get("changes") or ():
        if change.get("action") in SIGNS:
            show_change(change)
    tell_warnings(session, plan)


def tell_warnings(session: Session, plan: Mapping[str, Any]) -> None:
    """Print a plan's warnings and violations on standard error."""
    for warning in plan.get("warnings") or ():
        session.warn(warning if isinstance(warning, str) else describe(warning))
    for violation in plan.get("violations") or ():
        click.echo(style(f"Not allowed: {visible(describe(violation))}", fg="red"), err=True)


def summarise(plan: Mapping[str, Any]) -> str:
    """Say in one line how much a plan changes."""
    summary = plan.get("summary") or {}
    counts = {name: int(summary.get(name) or 0) for name in ("create", "update", "remove", "keep", "restarts")}
    words = (("create", "to create"), ("update", "to update"), ("remove", "to remove"), ("keep", "unchanged"))
    said = ", ".join(f"{counts[name]} {word}" for name, word in words if counts[name]) or "nothing to do"
    restarts = counts["restarts"]
    return f"{said}; {restarts} {'task restarts' if restarts == 1 else 'tasks restart'}." if restarts else f"{said}."


def changes_anything(plan: Mapping[str, Any]) -> bool:
    """Return whether applying a plan would change the Swarm."""
    return any(change.get("action") in SIGNS for change in plan.get("changes") or ())


def show_change(change: Mapping[str, Any]) -> None:
    """Print one thing that a plan creates, updates or removes."""
    sign, colour = SIGNS[change["action"]]
    line = style(f"{sign} {visible(change.get('kind', ''))} {visible(change.get('name', ''))}", fg=colour, bold=True)
    if change.get("action") != "remove" and change.get("image"):
        line += f"  {visible(change['image'])}"
        if change.get("credential"):
            line += f", pulled as {visible(change['credential'])}"
    if restarts := change.get("restarts"):
        line += f"  ({restarts} {'task restarts' if restarts == 1 else 'tasks restart'})"
    if change.get("reason"):
        line += f"  {visible(change['reason'])}"
    click.echo(line)
    if change["action"] != "update":
        return
    for field in change.get("fields") or ():
        click.echo(f"    {visible(field.get('path', ''))}")
        if field.get("old") is not None:
            click.echo(style(f"      - {show_value(field['old'])}", fg="red"))
        if field.get("new") is not None:
            click.echo(style(f"      + {show_value(field['new'])}", fg="green"))


def show_value(value: Any) -> str:
    """Write a field's value on one line; a very long one is cut."""
    text = visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}... ({len(text)} characters)"
