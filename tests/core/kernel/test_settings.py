"""Facts about settings: where they come from, and what stops the start."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from crane_core.contributions import Setting
from crane_core.errors import SetupError
from crane_core.redaction import HIDDEN
from crane_core.settings import Settings, find_file, read_file, variable

DECLARED = [
    Setting("server.port", int, 5013, "The port."),
    Setting("server.name", str, "", "The name."),
    Setting("security.open", bool, False, "Serve everybody."),
    Setting("watch.seconds", float, 1.0, "How often, in seconds."),
    Setting("policy.forbid", list, [], "What is forbidden."),
    Setting("server.level", str, "info", "What is logged.", choices=("info", "debug")),
    Setting("mail.password", str, "", "The password.", secret=True),
    Setting("registry-auth.key_file", str, "", "Where the key is."),
]


def test_default_counts_when_nobody_sets_it() -> None:
    settings = Settings(DECLARED)

    assert settings["server.port"] == 5013
    assert settings["security.open"] is False


def test_variable_wins_over_file_and_command_line_over_both() -> None:
    settings = Settings(
        DECLARED,
        file_values={"server.port": 1, "server.name": "file", "watch.seconds": 3.0},
        environ={"CRANE_SERVER_PORT": "2", "CRANE_SERVER_NAME": "variable"},
        overrides={"server.port": 3},
    )

    assert (settings["server.port"], settings["server.name"], settings["watch.seconds"]) == (3, "variable", 3.0)
    assert {row["name"]: row["source"] for row in settings.describe()} == {
        "server.port": "command line",
        "server.name": "variable",
        "watch.seconds": "file",
        "security.open": "default",
        "policy.forbid": "default",
        "server.level": "default",
        "mail.password": "default",
        "registry-auth.key_file": "default",
    }


def test_name_becomes_a_variable() -> None:
    assert variable("registry-auth.key_file") == "CRANE_REGISTRY_AUTH_KEY_FILE"


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("On", True), ("no", False), (" FALSE ", False)]
)
def test_truth_is_written_in_several_ways(text: str, value: bool) -> None:
    assert Settings(DECLARED, environ={"CRANE_SECURITY_OPEN": text})["security.open"] is value


def test_list_is_separated_by_commas() -> None:
    settings = Settings(DECLARED, environ={"CRANE_POLICY_FORBID": "host-mounts, ,sysctls"})

    assert settings["policy.forbid"] == ["host-mounts", "sysctls"]


def test_whole_number_counts_as_a_number() -> None:
    assert Settings(DECLARED, file_values={"watch.seconds": 2})["watch.seconds"] == 2.0


# --- Unknown ------------------------------------------------------------------------------------------------------


def test_unknown_key_of_the_file_suggests_the_nearest() -> None:
    with pytest.raises(SetupError, match=r"no setting server\.prot\. Did you mean server\.port\?"):
        Settings(DECLARED, file_values={"server.prot": 1})


def test_unknown_variable_suggests_the_nearest() -> None:
    with pytest.raises(SetupError, match=r"CRANE_SECURITY_OPNE names no setting\. Did you mean CRANE_SECURITY_OPEN\?"):
        Settings(DECLARED, environ={"CRANE_SECURITY_OPNE": "1"})


def test_unknown_key_of_the_command_line_is_refused() -> None:
    with pytest.raises(SetupError, match=r"no setting xyzzy\. crane-server settings lists"):
        Settings(DECLARED, overrides={"xyzzy": 1})


def test_settings_of_inactive_plugins_are_ignored() -> None:
    settings = Settings(
        DECLARED,
        file_values={"my-history.keep_days": 3},
        environ={"CRANE_MY_HISTORY_KEEP_DAYS": "3"},
        ignored_prefixes=["my-history"],
    )

    assert "my-history.keep_days" not in {row["name"] for row in settings.describe()}


def test_settings_of_plugins_that_only_begin_alike_are_not_ignored() -> None:
    with pytest.raises(SetupError, match="historyx"):
        Settings(DECLARED, file_values={"historyx.keep_days": 3}, ignored_prefixes=["history"])


def test_variables_of_the_client_and_of_others_are_left_alone() -> None:
    Settings(DECLARED, environ={"CRANE_CLI_SERVER": "x", "CRANE_CONFIG": "y", "CRANES": "z", "PATH": "/bin"})


# --- Wrong --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("server.port", "5013", "a whole number"),
        ("server.port", True, "a whole number"),
        ("server.name", 5, "a text"),
        ("security.open", 1, "true or false"),
        ("watch.seconds", True, "a number"),
        ("policy.forbid", "host-mounts", "a list of texts"),
        ("policy.forbid", [1], "a list of texts"),
    ],
)
def test_value_of_the_wrong_type_is_refused(name: str, value: object, wanted: str) -> None:
    with pytest.raises(SetupError, match=f"{name} must be {wanted}, not "):
        Settings(DECLARED, file_values={name: value})


def test_variable_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(SetupError, match="CRANE_SERVER_PORT must be a whole number, not 'many'"):
        Settings(DECLARED, environ={"CRANE_SERVER_PORT": "many"})


def test_value_that_is_none_of_the_choices_is_refused() -> None:
    with pytest.raises(SetupError, match=r"server\.level must be one of info, debug, not 'loud'"):
        Settings(DECLARED, file_values={"server.level": "loud"})


# --- Secret -------------------------------------------------------------------------------------------------------


def test_secret_is_hidden_where_settings_are_listed() -> None:
    settings = Settings(DECLARED, environ={"CRANE_MAIL_PASSWORD": "canary-7f3a"})

    assert settings["mail.password"] == "canary-7f3a"
    assert "canary-7f3a" not in repr(settings.describe())
    assert next(row for row in settings.describe() if row["name"] == "mail.password")["value"] == HIDDEN


def test_password_in_an_address_is_hidden_where_settings_are_listed() -> None:
    settings = Settings(DECLARED, overrides={"server.name": "ssh://ann:canary-7f3a@manager.example"})

    assert settings["server.name"] == "ssh://ann:canary-7f3a@manager.example"
    assert "canary-7f3a" not in repr(settings.describe())
    assert "manager.example" in repr(settings.describe())


@pytest.mark.parametrize("kind", [int, bool, float])
def test_secret_of_the_wrong_type_is_not_quoted(kind: type) -> None:
    declared = [Setting("mail.pin", kind, None, "The secret.", secret=True)]

    for given in ({"file_values": {"mail.pin": "canary-7f3a"}}, {"environ": {"CRANE_MAIL_PIN": "canary-7f3a"}}):
        with pytest.raises(SetupError) as caught:
            Settings(declared, **given)

        assert "canary-7f3a" not in "".join(traceback.format_exception(caught.value, chain=True))


# --- The file -----------------------------------------------------------------------------------------------------


def test_file_is_read_by_dotted_name(tmp_path: Path) -> None:
    path = tmp_path / "crane.toml"
    path.write_text('[server]\nport = 80\n[policy]\nforbid = ["sysctls"]\n')

    assert read_file(path) == {"server.port": 80, "policy.forbid": ["sysctls"]}


def test_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "crane.toml"
    path.write_text("[server\n")

    with pytest.raises(SetupError, match=r"crane\.toml cannot be read"):
        read_file(path)


def test_value_outside_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "crane.toml"
    path.write_text("port = 80\n")

    with pytest.raises(SetupError, match="port stands outside a table"):
        read_file(path)


def test_file_is_the_one_that_the_variable_names(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.touch()

    assert find_file({"CRANE_CONFIG": str(path)}) == path


def test_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no such file"):
        find_file({"CRANE_CONFIG": str(tmp_path / "none.toml")})


def test_file_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crane.toml").touch()

    assert find_file({}) == Path("crane.toml")
