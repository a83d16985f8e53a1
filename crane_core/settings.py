"""Settings: declared by plugins, read from ``crane.toml`` and from ``CRANE_*`` variables.

A variable wins over the file, the file over the default. A key that nobody declared stops the start: a misspelt setting
that is silently ignored is how servers end up open.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from crane_core.contributions import Setting
from crane_core.errors import SetupError
from crane_core.redaction import HIDDEN, hide

PREFIX = "CRANE_"
# Variables of the command line client, and the one that names the file itself.
FOREIGN_PREFIX = "CRANE_CLI_"
CONFIG_VARIABLE = "CRANE_CONFIG"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper().replace(".", "_").replace("-", "_")


def find_file(environ: Mapping[str, str]) -> Path | None:
    """Find the settings file: what ``CRANE_CONFIG`` names, else ``crane.toml`` here, else the platform's own place."""
    if named := environ.get(CONFIG_VARIABLE):
        path = Path(named)
        if not path.is_file():
            raise SetupError(f"{CONFIG_VARIABLE} names {named}, but there is no such file.")
        return path
    candidates = [Path("crane.toml"), platformdirs.site_config_path("crane") / "crane.toml"]
    return next((path for path in candidates if path.is_file()), None)


def read_file(path: Path | None) -> dict[str, Any]:
    """Read a settings file; returns its values by dotted name.

    :raises SetupError: when it cannot be read or is no TOML.
    """
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from error
    values: dict[str, Any] = {}
    for table, members in tables.items():
        if not isinstance(members, dict):
            raise SetupError(
                f"{path}: {table} stands outside a table. Settings look like [server] and then port = 5013."
            )
        values.update({f"{table}.{key}": value for key, value in members.items()})
    return values


class Settings(Mapping[str, Any]):
    """The settings of one server, by dotted name: ``settings["server.port"]``."""

    def __init__(
        self,
        declared: Iterable[Setting],
        *,
        file_values: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        ignored_prefixes: Iterable[str] = (),
    ) -> None:
        """Read all declared settings.

        :param file_values: What the file says, by dotted name.
        :param environ: The variables of the process.
        :param overrides: What the command line says; wins over everything.
        :param ignored_prefixes: Names of plugins that are installed but not active: their settings are left alone.
        :raises SetupError: for a key that nobody declared, or a value of the wrong type.
        """
        self.declared = {setting.name: setting for setting in declared}
        self._values: dict[str, Any] = {name: setting.default for name, setting in self.declared.items()}
        self._sources: dict[str, str] = dict.fromkeys(self.declared, "default")
        self._by_variable = {variable(name): name for name in self.declared}
        ignored = tuple(ignored_prefixes)
        for name, value in (file_values or {}).items():
            if name not in self.declared and name.partition(".")[0] in ignored:
                continue
            self._set(self._known(name), value, "file")
        for name, text in (environ or {}).items():
            if not name.startswith(PREFIX) or name.startswith(FOREIGN_PREFIX) or name == CONFIG_VARIABLE:
                continue
            if name not in self._by_variable and name.startswith(tuple(variable(prefix) + "_" for prefix in ignored)):
                continue
            setting = self._known_variable(name)
            self._set(setting, self._parse(setting, text), "variable")
        for name, value in (overrides or {}).items():
            self._set(self._known(name), value, "command line")

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def describe(self) -> list[dict[str, Any]]:
        """List all settings: name, variable, kind, value (hidden when secret), default, where it comes from, help."""
        return [
            {
                "name": name,
                "variable": variable(name),
                "kind": setting.kind.__name__,
                "value": self._shown_value(setting),
                "default": setting.default,
                "source": self._sources[name],
                "help": setting.help,
            }
            for name, setting in sorted(self.declared.items())
        ]

    def _shown_value(self, setting: Setting) -> Any:
        value = self._values[setting.name]
        if setting.secret and value:
            return HIDDEN
        # An address may hold a password although the setting is not secret as a whole.
        return hide("", value)

    def _known(self, name: str) -> Setting:
        if setting := self.declared.get(name):
            return setting
        raise SetupError(f"There is no setting {name}.{self._nearest(name, self.declared)}")

    def _known_variable(self, name: str) -> Setting:
        if known := self._by_variable.get(name):
            return self.declared[known]
        raise SetupError(f"The variable {name} names no setting.{self._nearest(name, self._by_variable)}")

    @staticmethod
    def _nearest(name: str, known: Iterable[str]) -> str:
        nearest = difflib.get_close_matches(name, known, 1, cutoff=0.5)
        return f" Did you mean {nearest[0]}?" if nearest else " crane-server settings lists all of them."

    def _set(self, setting: Setting, value: Any, source: str) -> None:
        if setting.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if setting.kind is list and isinstance(value, tuple):
            value = list(value)
        texts = setting.kind is not list or (isinstance(value, list) and all(isinstance(each, str) for each in value))
        if type(value) is not setting.kind or not texts:
            raise SetupError(f"{setting.name} must be {_ARTICLED[setting.kind]}, not {self._shown(setting, value)}.")
        chosen = value if isinstance(value, list) else [value]
        if setting.choices and not set(setting.choices).issuperset(chosen):
            allowed = ", ".join(map(str, setting.choices))
            few = "made of" if setting.kind is list else "one of"
            raise SetupError(f"{setting.name} must be {few} {allowed}, not {self._shown(setting, value)}.")
        self._values[setting.name], self._sources[setting.name] = value, source

    def _parse(self, setting: Setting, text: str) -> Any:
        try:
            return _PARSERS[setting.kind](text)
        except (ValueError, KeyError) as error:
            shown = self._shown(setting, text)
            # The cause quotes the text, so it is kept out of the traceback of a secret.
            cause = None if setting.secret else error
            raise SetupError(f"{variable(setting.name)} must be {_ARTICLED[setting.kind]}, not {shown}.") from cause

    @staticmethod
    def _shown(setting: Setting, value: Any) -> str:
        return "what it is" if setting.secret else repr(value)


_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_PARSERS: Mapping[type, Any] = {
    str: str,
    int: int,
    float: float,
    bool: lambda text: _TRUTH[text.strip().lower()],
    list: lambda text: [part.strip() for part in text.split(",") if part.strip()],
}
_ARTICLED: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list of texts",
}
