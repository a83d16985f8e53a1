"""Turns: of several servers on one machine, one at a time runs what must run once. An example of the hooks.

The turn is a lock on a file, which the system takes back from a server that was killed.
"""

import fcntl

import flask

from crane_core.context import get_crane
from crane_core.hookspecs import hookimpl


@hookimpl
def crane_run_once(loop, stop):
    directory = get_crane().data_directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / f"{loop.name}.turn").open("w") as file:
        while not stop.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stop.wait(1)
            else:
                loop.run(stop)
                break
    return True


def open_diary():
    """Return the file that tells who had which turn; it is opened once for each request."""
    if "diary" not in flask.g:
        flask.g.diary = (get_crane().data_directory / "diary.txt").open("a+")
    return flask.g.diary


@hookimpl
def crane_wait():
    if diary := flask.g.pop("diary", None):
        diary.close()
