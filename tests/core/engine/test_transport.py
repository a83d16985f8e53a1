"""Engines behind real sockets: unix, ssh, and TCP with TLS."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import os
import socketserver
import ssl
import stat
import sys
import threading
from pathlib import Path

import pytest

from crane_core.engine import connection
from crane_core.engine.client import Engine
from crane_core.engine.transport import TlsFiles
from crane_core.errors import EngineUnavailable
from tests.lab.certificates import Authority

TLS = Path(__file__).parent / "data" / "tls"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def address_string(self):
        return "engine"

    def do_GET(self):
        if self.path.startswith("/v1.41/events"):
            self._tell_events()
        elif self.path.startswith(("/v1.41/info", "/v1.41/tasks")) and self.server.silent:
            self.server.released.wait()
        elif self.path == "/v1.41/version":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b'{"cut')
            self.close_connection = True
        else:
            body = b'{"Name": "node1"}'
            self.send_response(200)
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_POST(self):
        """Become a program that prints lines all the time, and at the end of its input how much that was."""
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        ended, taken = threading.Event(), 0

        def chatter():
            for number in itertools.count():
                self.wfile.write(b"line %d\n" % number)
                if ended.is_set():
                    # What is printed once there is no more input must not be lost either.
                    self.wfile.write(b"".join(b"more %d\n" % each for each in range(5000)))
                    self.wfile.write(b"printed %d, took %d\n" % (number + 1, taken))
                    return

        def print_until_hung_up():
            with contextlib.suppress(OSError):
                chatter()

        printer = threading.Thread(target=print_until_hung_up)
        printer.start()
        with contextlib.suppress(OSError):
            while data := self.rfile.read1(65536):
                taken += len(data)
        ended.set()
        printer.join()
        self.close_connection = True

    def _tell_events(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # The first event comes in two pieces, the second with the end of the first.
        for piece in (b'{"Type": "ser', b'vice"}\n{"Type": "node"}\n'):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.server.released.wait()
        self.close_connection = True

    def log_message(self, *args):
        pass


class _Server(socketserver.ThreadingMixIn):
    daemon_threads = True
    block_on_close = False
    connections = 0
    silent = False

    def handle_error(self, request, client_address):
        pass


class UnixServer(_Server, socketserver.UnixStreamServer):
    def get_request(self):
        return super().get_request()[0], ("engine", 0)


class TcpServer(_Server, socketserver.TCPServer):
    allow_reuse_address = True


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    # The other end may get no processor for longer than an Engine takes to be connected with.
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 60.0)


@pytest.fixture
def serve():
    servers = []

    def start(server):
        server.released = threading.Event()
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.released.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def unix(serve, tmp_path):
    return serve(UnixServer(str(tmp_path / "docker.sock"), Handler))


@pytest.fixture
def engines():
    """Makes Engines and closes their connections in the end."""
    made = []

    def make(*args, **kwargs):
        made.append(Engine(*args, **kwargs))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def test_many_requests_use_one_connection(unix, engines):
    engine = engines(f"unix://{unix.server_address}")

    for name in ("a", "b", "c", "d"):
        engine.inspect("service", name)

    assert unix.connections == 1


def test_an_engine_that_takes_too_long_is_given_up(unix, engines):
    unix.silent = True

    with pytest.raises(EngineUnavailable, match=r"did not answer within 0\.1 s"):
        engines(f"unix://{unix.server_address}", timeout=0.1).info()


def test_an_answer_that_breaks_off_is_no_answer(unix, engines):
    with pytest.raises(EngineUnavailable):
        engines(f"unix://{unix.server_address}").version()


def test_a_socket_that_does_not_exist_is_named(engines, tmp_path):
    with pytest.raises(EngineUnavailable, match=r"nothing\.sock cannot be reached: No such file"):
        engines(f"unix://{tmp_path}/nothing.sock").ping()


def test_events_come_whole_however_they_are_cut(unix, engines):
    events = engines(f"unix://{unix.server_address}").events()

    assert [next(events)["Type"], next(events)["Type"]] == ["service", "node"]
    events.close()


def test_closing_events_ends_whoever_waits_for_the_next(unix, engines):
    events = engines(f"unix://{unix.server_address}").events()
    seen, waiting = [], threading.Event()

    def follow():
        for event in events:
            seen.append(event)
            if len(seen) == 2:
                waiting.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert waiting.wait(60)
    events.close()
    thread.join(60)

    assert not thread.is_alive()
    assert not unix.released.is_set()


def test_events_that_break_off_say_so(unix, engines):
    events = engines(f"unix://{unix.server_address}").events()
    for _ in range(2):
        next(events)
    unix.released.set()

    with pytest.raises(EngineUnavailable, match="broke off"):
        next(events)
    events.close()


def test_events_end_at_the_next_one_when_told_to_stop(unix, engines):
    stop = threading.Event()
    events = engines(f"unix://{unix.server_address}").events(stop)
    next(events)
    stop.set()

    assert list(events) == []


def test_an_engine_behind_ssh_is_reached_by_the_ssh_program(unix, engines, tmp_path, monkeypatch):
    told = tmp_path / "arguments"
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, select, socket, sys\n"
        f"open({str(told)!r}, 'w').write(' '.join(sys.argv[1:]))\n"
        "far = socket.socket(socket.AF_UNIX)\n"
        f"far.connect({unix.server_address!r})\n"
        "while True:\n"
        "    for ready in select.select([0, far], [], [])[0]:\n"
        "        data = os.read(0, 65536) if ready == 0 else far.recv(65536)\n"
        "        if not data:\n"
        "            sys.exit()\n"
        "        far.sendall(data) if ready == 0 else os.write(1, data)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    engine = engines("ssh://ann@manager.test:2222")

    assert engine.info() == {"Name": "node1"}
    options, _, command = told.read_text().partition(" -l ")
    assert command == "ann -p 2222 -- manager.test docker system dial-stdio"
    assert "-o BatchMode=yes -o ConnectTimeout=2" in options


def test_what_ssh_complains_of_is_told(engines, tmp_path, monkeypatch):
    program = tmp_path / "ssh"
    program.write_text(
        "#!/bin/sh\necho 'Warning: added a key.' >&2\necho 'ann@manager.test: No entry.' >&2\nexit 255\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(EngineUnavailable, match=r"cannot be reached: ann@manager\.test: No entry\."):
        engines("ssh://ann@manager.test").ping()


@pytest.mark.parametrize(
    ("complaint", "advice"),
    [
        ("ann@manager.test: Permission denied (publickey).", "belongs into the authorized_keys there"),
        ("Host key verification failed.", "the key of the machine is in its known_hosts"),
    ],
)
def test_what_to_do_about_keys_of_ssh_is_told(engines, tmp_path, monkeypatch, complaint, advice):
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(EngineUnavailable, match=advice):
        engines("ssh://ann@manager.test").ping()


def test_a_machine_without_ssh_says_so(engines, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EngineUnavailable, match="No such file"):
        engines("ssh://manager.test").ping()


@pytest.fixture
def tls_url(serve):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem", TLS / "server-key.pem")
    context.load_verify_locations(TLS / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    class TlsServer(TcpServer):
        def get_request(self):
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    return f"tcp://127.0.0.1:{serve(TlsServer(('127.0.0.1', 0), Handler)).server_address[1]}"


def _files(server_name="engine.test"):
    return TlsFiles(str(TLS / "ca.pem"), str(TLS / "client.pem"), str(TLS / "client-key.pem"), server_name)


def test_tls_checks_the_name_that_was_given_whatever_address_is_dialled(tls_url, engines):
    assert engines(tls_url, _files()).info() == {"Name": "node1"}


@pytest.mark.parametrize("name", [None, "other.test"])
def test_a_certificate_of_another_name_is_refused(tls_url, engines, name):
    with pytest.raises(EngineUnavailable, match="certificate"):
        engines(tls_url, _files(name)).info()


def test_a_certificate_that_the_engine_does_not_trust_is_told_apart(tls_url, engines, tmp_path):
    stranger = Authority("others").issue("crane")
    (tmp_path / "cert.pem").write_text(stranger.certificate)
    (tmp_path / "key.pem").write_text(stranger.key)
    files = TlsFiles(str(TLS / "ca.pem"), str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"), "engine.test")

    with pytest.raises(EngineUnavailable, match="give such a certificate, with its key"):
        engines(tls_url, files).info()


def test_an_engine_without_tls_is_told_apart(serve, engines):
    plain = serve(TcpServer(("127.0.0.1", 0), Handler))

    with pytest.raises(EngineUnavailable, match="speaks no TLS there"):
        engines(f"tcp://127.0.0.1:{plain.server_address[1]}", _files()).info()


def test_a_bundle_in_the_environment_does_not_replace_the_given_authority(tls_url, engines, monkeypatch, tmp_path):
    empty = tmp_path / "bundle.pem"
    empty.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(empty))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    assert engines(tls_url, _files()).info() == {"Name": "node1"}


def test_the_certificates_of_the_docker_command_line_are_used(tls_url, engines, tmp_path):
    for name, source in (("ca.pem", "ca.pem"), ("cert.pem", "client.pem"), ("key.pem", "client-key.pem")):
        (tmp_path / name).write_bytes((TLS / source).read_bytes())
    settings = {"engine.url": "", "engine.timeout_seconds": 60.0}
    environ = {"DOCKER_HOST": tls_url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    engine = Engine.from_settings(settings, environ)

    # The certificate is for another name than 127.0.0.1: that the check got that far shows that the files were read.
    with pytest.raises(EngineUnavailable, match="certificate"):
        engine.ping()
    engine.close()


@pytest.fixture(params=["unix", "tcp", "tls"])
def hijacked(request, engines):
    """A connection that was taken over, to a program that reads its input to the end."""
    if request.param == "unix":
        engine = engines(f"unix://{request.getfixturevalue('unix').server_address}")
    elif request.param == "tcp":
        serve = request.getfixturevalue("serve")
        engine = engines(f"tcp://127.0.0.1:{serve(TcpServer(('127.0.0.1', 0), Handler)).server_address[1]}")
    else:
        engine = engines(request.getfixturevalue("tls_url"), _files())
    connection = engine.hijack("/exec/a/start", {"Tty": False})
    yield connection
    connection.close()


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_input_ends_and_all_that_is_printed_meanwhile_and_afterwards_comes(hijacked, size):
    came = []
    reader = threading.Thread(target=lambda: came.extend(iter(hijacked.read, b"")))
    reader.start()
    hijacked.send(b"x" * size)
    hijacked.close_write()
    reader.join(120)

    *lines, last = b"".join(came).decode().splitlines()
    printed = len(lines) - 5000
    assert last == f"printed {printed}, took {size}"
    assert lines == [f"line {each}" for each in range(printed)] + [f"more {each}" for each in range(5000)]


def test_nobody_waits_for_a_connection_that_is_closed(hijacked):
    closer = threading.Timer(0.05, hijacked.close)
    closer.start()
    while hijacked.read():
        pass
    closer.join()

    with pytest.raises(EngineUnavailable, match="closed"):
        hijacked.send(b"more")


def test_authority_that_was_replaced_is_trusted_no_more(tls_url, engines, tmp_path):
    authority = tmp_path / "ca.pem"
    authority.write_bytes((TLS / "ca.pem").read_bytes())
    engine = engines(
        tls_url, TlsFiles(str(authority), str(TLS / "client.pem"), str(TLS / "client-key.pem"), "engine.test")
    )
    engine.hijack("/exec/a/start").close()

    authority.write_text(Authority("others").certificate)

    with pytest.raises(EngineUnavailable, match="certificate"):
        engine.hijack("/exec/a/start")


def test_certificate_of_another_name_is_handed_no_input(tls_url, engines):
    with pytest.raises(EngineUnavailable, match="certificate"):
        engines(tls_url, _files("other.test")).hijack("/exec/a/start")


def test_output_that_does_not_come_is_given_up(unix, engines):
    engine = engines(f"unix://{unix.server_address}")
    engine.ping()
    unix.silent = True

    with pytest.raises(EngineUnavailable, match=r"did not answer within 0\.1 s"):
        engine.task_output("x", timeout=0.1)
