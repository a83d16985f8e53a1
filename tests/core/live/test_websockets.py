"""Facts about one WebSocket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from crane_core import websockets
from crane_core.websockets import Gone, to_frame

MakePeer = Callable[..., Any]


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536, 200_000])
def test_frame_of_any_length_is_read_by_the_other_side(make_peer: MakePeer, length: int) -> None:
    peer = make_peer()
    peer.ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    text = '"' + "x" * length + '"'

    assert peer.websocket.offer(to_frame(text.encode()))
    told = peer.messages()
    while peer.websocket.busy:
        peer.websocket.flush()
        told += peer.messages()

    assert told == ["x" * length]


def test_message_in_parts_is_received_as_one(make_peer: MakePeer) -> None:
    peer = make_peer()
    peer.send(TextMessage(data="one ", message_finished=False))
    peer.send(Ping(payload=b"in between"))
    peer.send(TextMessage(data="two", message_finished=True))

    assert peer.websocket.receive(0) == "one two"
    assert [type(event) for event in peer.events()] == [Pong]


def test_no_message_is_none(make_peer: MakePeer) -> None:
    assert make_peer().websocket.receive(0) is None


def test_message_that_is_too_long_ends_the_connection(make_peer: MakePeer) -> None:
    peer = make_peer(most=10)
    peer.send("x" * 11)

    with pytest.raises(Gone):
        peer.websocket.receive(0)

    assert peer.closed() == (1009, "A message may have 10 bytes.")


def test_binary_message_is_received_where_it_is_asked_for(make_peer: MakePeer) -> None:
    peer = make_peer()
    peer.send(BytesMessage(data=b"\xff\0", message_finished=False))
    peer.send(BytesMessage(data=b"\n"))
    peer.send("text")

    assert peer.websocket.receive_any(0) == b"\xff\0\n"
    assert peer.websocket.receive_any(0) == "text"


def test_binary_message_that_is_too_long_ends_the_connection(make_peer: MakePeer) -> None:
    peer = make_peer(most=10)
    peer.send(BytesMessage(data=b"x" * 6, message_finished=False))
    peer.send(BytesMessage(data=b"x" * 5))

    with pytest.raises(Gone):
        peer.websocket.receive_any(0)

    assert peer.closed() == (1009, "A message may have 10 bytes.")


def test_bytes_are_sent_as_they_are(make_peer: MakePeer) -> None:
    peer = make_peer()

    peer.websocket.send_bytes(b"\xff\0")

    assert [bytes(event.data) for event in peer.events()] == [b"\xff\0"]


def test_message_that_is_no_text_ends_the_connection(make_peer: MakePeer) -> None:
    peer = make_peer()
    peer.send(BytesMessage(data=b"\0"))

    with pytest.raises(Gone):
        peer.websocket.receive(0)

    assert peer.closed() == (1003, "Send text.")


def test_bytes_that_are_no_frame_end_the_connection(make_peer: MakePeer) -> None:
    peer = make_peer()
    peer.ours.sendall(b"\xff\xff\xff\xff")

    with pytest.raises(Gone):
        peer.websocket.receive(0)

    assert (peer.closed() or (0,))[0] == 1002


def test_end_is_answered(make_peer: MakePeer) -> None:
    peer = make_peer()
    peer.send(CloseConnection(code=1000))

    with pytest.raises(Gone):
        peer.websocket.receive(0)

    assert (peer.closed() or (0,))[0] == 1000


def test_other_side_that_vanishes_is_gone(make_peer: MakePeer) -> None:
    peer = make_peer()
    peer.ours.shutdown(socket.SHUT_RDWR)

    with pytest.raises(Gone):
        peer.websocket.receive(5)
    with pytest.raises(Gone):
        peer.websocket.offer(to_frame(b"1"))


def test_slow_reader_keeps_nobody_waiting(make_peer: MakePeer) -> None:
    peer = make_peer()

    assert peer.websocket.offer(to_frame(b'"' + b"x" * 10_000_000 + b'"'))
    assert peer.websocket.busy
    assert not peer.websocket.offer(to_frame(b'"next"')), "one message is kept, and no queue"

    told = []
    while not told:
        told = peer.messages()
        peer.websocket.flush()
    assert [len(each) for each in told] == [10_000_000]
    assert peer.websocket.offer(to_frame(b'"next"'))
    assert peer.messages() == ["next"]


def test_reader_that_takes_nothing_is_not_closed_inside_a_frame(make_peer: MakePeer) -> None:
    peer = make_peer()
    peer.websocket.offer(to_frame(b"x" * 10_000_000))

    peer.websocket.close(1001, "The server stops.")

    assert peer.closed() is None
    assert peer.websocket.gone


def test_end_is_said_after_what_another_thread_is_sending(make_peer: MakePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody reads before both ends are said, which takes a while where processors are busy.
    monkeypatch.setattr(websockets, "SEND_SECONDS", 60)
    peer = make_peer()
    text = '"' + "x" * 10_000_000 + '"'
    sending = threading.Thread(target=peer.websocket.send, args=(text,))
    sending.start()
    while sending.is_alive() and not peer.websocket.unsent:
        pass

    peer.websocket.close(1001, "The server stops.")

    said = []
    while sending.is_alive():
        said += peer.events()
    said += peer.events()
    assert "".join(event.data for event in said if isinstance(event, TextMessage)) == text
    assert (said[-1].code, said[-1].reason) == (1001, "The server stops.")


def test_end_is_said_once(make_peer: MakePeer) -> None:
    peer = make_peer()

    peer.websocket.close(1001, "The server stops.")
    peer.websocket.close(1008, "Log in again.")

    assert peer.closed() == (1001, "The server stops.")
    with pytest.raises(Gone):
        peer.websocket.send("more")
    with pytest.raises(Gone):
        peer.websocket.receive(5)


def test_nothing_is_compressed(make_peer: MakePeer) -> None:
    peer = make_peer()

    peer.websocket.send('"' + "x" * 100 + '"')

    assert peer.ours.recv(1000) == to_frame(b'"' + b"x" * 100 + b'"')
