"""A real sshd on a node of the lab, and the ssh that a server is to find, with keys of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from tests.lab.node import Node

PORT = 2222
_START_SECONDS = 10.0


class Sshd:
    """An sshd in a node's network, whose logins find the node's own Engine.

    :param directory: Where its keys and settings are to lie, and those of whoever logs in.
    """

    def __init__(self, node: Node, directory: Path) -> None:
        self._node = node
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """What the node's Engine is reached by."""
        return f"ssh://root@{self._node.address}:{PORT}"

    def start(self) -> Sshd:
        """Start it, and wait until it takes connections."""
        self._directory.mkdir(mode=0o700)
        for name in ("host", "known", "stranger"):
            self._make_key(name)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        settings = {
            "Port": PORT,
            "HostKey": self._directory / "host",
            "AuthorizedKeysFile": self._directory / "known.pub",
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "yes",
            "SetEnv": f"DOCKER_HOST={self._node.url}",
        }
        (self._directory / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._process = self._node.run_beside("/usr/sbin/sshd", "-D", "-f", str(self._directory / "sshd_config"))
        self._wait()
        return self

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()

    def client(self, key: str = "known", *, trusts: bool = True) -> Path:
        """Make a directory for the ``PATH`` of a server, whose ssh has a key; return it.

        :param key: ``known`` to the node, or a ``stranger``.
        :param trusts: Whether the key of the node is known to be the node's.
        """
        place = self._directory / f"{key}-{'trusts' if trusts else 'doubts'}"
        place.mkdir()
        host = (self._directory / "host.pub").read_text()
        (place / "known_hosts").write_text(f"[{self._node.address}]:{PORT} {host}" if trusts else "")
        (place / "config").write_text(
            f"IdentityFile {self._directory / key}\nIdentitiesOnly yes\nUserKnownHostsFile {place / 'known_hosts'}\n"
        )
        program = place / "ssh"
        program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {place / "config"} "$@"\n')
        program.chmod(0o755)
        return place

    def _make_key(self, name: str) -> None:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self._directory / name)]
        subprocess.run(command, check=True, capture_output=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection((self._node.address, PORT), 1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return
