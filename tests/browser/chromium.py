"""Debian's Chromium: where it is, and how it is started."""

from __future__ import annotations

import shutil

EXECUTABLE = shutil.which("chromium")
# In a container it has no sandbox of its own, and nobody is to be asked for updates.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    # By this name a server on this machine is one that is reached without TLS, as from elsewhere.
    "--host-resolver-rules=MAP elsewhere.test 127.0.0.1",
)
