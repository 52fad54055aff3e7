"""Ways in which answers may come to differ from what is documented."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

__all__ = ["Drift", "Drifting"]

_LIMIT_HEADERS: Final = "X-RateLimit-"
_HTML_STATUSES: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}

# Of each thing the first that it has.
_MISSED: Final = ("subject", "hostname", "name", "label", "referral_code")
_NULLED: Final = ("department", "plan", "country", "fingerprint", "services")

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d).*")


class Drift(StrEnum):
    """A way in which answers differ from what is documented."""

    UNKNOWN_FIELD = "unknown-field"
    """All things, and the messages of tickets, have a field more."""
    MISSING_FIELD = "missing-field"
    """Tickets have no subject, messages no time, other things no name."""
    OTHER_TYPE = "other-type"
    """Ids are strings, what is true or false is 1 or 0."""
    NULL_FIELD = "null-field"
    """The department of a ticket is null, the plan of a server, and more of the kind."""
    UNKNOWN_VALUE = "unknown-value"
    """The status is one that nobody has heard of."""
    OTHER_TIME = "other-time"
    """Times are ``YYYY-MM-DD HH:MM:SS``."""
    NO_ENVELOPE = "no-envelope"
    """A list is a bare array."""
    NO_META = "no-meta"
    """A list has neither ``links`` nor ``meta``."""
    OTHER_LIMIT_HEADERS = "other-limit-headers"
    """What is left of the rate limit is told in ``RateLimit-`` headers, without the ``X-``."""
    NO_LIMIT_HEADERS = "no-limit-headers"
    """What is left of the rate limit is not told. ``Retry-After`` stays."""
    HTML_ERRORS = "html-errors"
    """401 and 404 are HTML pages."""
    NO_DATE = "no-date"
    """There is no ``Date`` header."""


class Drifting:
    """Makes answers differ.

    Args:
        kinds: In which ways.

    Raises:
        ValueError: There is no such way.
    """

    def __init__(self, kinds: Iterable[Drift]) -> None:
        self._kinds = frozenset(Drift(kind) for kind in kinds)

    @web.middleware
    async def alter(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Alter an answer."""
        response = await handler(request)
        if not self._kinds:
            return response
        self._alter_limit_headers(response)
        if isinstance(response, web.Response):
            self._alter_body(response)
        return response

    async def finish(self, _: web.Request, response: web.StreamResponse) -> None:
        """Alter what every answer is given at the last moment."""
        if Drift.NO_DATE in self._kinds:
            del response.headers[hdrs.DATE]

    def _alter_limit_headers(self, response: web.StreamResponse) -> None:
        if not self._kinds & {Drift.OTHER_LIMIT_HEADERS, Drift.NO_LIMIT_HEADERS}:
            return
        for name in [name for name in response.headers if name.startswith(_LIMIT_HEADERS)]:
            value = response.headers.pop(name)
            if Drift.NO_LIMIT_HEADERS not in self._kinds:
                response.headers[name.removeprefix("X-")] = value

    def _alter_body(self, response: web.Response) -> None:
        if response.status < HTTPStatus.MULTIPLE_CHOICES and response.body:
            document = json.loads(response.text or "")
            response.text = json.dumps(self._altered(document))
        elif Drift.HTML_ERRORS in self._kinds and response.status in _HTML_STATUSES:
            title = f"{response.status} | {response.reason}"
            response.text = f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1>\n"
            response.content_type = "text/html"

    def _altered(self, document: dict[str, Any]) -> object:
        is_list = "data" in document
        for thing in document["data"] if is_list else [document]:
            for kind, alter in _ALTERATIONS.items():
                if kind in self._kinds:
                    alter(thing)
        if is_list and Drift.NO_ENVELOPE in self._kinds:
            return document["data"]
        if is_list and Drift.NO_META in self._kinds:
            return {"data": document["data"]}
        return document


def _messages(thing: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = thing.get("messages", [])  # some lists have none
    return messages


def _parts(value: object) -> Iterator[dict[str, Any]]:
    """A thing and all that it consists of."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        yield from _parts(part)


def _add_fields(thing: dict[str, Any]) -> None:
    thing["priority"] = "normal"
    for message in _messages(thing):
        message["read_at"] = None


def _leave_fields_out(thing: dict[str, Any]) -> None:
    thing.pop(next((name for name in _MISSED if name in thing), ""), None)
    for message in _messages(thing):
        del message["created_at"]


def _change_types(thing: dict[str, Any]) -> None:
    for part in _parts(thing):
        for name, value in part.items():
            if isinstance(value, bool):
                part[name] = int(value)
            elif isinstance(value, int) and (name == "id" or name.endswith("_id")):
                part[name] = str(value)


def _null_a_field(thing: dict[str, Any]) -> None:
    for name in [name for name in _NULLED if name in thing][:1]:
        thing[name] = None


def _set_an_unknown_status(thing: dict[str, Any]) -> None:
    if "status" in thing:
        thing["status"] = "awaiting-vendor"


def _write_times_otherwise(thing: dict[str, Any]) -> None:
    for part in _parts(thing):
        for name, value in part.items():
            if isinstance(value, str) and name.endswith(("_at", "_on", "_date")):
                part[name] = _TIME.sub(r"\1 \2", value)


_ALTERATIONS: Final[Mapping[Drift, Callable[[dict[str, Any]], None]]] = {
    Drift.UNKNOWN_FIELD: _add_fields,
    Drift.MISSING_FIELD: _leave_fields_out,
    Drift.OTHER_TYPE: _change_types,
    Drift.NULL_FIELD: _null_a_field,
    Drift.UNKNOWN_VALUE: _set_an_unknown_status,
    Drift.OTHER_TIME: _write_times_otherwise,
}
