"""What the page on OpenTelemetry says: a span for each attempt, and no secret in any of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.instrumentation.aiohttp_client import (
    AioHttpClientInstrumentor,
    create_trace_config,
)
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from vpsbg_async import (
    VPSBG,
    AiohttpTransport,
    Attachment,
    AttachmentError,
    Headers,
    NotSentError,
    OutcomeUnknownError,
    ResponseReadError,
    ServerError,
    TicketDraft,
    Timeouts,
    ValidationError,
    VPSBGError,
)
from vpsbg_async.events import (
    Answered,
    AttemptStarted,
    BytesSent,
    Event,
    GaveUp,
    Retried,
    Waiting,
)
from vpsbg_async.sandbox import Fault, Sandbox
from vpsbg_async.testing import RawConnection, RawServer
from vpsbg_async.transport.httpx import HttpxTransport

from .calls import (
    AT_ONCE,
    CONTENT,
    KEY,
    MESSAGE,
    NAME,
    SUBJECT,
    TICKET,
    client_of,
    create,
    create_and_lose_patience,
    create_from_a_source_that_fails,
    told_in,
)
from .pages import program_of

PAGE = "howto/opentelemetry.md"
HEADERS = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST"
HIDDEN = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"


class Spans:
    """What was told, to every exporter there is."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.processor = SimpleSpanProcessor(self.exporter)

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    @property
    def attempts(self) -> list[ReadableSpan]:
        return [span for span in self.all if span.kind is SpanKind.CLIENT]

    @property
    def own(self) -> ReadableSpan:
        (span,) = (span for span in self.all if span.kind is SpanKind.INTERNAL)
        return span

    @property
    def statuses(self) -> list[object]:
        """Of the answer to each attempt, None where no answer came."""
        return [dict(span.attributes or {}).get("http.status_code") for span in self.attempts]

    @property
    def told(self) -> list[str]:
        """The secrets that are told anywhere."""
        return told_in("\n".join(span.to_json() for span in self.all))


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def program(spans: Spans) -> Iterator[Any]:
    """What the page sets up, which tells us too."""
    program = program_of(PAGE)
    for provider in (program.provider, program.attempts):
        provider.add_span_processor(spans.processor)
    yield program
    AioHttpClientInstrumentor().uninstrument()
    program.provider.shutdown()


