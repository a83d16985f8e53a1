"""Where the keys to the agents are kept: files that nobody but the server's own account may read.

Several servers may share the directory. Whoever changes something holds a lock on it, and what is in use is written
down last and in one step, so that a server that stops half-way leaves nothing but files that nobody reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from crane_core.cluster.agent.certificates import Issued, issue_for_agent, issue_for_client, make_authority
from crane_core.cluster.agent.errors import KeysUnwritable
from crane_core.engine.agent import SERVICE, STATE_FILE, Authority, Leaf, Papers


@dataclass(frozen=True)
class NewLeaf:
    """A certificate for agents that is to become a secret of the Swarm; its key is written nowhere else."""

    leaf: Leaf
    issued: Issued

    @property
    def content(self) -> bytes:
        """Certificate and key, as the agent reads them."""
        return self.issued.certificate + self.issued.key


class Vault:
    """The directory of the keys."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock while a block runs. Raises :class:`KeysUnwritable`."""
        with self._telling():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        with open(descriptor, "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def make_authority(self, now: datetime) -> Authority:
        """Make an authority, and keep its key."""
        name = f"authority{secrets.token_hex(4)}"
        issued = make_authority(name, now)
        self._write(f"{name}.key", issued.key)
        self._write(f"{name}.pem", issued.certificate)
        return Authority(name, issued.ends)

    def issue_for_client(self, authority: Authority, now: datetime) -> Leaf:
        """Sign a certificate for the server, and keep it."""
        issued = issue_for_client(self._open(authority), now)
        name = f"client{secrets.token_hex(4)}"
        self._write(f"{name}.key", issued.key)
        self._write(f"{name}.pem", issued.certificate)
        return Leaf(name, authority.name, issued.ends)

    def issue_for_agent(self, authority: Authority, now: datetime) -> NewLeaf:
        """Sign a certificate for agents."""
        issued = issue_for_agent(self._open(authority), now)
        name = f"{SERVICE}-certificate-{secrets.token_hex(4)}"
        return NewLeaf(Leaf(name, authority.name, issued.ends), issued)

    def read_trusted(self, papers: Papers) -> bytes:
        """Return the certificates of the authorities that are trusted. Raises :class:`KeysUnwritable`."""
        with self._telling():
            return b"".join((self._directory / f"{each.name}.pem").read_bytes() for each in papers.authorities)

    def save(self, papers: Papers, before: Papers | None = None) -> Papers:
        """Write down what is in use from now on, and remove the files of what is not.

        :param before: What was in use until now; its files stay until the next time, because connections are made with
            them at this moment. Keys of authorities do not.
        """
        self._write(f"{papers.trusted}.pem", self.read_trusted(papers))
        self._write(STATE_FILE, msgspec.json.encode(papers))
        used = {STATE_FILE, "lock", *(f"{each.name}.key" for each in papers.authorities)}
        for each in (papers, before or papers):
            used |= {f"{each.client.name}.pem", f"{each.client.name}.key", f"{each.trusted}.pem"}
            used |= {f"{authority.name}.pem" for authority in each.authorities}
        self._keep_only(used)
        return papers

    def destroy(self) -> None:
        """Remove all keys."""
        # First what says which of them are in use.
        with self._telling():
            (self._directory / STATE_FILE).unlink(missing_ok=True)
        self._keep_only({"lock"})

    def _keep_only(self, names: set[str]) -> None:
        with self._telling():
            for path in self._directory.iterdir():
                if path.name not in names and path.suffix in (".pem", ".key", ".json", ".new"):
                    path.unlink(missing_ok=True)

    def _open(self, authority: Authority) -> Issued:
        with self._telling():
            return Issued(
                (self._directory / f"{authority.name}.pem").read_bytes(),
                (self._directory / f"{authority.name}.key").read_bytes(),
                authority.ends,
            )

    def _write(self, name: str, content: bytes) -> None:
        path = self._directory / name
        written = path.with_name(f"{name}.new")
        with self._telling():
            descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                # A key that is lost with the machine's power would leave agents that let nobody in.
                os.fsync(file.fileno())
            written.replace(path)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise KeysUnwritable(
                f"The keys to the agents cannot be kept in {self._directory}: {why}. Correct that, or let "
                "agent.directory name another place."
            ) from error
