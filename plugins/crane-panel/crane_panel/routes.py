"""Sending the files of the panel: one page for every address of it, and what that page loads."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import flask
from flask import Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter
from werkzeug.utils import safe_join

from crane_core.security import public

STATIC = Path(__file__).with_name("static")
# The scripts that stand in the page itself; with a policy they run only if it names what they hash to.
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_REASON = "The program of the panel says nothing of this Swarm; what it shows it asks as whoever opened it."
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_NOT_BUILT = """<!doctype html>
<html lang="en"><title>Crane</title>
<p>The panel has not been built. Run <code>make panel</code> in the clone of Crane, or install a wheel of crane-panel.</p>
<p>The API works without it: <a href="/api/v1/docs">its documentation</a>.</p></html>
"""


class PanelAddress(BaseConverter):
    """An address of the panel: any that neither the API nor the figures for Prometheus may have."""

    regex = r"(?!(?:api|metrics|assets)(?:/|$))[^/].*?"
    part_isolating = False


def make_blueprint(static: Path = STATIC) -> flask.Blueprint:
    """Return the routes of the panel.

    :param static: Where the built files are. They are read again when they have been built anew.
    """
    blueprint = flask.Blueprint("panel", __name__)
    page = _Page(static / "index.html")

    @blueprint.record_once
    def add_converter(state: BlueprintSetupState) -> None:
        state.app.url_map.converters["panel"] = PanelAddress

    # An address that opens a page is not one of a file; the page itself finds out what it means.
    @blueprint.route("/", defaults={"address": ""})
    @blueprint.route("/<panel:address>")
    @public(_REASON)
    def show(address: str) -> Response:
        """Send the page of the panel, whatever its address: the page itself finds out what to show."""
        text, policy = page.read()
        response = Response(text, mimetype="text/html")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = policy
        response.set_etag(hashlib.blake2b(text.encode(), digest_size=12).hexdigest())
        return response.make_conditional(request)

    @blueprint.route("/assets/<path:name>")
    @public(_REASON)
    def send(name: str) -> Response:
        """Send a file of the panel; its name changes whenever its content does."""
        path = safe_join(str(static / "assets"), name)
        if path is None or not Path(path).is_file():
            raise NotFound
        return _send_file(Path(path))

    return blueprint


def _send_file(path: Path) -> Response:
    """Send a file, compressed if there is such a copy beside it and the caller takes it."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    packed = path.with_name(f"{path.name}.gz")
    if packed.is_file() and "gzip" in request.accept_encodings:
        headers["Content-Encoding"] = "gzip"
        content = packed.read_bytes()
    else:
        content = path.read_bytes()
    return Response(content, mimetype=_TYPES.get(path.suffix, "application/octet-stream"), headers=headers)


class _Page:
    """The one page of the panel, and the policy that allows what stands in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[float, str, str] | None = None

    def read(self) -> tuple[str, str]:
        """Return the page and its policy."""
        try:
            changed = self._path.stat().st_mtime
        except FileNotFoundError:
            return _NOT_BUILT, make_policy(_NOT_BUILT)
        if self._known is None or self._known[0] != changed:
            text = self._path.read_text("utf-8")
            self._known = (changed, text, make_policy(text))
        return self._known[1:]


def make_policy(page: str) -> str:
    """Return the content security policy of a page: nothing from other hosts, no script that is not part of it."""
    hashes = (hashlib.sha256(text.encode()).digest() for text in _INLINE.findall(page))
    allowed = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes)
    return (
        f"default-src 'none'; script-src 'self' {allowed}".rstrip() + "; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
