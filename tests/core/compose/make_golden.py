"""Write ``expected.json`` of each case of ``golden``: what the docker CLI sends to a manager for its stack file.

Needs the docker CLI (28.2), no Engine: a manager that takes down what it is told is part of this script. Run it after a
case was added or changed: ``python tests/core/compose/make_golden.py [part of a case's name]``.

A case is a folder with ``stack.yml``, perhaps ``override.yml`` for a second ``-c``, ``variables.env`` with the
environment of the docker CLI, and the files that the stack file refers to. In what is written, ``{cwd}`` is the folder,
``{home}`` the home directory, and the id of each object is its name.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

GOLDEN = Path(__file__).parent / "golden"
HOME = "/home/somebody"
STACK = "s"
KINDS = ("networks", "configs", "secrets", "services")
VERSION = {"Version": "28.2.2", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"}
INFO = {
    "ID": "golden",
    "OSType": "linux",
    "Swarm": {"NodeID": "n", "LocalNodeState": "active", "ControlAvailable": True},
}


class Manager(socketserver.ThreadingUnixStreamServer):
    """A Swarm manager that creates nothing and remembers everything."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(path, Handler)
        self.created: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}


class Handler(BaseHTTPRequestHandler):
    """Answers what ``docker stack deploy`` asks."""

    protocol_version = "HTTP/1.1"
    server: Manager

    def log_message(self, *args: Any) -> None:
        """Print nothing."""

    def address_string(self) -> str:
        """Return what a Unix socket has for an address."""
        return "unix"

    def do_GET(self) -> None:
        """Answer a question."""
        url = urlsplit(self.path)
        path = re.sub(r"^/v\d+\.\d+", "", url.path)
        kind, _, name = path[1:].partition("/")
        if kind == "networks" and name:
            self.answer(200, {"Name": name, "Id": name, "Scope": "swarm", "Driver": "overlay"})
        elif kind in KINDS and name:
            self.answer(404, {"message": f"{kind} {name} not found"})
        elif kind in KINDS:
            filters = json.loads(parse_qs(url.query).get("filters", ["{}"])[0])
            self.answer(200, self.listed(kind, list(filters.get("name", ()))))
        else:
            self.answer(200, {"/info": INFO, "/version": VERSION}.get(path, "OK"))

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Take an object down."""
        kind = self.path.split("/")[-2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.created[kind][body["Name"]] = body
        self.answer(201, {"ID": body["Name"], "Id": body["Name"], "Warning": ""})

    def listed(self, kind: str, names: list[str]) -> list[dict[str, Any]]:
        """Return objects: those that were created, and of those asked for by name also the ones of other stacks."""
        created = self.server.created[kind]
        if kind == "networks":
            return [{"Name": name, "Id": name, "Labels": body["Labels"]} for name, body in created.items()]
        wanted = names or list(created)
        known = [name for name in wanted if name in created or not name.startswith(f"{STACK}_")]
        return [{"ID": name, "Version": {"Index": 1}, "Spec": created.get(name, {"Name": name})} for name in known]

    def answer(self, status: int, value: Any) -> None:
        """Send a JSON answer."""
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Api-Version", VERSION["ApiVersion"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def said(value: Any) -> Any:
    """Return a value without what says nothing: null, empty text, lists and mappings."""
    if isinstance(value, dict):
        inside = {key: said(item) for key, item in value.items()}
        return {key: item for key, item in inside.items() if item not in (None, "", [], {})}
    return [said(item) for item in value] if isinstance(value, list) else value


def deploy(case: Path, address: str, created: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Deploy a case with the docker CLI; return what it created."""
    for objects in created.values():
        objects.clear()
    variables = case / "variables.env"
    lines = variables.read_text().splitlines() if variables.exists() else []
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": HOME,
        "DOCKER_HOST": f"unix://{address}",
        **dict(line.split("=", 1) for line in lines),
    }
    files = [part for name in ("stack.yml", "override.yml") if (case / name).exists() for part in ("-c", name)]
    command = ["docker", "stack", "deploy", "--detach", "--resolve-image", "never", *files, STACK]
    done = subprocess.run(command, cwd=case, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{case.name}: {done.stderr.strip()}")
    written = json.dumps(said(created))
    for value, placeholder in ((str(case), "{cwd}"), (str(case.parent), "{above}"), (HOME, "{home}")):
        written = written.replace(value, placeholder)
    return dict(json.loads(written))


def main() -> None:
    """Write what is expected of each case."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/manager.sock"
        with Manager(address) as manager:
            threading.Thread(target=manager.serve_forever, daemon=True).start()
            for case in sorted(GOLDEN.iterdir()):
                if wanted in case.name:
                    expected = deploy(case, address, manager.created)
                    (case / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
            manager.shutdown()


if __name__ == "__main__":
    main()
