"""Asking the API, and what the answers show."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar, get_args

import attrs

from ...client import VPSBG
from ...core import convert
from ...core.answer import Answer
from ...core.endpoint import is_positive
from ...core.pages import Page
from ...core.retry import RetryPolicy
from ...errors import APIError, ResponseError, TransportError
from ...events import Listener
from ...services.ip_addresses import IPAddress
from ...services.tickets import Ticket
from ...services.tickets.search import Sighting
from ...transport import Request, Response, Transport
from ...transport.aiohttp import AiohttpTransport
from .documented import DOCUMENTED
from .probes import (
    LEFT_OUT,
    READINGS,
    TICKET,
    WRONG_ID,
    WRONG_KEY,
    WRONG_PATH,
    Known,
    Probe,
    tickets,
)
from .shapes import Finding, Kind, Shapes, name_shown

__all__ = ["Checkup", "Evidence", "Report"]

T = TypeVar("T")

_SILENT = 3  # questions in a row without an answer, after which nobody is there any more
_NO_KEY = "vpsbg-doctor-has-no-key"
_RATE_LIMIT = "rate limit"
_RETRY_AFTER = "Retry-After"
_LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", _RETRY_AFTER)
_LIKE_LIMIT = re.compile(r"rate-?limit|retry-after|quota|throttl", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


@attrs.define(kw_only=True)
class Evidence:
    """What was seen of the things that reconciliation needs.

    Attributes:
        list_status: Status of the list of tickets, None if there was no answer that counts.
        first: Its first page, None if the client cannot read it.
        is_second_asked: Whether a second page was asked for, and answered.
        second: The second page, None if the client cannot read it.
        is_ticket_asked: Whether one of the tickets was asked for by itself, and answered.
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
        on_probe: Called with what is about to be asked.
    """

    def __init__(
        self,
        *,
        pause: float,
        retry: RetryPolicy | None,
        on_event: Listener,
        on_probe: Callable[[str], object],
    ) -> None:
        self._pause = pause
        self._retry = retry
        self._on_event = on_event
        self._on_probe = on_probe
        self._known = Known()
        self._answers: list[Answer] = []
        self._shapes: dict[str, Shapes] = {}
        self._evidence = Evidence()
        self._is_reached = False
        self._silent = 0  # questions in a row that got no answer

    async def run(self) -> Report:
        """Ask all questions.

        Raises:
            ConfigurationError: The key or the address in the environment cannot work.
        """
        stopped = ""
        async with self._client() as vps, self._client(_NO_KEY) as stranger:
            try:
                await self._ask_for_tickets(vps)
                for probe in READINGS:
                    await self._ask_for_known(vps, probe)
                for area, why in LEFT_OUT.items():
                    self._shapes_of(area).leave(why)
                for wrong, client in ((WRONG_PATH, vps), (WRONG_ID, vps), (WRONG_KEY, stranger)):
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
        first = await self._ask(vps, tickets())
        status = self._answers[-1].status
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise _StoppedError(f"the key is refused: the list of tickets is answered {status}")
        seen.list_status, seen.first = status, first
        listed = first.items if first is not None else ()
        if first is not None and listed and (first.next is not None or first.last is None):
            seen.second = await self._ask(vps, tickets(first.next or 2))
            seen.is_second_asked = not self._silent
        telling = max(
            (ticket for ticket in listed if is_positive(ticket.id)), key=_rank, default=None
        )
        if telling is None:
            self._shapes_of(TICKET.area).leave(self._known.lacks(TICKET))
        else:
            seen.ticket = await self._ask(vps, TICKET, telling.id)
            seen.is_ticket_asked = not self._silent

    async def _ask_for_known(self, vps: VPSBG, probe: Probe[object]) -> None:
        """Ask a question about things that were met before, if they were."""
        if why := self._known.lacks(probe):
            self._shapes_of(probe.area).leave(why)
        else:
            self._known.note(await self._ask(vps, probe, *self._known.ids(probe)))

    async def _ask(self, vps: VPSBG, probe: Probe[T], *ids: int | str) -> T | None:
        """Ask a question; None if the client can make nothing of the answer, or there is none."""
        self._on_probe(probe.area)
        if self._answers:
            await asyncio.sleep(self._pause)
        result = None
        try:
            result = await probe.ask(vps, *ids)
        except (APIError, ResponseError):
            pass  # the answer is there all the same
        except TransportError as error:
            # Not in the error's own words, which tell the path with its id.
            cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
            why = f"{type(error).__name__}{cause}"
            self._shapes_of(probe.area).note("answer", f"none, {why}", Kind.NO_ANSWER)
            self._silent += 1
            if not self._is_reached or self._silent == _SILENT:
                raise _StoppedError(f"no answer to {probe.area}: {why}") from error
            return None
        self._is_reached, self._silent = True, 0
        self._examine(probe, self._answers[-1], is_readable=result is not None)
        return result

    def _shapes_of(self, area: str) -> Shapes:
        return self._shapes.setdefault(area, Shapes(DOCUMENTED))

    def _examine(self, probe: Probe[Any], answer: Answer, *, is_readable: bool) -> None:
        shapes = self._shapes_of(probe.area)
        media_type, (content, document) = _media_type(answer), _content(answer)
        kind = Kind.OK
        if self._may_be_absent(probe) and answer.status == HTTPStatus.NOT_FOUND:
            kind = Kind.CANNOT_BE_TOLD
        elif not probe.accepts(answer):
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

    def _may_be_absent(self, probe: Probe[Any]) -> bool:
        """Whether a question is about an address that is not protected, as far as is known."""
        return IPAddress in probe.of and not self._known.is_protected


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
