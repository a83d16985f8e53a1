"""What is sent to the server: stack files, the variables they name, the files they refer to, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from crane_cli.stackfiles import read_text

STACK = """
services:
  web:
    image: nginx:${TAG:-1}
    env_file: ./web.env
configs:
  app:
    file: ./${CONF}.conf
"""


@pytest.fixture
def files(shop, tmp_path, monkeypatch):
    """A stack file that names variables and files, and a server that asks for them."""
    (tmp_path / "stack.yml").write_text(STACK)
    (tmp_path / "app.conf").write_bytes(b"\xff\x00")
    (tmp_path / "web.env").write_text("SECRET_OF_THE_FILE\n")
    for name in ("CONF", "TAG", "SECRET_OF_THE_FILE", "AWS_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return shop


def asks(server, *rounds):
    """Have the server ask for these variables and paths, one pair for each round; then for nothing."""
    answers = [
        {
            "format": "compose",
            "variables": [{"name": name, "default": None, "required": False, "message": None} for name in variables],
            "paths": [{"path": path, "written": written, "kind": "config", **more} for path, written, more in paths],
            "images": ["nginx:1"],
        }
        for variables, paths in (*rounds, ((), ()))
    ]
    server.plays("POST", "stack-files/inspect", *answers)


def sent(server):
    return server.sent("POST", "stacks/shop/plan")[-1].body


def test_only_variables_that_are_asked_for_and_named_are_sent(crane, files, monkeypatch):
    monkeypatch.setenv("CONF", "app")
    monkeypatch.setenv("AWS_SECRET", "hunter2")
    asks(files, (["TAG", "CONF"], ()))

    assert crane("stack", "plan", "-c", "stack.yml", "shop").exit_code == 0

    assert sent(files)["variables"] == {"CONF": "app"}
    assert all("hunter2" not in str(request.body) for request in files.requests)


@pytest.mark.parametrize("name", ["AWS_SECRET", "TA", "ONF"])
def test_variable_that_no_file_names_is_not_sent(crane, files, monkeypatch, name):
    monkeypatch.setenv(name, "hunter2")
    asks(files, ([name], ()))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 1
    assert f"asks for the variable {name}, which none of the files names" in result.stderr
    assert [request.path for request in files.requests] == ["/api/v1/stack-files/inspect"]
    assert all("hunter2" not in str(request.body) for request in files.requests)


def test_files_are_asked_for_until_nothing_is_missing(crane, files, monkeypatch):
    monkeypatch.setenv("CONF", "app")
    monkeypatch.setenv("SECRET_OF_THE_FILE", "s3")
    asks(
        files,
        (["CONF"], [("./.conf", "./${CONF}.conf", {})]),
        (["CONF"], [("./app.conf", "./${CONF}.conf", {}), ("./web.env", "./web.env", {})]),
        (["SECRET_OF_THE_FILE"], ()),
    )

    assert crane("stack", "plan", "-c", "stack.yml", "shop").exit_code == 0

    assert sent(files)["variables"] == {"CONF": "app", "SECRET_OF_THE_FILE": "s3"}
    assert sent(files)["attachments"] == {
        "./app.conf": {"content": "/wA=", "encoding": "base64"},
        "./web.env": {"content": "SECRET_OF_THE_FILE\n", "encoding": "text"},
    }


def test_env_file_gives_variables_and_the_environment_wins(crane, files, tmp_path, monkeypatch):
    (tmp_path / "vars").write_text("# these\nexport TAG='2'\n\nCONF=file\n")
    monkeypatch.setenv("CONF", "shell")
    asks(files, (["TAG", "CONF"], ()))

    assert crane("stack", "plan", "--env-file", "vars", "-c", "stack.yml", "shop").exit_code == 0

    assert sent(files)["variables"] == {"TAG": "2", "CONF": "shell"}


def test_dot_env_is_not_read(crane, files, tmp_path):
    (tmp_path / ".env").write_text("TAG=2\n")
    asks(files, (["TAG"], ()))

    crane("stack", "plan", "-c", "stack.yml", "shop")

    assert sent(files)["variables"] == {}


def test_broken_env_file_is_told_with_its_line(crane, files, tmp_path):
    (tmp_path / "vars").write_text("TAG=2\nwhat is this\n")

    result = crane("stack", "plan", "--env-file", "vars", "-c", "stack.yml", "shop")

    assert (result.exit_code, "vars:2: this line is no variable" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/etc/passwd", "/etc/passwd"),
        ("./id_rsa", "./id_rsa"),
        ("./id_rsa", "./web.env"),
        ("./web.en", "./web.en"),
        ("eb.env", "eb.env"),
        ("./../id_rsa", "./${CONF}.conf"),
        ("", ""),
    ],
)
def test_file_that_no_file_names_is_not_sent(crane, files, tmp_path, path, written):
    (tmp_path / "id_rsa").write_text("hunter2")
    asks(files, ((), [(path, written, {})]))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 1
    assert f"asks for the file {path}, which none of the files names" in result.stderr
    assert [request.path for request in files.requests] == ["/api/v1/stack-files/inspect"]


@pytest.mark.parametrize("kind", ["absolute", "above", "link", "home"])
def test_path_that_leaves_the_folder_is_refused_and_says_how_to_allow_it(crane, files, tmp_path, home, kind):
    folder = tmp_path / "stack"
    folder.mkdir()
    outside = {"home": home}.get(kind, tmp_path) / "outside.conf"
    outside.write_text("outside")
    (folder / "link.conf").symlink_to(outside)
    paths = {"absolute": str(outside), "above": "../outside.conf", "link": "./link.conf", "home": "~/outside.conf"}
    path = paths[kind]
    (folder / "stack.yml").write_text(f"configs: {{app: {{file: {path}}}}}\n")
    asks(files, ((), [(path, path, {})]))

    result = crane("stack", "deploy", "-c", "stack/stack.yml", "shop")

    assert result.exit_code == 2
    assert f"--allow-path {outside.parent}" in result.stderr
    assert len(files.requests) == 1

    asks(files, ((), [(path, path, {})]))
    result = crane("stack", "plan", "--allow-path", str(outside.parent), "-c", "stack/stack.yml", "shop")
    assert (result.exit_code, sent(files)["attachments"][path]["content"]) == (0, "outside")


def test_paths_start_at_the_first_files_folder(crane, files, tmp_path):
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "stack.yml").write_text("env_file: ./web.env")
    (folder / "web.env").write_text("A=deep\n")
    asks(files, ((), [("./web.env", "./web.env", {})]))

    crane("stack", "plan", "-c", "deep/stack.yml", "-c", "stack.yml", "shop")

    assert sent(files)["working_dir"] == str(folder)
    assert sent(files)["attachments"]["./web.env"]["content"] == "A=deep\n"


def test_file_named_by_a_file_that_was_sent_is_relative_to_that(crane, files, tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "base.yml").write_text("services: {web: {env_file: b.env}}\n")
    (tmp_path / "base" / "b.env").write_text("A=1\n")
    (tmp_path / "stack.yml").write_text("services: {web: {extends: {file: base/base.yml, service: web}}}\n")
    asks(files, ((), [("base/base.yml", "base/base.yml", {})]), ((), [("base/b.env", "b.env", {})]))

    assert crane("stack", "plan", "-c", "stack.yml", "shop").exit_code == 0
    assert set(sent(files)["attachments"]) == {"base/base.yml", "base/b.env"}


def test_missing_file_is_told_unless_it_is_optional(crane, files, tmp_path):
    (tmp_path / "web.env").unlink()
    asks(files, ((), [("./web.env", "./web.env", {"optional": True})]))
    assert crane("stack", "plan", "-c", "stack.yml", "shop").exit_code == 0

    asks(files, ((), [("./web.env", "./web.env", {})]))
    result = crane("stack", "plan", "-c", "stack.yml", "shop")
    assert (result.exit_code, "names ./web.env, but" in result.stderr) == (2, True)


@pytest.mark.parametrize("kind", ["folder", "pipe", "large"])
def test_file_that_cannot_be_sent_is_told(crane, files, tmp_path, kind):
    place = tmp_path / "web.env"
    place.unlink()
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.write_bytes(b"x" * (1024 * 1024 + 1))
    asks(files, ((), [("./web.env", "./web.env", {})]))

    result = crane("stack", "plan", "-c", "stack.yml", "shop")

    assert result.exit_code == 2
    assert ("more than 1 MiB" if kind == "large" else "./web.env is no regular file") in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x" * (5 * 1024 * 1024), "stack.yml is too large to be sent: it has more than 1 MiB."),
        (b"services: \xff", "stack.yml is no text in UTF-8 (byte 10)."),
        (None, "stack.yml does not exist."),
    ],
)
def test_stack_file_that_cannot_be_sent_is_told_without_asking_the_server(crane, files, tmp_path, content, said):
    place = tmp_path / "stack.yml"
    place.unlink()
    if content is not None:
        place.write_bytes(content)

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert (result.exit_code, result.stderr, files.requests) == (2, f"Error: {said}\n", [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_stack_file_is_read_as_windows_and_others_write_it(tmp_path, encoding):
    place = tmp_path / "stack.yml"
    place.write_bytes("services: {é: {}}".encode(encoding))

    assert read_text(str(place)) == "services: {é: {}}"


def test_server_that_never_has_enough_is_left(crane, files, tmp_path):
    names = [f"f{number}" for number in range(40)]
    (tmp_path / "stack.yml").write_text(" ".join(names))
    for name in names:
        (tmp_path / name).write_text("")
    asks(files, *(((), [(name, name, {})]) for name in names))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert (result.exit_code, "still asks for more files" in result.stderr) == (1, True)


def test_pipe_that_the_user_names_is_read(crane, files, tmp_path):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file:
        file.write("services: {}\n")

    assert crane("stack", "plan", "-c", f"/dev/fd/{reading}", "shop").exit_code == 0
    os.close(reading)

    assert sent(files)["files"][0]["content"] == "services: {}\n"


def test_file_below_a_linked_folder_may_be_sent(crane, files, tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "stack.yml").write_text("env_file: ./web.env")
    (real / "web.env").write_text("A=1\n")
    (tmp_path / "linked").symlink_to(real)
    asks(files, ((), [("./web.env", "./web.env", {})]))

    assert crane("stack", "plan", "-c", "linked/stack.yml", "shop").exit_code == 0
    assert Path(sent(files)["working_dir"]).name == "linked"
