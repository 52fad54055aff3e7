"""Ways in which answers may come to differ from what is documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

__all__ = ["Drift", "Drifting"]

_LIMIT_HEADERS: Final = "X-RateLimit-"
_HTML_STATUSES: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}
_ID_FIELDS: Final = ("id", "service_id")
_TIME_FIELDS: Final = ("created_at", "updated_at")


class Drift(StrEnum):
    """A way in which answers differ from what is documented."""

    UNKNOWN_FIELD = "unknown-field"
    """Tickets and messages have a field more."""
    MISSING_FIELD = "missing-field"
    """Tickets have no subject, messages no time."""
    OTHER_TYPE = "other-type"
    """Ids are strings, ``is_customer`` is 0 or 1."""
    NULL_FIELD = "null-field"
    """The department is null."""
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
        if response.status == HTTPStatus.OK:
            document = json.loads(response.text or "")
            response.text = json.dumps(self._altered(document))
        elif Drift.HTML_ERRORS in self._kinds and response.status in _HTML_STATUSES:
            title = f"{response.status} | {response.reason}"
            response.text = f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1>\n"
            response.content_type = "text/html"

    def _altered(self, document: dict[str, Any]) -> object:
        is_list = "data" in document
        for ticket in document["data"] if is_list else [document]:
            for kind, alter in _ALTERATIONS.items():
                if kind in self._kinds:
                    alter(ticket)
        if is_list and Drift.NO_ENVELOPE in self._kinds:
            return document["data"]
        if is_list and Drift.NO_META in self._kinds:
            return {"data": document["data"]}
        return document


def _messages(ticket: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = ticket.get("messages", [])  # some lists have none
    return messages


def _parts(ticket: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield ticket
    for message in _messages(ticket):
        yield message
        yield from message["attachments"]


def _add_fields(ticket: dict[str, Any]) -> None:
    ticket["priority"] = "normal"
    for message in _messages(ticket):
        message["read_at"] = None


def _leave_fields_out(ticket: dict[str, Any]) -> None:
    del ticket["subject"]
    for message in _messages(ticket):
        del message["created_at"]


def _change_types(ticket: dict[str, Any]) -> None:
    for part in _parts(ticket):
        for name in _ID_FIELDS:
            if part.get(name) is not None:
                part[name] = str(part[name])
    for message in _messages(ticket):
        message["is_customer"] = int(message["is_customer"])


def _null_the_department(ticket: dict[str, Any]) -> None:
    ticket["department"] = None


def _set_an_unknown_status(ticket: dict[str, Any]) -> None:
    ticket["status"] = "awaiting-vendor"


def _write_times_otherwise(ticket: dict[str, Any]) -> None:
    for part in _parts(ticket):
        for name in _TIME_FIELDS:
            if name in part:
                part[name] = f"{part[name][:10]} {part[name][11:19]}"


_ALTERATIONS: Final[Mapping[Drift, Callable[[dict[str, Any]], None]]] = {
    Drift.UNKNOWN_FIELD: _add_fields,
    Drift.MISSING_FIELD: _leave_fields_out,
    Drift.OTHER_TYPE: _change_types,
    Drift.NULL_FIELD: _null_the_department,
    Drift.UNKNOWN_VALUE: _set_an_unknown_status,
    Drift.OTHER_TIME: _write_times_otherwise,
}
