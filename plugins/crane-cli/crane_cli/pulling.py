"""A pull on several nodes, shown while it goes on: bars on a terminal, a line for each node anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import click

from crane_cli.session import on_terminal
from crane_cli.sizes import describe_size
from crane_cli.visible import visible

if TYPE_CHECKING:
    from rich.progress import TaskID

News = Mapping[str, Any]


class View(Protocol):
    """Something that shows a pull."""

    def show(self, news: News) -> None:
        """Show what one node tells."""

    def close(self) -> None:
        """Show nothing more."""


def show_pull(stream: Iterable[News], *, quiet: bool, for_people: bool) -> list[News]:
    """Show a pull to its end; return the verdict of each node, and last that of all."""
    view: View = LineView(silent=quiet or not for_people)
    if for_people and not quiet and on_terminal():
        view = BarView()
    verdicts = []
    try:
        for news in stream:
            if news["node"] is not None:
                view.show(news)
            if news["state"] != "pulling":
                verdicts.append(news)
    finally:
        view.close()
    return verdicts


def describe_news(news: News) -> str:
    """Say in a few words how far a node is, or how it ended."""
    state = news["state"]
    if state == "pulling":
        layers = f"{news.get('layers_done') or 0}/{news.get('layers') or 0} layers"
        if total := news.get("bytes"):
            return f"{layers}, {describe_size(news.get('bytes_done'))} of {describe_size(total)}"
        return layers
    if state == "failed":
        return f"failed: {news.get('detail')}"
    told = "has it already" if state == "current" else "pulled"
    return f"{told} ({news['digest']})" if news.get("digest") else told


class LineView:
    """Prints a line for each node when it has ended."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    def show(self, news: News) -> None:
        """Print how a node ended; what fails is always said."""
        if news["state"] == "pulling" or (self._silent and news["state"] != "failed"):
            return
        click.echo(visible(f"{news['node']}: {describe_news(news)}"), err=self._silent or news["state"] == "failed")

    def close(self) -> None:
        """Do nothing: every line is out already."""


class BarView:
    """Draws a bar for each node on a terminal."""

    def __init__(self) -> None:
        from crane_cli.progress import make_progress

        self._progress = make_progress()
        self._bars: dict[str, TaskID] = {}
        self._progress.start()

    def show(self, news: News) -> None:
        """Draw the bar of a node anew."""
        from crane_cli.progress import plain_text

        node = visible(news["node"])
        if node not in self._bars:
            self._bars[node] = self._progress.add_task(plain_text(node), total=1, said=plain_text(""))
        done, total = measure(news)
        said = plain_text(visible(describe_news(news)))
        self._progress.update(self._bars[node], completed=done, total=total, said=said)

    def close(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()


def measure(news: News) -> tuple[int, int]:
    """Return how much of an image has come to a node, and of how much; in bytes, or else in layers.

    >>> measure({"state": "pulling", "bytes": 10, "bytes_done": 4}), measure({"state": "current"})
    ((4, 10), (1, 1))
    """
    if news["state"] in ("pulled", "current"):
        return 1, 1
    for done, total in (("bytes_done", "bytes"), ("layers_done", "layers")):
        if news.get(total):
            return int(news.get(done) or 0), int(news[total])
    return 0, 1
