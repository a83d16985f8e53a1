"""Pulling an image on several nodes at the same time, with the progress and the verdict of each."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from crane_core.cluster.images.operations import path_of
from crane_core.context import Crane
from crane_core.contributions import RegistryLogin
from crane_core.engine.client import Engine
from crane_core.engine.images import parse_image
from crane_core.engine.inventory import Inventory
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node
from crane_core.engine.streaming import ByteStream
from crane_core.errors import CraneError, EngineError, NotFound
from crane_core.events import Event
from crane_core.redaction import hide_inside

log = logging.getLogger(__name__)

MOST_AT_ONCE = 16
# How often at the most the progress of a node is told, in seconds.
TOLD_EVERY = 0.25
# After how many seconds without news something is sent, so that nobody takes the connection for dead.
QUIET_SECONDS = 15.0

_DONE = frozenset({"Pull complete", "Already exists"})
_line = msgspec.json.Decoder(dict[str, Any])


class Progress:
    """How far one node is, put together from what its Engine says of each layer."""

    def __init__(self) -> None:
        self._layers: dict[str, str] = {}
        self._bytes: dict[str, tuple[int, int]] = {}
        self.digest = ""
        self.status = ""

    def hear(self, line: Mapping[str, Any]) -> None:
        """Note a line. Raises ``EngineError`` for one that says that it failed."""
        if error := line.get("error"):
            raise EngineError(hide_inside(str(error)))
        self.status = str(line.get("status") or "")
        if self.status.startswith("Digest: "):
            self.digest = self.status.removeprefix("Digest: ")
        # The tag itself has an id as well, in the line that begins with this.
        layer = str(line.get("id") or "")
        if not layer or self.status.startswith("Pulling from "):
            return
        self._layers[layer] = self.status
        detail = line.get("progressDetail") or {}
        if self.status == "Downloading" and detail.get("total"):
            self._bytes[layer] = (int(detail.get("current") or 0), int(detail["total"]))
        elif self.status in ("Download complete", *_DONE) and layer in self._bytes:
            self._bytes[layer] = (self._bytes[layer][1],) * 2

    def to_json(self) -> dict[str, Any]:
        """Return it as it is told."""
        return {
            "layers": len(self._layers),
            "layers_done": sum(state in _DONE for state in self._layers.values()),
            "bytes": sum(total for _, total in self._bytes.values()),
            "bytes_done": sum(done for done, _ in self._bytes.values()),
        }


class Pull:
    """One pull on some nodes. Iterating over it carries it out; closing it ends what still goes on."""

    def __init__(
        self,
        crane: Crane,
        by: str,
        image: str,
        nodes: list[Node],
        login: RegistryLogin | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._crane = crane
        self._by = by
        self._image = parse_image(image)
        self._nodes = nodes
        self._login = login
        self._clock = clock
        self._news: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._streams: set[ByteStream] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self) -> Iterator[dict[str, Any] | None]:
        """Yield what happens; None now and then while nothing does. The last one is the verdict of all."""
        outcomes: Counter[str] = Counter()
        workers = ThreadPoolExecutor(min(MOST_AT_ONCE, len(self._nodes)), thread_name_prefix="crane-pull")
        try:
            for node in self._nodes:
                workers.submit(self._pull_on, node)
            while outcomes.total() < len(self._nodes):
                try:
                    news = self._news.get(timeout=QUIET_SECONDS)
                except queue.Empty:
                    yield None
                    continue
                if news["state"] != "pulling":
                    outcomes[news["state"]] += 1
                yield news
            failed = outcomes["failed"]
            told = {state: outcomes[state] for state in ("pulled", "current", "failed")}
            yield {"node": None, "state": "failed" if failed else "done", "image": str(self._image), **told}
        finally:
            self.close()
            workers.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End what still goes on; an Engine gives up a pull that nobody listens to."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.close()

    def _pull_on(self, node: Node) -> None:
        told: dict[str, Any] = {"node": node.name, "image": str(self._image)}
        verdict: dict[str, Any] = {"state": "failed", "detail": "The Engine's answer cannot be read."}
        try:
            verdict = self._carry_out(node, told)
        except CraneError as error:
            verdict = {"state": "failed", "detail": hide_inside(error.detail)}
        except (LookupError, TypeError, ValueError, AttributeError):
            log.exception("What the Engine of %s answered to a pull has another shape than it should.", node.name)
        finally:
            # Whoever waits for the verdict of all waits for that of each.
            self._crane.room(Inventory).note_change(node.id, "images")
            self._news.put({**told, "id": None, "previous_id": None, "digest": None, "detail": "", **verdict})

    def _carry_out(self, node: Node, told: Mapping[str, Any]) -> dict[str, Any]:
        engine = self._crane.room(Pool).get(node.id)
        before = self._find_id(engine)
        progress = Progress()
        last = float("-inf")
        for line in self._lines(engine):
            progress.hear(line)
            if self._clock() - last >= TOLD_EVERY:
                last = self._clock()
                self._news.put({**told, "state": "pulling", "detail": progress.status, **progress.to_json()})
        if self._closed:
            raise EngineError("It was given up.")
        after = self._find_id(engine)
        if after is None:
            raise EngineError("The Engine pulled the image and does not have it.")
        detail = {"node": node.name, "digest": progress.digest}
        self._crane.emit(Event("image.pulled", str(self._image), after, by=self._by, detail=detail))
        return {
            "state": "current" if after == before else "pulled",
            "id": after,
            "previous_id": before,
            "digest": progress.digest or None,
            "detail": progress.status.removeprefix("Status: "),
        }

    def _find_id(self, engine: Engine) -> str | None:
        try:
            return str(engine.read_json(f"{path_of(str(self._image))}/json")["Id"])
        except NotFound:
            return None

    def _lines(self, engine: Engine) -> Iterator[dict[str, Any]]:
        image = self._image
        tag = image.digest or image.tag or "latest"
        stream = engine.stream("/images/create", method="POST", login=self._login, fromImage=image.name, tag=tag)
        with self._lock:
            self._streams.add(stream)
            closed = self._closed
        if closed:
            stream.close()
        rest = b""
        try:
            for piece in stream:
                *lines, rest = (rest + piece).split(b"\n")
                yield from (_line.decode(line) for line in lines if line.strip())
            if rest.strip():
                yield _line.decode(rest)
        except msgspec.DecodeError as error:
            raise EngineError("The Engine's answer cannot be read.") from error
        finally:
            with self._lock:
                self._streams.discard(stream)
            stream.close()
