"""TLS whose sending side can be ended while the other side goes on: what an exec over TLS needs.

The standard library's ``SSLSocket`` knows one end only, that of both sides: it waits for the other's, and throws away
what still comes. A program in a container that reads its input to the end would wait for ever. TLS itself has such an
end (RFC 8446, section 6.1): here it is sent, and what comes afterwards is read.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any

from urllib3.util.ssltransport import SSLTransport

_CHUNK = 64 * 1024
# No more is encrypted at once, so that what is not sent yet stays small.
_RECORD = 16 * 1024


class TlsStream(SSLTransport):
    """A connection with TLS, made and used like a socket, until :meth:`setblocking` lets nobody wait any more.

    From then on :meth:`recv` and :meth:`send` raise ``BlockingIOError`` in place of waiting, and no two threads may use
    it at the same moment.
    """

    _waits = True
    _over = False
    _unread = b""
    _unsent = b""

    def setblocking(self, flag: bool) -> None:
        """Wait, or do not."""
        self._waits = flag
        self.socket.setblocking(flag)

    def recv(self, buflen: int = _CHUNK, flags: int = 0) -> bytes:
        """Return what came, empty at the end. Where nobody waits, it is all that is there, of whatever length.

        Nothing decrypted stays behind, so that the socket alone says whether there is more.
        """
        if self._waits:
            return bytes(super().recv(buflen, flags))
        while not (came := self._decrypt()) and not self._over:
            self._take()
        return came

    def _decrypt(self) -> bytes:
        pieces = [self._unread]
        self._unread = b""
        try:
            while piece := self.sslobj.read(_CHUNK):
                pieces.append(piece)
            self._over = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._over = True
        return b"".join(pieces)

    def _take(self) -> None:
        # To read may demand an answer, as when the other side changes its keys.
        with contextlib.suppress(BlockingIOError):
            self.flush()
        if came := self.socket.recv(_CHUNK):
            self.incoming.write(came)
        else:
            self.incoming.write_eof()

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        """Send what is taken at once; return how much that was. A part may have to be sent by :meth:`flush`."""
        if self._waits:
            return super().send(bytes(data), flags)
        self.flush()
        sent = self.sslobj.write(data[:_RECORD])
        with contextlib.suppress(BlockingIOError):
            self.flush()
        return sent

    def flush(self) -> None:
        """Send what was taken already. Raises ``BlockingIOError`` while a part of it has to wait."""
        self._unsent += self.outgoing.read()
        while self._unsent:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]

    def end_sending(self) -> None:
        """Say that nothing more is sent, with the next :meth:`flush`."""
        # OpenSSL looks for the other side's end at once, and would throw away what it finds in its place.
        self._unread = self._decrypt()
        with contextlib.suppress(ssl.SSLError):
            self.sslobj.unwrap()

    def shutdown(self, how: int) -> None:
        """End the connection below, as for a socket."""
        self.socket.shutdown(how)


class HalfClosing(ssl.SSLContext):
    """What makes such connections of sockets."""

    def wrap_socket(  # type: ignore[override]
        self, sock: socket.socket, *arguments: Any, server_hostname: str | None = None, **named: Any
    ) -> TlsStream:
        """Greet a server over a socket that is connected."""
        return TlsStream(sock, self, server_hostname)
