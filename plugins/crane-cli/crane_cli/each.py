"""Act on several things in turn, past those that are refused, so that one wrong name does not keep the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from crane_cli.confirming import ask_at_terminal
from crane_cli.errors import CliError, Refused
from crane_cli.output import Item, tell_age
from crane_cli.session import Session
from crane_cli.visible import visible


def on_each(names: Iterable[str], act: Callable[[str], object]) -> None:
    """Act on each, and say at once what is refused.

    :raises Refused: The only one was refused.
    :raises CliError: Some of several were refused.
    """
    told = list(names)
    refused = 0
    for name in told:
        try:
            act(name)
        except Refused as error:
            if len(told) == 1:
                raise
            CliError(f"{name}: {error.message}").show()
            refused += 1
    if refused:
        # Wrong use means that nothing has changed, which nobody can say of several.
        raise CliError(f"{refused} of {len(told)} failed; why is said above.")


def give_each(session: Session, names: Iterable[str], act: Callable[[str], Item]) -> None:
    """Act on each, and print what it became: its name for people, one list of all that were done for a program."""
    done: list[Any] = []

    def tell(name: str) -> None:
        answer = act(name)
        done.append(answer)
        if session.for_people:
            click.echo(visible(answer.get("name") or name))

    _give(session, done, lambda: on_each(names, tell))


def show_each(session: Session, names: Iterable[str], find: Callable[[str], Item]) -> None:
    """Print all that were found as one list, and say which were not read just now."""
    found: list[Any] = []

    def act(name: str) -> None:
        found.append(find(name))
        tell_age(session, found[-1])

    _give(session, found, lambda: on_each(names, act), always=True)


def remove_each(
    session: Session, noun: str, names: Iterable[str], remove: Callable[[str], object], *, yes: bool
) -> None:
    """Ask at a terminal, remove each, and print the names of those that are gone."""
    told = list(names)
    ask_at_terminal(f"Remove the {noun}{'' if len(told) == 1 else 's'} {', '.join(told)}?", yes=yes)

    def act(name: str) -> Item:
        remove(name)
        return {"name": name}

    give_each(session, told, act)


def _give(session: Session, done: list[Any], run: Callable[[], None], always: bool = False) -> None:
    """Run, and print what was done by then to a program, however it ends."""
    try:
        run()
    except BaseException:
        if done and (always or not session.for_people):
            session.give(done)
        raise
    if always or not session.for_people:
        session.give(done)
