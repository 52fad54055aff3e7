"""One call: endpoint and arguments to a request, its answer to a value or an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

import attrs

from ..errors import (
    InvalidInputError,
    NotSentError,
    OutcomeUnknownError,
    ResponseReadError,
    VPSBGError,
)
from ..transport import Body, Headers, Request, Timeouts, Transport
from . import convert
from .answer import Answer, error_for
from .pages import Envelope, Page, page_of

__all__ = ["Caller", "Endpoint", "JSONBody", "Query", "is_encodable", "is_positive", "located"]

T = TypeVar("T")

_NUMBER_END = 2**63  # no database has this many of anything

Query = Mapping[str, str | int | float | bool]
"""Names and values of a query string, not encoded."""


@attrs.frozen
class Endpoint:
    """One operation of the API.

    Attributes:
        method: HTTP method.
        path: Path below the base URL, with ids in braces.
        evidence: How well it is known: see the README.
    """

    method: str
    path: str
    evidence: Literal["documented", "partial", "observed", "convention"] = "documented"

    def problems_of(self, ids: Mapping[str, int | str]) -> dict[str, tuple[str, ...]]:
        """What is wrong with the ids of a call, by name."""
        return {
            name: ("must be an id, such as 216",)
            for name, value in ids.items()
            if not _is_id(value)
        }

    def path_for(self, ids: Mapping[str, int | str]) -> str:
        """The path of a call.

        Raises:
            InvalidInputError: An id cannot stand in a path.
        """
        if problems := self.problems_of(ids):
            raise InvalidInputError(problems)
        return self.path.format_map(
            {name: quote(str(value), safe="") for name, value in ids.items()}
        )


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return value not in ("", ".", "..") and is_encodable(value)
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NUMBER_END


def is_positive(value: object) -> bool:
    """Whether a value is a whole number that something may be numbered with."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _NUMBER_END


def is_encodable(text: str) -> bool:
    """Whether a text can be sent, which one with half a character (a lone surrogate) cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class JSONBody:
    """A JSON document as the body of a request (see `Body`)."""

    content_type = "application/json"
    replayable = True

    def __init__(self, value: Any) -> None:
        try:
            self._data = json.dumps(value, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError({"json": (f"cannot be sent as JSON: {error}",)}) from error
        self.content_length = len(self._data)

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        return aclosing(self._chunks())

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._data


class Caller:
    """Makes calls: what the service objects stand on.

    Args:
        transport: Carries the requests.
        base_url: URL of the API, without a slash at the end.
        headers: Sent with every request.
        timeouts: Of every request.
    """

    def __init__(
        self, *, transport: Transport, base_url: str, headers: Headers, timeouts: Timeouts
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._headers = headers
        self._timeouts = timeouts

    async def call(
        self,
        endpoint: Endpoint,
        kind: type[T],
        ids: Mapping[str, int | str],
        *,
        body: Body | None = None,
    ) -> T:
        """Call an endpoint that answers with one resource."""
        with located(endpoint.method, endpoint.path, attempts=0):
            path = endpoint.path_for(ids)
        with located(endpoint.method, path):
            answer = await self._fetch(endpoint, path, body=body)
            return convert.structure(convert.parse(answer), kind, answer)

    async def page(self, endpoint: Endpoint, kind: type[T], number: int | None) -> Page[T]:
        """Call an endpoint that answers with one page of a list."""
        path = endpoint.path_for({})
        with located(endpoint.method, path):
            query = "" if number is None else f"?page={number}"
            answer = await self._fetch(endpoint, path + query)
            data = convert.parse(answer)
            data = {"data": data} if isinstance(data, list) else data
            envelope = convert.structure(data, Envelope[kind], answer)  # type: ignore[valid-type]
            return page_of(envelope, number, answer)

    async def raw(self, method: str, path: str, query: Query, body: Body | None) -> Any:
        """Call any path; the answer is raw JSON, None if it has no body."""
        with located(method, path, attempts=0):
            target = path + _query_string(query)
        with located(method, path):
            return convert.parse(await self._fetch(Endpoint(method, path), target, body=body))

    async def _fetch(self, endpoint: Endpoint, target: str, body: Body | None = None) -> Answer:
        """Send one request, once; an answer that is no success raises."""
        request = Request(
            method=endpoint.method,
            url=self._base_url + target,
            headers=self._headers,
            body=body,
            timeouts=self._timeouts,
        )
        deduced = endpoint.evidence == "convention"
        async with self._transport.send(request) as response:
            try:
                answer = Answer(response.status, response.headers, await response.read())
            except ResponseReadError as cut:  # the status still tells what happened
                answer = Answer(response.status, response.headers, cut.body)
                if answer.succeeded:
                    raise
                raise error_for(answer, deduced=deduced) from cut
        if not answer.succeeded:
            raise error_for(answer, deduced=deduced)
        return answer


@contextmanager
def located(method: str, path: str, *, attempts: int = 1) -> Iterator[None]:
    """Have the errors of a block tell which call they belong to; foreign ones become ours."""
    try:
        yield
    except VPSBGError as error:
        error.method, error.path, error.attempts = method, path, attempts
        raise
    except AssertionError:
        raise  # a test's own word
    except (asyncio.CancelledError, Exception) as error:
        # A cancellation stays one, with our verdict as its cause for `outcome_of`: as a context it
        # would give way to an older error that is being handled.
        kind = OutcomeUnknownError if attempts else NotSentError
        verdict = kind(f"broken off by {type(error).__name__}")
        verdict.method, verdict.path, verdict.attempts = method, path, attempts
        if isinstance(error, asyncio.CancelledError):
            raise error from verdict
        raise verdict from error


def _query_string(query: Query) -> str:
    """The query string of a URL, with its question mark.

    Raises:
        InvalidInputError: A value cannot stand in one.
    """
    if not isinstance(query, Mapping):
        raise InvalidInputError({"params": ("must be a mapping of names to values",)})
    plain: dict[str, str | int | float] = {}
    for name, value in query.items():
        is_number = isinstance(value, int | float) and abs(value) < _NUMBER_END
        is_text = isinstance(value, str) and is_encodable(value)
        if not isinstance(name, str) or not is_encodable(name) or not (is_number or is_text):
            raise InvalidInputError({"params": (f"{name!r} cannot be sent",)})
        plain[name] = int(value) if isinstance(value, bool) else value  # as Laravel reads it
    return f"?{urlencode(plain, quote_via=quote, safe=',')}" if plain else ""
