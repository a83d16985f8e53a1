"""Sealing the secrets of authenticators, which must be read again to check a code.

The key is a file of the data directory and part of backups, or a file that a setting names: several servers share one.
"""

from __future__ import annotations

from pathlib import Path

from crane_database import NoSealKey, OtherSealKey, SealAltered
from crane_database import Seal as KeySeal

from crane_auth.errors import SealBroken
from crane_core.context import Crane
from crane_core.errors import SetupError

KEY_FILE = "auth/seal.key"


class Seal:
    """The room of one server that has the key."""

    def __init__(self, crane: Crane) -> None:
        named = str(crane.settings["auth.seal_key_file"])
        try:
            self._seal = KeySeal(Path(named) if named else crane.data_directory / KEY_FILE, make=not named)
        except NoSealKey as error:
            raise SetupError(f"auth.seal_key_file: {error}") from error
        self.key_id = self._seal.key_id

    def close(self, secret: str, about: str) -> bytes:
        """Seal a secret.

        :param about: What it is of; it can be opened as that alone.
        """
        return self._seal.close(secret.encode(), about)

    def open(self, sealed: bytes, about: str, key_id: str) -> str:
        """Return what was sealed.

        :raises SealBroken: when it was sealed with another key, or altered.
        """
        try:
            return self._seal.open(sealed, about, key_id).decode()
        except OtherSealKey as error:
            raise SealBroken(
                f"This second factor cannot be read. {error} Put the file {KEY_FILE} back into the data directory, or "
                "have all servers use one by auth.seal_key_file."
            ) from error
        except SealAltered as error:
            raise SealBroken("This second factor was altered in the database, so it is not used.") from error
