"""Facts about the values that plugins hand over, and about what they may use of the server."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import pytest

from crane_core import contributions
from crane_core.context import Crane
from crane_core.contributions import Deployment, RegistryLogin, Setting
from crane_core.events import Event
from crane_core.security import LOCAL
from crane_core.testing.plugins import make_plugin


def test_contributed_values_are_frozen() -> None:
    values = [getattr(contributions, name) for name in contributions.__all__ if name != "Feed"]

    assert all(dataclasses.is_dataclass(value) for value in values)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Setting("freeze.days", int, 7, "How long.").default = 8  # type: ignore[misc]


def test_password_of_a_login_is_never_shown() -> None:
    login = RegistryLogin("ghcr.io", "ann", "canary-7f3a")

    assert "canary-7f3a" not in f"{login!r} {login} {[login]}"
    assert str(login) == "ann@ghcr.io"


def test_login_is_called_by_its_label() -> None:
    assert str(RegistryLogin("ghcr.io", "ann", "x", label="the team's")) == "the team's"


@pytest.mark.parametrize(
    ("spec", "name", "image"),
    [
        ({"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1"}}}, "web", "nginx:1"),
        ({"Name": "web", "TaskTemplate": {"ContainerSpec": None}}, "web", ""),
        ({"TaskTemplate": None}, "", ""),
        ({}, "", ""),
    ],
)
def test_deployment_knows_name_and_image(spec: dict[str, object], name: str, image: str) -> None:
    deployment = Deployment(spec, None, LOCAL)

    assert (deployment.name, deployment.image) == (name, image)


class Corridor:
    """A room that leads to another."""

    def __init__(self, crane: Crane) -> None:
        self.kitchen = crane.room(Kitchen)


class Kitchen:
    """A room of one server."""

    def __init__(self, crane: Crane) -> None:
        self.crane = crane


def test_room_is_made_once_for_each_server(make_crane: Callable[..., Crane]) -> None:
    crane, other = make_crane(), make_crane()

    assert crane.room(Kitchen) is crane.room(Kitchen)
    assert crane.room(Kitchen).crane is crane
    assert other.room(Kitchen) is not crane.room(Kitchen)


def test_room_may_need_another_room(make_crane: Callable[..., Crane]) -> None:
    crane = make_crane()
    made: list[Corridor] = []
    # On a thread of its own, so that a lock that is not reentrant fails the test instead of hanging it.
    thread = threading.Thread(target=lambda: made.append(crane.room(Corridor)), daemon=True)
    thread.start()
    thread.join(60)

    assert made, "it hangs"
    assert made[0].kitchen is crane.room(Kitchen)


def test_emitted_event_reaches_plugins(make_crane: Callable[..., Crane]) -> None:
    heard: list[Event] = []

    def crane_event(event: Event) -> None:
        heard.append(event)

    crane = make_crane(make_plugin("listener", crane_event))
    crane.emit(Event("freeze.created", "web"))

    assert crane.events.stop(60)
    assert [(event.kind, event.name) for event in heard] == [("freeze.created", "web")]


def test_server_knows_whether_somebody_authenticates(make_crane: Callable[..., Crane]) -> None:
    def crane_authenticate(request: object) -> None:
        return None

    assert not make_crane().authenticated
    assert make_crane(make_plugin("auth", crane_authenticate)).authenticated
