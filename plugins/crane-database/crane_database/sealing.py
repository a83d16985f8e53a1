"""The file of a backup: compressed, encrypted with a passphrase, and noticed when it was altered or cut off.

::

    magic      13 bytes   CRANE-BACKUP\\n
    version     1 byte    1
    cost        3 bytes   log2(N), r, p of scrypt
    salt       16 bytes
    check      16 bytes   tells a wrong passphrase from an altered file
    chunks                each up to 64 KiB of compressed data, and 16 bytes that authenticate it

The key is made by scrypt. Each chunk is encrypted with AES-256-GCM; its nonce is its number and whether it is the last,
so that none can be moved, left out or repeated, and the end cannot be cut off. The head is authenticated with each. A
key encrypts one file only, because each file has a salt of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import zlib
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crane_core.errors import SetupError

MAGIC = b"CRANE-BACKUP\n"
VERSION = 1
CHUNK = 64 * 1024
TAG = 16
SALT = 16
CHECK = 16
HEAD = len(MAGIC) + 1 + 3 + SALT + CHECK
# 64 MiB of memory and about a quarter of a second for each guess.
COST = (16, 8, 1)
# What a file may ask for, so that a forged one cannot take all memory.
MOST = (20, 16, 4)


class DamagedBackup(SetupError):
    """The file of a backup cannot be read: it is none, it was altered, or the passphrase is wrong."""


class Sealer:
    """Writes a backup into a file; :meth:`close` ends it, and without that it is no backup."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file = file
        salt = os.urandom(SALT)
        key, check = _derive(passphrase, salt, COST)
        self._head = MAGIC + bytes((VERSION, *COST)) + salt + check
        self._cipher = AESGCM(key)
        self._number = 0
        self._compressor = zlib.compressobj(6)
        self._waiting = bytearray()
        file.write(self._head)

    def write(self, data: bytes) -> None:
        """Write some more."""
        self._waiting += self._compressor.compress(data)
        # One chunk at least is kept back, because the last one is marked.
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]

    def close(self) -> None:
        """Write the end; the file itself stays open."""
        self._waiting += self._compressor.flush()
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, data: bytes, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), data, self._head))
        self._number += 1


class Opener:
    """Reads a backup line by line; what it gives was authenticated, but only the last line proves that all is there.

    :raises DamagedBackup: from here on, whenever something is wrong.
    """

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file = file
        self._head = file.read(HEAD)
        if self._head[: len(MAGIC)] != MAGIC:
            raise DamagedBackup("This is no backup of Crane.")
        if len(self._head) < HEAD:
            raise DamagedBackup("The backup was cut off.")
        version, *cost = self._head[len(MAGIC) : len(MAGIC) + 4]
        if version != VERSION:
            raise DamagedBackup(
                f"The backup has the format {version}; this Crane reads {VERSION}. Install a newer one."
            )
        if any(wanted > most or wanted < 1 for wanted, most in zip(cost, MOST, strict=True)):
            raise DamagedBackup("The backup was altered: its head asks for what no backup needs.")
        salt, check = self._head[len(MAGIC) + 4 : -CHECK], self._head[-CHECK:]
        key, wanted_check = _derive(passphrase, salt, (cost[0], cost[1], cost[2]))
        if not hmac.compare_digest(check, wanted_check):
            raise DamagedBackup("The passphrase is wrong, or the head of the backup was altered.")
        self._cipher = AESGCM(key)
        self._decompressor = zlib.decompressobj()
        self._number = 0
        self._next = file.read(CHUNK + TAG)
        self._text = bytearray()

    def readline(self) -> bytes:
        """Return the next line with its end; nothing at the end of the backup."""
        while (end := self._text.find(b"\n")) < 0:
            if not self._next:
                if self._text or not self._decompressor.eof:
                    raise DamagedBackup("The backup was cut off.")
                return b""
            self._text += self._decompress(self._open())
        line = bytes(self._text[: end + 1])
        del self._text[: end + 1]
        return line

    def _open(self) -> bytes:
        chunk, self._next = self._next, self._file.read(CHUNK + TAG)
        last = not self._next
        try:
            opened = self._cipher.decrypt(_nonce(self._number, last), chunk, self._head)
        except InvalidTag:
            raise DamagedBackup(f"The backup was {'altered or cut off' if last else 'altered'}.") from None
        self._number += 1
        return opened

    def _decompress(self, data: bytes) -> bytes:
        try:
            return self._decompressor.decompress(data)
        except zlib.error as error:
            raise DamagedBackup("The backup was altered.") from error


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))


def _derive(passphrase: str, salt: bytes, cost: tuple[int, int, int]) -> tuple[bytes, bytes]:
    exponent, r, p = cost
    memory = 128 * r * (2**exponent + p + 2)
    made = hashlib.scrypt(
        passphrase.encode(), salt=salt, n=2**exponent, r=r, p=p, maxmem=memory + 2**20, dklen=32 + CHECK
    )
    return made[:32], made[32:]
