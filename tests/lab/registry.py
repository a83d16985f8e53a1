"""A registry with one small image, for pulls: ``python -m tests.lab.registry PORT``; says ``ready`` once it answers.

An Engine trusts a registry on its own machine without TLS, which is why it runs in the network namespace of a node. It
answers what a pull asks (the distribution API, reading only): the image is called whatever is asked for, but for
``none``, which does not exist.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from http.server import BaseHTTPRequestHandler, HTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def make_image(text: str) -> tuple[bytes, dict[str, bytes]]:
    """Return a manifest, and what it is made of by its digest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("text")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    plain = buffer.getvalue()
    layer = gzip.compress(plain, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/text"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "ADD text"}],
        }
    ).encode()
    described = [
        {"mediaType": kind, "size": len(content), "digest": _digest(content)}
        for kind, content in ((_CONFIG, config), (_LAYER, layer))
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    return json.dumps(manifest).encode(), {_digest(config): config, _digest(layer): layer}


class _Handler(BaseHTTPRequestHandler):
    manifest, blobs = make_image("hello")

    def do_GET(self) -> None:
        """Answer a pull."""
        parts = self.path.strip("/").split("/")
        if parts == ["v2"]:
            self._answer(200, "application/json", b"{}")
        elif "none" in parts:
            missing = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            self._answer(404, "application/json", json.dumps(missing).encode())
        elif parts[-2] == "manifests":
            self._answer(200, MANIFEST, self.manifest)
        else:
            self._answer(200, "application/octet-stream", self.blobs[parts[-1]])

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", _digest(content))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()
