"""The program as a whole: its commands, those that others add, its documentation."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import crane_cli
import pytest
from crane_cli import reference
from crane_cli.errors import EXIT_STATUSES
from crane_cli.main import COMMANDS, cli

PACKAGE = Path(crane_cli.__file__).parent
DOCS = PACKAGE.parents[2] / "docs" / "how-to"


def all_commands(command=cli, path=("crane",)):
    yield path, command
    if isinstance(command, click.Group):
        for name in COMMANDS if command is cli else command.commands:
            yield from all_commands(command.get_command(click.Context(cli), name), (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in all_commands()], ids=" ".join)
def test_every_command_has_help(crane, path):
    result = crane(*path[1:], "--help")

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: {' '.join(path)}")


def test_every_command_and_option_is_in_the_reference():
    text = reference.render()

    for path, command in all_commands():
        assert f"\n## {' '.join(path)}\n" in text
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, option
                assert f"{max(option.opts, key=len)}" in text
    for status in EXIT_STATUSES:
        assert f"| {status} |" in text


def test_first_line_of_each_commands_help_is_that_of_the_list():
    for path, command in all_commands():
        if len(path) == 2:
            assert command.get_short_help_str(100) == COMMANDS[path[1]][1]


def test_help_imports_no_more_than_it_needs():
    code = "import sys; sys.argv = ['crane', '--help']\nfrom crane_cli.main import cli\n"
    code += "cli(standalone_mode=False)\nprint(sorted({'http.client', 'ssl', 'rich', 'yaml', 'platformdirs', 'flask', "
    code += "'crane_core', 'crane_cli.commands.stack'} & set(sys.modules)))"

    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()

    assert lines[-1] == "[]"


def test_program_knows_the_server_by_http_only():
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])

    assert imported - sys.stdlib_module_names == {"click", "crane_cli", "platformdirs", "rich", "wsproto", "yaml"}


def test_version_is_that_of_the_distribution(crane):
    assert crane("--version").output == "crane 0.1.0\n"
    assert "version = 0.1.0" in (PACKAGE.parent / "setup.cfg").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_gets_its_completion_script(crane, shell):
    result = crane("completion", shell)

    assert (result.exit_code, "_CRANE_COMPLETE" in result.stdout) == (0, True)


def test_completion_names_the_commands(monkeypatch):
    monkeypatch.setenv("_CRANE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "crane stack de")
    monkeypatch.setenv("COMP_CWORD", "2")
    code = "from crane_cli.main import main; main()"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("plain,deploy\n", "")


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Another distribution that adds a command that works, one that does not, and one that is no command."""
    (tmp_path / "hello_cli.py").write_text(
        "import click\n\n\n@click.command()\n@click.pass_obj\ndef hello(session):\n"
        "    '''Say hello.'''\n    click.echo(f'hello {session.api().server}')\n"
    )
    (tmp_path / "broken_cli.py").write_text("raise RuntimeError('no good')\n")
    metadata = tmp_path / "crane_hello-2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: crane-hello\nVersion: 2\n")
    (metadata / "entry_points.txt").write_text(
        "[crane.cli]\nhello = hello_cli:hello\nbroken = broken_cli:x\nodd = sys:path\nstack = broken_cli:x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_other_distributions_add_commands(crane, server, added):
    assert crane("hello").output == f"hello {server.url}\n"
    assert re.search(r"hello +Added by crane-hello 2\.", crane("--help").output)


def test_broken_command_is_named_and_breaks_no_other(crane, server, added):
    server.plays("GET", "stacks", {"items": [], "total": 0})

    result = crane("broken")
    assert (result.exit_code, "The command broken of crane-hello 2 cannot be loaded" in result.stderr) == (1, True)
    assert "RuntimeError: no good" in result.stderr
    assert "is no click command" in crane("odd").stderr
    for arguments in (("--help",), ("hello",), ("stack", "ls")):
        assert crane(*arguments).exit_code == 0


def test_unknown_command_is_wrong_use(crane):
    assert crane("stak").exit_code == 2
    assert crane("stack", "delpoy").exit_code == 2


def commands_of(page):
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("|"):
                if re.match(r"(\$ )?crane ", part.strip()):
                    yield shlex.split(
                        part.strip().removeprefix("$ ").partition(" > ")[0].partition(" < ")[0], comments=True
                    )


@pytest.mark.parametrize("page", ["deploy-a-stack.md", "use-the-command-line.md"])
def test_commands_of_the_how_to_pages_are_commands(crane, server, tmp_path, monkeypatch, page):
    (tmp_path / "shared").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "ca.pem").write_text("")
    monkeypatch.chdir(tmp_path / "here")
    lines = list(commands_of(DOCS / page))
    assert len(lines) > 5

    for line in lines:
        # The server plays nothing, so that a command which is spelt rightly gets as far as being refused by it.
        result = crane(*(re.sub("^https://.*", server.url, argument) for argument in line[1:]))
        assert result.exception is None or isinstance(result.exception, SystemExit), line
        assert "Usage:" not in result.stderr, line
