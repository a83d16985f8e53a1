"""Show an operation while it goes on: bars on a terminal, one line for each change anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import click

from crane_cli.session import on_terminal, style
from crane_cli.visible import visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Operation = Mapping[str, Any]
DONE = {"create": "created", "update": "updated", "remove": "removed", "keep": "kept"}


class View(Protocol):
    """Something that shows an operation."""

    def show(self, operation: Operation) -> None:
        """Show how far it is."""

    def say(self, sentence: str) -> None:
        """Say something about following it."""

    def close(self) -> None:
        """Show nothing more."""


def open_view(*, quiet: bool, for_people: bool) -> View:
    """Return the view that fits: nothing where none is wanted, bars for somebody who looks, lines for a log."""
    if quiet:
        return SilentView()
    return BarView() if for_people and on_terminal() else LineView(err=not for_people)


class SilentView:
    """Shows nothing, but says on standard error what is said."""

    def show(self, operation: Operation) -> None:
        """Show nothing."""

    def say(self, sentence: str) -> None:
        """Print the sentence on standard error."""
        click.echo(visible(sentence), err=True)

    def close(self) -> None:
        """Do nothing."""


class Telling:
    """Remembers what was told of an operation, so that each thing is told once."""

    def __init__(self) -> None:
        self._told: dict[object, object] = {}
        self._was_lost = False

    def is_new(self, key: object, value: object) -> bool:
        """Return whether something is other than it was told last."""
        if key in self._told and self._told[key] == value:
            return False
        self._told[key] = value
        return True

    def steps(self, operation: Operation) -> Iterator[str]:
        """Yield a line for each step that was done or failed since."""
        for step in operation.get("steps") or ():
            state = step.get("state")
            key = (step.get("kind"), step.get("name"), step.get("action"))
            if state in ("done", "failed") and self.is_new(key, state):
                yield describe_step(step)

    def silence(self, operation: Operation) -> Iterator[str]:
        """Yield a line when the Engine stops answering, and one when it is back."""
        lost = operation.get("state") == "unknown-yet"
        if self.is_new("lost", lost) and (lost or self._was_lost):
            yield "The Engine does not answer; waiting for it." if lost else "The Engine answers again."
        self._was_lost = lost

    def failures(self, service: Mapping[str, Any]) -> Iterator[str]:
        """Yield a line for each error of the service's tasks that was not told yet."""
        for failure in service.get("failing") or ():
            where = f"on {failure['node']}" if failure.get("node") else "on no node"
            error = failure.get("error") or failure.get("state") or "failed"
            if self.is_new((service.get("name"), where, failure.get("slot"), error), True):
                slot = f".{failure['slot']}" if failure.get("slot") else ""
                yield f"{service.get('name')}{slot} {where}: {error}"


class LineView:
    """Prints one line for each change.

    :param err: Whether to print on standard error, because standard output is for a program.
    """

    def __init__(self, *, err: bool = False) -> None:
        self._err = err
        self._telling = Telling()

    def show(self, operation: Operation) -> None:
        """Print what is other than it was."""
        for line in (*self._telling.steps(operation), *self._telling.silence(operation)):
            self.say(line)
        for service in operation.get("services") or ():
            for line in self._telling.failures(service):
                self.say(line)
            line = f"{service.get('name')}: {describe_service(service)}"
            if self._telling.is_new(("service", service.get("name")), line):
                self.say(line)

    def say(self, sentence: str) -> None:
        """Print the sentence."""
        click.echo(visible(sentence), err=self._err)

    def close(self) -> None:
        """Do nothing: every line is out already."""


class BarView:
    """Draws a bar for each service on a terminal; what fails is printed above the bars."""

    def __init__(self) -> None:
        self._progress = make_progress()
        self._bars: dict[str, TaskID] = {}
        self._telling = Telling()
        self._progress.start()

    def show(self, operation: Operation) -> None:
        """Draw the bars anew."""
        for line in (*self._telling.steps(operation), *self._telling.silence(operation)):
            self.say(line)
        for service in operation.get("services") or ():
            for line in self._telling.failures(service):
                self.say(line, colour="red")
            name = visible(service.get("name"))
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(plain_text(name), total=1, said=plain_text(""))
            ready, total = measure(service)
            self._progress.update(
                self._bars[name], completed=ready, total=total, said=plain_text(visible(describe_service(service)))
            )

    def say(self, sentence: str, colour: str = "") -> None:
        """Print the sentence above the bars."""
        said = plain_text(visible(sentence))
        self._progress.console.print(said, style=colour or None, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()


def measure(service: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many tasks of a service are as wanted, and of how many."""
    total = int(service.get("total") or service.get("desired") or 0)
    if not total:
        return 1, 1
    ready = min(int(service.get("running") or 0), int(service.get("updated") or 0), total)
    return (total if service.get("state") == "converged" else ready), total


def describe_service(service: Mapping[str, Any]) -> str:
    """Say how far a service is."""
    said = f"{service.get('state', 'waiting')}, {service.get('running') or 0} of {service.get('desired') or 0} running"
    total = service.get("total") or 0
    if total and service.get("updated") != total:
        said += f", {service.get('updated') or 0} of {total} updated"
    message = str(service.get("message") or "")
    return f"{said}: {message}" if message else said


def describe_step(step: Mapping[str, Any]) -> str:
    """Say what was done, or why it was not."""
    what = f"{step.get('kind')} {step.get('name')}"
    action = str(step.get("action"))
    if step.get("state") == "failed":
        return f"{what}: {action} failed: {step.get('error') or 'no reason is known'}"
    return f"{what}: {DONE.get(action, action)}"


def plain_text(plain: str) -> Any:
    """Wrap a text so that brackets in it are no markup."""
    from rich.text import Text

    return Text(plain)


def make_progress() -> Progress:
    """Return bars of which each has a name and says something, neither of them markup."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task
    from rich.table import Column

    class Field(ProgressColumn):
        """A text that is no markup."""

        def __init__(self, read: str) -> None:
            super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis"))
            self._read = read

        def render(self, task: Task) -> Any:
            """Return the text of the task."""
            return task.description if self._read == "description" else task.fields[self._read]

    return Progress(
        Field("description"), BarColumn(24, table_column=Column(min_width=24)), Field("said"), console=Console()
    )


def paint_outcome(outcome: str) -> str:
    """Colour an outcome by whether it is good."""
    return style(visible(outcome), fg="green" if outcome == "converged" else "red", bold=True)
