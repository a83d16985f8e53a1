"""Servers that are not there, are something else, or know somebody else."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading

import pytest
from crane_cli.api import Api, is_far, normalise_address
from crane_cli.errors import WrongUse


@pytest.fixture
def silent_port():
    """A port that nobody listens on, and that nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_unreachable_server_is_told_in_one_sentence_at_once(crane, tmp_path, silent_port, pauses, monkeypatch):
    (tmp_path / "stack.yml").write_text("services: {}\n")
    tried, connect = [], socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda *how: tried.append(how[1]) or connect(*how))

    result = crane("--server", f"http://127.0.0.1:{silent_port}", "stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 1
    # Asked once, and not waited for.
    assert (tried, pauses) == ([("127.0.0.1", silent_port)], [])
    assert result.stderr.startswith("Error: No Crane server answers at http://127.0.0.1:")
    assert "(Connection refused). Start it with make run, or name another with --server" in result.stderr


def test_host_that_does_not_exist_is_told(crane):
    result = crane("--server", "http://crane.invalid", "stack", "ls")

    assert (result.exit_code, "No Crane server answers at http://crane.invalid" in result.stderr) == (1, True)


@pytest.mark.parametrize(("status", "advice"), [(401, "Log in with: crane login URL"), (403, "does not allow this")])
def test_token_of_somebody_else_is_told(crane, server, status, advice):
    server.plays("GET", "stacks", (status, {"code": "c", "detail": "You may not do this."}))

    result = crane("--token", "theirs", "stack", "ls")

    assert result.exit_code == 1
    assert "You may not do this." in result.stderr
    assert advice in result.stderr
    assert "theirs" not in result.output
    assert server.requests[0].headers["authorization"] == "Bearer theirs"


@pytest.mark.parametrize("answer", [(200, b"<html>hello</html>"), (200, {"hello": "world"}), (404, b"<html>no</html>")])
def test_something_else_that_answers_is_told(crane, server, answer):
    server.plays("GET", "stacks", answer)

    result = crane("stack", "ls")

    assert (result.exit_code, "is not a Crane server" in result.stderr) == (1, True)


def test_redirection_is_not_followed_with_the_token(crane, server):
    server.plays("GET", "stacks", (302, {}))

    result = crane("--token", "t", "stack", "ls")

    assert (result.exit_code, len(server.requests)) == (1, 1)
    assert "the token is not sent there" in result.stderr


def test_server_that_speaks_no_http_is_told(crane):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 smtp ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        result = crane("--server", f"http://127.0.0.1:{listening.getsockname()[1]}", "stack", "ls")
        thread.join()

    assert (result.exit_code, "does not speak HTTP" in result.stderr) == (1, True)


@pytest.fixture
def secure(server, tmp_path):
    """The same server by https, its certificate signed by nobody else."""
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = socket.create_server(("127.0.0.1", 0))
    target = ("127.0.0.1", int(server.url.rpartition(":")[2]))

    def answer():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                with (
                    context.wrap_socket(connection, server_side=True) as wrapped,
                    socket.create_connection(target) as on,
                ):
                    on.sendall(wrapped.recv(65536))
                    while chunk := on.recv(65536):
                        wrapped.sendall(chunk)
            except OSError:
                connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


@pytest.mark.usefixtures("patient")
def test_certificate_that_nobody_vouches_for_is_refused_unless_its_ca_is_given(crane, server, secure):
    server.plays("GET", "stacks", {"items": [], "total": 0})

    result = crane("--server", secure, "stack", "ls")
    assert (result.exit_code, "give the CA's certificate with --ca" in result.stderr) == (1, True)
    assert server.requests == []

    assert crane("--server", secure, "--ca", "ca.pem", "stack", "ls").exit_code == 0


@pytest.mark.usefixtures("patient")
def test_plain_server_asked_by_https_is_told(crane, server):
    result = crane("--server", server.url.replace("http:", "https:"), "stack", "ls")

    assert (result.exit_code, "No secure connection to" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1:5013", "http://127.0.0.1:5013"),
        ("localhost", "http://localhost"),
        ("crane.example.org", "https://crane.example.org"),
        ("https://example.org/crane/", "https://example.org/crane"),
        ("[::1]:5013", "http://[::1]:5013"),
    ],
)
def test_address_is_completed(written, meant):
    assert normalise_address(written) == meant


@pytest.mark.parametrize("written", ["ftp://x", "http://", "http://x:no", "http://u:p@x", "http://x?a=b", "http://[x"])
def test_what_is_no_address_is_refused(written):
    with pytest.raises(WrongUse):
        normalise_address(written)


def test_far_is_what_is_not_this_machine():
    assert [is_far(f"http://{host}") for host in ("localhost", "127.9.9.9", "[::1]", "10.0.0.1", "a.b")] == [
        False, False, False, True, True,
    ]  # fmt: skip


def test_token_does_not_show_in_what_is_printed():
    assert "hunter2" not in repr(Api("http://x", "hunter2"))