@pytest.fixture
def instrument(spans: Spans) -> Iterator[Callable[..., None]]:
    """aiohttp, with settings other than those of the page."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(spans.processor)

    def instrument(**settings: Any) -> None:
        AioHttpClientInstrumentor().instrument(tracer_provider=provider, **settings)

    yield instrument
    AioHttpClientInstrumentor().uninstrument()


@attrs.frozen(kw_only=True)
class Case:
    """A call that ends so.

    Attributes:
        act: Makes it.
        faults: What goes wrong with its requests.
        statuses: Of the answers to its attempts, None where none comes.
        errors: What it raises.
        text: What its span says of that.
    """

    act: Callable[[VPSBG], Awaitable[None]] = create
    faults: tuple[Fault, ...] = ()
    statuses: list[int | None]
    errors: tuple[type[Exception], ...] = ()
    text: str | None = None


CASES = {
    "success": Case(statuses=[200]),
    "retry": Case(faults=(Fault.ERROR_503_BEFORE,) * 2, statuses=[503, 503, 200]),
    "refusal": Case(
        faults=(Fault.ERROR_500_BEFORE,),
        statuses=[500],
        errors=(ServerError,),
        text="ServerError (unknown)",
    ),
    "drop": Case(
        faults=(Fault.DROP_AFTER_PROCESSING,),
        statuses=[None],
        errors=(OutcomeUnknownError,),
        text="OutcomeUnknownError (unknown)",
    ),
    "half an answer": Case(
        faults=(Fault.HALF_ANSWER,),
        statuses=[200],
        errors=(ResponseReadError,),
        text="ResponseReadError (processed)",
    ),
    "cancellation": Case(
        act=create_and_lose_patience,
        faults=(Fault.STALL_ON_WRITE,),
        statuses=[None],
        errors=(TimeoutError,),
        text="TimeoutError (unknown)",
    ),
    "source": Case(
        act=create_from_a_source_that_fails,
        statuses=[None] * 3,
        errors=(AttachmentError,),
        text="AttachmentError (not_sent)",
    ),
}


class TestAttempts:
    @pytest.mark.parametrize("case", CASES.values(), ids=[*CASES])
    async def test_each_is_a_span(
        self, case: Case, program: Any, spans: Spans, sandbox: Sandbox
    ) -> None:
        """Below that of the caller, and without a word of what was sent."""
        started: list[Event] = []

        def listen(event: Event) -> None:
            program.note(event)
            if isinstance(event, AttemptStarted):
                started.append(event)

        sandbox.faults.add(*case.faults)
        with suppress(*case.errors), program.spanned("raise alarm"):
            async with client_of(sandbox, retry=AT_ONCE, on_event=listen) as vps:
                await case.act(vps)
            assert not case.errors
        assert spans.statuses == case.statuses
        assert [span.status.is_ok for span in spans.attempts] == [
            status == HTTPStatus.OK for status in case.statuses
        ]
        assert all(str(span.status.description).isidentifier() for span in spans.attempts)
        assert len(spans.attempts) == len(started)
        assert {span.parent and span.parent.span_id for span in spans.attempts} == {
            spans.own.context.span_id
        }
        assert all(span.end_time is not None for span in spans.all)
        assert spans.own.status.description == case.text
        assert [event.name for event in spans.own.events] == ["waiting", "retried"] * (
            len(case.statuses) - 1
        )
        assert not any(span.events for span in spans.attempts)
        assert not spans.told

    async def test_a_connection_that_is_refused(self, program: Any, spans: Spans) -> None:
        async with RawServer(answering) as server:
            pass
        with pytest.raises(NotSentError), program.spanned("raise alarm"):
            async with VPSBG(KEY, base_url=server.url, retry=AT_ONCE) as vps:
                await create(vps)
        assert spans.statuses == [None] * 3
        assert not spans.told

    async def test_an_answer_that_is_overdue(
        self, program: Any, spans: Spans, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(Fault.STALL_ON_WRITE)
        with pytest.raises(OutcomeUnknownError), program.spanned("raise alarm"):
            async with client_of(sandbox, timeouts=Timeouts(response=0.1)) as vps:
                await create(vps)
        assert spans.statuses == [None]
        assert not spans.told

    async def test_a_file_that_shrinks(
        self, program: Any, spans: Spans, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        path = tmp_path / NAME
        path.write_bytes(CONTENT * 500_000)

        def shrink(event: Event) -> None:
            if isinstance(event, AttemptStarted):
                path.write_bytes(CONTENT)

        with pytest.raises(AttachmentError, match=NAME), program.spanned("raise alarm"):
            async with client_of(sandbox, on_event=shrink) as vps:
                await vps.tickets.create(**TICKET, attachments=[path])
        assert spans.statuses == [None]
        assert not spans.told

    async def test_an_answer_that_quotes_what_was_sent(self, program: Any, spans: Spans) -> None:
        async def quote(connection: RawConnection) -> None:
            request = await connection.request()
            text = f"{SUBJECT}: {MESSAGE}, by {request.headers['Authorization']}"
            await connection.answer(422, text.encode())

        async with RawServer(quote) as server:
            with pytest.raises(ValidationError, match=SUBJECT), program.spanned("raise alarm"):
                async with VPSBG(KEY, base_url=server.url) as vps:
                    await vps.tickets.create(**TICKET)
        assert spans.statuses == [422]
        assert not spans.told

    async def test_an_answer_that_is_not_http(self, program: Any, spans: Spans) -> None:
        async with RawServer(echoing) as server:
            with pytest.raises(OutcomeUnknownError), program.spanned("raise alarm"):
                async with VPSBG(KEY, base_url=server.url, retry=None) as vps:
                    await vps.tickets.list()
        assert spans.statuses == [None]
        assert not spans.told

    async def test_events_come_in_the_span_of_the_caller(
        self, program: Any, spans: Spans, sandbox: Sandbox
    ) -> None:
        """But for those of the upload."""
        seen: dict[type[Event], set[int]] = {}

        def listen(event: Event) -> None:
            current = trace.get_current_span().get_span_context().span_id
            seen.setdefault(type(event), set()).add(current)

        sandbox.faults.add(Fault.ERROR_503_BEFORE, Fault.DROP_AFTER_PROCESSING)
        with suppress(OutcomeUnknownError), program.spanned("raise alarm"):
            async with client_of(sandbox, retry=AT_ONCE, on_event=listen) as vps:
                await create(vps)
        assert seen.pop(BytesSent) == {span.context.span_id for span in spans.attempts}
        assert seen == {
            kind: {spans.own.context.span_id}
            for kind in (AttemptStarted, Answered, Waiting, Retried, GaveUp)
        }

    async def test_of_a_run_are_below_the_span_in_which_it_was_begun(
        self, program: Any, spans: Spans, sandbox: Sandbox
    ) -> None:
        drafts = (TicketDraft(**TICKET | {"subject": f"{SUBJECT} {n}"}) for n in range(5))
        async with client_of(sandbox, on_event=program.note, retry=AT_ONCE) as vps:
            sandbox.faults.methods = frozenset({"POST"})
            sandbox.faults.add(Fault.ERROR_503_BEFORE)
            with program.spanned("raise alarms"):
                async with vps.tickets.create_many(drafts, concurrency=2) as run:
                    with program.tracer.start_as_current_span("another", kind=SpanKind.SERVER):
                        assert [outcome.status async for outcome in run] == ["created"] * 5
        assert sorted(span.name for span in spans.attempts) == ["GET"] + ["POST"] * 6
        assert {span.parent and span.parent.span_id for span in spans.attempts} == {
            spans.own.context.span_id
        }
        assert [event.name for event in spans.own.events] == ["waiting", "retried"]
        assert not spans.told


class TestSpan:
    async def test_it_tells_method_url_and_status(
        self, program: Any, spans: Spans, sandbox: Sandbox
    ) -> None:
        async with client_of(sandbox) as vps:
            await create(vps)
        (span,) = spans.attempts
        assert dict(span.attributes or {}) == {
            "http.method": "POST",
            "http.url": f"{sandbox.url}/support/tickets",
            "http.status_code": 200,
        }

    async def test_its_upload_is_in_it(self, program: Any, spans: Spans, sandbox: Sandbox) -> None:
        times: list[int] = []

        async def chunks() -> AsyncIterator[bytes]:
            times.append(time.time_ns())
            yield CONTENT
            times.append(time.time_ns())

        async with client_of(sandbox) as vps:
            file = Attachment.from_stream(chunks, name=NAME)
            await vps.tickets.create(**TICKET, attachments=[file])
        (span,) = spans.attempts
        assert [span.start_time, *times, span.end_time] == sorted(
            [span.start_time or 0, *times, span.end_time or 0]
        )

    async def test_reading_the_answer_is_not(self, program: Any, spans: Spans) -> None:
        answered = asyncio.Event()
        ended: list[ReadableSpan] = []

        def listen(event: Event) -> None:
            if isinstance(event, Answered):
                answered.set()

        async def dawdle(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
            await answered.wait()
            ended.extend(spans.attempts)
            await connection.write(b"}")

        async with (
            RawServer(dawdle) as server,
            VPSBG(KEY, base_url=server.url, on_event=listen) as vps,
        ):
            assert await vps.request("GET", "/balance") == {}
        assert len(ended) == 1

    async def test_its_url_has_the_query(
        self, instrument: Callable[..., None], spans: Spans, sandbox: Sandbox
    ) -> None:
        instrument()
        async with client_of(sandbox) as vps:
            await vps.floating_ips.list(search=SUBJECT)
        (span,) = spans.attempts
        assert "search" in str(span.attributes)

    async def test_and_has_not_with_the_filter_of_the_page(
        self, instrument: Callable[..., None], spans: Spans, sandbox: Sandbox
    ) -> None:
        instrument(url_filter=lambda url: str(url.with_query(None)))
        async with client_of(sandbox) as vps:
            await vps.floating_ips.list(search=SUBJECT)
        (span,) = spans.attempts
        assert dict(span.attributes or {})["http.url"] == f"{sandbox.url}/floating-ips"


class TestWhatIsSeen:
    async def test_not_a_client_that_was_used_before(
        self, instrument: Callable[..., None], spans: Spans, sandbox: Sandbox
    ) -> None:
        async with client_of(sandbox) as used, client_of(sandbox) as fresh:
            await used.balance.get()
            instrument()
            await used.balance.get()
            assert not spans.attempts
            await fresh.balance.get()
            assert len(spans.attempts) == 1

    async def test_calls_over_a_session_that_is_lent(
        self, instrument: Callable[..., None], spans: Spans, sandbox: Sandbox
    ) -> None:
        """Whenever that was made."""
        async with aiohttp.ClientSession() as session:
            instrument()
            transport = AiohttpTransport(session=session)
            async with client_of(sandbox, transport=transport) as vps:
                await create(vps)
        assert spans.statuses == [200]

    async def test_not_by_trace_configurations_of_a_session_that_is_lent(
        self, spans: Spans, sandbox: Sandbox
    ) -> None:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(spans.processor)
        configuration = create_trace_config(tracer_provider=provider)
        async with aiohttp.ClientSession(trace_configs=[configuration]) as session:
            transport = AiohttpTransport(session=session)
            async with client_of(sandbox, transport=transport) as vps:
                await vps.balance.get()
            assert not spans.attempts
            async with session.get(sandbox.url):
                assert len(spans.attempts) == 1

    async def test_not_calls_by_httpx(self, program: Any, spans: Spans, sandbox: Sandbox) -> None:
        async with client_of(sandbox, transport=HttpxTransport()) as vps:
            await vps.balance.get()
        assert not spans.attempts


class TestTraceContext:
    async def test_it_is_sent_with_each_attempt(self, program: Any, spans: Spans) -> None:
        token = context.attach(baggage.set_baggage("shop", "Sofia"))
        headers = await headers_of_a_call()
        context.detach(token)
        (span,) = spans.attempts
        trace_id, span_id = span.context.trace_id, span.context.span_id
        assert headers["traceparent"].startswith(f"00-{trace_id:032x}-{span_id:016x}-")
        assert headers["baggage"] == "shop=Sofia"

    async def test_it_is_not_sent_without_propagators(self, program: Any, spans: Spans) -> None:
        before = propagate.get_global_textmap()
        propagate.set_global_textmap(CompositePropagator([]))
        try:
            headers = await headers_of_a_call()
        finally:
            propagate.set_global_textmap(before)
        assert len(spans.attempts) == 1
        assert not {"traceparent", "baggage"} & {name.lower() for name in headers}


class TestWhatThePageWarnsOf:
    """What would be told without its precautions."""

    async def test_events_tell_nothing_of_files_and_their_sources(
        self, instrument: Callable[..., None], spans: Spans, sandbox: Sandbox
    ) -> None:
        instrument()
        with suppress(AttachmentError):
            async with client_of(sandbox, retry=None) as vps:
                await create_from_a_source_that_fails(vps)
        assert spans.statuses == [None]
        assert not spans.told

    async def test_events_tell_what_is_no_http(
        self, instrument: Callable[..., None], spans: Spans
    ) -> None:
        instrument()
        async with RawServer(echoing) as server, VPSBG(KEY, base_url=server.url, retry=None) as vps:
            with suppress(VPSBGError):
                await vps.tickets.list()
        assert spans.told == [KEY]

    async def test_events_are_left_out_by_the_environment_too(
        self, spans: Spans, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "0")
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(spans.processor)
        AioHttpClientInstrumentor().instrument(tracer_provider=provider)
        try:
            with suppress(AttachmentError):
                async with client_of(sandbox, retry=None) as vps:
                    await create_from_a_source_that_fails(vps)
        finally:
            AioHttpClientInstrumentor().uninstrument()
        assert spans.statuses == [None]
        assert not spans.told

    async def test_a_plain_span_tells_our_words(
        self, program: Any, spans: Spans, sandbox: Sandbox
    ) -> None:
        with suppress(AttachmentError), program.tracer.start_as_current_span("plain"):
            async with client_of(sandbox, retry=None) as vps:
                await create_from_a_source_that_fails(vps)
        assert NAME in str(spans.own.status.description)
        assert [event.name for event in spans.own.events] == ["exception"]

    async def test_headers_can_do_without_the_key(
        self,
        instrument: Callable[..., None],
        spans: Spans,
        sandbox: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv(HEADERS, ".*")
        monkeypatch.setenv(HIDDEN, "authorization")
        instrument()
        async with client_of(sandbox) as vps:
            await vps.balance.get()
        (span,) = spans.attempts
        told = dict(span.attributes or {})
        assert told["http.request.header.authorization"] == ("[REDACTED]",)
        assert told["http.request.header.accept"] == ("application/json",)
        assert not spans.told


async def answering(connection: RawConnection) -> None:
    await connection.request()
    await connection.answer(200, b"{}")


async def echoing(connection: RawConnection) -> None:
    """Answer with the headers of the request, one of them spoiled."""
    head = await connection.reader.readuntil(b"\r\n\r\n")
    rest = head[head.index(b"Authorization") :]
    await connection.write(b"HTTP/1.1 200 OK\r\nSpoiled " + rest)


async def headers_of_a_call() -> Headers:
    seen: list[Headers] = []

    async def look(connection: RawConnection) -> None:
        seen.append((await connection.request()).headers)
        await connection.answer(200, b"{}")

    async with RawServer(look) as server, VPSBG(KEY, base_url=server.url) as vps:
        await vps.request("GET", "/balance")
    (headers,) = seen
    return headers
