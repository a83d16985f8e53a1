"""The page about the HTTP API: its commands print what it says, on a server over a Swarm in memory."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from crane_core import app as application
from crane_core.testing import MemoryAdapter, MemorySwarm

PAGE = (Path(__file__).parents[2] / "docs/how-to/use-the-api.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "127.0.0.1:5013"
# Operations watch for seconds whether tasks keep running; here these seconds are short, for the Swarm and the server,
# which have one clock: where a busy machine stops the one, no time goes by for the other.
SPEED = 20.0
MARK = "--- end of a block ---"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a server over a Swarm of three nodes that lives by itself."""
    swarm, stop = MemorySwarm(nodes=3), threading.Event()
    app = application.create_app(
        {"server.data_directory": str(tmp_path / "data"), "watch.short_seconds": 0.05},
        environ={},
        plugins=(),
        transport=MemoryAdapter(swarm),
        clock=lambda: swarm.now,
    )
    app.extensions["crane"].watcher.look()
    application.start(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threads = [
        threading.Thread(target=server.serve_forever),
        threading.Thread(target=swarm.run, args=(stop,), kwargs={"speed": SPEED}),
    ]
    for thread in threads:
        thread.start()
    yield f"127.0.0.1:{server.server_port}"
    stop.set()
    server.shutdown()
    server.server_close()
    for thread in threads:
        thread.join()
    application.stop(app)


def test_commands_of_the_page_print_what_it_says(address: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE)
    commands = [text for kind, text in blocks if kind == "sh"]
    # What a block of commands prints stands in the block after it.
    printed = [
        blocks[index + 1][1] if index + 1 < len(blocks) and blocks[index + 1][0] == "text" else ""
        for index, (kind, _) in enumerate(blocks)
        if kind == "sh"
    ]
    script = "set -euo pipefail\n" + "".join(f"{text}echo '{MARK}'\n" for text in commands)
    assert script.count(ADDRESS) == 1

    done = subprocess.run(
        ["bash", "-c", script.replace(ADDRESS, address)], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )

    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.split(f"{MARK}\n") == [*printed, ""]
