"""A simulated Engine of any size on a unix socket: ``python -m crane_core.testing.serve --socket S``.

The docker CLI works with it (``docker -H unix://S stack ls``). It is what speed is measured against: its lists are kept
as bytes, so that it is not the slow part. The Engines of the other nodes listen on ``S.node2``, ``S.node3`` and so on.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from crane_core.testing.population import populate
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import serve

# Each socket has a thread; of a Swarm of hundreds of nodes nobody asks all.
MOST_SOCKETS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; says ``ready`` on standard output when the lists are prepared."""
    parser = argparse.ArgumentParser(prog="python -m crane_core.testing.serve", description=__doc__.partition(":")[0])
    parser.add_argument("--socket", required=True, help="where to listen")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes")
    parser.add_argument("--services", type=int, default=0, help="how many running services to begin with")
    parser.add_argument("--tasks", type=int, default=0, help="how many running tasks they have together")
    parser.add_argument("--log", help="a file to write each request to, as a line")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds that pass for each real one")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: stop.set())
    swarm = MemorySwarm(nodes=options.nodes, start=time.time())
    if options.services:
        populate(swarm, options.services, options.tasks)
    for path in ("/services", "/tasks", "/nodes"):
        swarm.handle("GET", path, {"status": "true"} if path == "/services" else {})
    with open(options.log or os.devnull, "a", buffering=1) as log:
        told = log if options.log else None
        servers = {options.socket: serve(swarm, options.socket, told)}
        for node in list(swarm.store.nodes)[1 : MOST_SOCKETS + 1]:
            path = f"{options.socket}.{node.name}"
            servers[path] = serve(swarm, path, told, node.name)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        try:
            swarm.run(stop, speed=options.speed)
        finally:
            for path, server in servers.items():
                server.shutdown()
                server.server_close()
                os.unlink(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
