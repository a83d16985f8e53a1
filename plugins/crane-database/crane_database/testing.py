"""Fixtures for tests of what is kept in a database, and the test that models and migrations say the same.

A test that asks for ``database_url`` runs twice: on a SQLite file of its own, and on a PostgreSQL database of its own
in a server that is started for the tests and ends with them. With ``upgraded_url`` the tables of its plugins are there
already.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crane_core.app import create_app
from crane_core.plugins import Plugin
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.ports import find_free_port

if TYPE_CHECKING:
    from flask import Flask

# Files are made in memory in no time, and a database consists of some 300; a few databases at a time need little room.
# Directories of random names are made in these.
_MEMORY, _DISK = Path("/dev/shm"), Path("/tmp")  # noqa: S108
_ROOM_BYTES = 512 * 1024 * 1024
PASSWORD = "a-password-of-the-tests"  # noqa: S105 (of a server that ends with the tests)


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server of the tests."""

    directory: Path
    port: int
    # What nobody needs any more; removed when the next one is made, because its test may not have ended quite yet.
    spent: list[str] = field(default_factory=list)

    def url(self, name: str, *, password: str | None = None) -> str:
        """Return the URL of one of its databases; with a password by way of the network, which asks for it."""
        if password is not None:
            return f"postgresql://crane:{password}@127.0.0.1:{self.port}/{name}"
        return f"postgresql://crane@/{name}?host={self.directory}&port={self.port}"

    def make_database(self, like: str = "template1") -> str:
        """Make a database and return its name; it is empty unless it is to be like another."""
        while self.spent:
            self.run(f'DROP DATABASE "{self.spent.pop()}" WITH (FORCE)')
        name = f"crane_{secrets.token_hex(6)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{like}" STRATEGY FILE_COPY')
        return name

    def run(self, statement: str) -> None:
        """Run a statement that stands outside any transaction."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server that keeps nothing safe, for as long as the tests run."""
    programs = sorted(glob("/usr/lib/postgresql/*/bin"))
    found = shutil.which("initdb")
    if not programs and not found:
        pytest.fail("PostgreSQL is missing (Debian: apt-get install postgresql).")
    where = Path(programs[-1]) if programs else Path(str(found)).parent
    # Short, because the path of a socket may have no more than 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="crane-pg-", dir=_MEMORY if _has_room(_MEMORY) else _DISK))
    cluster = Cluster(directory, find_free_port())
    as_owner: list[str] = []
    if os.geteuid() == 0:
        # PostgreSQL does not run as root.
        owner = pwd.getpwnam("postgres")
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    data = directory / "data"
    command = [*as_owner, str(where / "initdb"), "-D", str(data), "-U", "crane", "--no-sync", "-E", "UTF8"]
    command += ["--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256"]
    subprocess.run(command, check=True, capture_output=True, cwd="/")  # noqa: S603 (made of constants)
    options = {
        "unix_socket_directories": str(directory),
        "listen_addresses": "127.0.0.1",
        "port": str(cluster.port),
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "shared_buffers": "16MB",
        "max_wal_size": "64MB",
    }
    command = [*as_owner, *(["setpriv"] if not as_owner else []), "--pdeathsig=INT", str(where / "postgres")]
    command += ["-D", str(data), *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")  # noqa: S603 (made of constants)
    try:
        _wait_for(cluster, process)
        cluster.run(f"ALTER ROLE crane PASSWORD '{PASSWORD}'")
        yield cluster
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        if process.poll() is None:
            # At once: there is nothing to save, and some test may have left a connection open.
            process.send_signal(3)
            process.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


def _has_room(directory: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.access(directory, os.W_OK) and shutil.disk_usage(directory).free >= _ROOM_BYTES
    return False


def _wait_for(cluster: Cluster, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers; it says itself when it is ready, in its log."""
    while process.poll() is None:
        if b"ready to accept connections" in (cluster.directory / "log").read_bytes():
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    pytest.fail(f"PostgreSQL did not start: {(cluster.directory / 'log').read_text('utf-8', 'replace')}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database that the test runs with: it runs once with each."""
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/database/crane.db"
        return
    cluster: Cluster = request.getfixturevalue("postgresql_cluster")
    name = cluster.make_database()
    yield cluster.url(name)
    cluster.spent.append(name)


@pytest.fixture(scope="session")
def upgraded_databases() -> dict[tuple[str, ...], str]:
    """The databases that ``upgraded_url`` copies: a file or a name, by the kind and the plugins."""
    return {}


@pytest.fixture
def upgraded_url(
    database_kind: str,
    crane_plugins: Iterable[Plugin],
    upgraded_databases: dict[tuple[str, ...], str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The URL of a database with the tables of the plugins, which are made once and copied for each test.

    The test runs once on SQLite and once on PostgreSQL. Override ``database_url`` with this where what matters is
    what a plugin does with its tables, and not how they come to be.
    """
    plugins = list(crane_plugins)
    known = (database_kind, *(plugin.name for plugin in plugins))
    if database_kind == "sqlite":
        if known not in upgraded_databases:
            file = tmp_path_factory.mktemp("upgraded") / "crane.db"
            _upgrade(f"sqlite:///{file}", plugins, file.parent)
            upgraded_databases[known] = str(file)
        (tmp_path / "database").mkdir()
        shutil.copy(upgraded_databases[known], tmp_path / "database/crane.db")
        yield f"sqlite:///{tmp_path}/database/crane.db"
        return
    cluster: Cluster = request.getfixturevalue("postgresql_cluster")
    if known not in upgraded_databases:
        empty = cluster.make_database()
        _upgrade(cluster.url(empty), plugins, tmp_path_factory.mktemp("upgraded"))
        upgraded_databases[known] = empty
    name = cluster.make_database(upgraded_databases[known])
    yield cluster.url(name)
    cluster.spent.append(name)


def _upgrade(url: str, plugins: Iterable[Plugin], data: Path) -> None:
    """Make the tables of plugins in an empty database, as the start of a server does, without starting one."""
    from crane_database.connecting import connect, disconnect
    from crane_database.upgrading import upgrade

    app = create_app(
        {"database.url": url, "server.data_directory": str(data)},
        environ={},
        # Each belongs to one server.
        plugins=[replace(plugin) for plugin in plugins],
        transport=MemoryAdapter(MemorySwarm()),
    )
    connect(app)
    with app.app_context():
        upgrade(app.extensions["crane"])
    disconnect(app)


def find_drift(app: Flask) -> dict[str, list[Any]]:
    """Return how the tables of each plugin differ from its models, in the database of a server that was started.

    A plugin whose migrations do all that its models say is not named; ``find_drift(app) == {}`` is the test of that.
    """
    from crane_database.lines import find_lines
    from crane_database.models import db
    from crane_database.upgrading import find_drift as compare

    with app.app_context(), db.engine.connect() as connection:
        lines = find_lines(app.extensions["crane"].plugins)
        found = {line.plugin: compare(connection, line, lines) for line in lines}
    return {plugin: differences for plugin, differences in found.items() if differences}
