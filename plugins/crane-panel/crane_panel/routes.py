"""Sending the files of the panel: one page for every address of it, and what that page loads."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import flask
from flask import request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter
from werkzeug.security import safe_join
from werkzeug.wrappers import Response

from crane_core.security import public

STATIC = Path(__file__).with_name("static")
# The scripts that stand in the page itself; with a policy they run only if it names what they hash to.
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_REASON = "The program of the panel says nothing of this Swarm; what it shows it asks as whoever opened it."
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_NOT_BUILT = """<!doctype html>
<html lang="en"><title>Crane</title>
<p>The panel has not been built. Run <code>make panel</code> in the clone of Crane, or install a wheel of
crane-panel.</p>
<p>The API works without it: <a href="/api/v1/docs">its documentation</a>.</p></html>
"""


class PanelAddress(BaseConverter):
    """An address of the panel: any that neither the API nor the figures for Prometheus may have.

    Nothing at the root that looks like a file (``/favicon.ico``, ``/.env``) is one: who asks for such a thing is not
    helped by a page.
    """

    regex = r"(?!(?:api|metrics|assets)(?:/|$))[^/.]+(?:/.*)?"
    part_isolating = False


def make_blueprint(static: Path = STATIC) -> flask.Blueprint:
    """Return the routes of the panel.

    :param static: Where the built files are. The page is read again when it has been built anew.
    """
    blueprint = flask.Blueprint("panel", __name__)
    page, assets = _Page(static / "index.html"), _Assets(static / "assets")

    @blueprint.record_once
    def add_converter(state: BlueprintSetupState) -> None:
        state.app.url_map.converters["panel"] = PanelAddress

    @blueprint.route("/", defaults={"address": ""})
    @blueprint.route("/<panel:address>")
    @public(_REASON)
    def show(address: str) -> Response:
        """Send the page of the panel, whatever its address: the page itself finds out what to show."""
        built = page.read()
        headers = {"Content-Security-Policy": built.policy, "Cache-Control": "no-cache"}
        response = Response(built.content, built.status, headers, mimetype="text/html")
        response.set_etag(built.version)
        return response.make_conditional(request)

    @blueprint.route("/assets/<path:name>")
    @public(_REASON)
    def send(name: str) -> Response:
        """Send a file of the panel; its name changes whenever its content does."""
        asset = assets.find(name)
        if asset is None:
            raise NotFound
        packed = asset.packed if request.accept_encodings["gzip"] > 0 else None
        response = Response(asset.content if packed is None else packed, mimetype=asset.mimetype)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if asset.packed is not None:
            response.headers["Vary"] = "Accept-Encoding"
        if packed is not None:
            response.headers["Content-Encoding"] = "gzip"
        response.set_etag(asset.version if packed is None else f"{asset.version}-gzip")
        return response.make_conditional(request)

    return blueprint


def make_policy(page: str) -> str:
    """Return the content security policy of a page: nothing from other hosts, no script that is not part of it.

    Programs in terminals choose the colour of each letter, which are styles of single elements; sheets of styles must
    be part of the page.
    """
    hashes = (hashlib.sha256(text.encode()).digest() for text in _INLINE.findall(page))
    scripts = ["'self'", *(f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes)]
    return (
        f"default-src 'none'; script-src {' '.join(scripts)}; style-src 'self'; "
        "style-src-attr 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def _version(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


@dataclass(frozen=True)
class _Built:
    """The page as it is sent."""

    content: bytes
    policy: str
    version: str
    status: int = 200

    @classmethod
    def of(cls, content: bytes, status: int = 200) -> _Built:
        return cls(content, make_policy(content.decode()), _version(content), status)


class _Page:
    """The one page of the panel, read again only when it has changed."""

    _missing = _Built.of(_NOT_BUILT.encode(), 503)

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[tuple[int, int], _Built] | None = None

    def read(self) -> _Built:
        """Return the page, or one that says that there is none."""
        try:
            found = self._path.stat()
            mark = (found.st_mtime_ns, found.st_size)
            if self._known is None or self._known[0] != mark:
                self._known = mark, _Built.of(self._path.read_bytes())
        except FileNotFoundError:
            return self._missing
        return self._known[1]


@dataclass(frozen=True)
class _Asset:
    """A file that the page loads, and its compressed copy if there is one."""

    content: bytes
    packed: bytes | None
    mimetype: str
    version: str


class _Assets:
    """What the page loads, read once: a name that says what it holds never holds anything else.

    A tab that was opened before the panel was built anew finds the files of its own build here, too, if it or another
    asked for them before.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, _Asset] = {}

    def find(self, name: str) -> _Asset | None:
        """Return a file by its name; None if there is none of this name and a kind that the page loads."""
        # A file has one path, whatever it is called on the way (./a.js, x/../a.js), so that it is kept once.
        path = safe_join(str(self._directory), name)
        if path is None:
            return None
        if (known := self._known.get(path)) is not None:
            return known
        mimetype = _TYPES.get(Path(path).suffix)
        if mimetype is None or not Path(path).is_file():
            return None
        content, packed = Path(path).read_bytes(), Path(f"{path}.gz")
        asset = _Asset(content, packed.read_bytes() if packed.is_file() else None, mimetype, _version(content))
        return self._known.setdefault(path, asset)
