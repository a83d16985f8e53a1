"""The OpenAPI document: what routes declare, and the conventions that all of them follow.

A route says what it takes and answers. What holds for all routes is added here: the name of each operation, the errors
that any route of its sort may answer, and what everything is called.
"""

from __future__ import annotations

import inspect
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from copy import copy, deepcopy
from itertools import islice
from typing import Any, TypeVar

import flask_smorest
import marshmallow as ma
from apispec import APISpec, BasePlugin
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask
from flask_smorest import Api

from crane_core.answers import ProblemSchema, list_of
from crane_core.errors import CraneError

log = logging.getLogger(__name__)
View = TypeVar("View", bound=Callable[..., Any])

PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
PREFIX = "/api/v1"
# What a stream answers, by its media type. Of server-sent events the schema is that of each one, as the later versions
# of OpenAPI and those who check answers have it.
_STREAMS: Mapping[str, Mapping[str, Any]] = {
    NDJSON: {"type": "string", "description": "One JSON object a line, and an empty line now and then."},
    "text/event-stream": {
        "type": "object",
        "description": "Server-sent events; the data of each is one JSON object.",
        "properties": {
            "event": {"type": "string", "description": "What kind of event it is."},
            "id": {"type": "string", "description": "Where to go on from, as `Last-Event-ID`."},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    },
}
ETAG = {"ETag": {"description": "The version of what is answered.", "schema": {"type": "string"}}}
LOCATION = {"Location": {"description": "Where what was made is found.", "schema": {"type": "string"}}}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what the caller has already; 304 is answered while that is still true.",
    "schema": {"type": "string"},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what is to be changed; 409 is answered if it was changed meanwhile.",
    "schema": {"type": "string"},
}


class DescribedBlueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A blueprint whose routes appear in the OpenAPI document."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._prepare_doc_cbks += [self._add_request_headers, self._add_stream_item]

    def response_list(self, item: type[ma.Schema], *, description: str) -> Callable[[View], View]:
        """Document a route that answers with :func:`crane_core.http.answer_list`."""
        return self.response_unless_known(list_of(item), description=description)

    def response_unless_known(self, schema: Any, *, description: str) -> Callable[[View], View]:
        """Document a route that answers with :func:`crane_core.http.answer_unless_known`."""

        def decorate(view: View) -> View:
            view = self.response(200, schema, description=description, headers=ETAG)(view)
            view = self.alt_response(304, description="The caller has this version already.", headers=ETAG)(view)
            return self.request_header(IF_NONE_MATCH)(view)

        return decorate

    def response_stream(self, item: type[ma.Schema], *, description: str) -> Callable[[View], View]:
        """Document a route that answers with :func:`crane_core.http.stream_lines`."""

        def decorate(view: View) -> View:
            for media, told in _STREAMS.items():
                schema = {**told, "x-item": {"$ref": f"#/components/schemas/{name_schema(item)}"}}
                view = self.response(200, schema, content_type=media, description=description)(view)
            view._apidoc = {**getattr(view, "_apidoc", {}), "stream_item": item}  # type: ignore[attr-defined]
            return view

        return decorate

    def request_header(self, header: Mapping[str, Any]) -> Callable[[View], View]:
        """Document a header that a route reads."""

        def decorate(view: View) -> View:
            known = dict(getattr(view, "_apidoc", {}))
            known["request_headers"] = [*known.get("request_headers", ()), dict(header)]
            view._apidoc = known  # type: ignore[attr-defined]
            return view

        return decorate

    @staticmethod
    def _add_stream_item(doc: dict[str, Any], doc_info: dict[str, Any], **context: Any) -> dict[str, Any]:
        """Describe what a stream sends, which no other route may answer."""
        item, components = doc_info.get("stream_item"), context["spec"].components
        if item is not None and name_schema(item) not in components.schemas:
            components.schema(name_schema(item), schema=item)
        return doc

    @staticmethod
    def _add_request_headers(doc: dict[str, Any], doc_info: dict[str, Any], **context: Any) -> dict[str, Any]:
        if headers := doc_info.get("request_headers"):
            doc["parameters"] = [*doc.get("parameters", ()), *deepcopy(headers)]
        return doc


def described(says: str) -> Callable[[View], View]:
    """Say what a view does that is made for several kinds; any other says it in its docstring."""

    def decorate(view: View) -> View:
        view.__doc__ = says
        return view

    return decorate


class Undescribed(CraneError):
    """A route of a plugin cannot be described, and so there is no OpenAPI document; the log tells why."""

    code, title = "undescribed-route", "A route cannot be described."


