"""What ``vpsbg doctor`` asks of the API, and what the answers show.

A question is a call of the client with the type of its answer (see `Probe`). To ask of another
endpoint, make one, have `Checkup.run` ask it, and say in ``_DOCUMENTED`` what its model does not.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Generic, TypeVar, get_args

import attrs

from ...client import VPSBG
from ...core import convert
from ...core.answer import Answer
from ...core.endpoint import is_positive
from ...core.model import Model, json_field
from ...core.pages import Page
from ...core.retry import RetryPolicy
from ...errors import APIError, ResponseError, TransportError
from ...events import Listener
from ...services.tickets import Ticket
from ...services.tickets.search import Sighting
from ...transport import Request, Response, Transport
from ...transport.aiohttp import AiohttpTransport
from .shapes import Documented, Finding, Kind, Shapes, name_shown

__all__ = ["Checkup", "Evidence", "Probe", "Report"]

T = TypeVar("T")

_NO_KEY = "vpsbg-doctor-has-no-key"
_NO_PATH = "/vpsbg-doctor-has-no-path"
_NO_ID = 0
_RATE_LIMIT = "rate limit"
_RETRY_AFTER = "Retry-After"
_LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", _RETRY_AFTER)
_LIKE_LIMIT = re.compile(r"rate-?limit|retry-after|quota|throttl", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


@attrs.frozen(kw_only=True)
class _Links(Model):
    first: str
    last: str
    prev: str
    next: str


@attrs.frozen(kw_only=True)
class _NumberedLink(Model):
    url: str
    label: str
    active: bool


@attrs.frozen(kw_only=True)
class _Meta(Model):
    current_page: int
    begin: int = json_field("from")
    last_page: int
    links: tuple[_NumberedLink, ...]
    path: str
    per_page: int
    to: int
    total: int


@attrs.frozen(kw_only=True)
class _Frame(Model, Generic[T]):
    """A page of a list with all that is documented of one; the client reads less of it."""

    data: tuple[T, ...]
    links: _Links
    meta: _Meta


@attrs.frozen(kw_only=True)
class _Refusal(Model):
    message: str


_SERVICE = {"service_label", "service_type", "service_id"}
_DOCUMENTED = {
    _Links: Documented(nullable={"prev", "next"}),
    _NumberedLink: Documented(nullable={"url"}),
    _Meta: Documented(nullable={"from", "to"}),
    Ticket: Documented(optional={*_SERVICE, "service"}, nullable=_SERVICE),
}


@attrs.frozen(kw_only=True)
class Probe(Generic[T]):
    """A question, and what is documented of its answer.

    Attributes:
        area: What the report calls it.
        ask: Asks it.
        kind: Type of the answer.
        status: Status of the answer; 200 stands for every success.
    """

    area: str
    ask: Callable[[VPSBG], Awaitable[T]]
    kind: Any
    status: int = HTTPStatus.OK

    def accepts(self, answer: Answer) -> bool:
        """Whether an answer has the status that it should have."""
        return answer.succeeded if self.status == HTTPStatus.OK else answer.status == self.status

    def is_about(self, answer: Answer) -> bool:
        """Whether an answer can be looked into: a success for one, a refusal for a refusal."""
        return answer.succeeded == (self.status == HTTPStatus.OK)


def _list(page: int | None = None) -> Probe[Page[Ticket]]:
    return Probe(
        area="GET /support/tickets",
        ask=lambda vps: vps.tickets.list(page=page),
        kind=_Frame[Ticket],
    )


def _get(ticket: int) -> Probe[Ticket]:
    return Probe(
        area="GET /support/tickets/{id}", ask=lambda vps: vps.tickets.get(ticket), kind=Ticket
    )


_WRONG_PATH: Probe[Any] = Probe(
    area="a path that does not exist",
    ask=lambda vps: vps.request("GET", _NO_PATH),
    kind=_Refusal,
    status=HTTPStatus.NOT_FOUND,
)
_WRONG_ID: Probe[Any] = attrs.evolve(
    _WRONG_PATH, area="a ticket that does not exist", ask=_get(_NO_ID).ask
)
_WRONG_KEY: Probe[Any] = Probe(
    area="a key that is not valid", ask=_list().ask, kind=_Refusal, status=HTTPStatus.UNAUTHORIZED
)


@attrs.define(kw_only=True)
class Evidence:
    """What was seen of the things that reconciliation needs.

    Attributes:
        list_status: Status of the list of tickets, None if there was no answer that counts.
        first: Its first page, None if the client cannot read it.
        is_second_asked: Whether a second page was asked for.
        second: The second page, None if the client cannot read it.
        is_ticket_asked: Whether one of the tickets was asked for by itself.
        ticket: That ticket, None if the client cannot read it.
    """

    list_status: int | None = None
    first: Page[Ticket] | None = None
    is_second_asked: bool = False
    second: Page[Ticket] | None = None
    is_ticket_asked: bool = False
    ticket: Ticket | None = None


@attrs.frozen(kw_only=True)
class Report:
    """What the answers have shown.

    Attributes:
        findings: Each thing that was found, but for reconciliation.
        evidence: What was seen of the things that reconciliation needs.
        answers: All answers.
        stopped: Why not all was asked, empty if all was.
    """

    findings: Sequence[Finding]
    evidence: Evidence
    answers: Sequence[Answer]
    stopped: str


class _StoppedError(Exception):
    """To ask on is of no use."""


class Checkup:
    """Asks one question after the other, and takes down what the answers are like.

    Args:
        pause: Seconds between two questions.
        retry: When one is asked again.
        on_event: Called with what happens to the calls.
    """

    def __init__(self, *, pause: float, retry: RetryPolicy | None, on_event: Listener) -> None:
        self._pause = pause
        self._retry = retry
        self._on_event = on_event
        self._answers: list[Answer] = []
        self._shapes: dict[str, Shapes] = {}
        self._evidence = Evidence()

    async def run(self) -> Report:
        """Ask all questions.

        Raises:
            ConfigurationError: The key or the address in the environment cannot work.
        """
        stopped = ""
        async with self._client() as vps, self._client(_NO_KEY) as stranger:
            try:
                await self._ask_for_tickets(vps)
                for wrong, client in ((_WRONG_PATH, vps), (_WRONG_ID, vps), (_WRONG_KEY, stranger)):
                    await self._ask(client, wrong)
            except _StoppedError as error:
                stopped = str(error)
        findings = [found for area in self._shapes for found in self._shapes[area].findings(area)]
        return Report(
            findings=[*findings, *_limit_headers(self._answers)],
            evidence=self._evidence,
            answers=self._answers,
            stopped=stopped,
        )

    def _client(self, api_key: str | None = None) -> VPSBG:
        return VPSBG(
            api_key,
            transport=_Recorder(AiohttpTransport(), self._answers),
            retry=self._retry,
            on_event=self._on_event,
        )

    async def _ask_for_tickets(self, vps: VPSBG) -> None:
        seen = self._evidence
        first = await self._ask(vps, _list())
        status = self._answers[-1].status
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise _StoppedError(f"the key is refused: the list of tickets is answered {status}")
        seen.list_status, seen.first = status, first
        tickets = first.items if first is not None else ()
        if first is not None and tickets and (first.next is not None or first.last is None):
            seen.is_second_asked = True
            seen.second = await self._ask(vps, _list(first.next or 2))
        telling = max(
            (ticket for ticket in tickets if is_positive(ticket.id)), key=_rank, default=None
        )
        if telling is None:
            self._shapes_of(_get(_NO_ID)).expect(Ticket)
        else:
            seen.is_ticket_asked = True
            seen.ticket = await self._ask(vps, _get(telling.id))

    async def _ask(self, vps: VPSBG, probe: Probe[T]) -> T | None:
        """Ask a question; None if the client can make nothing of the answer."""
        if self._answers:
            await asyncio.sleep(self._pause)
        result = None
        try:
            result = await probe.ask(vps)
        except (APIError, ResponseError):
            pass  # the answer is there all the same
        except TransportError as error:
            # Not in the error's own words, which tell the path with its id.
            cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
            text = f"no answer to {probe.area}: {type(error).__name__}{cause}"
            raise _StoppedError(text) from error
        self._examine(probe, self._answers[-1], is_readable=result is not None)
        return result

    def _shapes_of(self, probe: Probe[Any]) -> Shapes:
        return self._shapes.setdefault(probe.area, Shapes(_DOCUMENTED))

    def _examine(self, probe: Probe[Any], answer: Answer, *, is_readable: bool) -> None:
        shapes = self._shapes_of(probe)
        media_type, (content, document) = _media_type(answer), _content(answer)
        kind = Kind.OK
        if not probe.accepts(answer):
            kind = Kind.STATUS
        elif content != "JSON":
            kind = Kind.NOT_JSON
        elif not media_type.endswith("json"):
            kind = Kind.CONTENT_TYPE
        expected = f"{probe.status:d}, application/json, JSON"
        shapes.note("answer", f"{answer.status}, {media_type}, {content}", kind, expected)
        if content != "JSON" or not probe.is_about(answer):
            shapes.expect(probe.kind)
            return
        if answer.succeeded and not is_readable:
            shapes.note("client", "cannot read it", Kind.UNREADABLE)
        shapes.add(document, probe.kind)
        if isinstance(document, list):
            for item in get_args(probe.kind):
                shapes.add_items(document, item)


class _Recorder:
    """A transport that keeps the answers which another one brings."""

    def __init__(self, transport: Transport, answers: list[Answer]) -> None:
        self._transport = transport
        self._answers = answers

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        """See `Transport.send`."""
        body = bytearray()
        async with self._transport.send(request) as response:
            try:
                yield Response(response.status, response.headers, _copied(response, body))
            finally:
                self._answers.append(Answer(response.status, response.headers, bytes(body)))

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._transport.aclose()


async def _copied(response: Response, body: bytearray) -> AsyncIterator[bytes]:
    async for chunk in response.chunks():
        body += chunk
        yield chunk


def _content(answer: Answer) -> tuple[str, Any]:
    """What the body of an answer is, with its JSON."""
    text = answer.body.strip()
    if not text:
        return "empty", None
    try:
        return "JSON", convert.parse(answer)
    except ResponseError:
        return ("HTML" if text.startswith(b"<") else "no JSON"), None


def _media_type(answer: Answer) -> str:
    told = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return told if _MEDIA_TYPE.fullmatch(told) else "no media type"


def _rank(ticket: Ticket) -> tuple[bool, bool]:
    """How much is to be learned from reading a ticket of the list by itself."""
    content = Sighting.of_ticket(ticket).message or ""
    has_files = any(message.attachments for message in ticket.messages or ())
    return content.endswith(("...", "…")), has_files  # the former may be cut in the list only


def _limit_headers(answers: Sequence[Answer]) -> Iterator[Finding]:
    """Which headers tell of the rate limit: those that are assumed, and others."""
    counts = Counter(name.lower() for answer in answers for name in answer.headers)
    names = {name.lower(): name for answer in answers for name in answer.headers}
    is_limited = any(answer.status == HTTPStatus.TOO_MANY_REQUESTS for answer in answers)
    for name in _LIMIT_HEADERS:
        count = counts[name.lower()]
        kind, told = Kind.OK if count else Kind.MISSING, f"in {count} of {len(answers)} answers"
        if not answers:
            kind, told = Kind.CANNOT_BE_TOLD, "there were no answers"
        elif not count and name == _RETRY_AFTER and not is_limited:
            kind, told = Kind.CANNOT_BE_TOLD, "no answer was 429"
        yield Finding(_RATE_LIMIT, name, kind, told)
    known = {name.lower() for name in _LIMIT_HEADERS}
    for name in counts:
        if name not in known and _LIKE_LIMIT.search(name):
            told = f"in {counts[name]} of {len(answers)} answers"
            yield Finding(_RATE_LIMIT, name_shown(names[name]), Kind.UNKNOWN_HEADER, told)
