"""A simulated Engine of one service whose task prints so many lines a second: ``python -m tests.bench.chatter``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time

from crane_core.testing.population import populate
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import serve

TICK = 0.01
# As long as a line of a web server's log.
TEXT = '10.0.3.7 - - "GET /products HTTP/1.1" 200'


def main() -> int:
    """Print until interrupted; says ``ready`` on standard output when it is served."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.chatter")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--rate", type=int, default=5000, help="lines a second")
    options = parser.parse_args()
    stop = threading.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: stop.set())
    swarm = MemorySwarm(nodes=1, start=time.time())
    populate(swarm, 1, 1)
    server = serve(swarm, options.socket)
    [task] = list(swarm.store.tasks)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    begun, printed = time.monotonic(), 0
    while not stop.wait(TICK):
        now = time.monotonic()
        swarm.advance(max(0.0, time.time() - swarm.now))
        due = int((now - begun) * options.rate) - printed
        swarm.print(task.id, "".join(f"{TEXT} {printed + number}\n" for number in range(due)))
        printed += due
        swarm.printed.keep_only(task.container_id, 5_000)
    server.shutdown()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