class DocumentedApi(Api):  # type: ignore[misc]
    """The OpenAPI document of one server, written when somebody reads it: it takes longer than the rest of a start."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask, *, logs_in: bool = False) -> None:
        """Begin the document.

        :param logs_in: Whether a plugin authenticates callers, so that routes demand a login.
        """
        description = {
            "info": {"description": "A control panel for Docker Swarm."},
            "security": [{"bearer": []}] if logs_in else [{"bearer": []}, {}],
            "marshmallow_plugin": _Schemas(schema_name_resolver=name_schema),
            "extra_plugins": [_Conventions()],
        }
        # Each with the plugin that it is of.
        self._undescribed: list[tuple[str, flask_smorest.Blueprint]] = []
        self._writing = threading.RLock()
        super().__init__(app, spec_kwargs=description)
        self._spec.components.security_scheme(
            "bearer", {"type": "http", "scheme": "bearer", "description": "A token that a plugin gave out."}
        )

    @property
    def spec(self) -> APISpec:
        """The document, with every route that has been registered.

        :raises Undescribed: when a plugin declares a route that cannot be written down.
        """
        with self._writing:
            while self._undescribed:
                plugin, blueprint = self._undescribed[0]
                for endpoint in blueprint._docs:
                    self._describe(plugin, blueprint, endpoint)
                self._spec.tag({"name": blueprint.name, "description": blueprint.description})
                del self._undescribed[0]
            return self._spec

    @spec.setter
    def spec(self, empty: APISpec) -> None:
        self._spec = empty

    def _describe(self, plugin: str, blueprint: flask_smorest.Blueprint, endpoint: str) -> None:
        """Describe one route of a blueprint, so that it can be named when it cannot be described."""
        alone = copy(blueprint)
        alone._docs = {endpoint: blueprint._docs[endpoint]}
        rule = next(self._app.url_map.iter_rules(f"{blueprint.name}.{endpoint}"))
        schemas = self._spec.components.schemas
        known = len(schemas)
        try:
            alone.register_views_in_doc(self, self._app, self._spec, name=blueprint.name, parameters=None)
            # What cannot be written as JSON would be found only when nobody knows any more whose it is.
            path = self._spec.to_dict()["paths"][self.flask_plugin.flaskpath2openapi(rule.rule)]
            self._app.json.dumps([path, *islice(schemas.values(), known, None)])
        except Exception as error:
            methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
            told = f"The plugin {plugin} declares {methods} {rule.rule} so that it cannot be described."
            log.exception(told)
            raise Undescribed(told, plugin=plugin, path=rule.rule) from error

    def register_blueprint(self, blueprint: flask_smorest.Blueprint, plugin: str) -> None:
        """Register routes of a plugin; they are described when the document is read."""
        self._app.register_blueprint(blueprint)
        self._undescribed.append((plugin, blueprint))

    def _register_error_handlers(self) -> None:
        """Leave errors to :func:`crane_core.http.handle_errors`."""

    def _register_pagination_header(self) -> None:
        """Leave pages to :func:`crane_core.http.answer_list`."""


def name_schema(schema: Any) -> str:
    """Name a schema after class and package, so that two plugins may use one class name."""
    kind = schema if isinstance(schema, type) else type(schema)
    name, owner = kind.__name__.removesuffix("Schema"), kind.__module__.partition(".")[0]
    return name if owner == "crane_core" else f"{owner.removeprefix('crane_')}.{name}"


def name_operation(method: str, path: str) -> str:
    """Name an operation after method and path: ``listServices``, ``showService``, ``scaleService``.

    A word after the name of an object, or below a collection, is what a POST does: ``POST /plans/{id}/apply``. A plural
    there is what it makes one of: ``POST /services/{name}/notes`` is ``createServiceNote``.
    """
    segments = path.removeprefix(PREFIX).strip("/").split("/")
    nouns = [
        _singular(segment) if following.startswith("{") else segment
        for segment, following in zip(segments, [*segments[1:], ""], strict=True)
        if not segment.startswith("{")
    ]
    last = segments[-1]
    if last.startswith("{"):
        verb = _VERBS[method.upper()]
    elif method.upper() == "POST" and (len(segments) == 1 or _singular(last) != last):
        verb, nouns[-1] = "create", _singular(last)
    elif method.upper() == "POST":
        verb = nouns.pop()
    else:
        verb = "list" if _singular(last) != last and method.upper() == "GET" else _VERBS[method.upper()]
    return _camel([verb, *nouns])


_VERBS = {"GET": "show", "POST": "post", "PUT": "put", "PATCH": "update", "DELETE": "remove"}


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


def _camel(words: list[str]) -> str:
    first, *rest = (part for word in words for part in re.split(r"[^A-Za-z0-9]+", word) if part)
    return first + "".join(part[0].upper() + part[1:] for part in rest)


class _Conventions(BasePlugin):
    """What holds for all routes, whoever contributed them."""

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **context: Any
    ) -> None:
        for method, operation in (operations or {}).items():
            operation.setdefault("operationId", name_operation(method, path or ""))
            for status, name in _errors_of(path or "", operation):
                operation["responses"].setdefault(status, name)

    def response_helper(self, response: dict[str, Any], **context: Any) -> dict[str, Any]:
        # The responses that several routes share are errors, which have a media type of their own.
        if "content" in response:
            response["content"] = {PROBLEM: response["content"].pop("application/json")}
        return response


def _errors_of(path: str, operation: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Return the errors that a route of this sort may answer, besides those that it declares itself."""
    if operation.get("security") != []:
        yield 401, "UNAUTHORIZED"
        yield 403, "FORBIDDEN"
    if "{" in path:
        yield 404, "NOT_FOUND"
    if 202 in operation["responses"]:
        yield 409, "CONFLICT"
        yield 503, "SERVICE_UNAVAILABLE"


class _Converter(OpenAPIConverter):
    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        described: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        kind = schema if isinstance(schema, type) else type(schema)
        if text := inspect.cleandoc(kind.__doc__ or ""):
            described.setdefault("description", " ".join(text.partition("\n\n")[0].split()))
        return described


class _Schemas(MarshmallowPlugin):
    Converter = _Converter
