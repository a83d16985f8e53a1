"""What can be done to the containers of one node, in the Engine's own words where it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from crane_core.testing.answers import Refusal, Response, answer
from crane_core.testing.node_engine.containers import Containers, Tell

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_SIGNALS = {"KILL": 9, "TERM": 15, "INT": 2, "HUP": 1, "USR1": 10, "USR2": 12, "STOP": 19, "CONT": 18, "QUIT": 3}
_KEEPING_IT_ALIVE = (1, 10, 12, 18, 19)
_PROCESS_TITLES = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]


# What a container may use at the most.
LIMITS = ("Memory", "NanoCpus", "CpuQuota", "CpuPeriod", "PidsLimit")


class Actions:
    """Start, stop, pause, kill, rename and remove containers; tell of their processes and changes."""

    def __init__(self, swarm: MemorySwarm, containers: Containers, tell: Tell) -> None:
        self._swarm = swarm
        self._containers = containers
        self._tell_all = tell
        self.routes = {
            "POST /containers/create": self._create,
            "POST /containers/*/start": self._start,
            "POST /containers/*/stop": self._stop,
            "POST /containers/*/restart": self._restart,
            "POST /containers/*/pause": self._pause,
            "POST /containers/*/unpause": self._unpause,
            "POST /containers/*/kill": self._kill,
            "POST /containers/*/rename": self._rename,
            "DELETE /containers/*": self._remove,
            "GET /containers/*/top": self._top,
            "GET /containers/*/changes": self._changes,
        }

    def _create(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        sent = msgspec.json.decode(body or b"{}", type=dict[str, Any])
        binds = (sent.get("HostConfig") or {}).get("Binds") or ()
        id_ = self._containers.add(
            params.get("name") or self._swarm.store.new_id(10),
            str(sent.get("Image")),
            running=False,
            volumes=[bind.partition(":")[0] for bind in binds],
            Cmd=sent.get("Cmd") or ["sh"],
            Labels=sent.get("Labels") or {},
            Tty=bool(sent.get("Tty")),
        )
        self._containers.own[id_]["State"]["Status"] = "created"
        limits = {name: value for name, value in (sent.get("HostConfig") or {}).items() if name in LIMITS}
        self._containers.own[id_]["HostConfig"] |= limits
        return answer({"Id": id_, "Warnings": []}, 201)

    def _start(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._containers.get(names[0])
        if found["State"]["Running"]:
            if found["State"]["Paused"]:
                raise Refusal(409, "cannot start a paused container, try unpause instead")
            return Response(304)
        if found["Id"] in self._containers.own:
            found["State"].update(Status="running", Running=True, ExitCode=0)
            self._swarm.printed.begin(found["Id"], terminal=found["Config"]["Tty"])
        self._tell(found, "start")
        return Response(204)

    def _stop(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._containers.get(names[0])
        if not found["State"]["Running"]:
            return Response(304)
        self._end(found, 137)
        self._tell(found, "stop")
        return Response(204)

    def _restart(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._containers.get(names[0])
        if found["Id"] in self._containers.own:
            found["State"].update(Status="running", Running=True, Paused=False, ExitCode=0)
        self._tell(found, "restart")
        return Response(204)

    def _pause(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._running(names[0])
        if found["State"]["Paused"]:
            raise Refusal(409, f"Container {names[0]} is already paused")
        self._set_paused(found, True)
        self._tell(found, "pause")
        return Response(204)

    def _unpause(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._containers.get(names[0])
        if not found["State"]["Paused"]:
            raise Refusal(500, f"Container {found['Id']} is not paused")
        self._set_paused(found, False)
        self._tell(found, "unpause")
        return Response(204)

    def _kill(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        asked = params.get("signal") or "KILL"
        signal = _SIGNALS.get(asked.upper().removeprefix("SIG"), int(asked) if asked.isdecimal() else None)
        if signal is None:
            raise Refusal(400, f"Invalid signal: {asked}")
        found = self._containers.get(names[0])
        if not found["State"]["Running"]:
            raise Refusal(409, f"Cannot kill container: {names[0]}: Container {found['Id']} is not running")
        if signal not in _KEEPING_IT_ALIVE:
            self._end(found, 128 + signal)
        self._tell(found, "kill", signal=str(signal))
        return Response(204)

    def _rename(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found, name = self._containers.get(names[0]), params.get("name", "").removeprefix("/")
        if not name:
            raise Refusal(400, "Neither old nor new names may be empty")
        if not _NAME.fullmatch(name):
            told = f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            raise Refusal(400, f"Error when allocating new name: {told}")
        if any(each["Name"] == f"/{name}" for each in self._containers.all()):
            raise Refusal(
                409,
                f'Error when allocating new name: Conflict. The container name "/{name}" is already in use by '
                "another container. You have to remove (or rename) that container to be able to reuse that name.",
            )
        if found["Id"] in self._containers.own:
            self._containers.own[found["Id"]]["Name"] = f"/{name}"
        else:
            self._containers.names[found["Id"]] = name
        self._tell(found, "rename", name=name)
        return Response(204)

    def _remove(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._containers.get(names[0])
        if found["State"]["Running"]:
            if params.get("force") not in ("1", "true"):
                raise Refusal(
                    409,
                    f"You cannot remove a running container {found['Id']}. Stop the container before attempting "
                    "removal or force remove",
                )
            self._end(found, 137)
        if self._containers.own.pop(found["Id"], None) is None:
            self._containers.removed.add(found["Id"])
        self._swarm.printed.forget(found["Id"])
        self._tell(found, "destroy")
        return Response(204)

    def _top(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._running(names[0])
        process = ["root", "1001", "1000", "0", "10:00", "?", "00:00:00", " ".join(found["Config"]["Cmd"])]
        return answer({"Titles": _PROCESS_TITLES, "Processes": [process]})

    def _changes(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        self._containers.get(names[0])
        return answer([{"Path": "/tmp", "Kind": 0}, {"Path": "/tmp/written", "Kind": 1}])  # noqa: S108 - of a container

    def _running(self, name: str) -> dict[str, Any]:
        found = self._containers.get(name)
        if not found["State"]["Running"]:
            raise Refusal(409, f"Container {found['Id']} is not running")
        return found

    def _set_paused(self, found: dict[str, Any], paused: bool) -> None:
        if found["Id"] in self._containers.own:
            found["State"].update(Paused=paused, Status="paused" if paused else "running")
        elif paused:
            self._containers.paused.add(found["Id"])
        else:
            self._containers.paused.discard(found["Id"])

    def _end(self, found: dict[str, Any], code: int) -> None:
        if task := self._containers.task_of(found["Id"]):
            self._swarm.lives.end_container(task, code)
        else:
            found["State"].update(Status="exited", Running=False, Paused=False, ExitCode=code)
            self._swarm.printed.end(found["Id"])
        self._tell(found, "die", exitCode=str(code))

    def _tell(self, found: Mapping[str, Any], action: str, **attributes: str) -> None:
        labels = found["Config"].get("Labels") or {}
        told = {"name": found["Name"][1:], "image": found["Config"]["Image"], **labels, **attributes}
        self._tell_all("container", action, found["Id"], told)
