"""Tickets: against the sandbox on real sockets, and against what no good server answers."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from vpsbg_async import (
    VPSBG,
    APIError,
    Attachment,
    AttachmentError,
    AttachmentLike,
    AuthenticationError,
    InvalidInputError,
    Limits,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    ResponseError,
    ResponseReadError,
    ServiceType,
    Ticket,
    TicketDraft,
    TicketStatus,
    Timeouts,
    ValidationError,
    VPSBGError,
)
from vpsbg_async.sandbox import Sandbox, StoredMessage
from vpsbg_async.testing import FakeTransport, RawConnection, RawServer, Received, Reply
from vpsbg_async.testing.raw import Handler

BIG = bytes(range(256)) * 1024  # 256 KiB: more than is read at once, or coalesced
DRAFT: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(directory=tmp_path / "uploads") as sandbox:
        yield sandbox


@pytest.fixture
async def vps(sandbox: Sandbox) -> AsyncIterator[VPSBG]:
    async with VPSBG(sandbox.api_key, retry=None, base_url=sandbox.url) as vps:
        yield vps


def faked(*replies: Reply | Exception) -> tuple[VPSBG, FakeTransport]:
    transport = FakeTransport(*replies)
    return VPSBG("key", retry=None, base_url="https://api.test/v1", transport=transport), transport


def arrived(message: StoredMessage) -> list[tuple[str, int, str]]:
    return [(file.name, file.size, file.sha256) for file in message.attachments]


def sent(*files: tuple[str, bytes]) -> list[tuple[str, int, str]]:
    return [(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files]


class TestCreate:
    async def test_all_that_a_ticket_can_hold(self, vps: VPSBG, sandbox: Sandbox) -> None:
        ticket = await vps.tickets.create(
            department_id=2,
            subject="Сървърът не отговаря",
            message="<p>It stopped.</p>\r\n--boundary\r\n",
            service_type=ServiceType.HOSTING,
            service_id=2747,
        )
        (stored,) = sandbox.tickets
        assert (stored.department_id, stored.subject) == (2, "Сървърът не отговаря")
        assert (stored.service_type, stored.service_id) == ("hosting", 2747)
        assert stored.messages[0].content == "<p>It stopped.</p>\r\n--boundary"  # trimmed there
        assert ticket.id == stored.id
        assert ticket.status is TicketStatus.OPENED
        assert ticket.service_type is ServiceType.SHARED_HOSTING
        assert ticket.service_id == 2747
        assert ticket.messages is not None
        assert ticket.messages[0].id == stored.messages[0].id
        assert ticket.messages[0].is_customer is True
        assert ticket.attachment_mismatches == ()
        assert ticket.created_at is not None
        assert abs(datetime.now(UTC) - ticket.created_at) < timedelta(minutes=1)

    async def test_the_least_that_it_needs(self, vps: VPSBG, sandbox: Sandbox) -> None:
        ticket = await vps.tickets.create(department_id=1, subject="abc", message="abcde")
        (stored,) = sandbox.tickets
        assert (stored.service_type, stored.service_id) == (None, None)
        assert stored.messages[0].attachments == ()
        assert (ticket.service_type, ticket.attachment_mismatches) == (None, ())

    async def test_files_of_every_kind(self, vps: VPSBG, sandbox: Sandbox, tmp_path: Path) -> None:
        small, big = tmp_path / "снимка.png", tmp_path / "big.log"
        small.write_bytes(b"small")
        big.write_bytes(BIG)
        files: list[AttachmentLike] = [
            small,
            str(big),
            Attachment.from_path(small, name='50% of a "name".png'),
            Attachment.from_bytes(b"bytes", name="a.txt"),
            Attachment.from_bytes(bytearray(BIG), name="b.bin"),
            Attachment.from_bytes(b"", name="empty.txt"),
            Attachment.from_stream(lambda: chunks_of(b"str", b"", b"eam"), name="c.txt", size=6),
            Attachment.from_iterator(chunks_of(b"iter", b"ator"), name="d.txt", size=8),
        ]
        ticket = await vps.tickets.create(**DRAFT, attachments=files)
        (stored,) = sandbox.tickets
        assert arrived(stored.messages[0]) == sent(
            ("снимка.png", b"small"),
            ("big.log", BIG),
            ("50% of a _name_.png", b"small"),
            ("a.txt", b"bytes"),
            ("b.bin", BIG),
            ("empty.txt", b""),
            ("c.txt", b"stream"),
            ("d.txt", b"iterator"),
        )
        assert ticket.attachment_mismatches == ()

    async def test_files_of_unknown_length(self, vps: VPSBG, sandbox: Sandbox) -> None:
        files = [
            Attachment.from_stream(lambda: chunks_of(BIG, b"!"), name="a.bin"),
            Attachment.from_iterator(chunks_of(), name="b.txt"),
            Attachment.from_bytes(b"bytes", name="c.txt"),
        ]
        ticket = await vps.tickets.create(**DRAFT, attachments=files)
        expected = sent(("a.bin", BIG + b"!"), ("b.txt", b""), ("c.txt", b"bytes"))
        assert arrived(sandbox.tickets[0].messages[0]) == expected
        assert ticket.attachment_mismatches == ()

    @pytest.mark.parametrize("head", [b"", b"Content-Length: 262144\r\n"])
    async def test_a_download_passed_on(self, vps: VPSBG, sandbox: Sandbox, head: bytes) -> None:
        async def serve(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/x-a\r\n" + head)
            await connection.write(b"Connection: close\r\n\r\n" + BIG)

        async with (
            RawServer(serve) as elsewhere,
            aiohttp.ClientSession() as session,
            session.get(elsewhere.url) as response,
        ):
            file = Attachment.from_response(response, name="photo.jpg")
            ticket = await vps.tickets.create(**DRAFT, attachments=[file])
        message = sandbox.tickets[0].messages[0]
        assert arrived(message) == sent(("photo.jpg", BIG))
        assert message.attachments[0].mime_type == "image/x-a"
        assert ticket.attachment_mismatches == ()

    async def test_many_at_once(self, vps: VPSBG, sandbox: Sandbox) -> None:
        file = Attachment.from_bytes(BIG, name="a.bin")
        tickets = await asyncio.gather(
            *(
                vps.tickets.create(
                    department_id=1,
                    subject=f"Ticket {number}",
                    message="It is down.",
                    attachments=[file] * (number % 3),
                )
                for number in range(12)
            )
        )
        assert len({ticket.id for ticket in tickets}) == 12
        stored = {ticket.subject: ticket for ticket in sandbox.tickets}
        for number, ticket in enumerate(tickets):
            assert ticket.subject == f"Ticket {number}"
            files = stored[f"Ticket {number}"].messages[0]
            assert arrived(files) == sent(*[("a.bin", BIG)] * (number % 3))


class TestReply:
    async def test_with_files(self, vps: VPSBG, sandbox: Sandbox) -> None:
        created = await vps.tickets.create(**DRAFT)
        ticket = await vps.tickets.reply(
            created.id,
            message="Ето още — <b>more</b>",
            attachments=[Attachment.from_bytes(BIG, name="more.log")],
        )
        assert ticket.id == created.id
        assert ticket.messages is not None
        assert [message.content for message in ticket.messages] == [
            "It is down.",
            "Ето още — <b>more</b>",
        ]
        assert ticket.attachment_mismatches == ()
        assert arrived(sandbox.tickets[0].messages[1]) == sent(("more.log", BIG))

    async def test_by_an_id_as_text(self, vps: VPSBG) -> None:
        created = await vps.tickets.create(**DRAFT)
        assert (await vps.tickets.reply(str(created.id), message="Any news?")).id == created.id

    async def test_to_no_ticket(self, vps: VPSBG, sandbox: Sandbox) -> None:
        with pytest.raises(NotFoundError) as caught:
            await vps.tickets.reply(999, message="Any news?")
        error = caught.value
        assert (error.method, error.path) == ("POST", "/support/tickets/999/messages")
        assert error.outcome is Outcome.NOT_PROCESSED
        assert "deduced" not in str(error)
        assert sandbox.tickets == ()


class TestRead:
    async def test_one(self, vps: VPSBG) -> None:
        created = await vps.tickets.create(**DRAFT)
        got = await vps.tickets.get(created.id)
        assert got.subject == "Down"
        assert got.messages == created.messages
        assert got.attachment_mismatches is None

    async def test_none(self, vps: VPSBG) -> None:
        with pytest.raises(NotFoundError, match="deduced") as caught:
            await vps.tickets.get(999)
        assert caught.value.path == "/support/tickets/999"
        assert caught.value.deduced

    async def test_a_list_of_several_pages(self, vps: VPSBG) -> None:
        created = [await vps.tickets.create(**DRAFT) for _ in range(17)]
        newest_first = [ticket.id for ticket in reversed(created)]
        assert [ticket.id async for ticket in vps.tickets.list()] == newest_first
        first, second = await vps.tickets.list(), await vps.tickets.list(page=2)
        assert [ticket.id for ticket in (*first, *second)] == newest_first
        assert (first.number, first.next, first.last, first.total) == (1, 2, 2, 17)
        assert (second.number, second.next) == (2, None)
        assert [ticket.id async for ticket in vps.tickets.list(page=2)] == newest_first[15:]
        assert [len(page) async for page in vps.tickets.list().pages()] == [15, 2]

    async def test_an_empty_list(self, vps: VPSBG) -> None:
        assert [ticket async for ticket in vps.tickets.list()] == []
        page = await vps.tickets.list()
        assert (len(page), page.next, page.total) == (0, None, 0)

    async def test_with_a_read_key(self, vps: VPSBG, sandbox: Sandbox) -> None:
        created = await vps.tickets.create(**DRAFT)
        async with VPSBG(sandbox.read_key, retry=None, base_url=sandbox.url) as reader:
            assert (await reader.tickets.get(created.id)).id == created.id
            assert len(await reader.tickets.list()) == 1


class TestRefusals:
    async def test_a_wrong_key(self, sandbox: Sandbox) -> None:
        async with VPSBG("wrong", base_url=sandbox.url) as vps:
            calls: list[Awaitable[object]] = [
                vps.tickets.create(**DRAFT),
                vps.tickets.reply(1, message="Any news?"),
                vps.tickets.get(1),
                vps.tickets.list(),
                anext(aiter(vps.tickets.list())),
            ]
            for call in calls:
                with pytest.raises(AuthenticationError, match="check the API key") as caught:
                    await call
                assert caught.value.outcome is Outcome.NOT_PROCESSED
        assert sandbox.tickets == ()

    async def test_a_read_key(self, sandbox: Sandbox) -> None:
        file = Attachment.from_bytes(BIG, name="a.bin")
        async with VPSBG(sandbox.read_key, retry=None, base_url=sandbox.url) as vps:
            with pytest.raises(PermissionDeniedError, match="a Read key may only read") as caught:
                await vps.tickets.create(**DRAFT, attachments=[file])
        assert caught.value.outcome is Outcome.NOT_PROCESSED
        assert sandbox.tickets == ()

    async def test_invalid_for_the_server(self, vps: VPSBG, sandbox: Sandbox) -> None:
        with pytest.raises(ValidationError) as caught:
            await vps.tickets.create(
                department_id=2, subject="   ", message="It is down.", service_type="vps"
            )
        error = caught.value
        assert set(error.errors) == {"subject", "service_type"}
        assert "subject: The subject field is required." in str(error)
        assert error.outcome is Outcome.NOT_PROCESSED
        assert error.attachments == {}
        assert sandbox.tickets == ()

    async def test_too_many_calls(self) -> None:
        async with (
            Sandbox(rate_limit=1) as sandbox,
            VPSBG(sandbox.api_key, retry=None, base_url=sandbox.url) as vps,
        ):
            await vps.tickets.create(**DRAFT)
            with pytest.raises(RateLimitedError, match="try again in") as caught:
                await vps.tickets.create(**DRAFT)
            assert caught.value.retry_after is not None
            assert 0 < caught.value.retry_after <= 60
            assert caught.value.headers["X-RateLimit-Remaining"] == "0"
            assert caught.value.outcome is Outcome.NOT_PROCESSED
            assert len(sandbox.tickets) == 1


class TestInput:
    """All problems of a call are told at once, and nothing is sent."""

    async def refused(self, call: Callable[[VPSBG], Any], *, limits: Limits | None = None) -> Any:
        transport = FakeTransport()
        vps = VPSBG("key", retry=None, transport=transport, limits=limits)
        with pytest.raises(InvalidInputError) as caught:
            await call(vps)
        assert transport.calls == []
        assert caught.value.outcome is Outcome.NOT_SENT
        assert caught.value.attempts == 0
        assert caught.value.method == "POST"
        assert str(caught.value).isprintable()
        return caught.value.errors

    async def test_of_a_ticket(self, tmp_path: Path) -> None:
        used = Attachment.from_iterator(chunks_of(b"data"), name="used.txt")
        used_up, _ = faked(Reply(json={"id": 1}))
        await used_up.tickets.create(**DRAFT, attachments=[used])
        files: list[Any] = [
            tmp_path / "missing.txt",
            tmp_path,
            used,
            Attachment.from_bytes(b"data", name=" "),
            5,
            Attachment.from_bytes(b"data", name="good.txt"),
            os.devnull,
            "a\0b",
            None,
        ]
        errors = await self.refused(
            lambda vps: vps.tickets.create(
                department_id=0,
                subject="ab",
                message="abcd",
                attachments=files,
                service_type="",
                service_id=-1,
            )
        )
        assert set(errors) == {
            *("department_id", "subject", "message", "service_type", "service_id"),
            *(f"attachments.{index}" for index in (0, 1, 2, 3, 4, 6, 7, 8)),
        }
        assert all(isinstance(text, str) for texts in errors.values() for text in texts)

    async def test_of_a_reply(self, tmp_path: Path) -> None:
        errors = await self.refused(
            lambda vps: vps.tickets.reply("", message="a", attachments=[tmp_path])
        )
        assert set(errors) == {"id", "message", "attachments.0"}

    @pytest.mark.parametrize(
        ("change", "wrong"),
        [
            ({"department_id": "2"}, "department_id"),
            ({"department_id": True}, "department_id"),
            ({"department_id": None}, "department_id"),
            ({"department_id": 1.0}, "department_id"),
            ({"subject": None}, "subject"),
            ({"subject": b"Down"}, "subject"),
            ({"subject": "a" * 256}, "subject"),
            ({"subject": "Down\ud800"}, "subject"),
            ({"message": 12345}, "message"),
            ({"message": "It is down.\udfff"}, "message"),
            ({"service_type": 1}, "service_type"),
            ({"service_id": 0}, "service_id"),
            ({"service_id": "1"}, "service_id"),
            ({"attachments": "a.txt"}, "attachments"),
            ({"attachments": b"a.txt"}, "attachments"),
            ({"attachments": Path("a.txt")}, "attachments"),
            ({"attachments": None}, "attachments"),
            ({"attachments": {"a.txt"}}, "attachments"),
            ({"attachments": (name for name in ["a.txt"])}, "attachments"),
        ],
        ids=str,
    )
    async def test_of_one_argument(self, change: dict[str, Any], wrong: str) -> None:
        errors = await self.refused(lambda vps: vps.tickets.create(**(DRAFT | change)))
        assert set(errors) == {wrong}

    async def test_of_an_id(self) -> None:
        vps, transport = faked()
        for id_ in ("", "..", ".", None, True, 1.5):
            with pytest.raises(InvalidInputError):
                await vps.tickets.get(cast(int, id_))
            with pytest.raises(InvalidInputError) as caught:
                await vps.tickets.reply(cast(int, id_), message="Any news?")
            assert set(caught.value.errors) == {"id"}
        assert transport.calls == []

    @pytest.mark.parametrize("name", ["department_id", "service_id"])
    @pytest.mark.parametrize("value", [10**5000, -(10**5000)], ids=["huge", "minus huge"])
    async def test_of_an_id_beyond_all_bounds(self, name: str, value: int) -> None:
        vps, transport = faked()
        try:
            await vps.tickets.create(**(DRAFT | {name: value}))
        except InvalidInputError as error:
            assert set(error.errors) == {name}  # noqa: PT017 - it is a ValueError, too
        assert transport.calls == []

    @pytest.mark.parametrize("value", [10**5000, -(10**5000)], ids=["huge", "minus huge"])
    async def test_of_a_page_beyond_all_bounds(self, value: int) -> None:
        vps, transport = faked()
        try:
            await vps.tickets.list(page=value)
        except InvalidInputError as error:
            assert set(error.errors) == {"page"}  # noqa: PT017 - it is a ValueError, too
        assert transport.calls == []

    async def test_at_the_bounds_there_is_none(self) -> None:
        vps, transport = faked(*[Reply(json={"id": 1})] * 4)
        for length in (3, 255):
            await vps.tickets.create(**(DRAFT | {"subject": "я" * length}))
        await vps.tickets.create(**(DRAFT | {"message": "ямяма"}))
        await vps.tickets.create(**DRAFT, attachments=())
        assert len(transport.calls) == 4

    async def test_too_many_or_too_large_files(self) -> None:
        file = Attachment.from_bytes(b"12345", name="a.txt")
        create = functools.partial(create_with, [file] * 3)
        for limits in (
            Limits(max_files=2),
            Limits(max_file_size=4),
            Limits(max_total_size=14),
        ):
            assert set(await self.refused(create, limits=limits)) == {"attachments"}
        assert set(await self.refused(functools.partial(create_with, [file] * 21))) == {
            "attachments"
        }

    async def test_one_iterator_twice_in_a_call(self) -> None:
        file = Attachment.from_iterator(chunks_of(b"data"), name="a.txt")
        errors = await self.refused(functools.partial(create_with, [file, file]))
        assert set(errors) == {"attachments.1"}


async def create_with(files: list[Any], vps: VPSBG) -> Ticket:
    return await vps.tickets.create(**DRAFT, attachments=files)


class TestOnTheWire:
    def names(self, body: bytes) -> list[str]:
        return re.findall(r'form-data; name="([^"]*)"', body.decode("latin-1"))

    async def test_the_department_comes_last(self) -> None:
        vps, transport = faked(Reply(json={"id": 1}))
        files = [Attachment.from_bytes(data, name="a.bin") for data in (b"a", BIG)]
        await vps.tickets.create(**DRAFT, attachments=files, service_type="server", service_id=2747)
        (call,) = transport.calls
        assert self.names(call.body) == [
            *("service_type", "service_id", "message", "subject"),
            *("attachments[]", "attachments[]"),
            "department_id",
        ]
        assert re.search(rb"\r\n\r\n2\r\n--[\w-]+--\r\n$", call.body)
        assert call.request.body is not None
        assert call.request.body.content_length == len(call.body)

    async def test_what_is_not_given_is_not_sent(self) -> None:
        vps, transport = faked(Reply(json={"id": 1}))
        await vps.tickets.create(**DRAFT)
        assert self.names(transport.calls[0].body) == ["message", "subject", "department_id"]

    async def test_the_message_of_a_reply_comes_last(self) -> None:
        vps, transport = faked(Reply(json={"id": 1}))
        files = [Attachment.from_bytes(b"a", name="a.bin")] * 2
        await vps.tickets.reply(7, message="Any news?", attachments=files)
        (call,) = transport.calls
        assert self.names(call.body) == ["attachments[]", "attachments[]", "message"]
        assert re.search(rb"\r\n\r\nAny news\?\r\n--[\w-]+--\r\n$", call.body)
        assert call.request.url == "https://api.test/v1/support/tickets/7/messages"

    async def test_it_is_a_form_with_a_length(self) -> None:
        received: list[Received] = []

        async def serve(connection: RawConnection) -> None:
            received.append(await connection.request())
            await connection.answer(200, b'{"id": 1}')

        async with RawServer(serve) as server, VPSBG("key", retry=None, base_url=server.url) as vps:
            await vps.tickets.create(**DRAFT)
        (request,) = received
        assert (request.method, request.target) == ("POST", "/support/tickets")
        assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert request.headers["Content-Length"] == str(len(request.body))
        assert request.headers["Accept"] == "application/json"
        assert "Expect" not in request.headers

    async def test_the_arguments_are_left_as_they_were(self) -> None:
        vps, _ = faked(Reply(json={"id": 1}))
        files: list[AttachmentLike] = [Attachment.from_bytes(b"a", name="a.bin")]
        before = list(files)
        await vps.tickets.create(**DRAFT, attachments=files)
        assert files == before


class TestRefusedFiles:
    async def test_the_callers_own_attachments_are_told(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(b"data")
        mine = Attachment.from_bytes(b"data", name="b.txt")
        errors = {
            "attachments.0": ["Too large."],
            "attachments.1": ["Too odd."],
            "attachments.7": ["Who?"],
            "attachments": ["Too many."],
            "subject": ["Too short."],
        }
        for call in (
            lambda vps: vps.tickets.create(**DRAFT, attachments=[path, mine]),
            lambda vps: vps.tickets.reply(1, message="Any news?", attachments=[path, mine]),
        ):
            vps, _ = faked(Reply(status=422, json={"message": "No.", "errors": errors}))
            with pytest.raises(ValidationError) as caught:
                await cast(Any, call)(vps)
            error = caught.value
            assert set(error.attachments) == {"attachments.0", "attachments.1"}
            assert error.attachments["attachments.1"] is mine
            first = error.attachments["attachments.0"]
            assert isinstance(first, Attachment)
            assert first.name == "a.txt"
            for text in ("attachments.0 (a.txt): Too large.", "attachments.1 (b.txt)", "subject: "):
                assert text in str(error)


async def say(data: bytes, connection: RawConnection) -> None:
    await connection.request()
    await connection.write(data)


def answer(body: bytes, *, length: int | None = None) -> Handler:
    size = len(body) if length is None else length
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return functools.partial(say, head % size + body)


BROKEN: dict[str, tuple[Handler, type[VPSBGError]]] = {
    "HTML": (answer(b"<html>It works!</html>"), ResponseError),
    "empty": (answer(b""), ResponseError),
    "null": (answer(b"null"), ResponseError),
    "list": (answer(b"[]"), ResponseError),
    "text": (answer(b'"ok"'), ResponseError),
    "no id": (answer(b'{"subject": "Down"}'), ResponseError),
    "wrapped": (answer(b'{"data": {"id": 1}}'), ResponseError),
    "half JSON": (answer(b'{"id": 1, "mess'), ResponseError),
    "odd messages": (answer(b'{"id": 1, "messages": [{"id": null}]}'), ResponseError),
    "cut": (answer(b'{"id": 1', length=900), ResponseReadError),
    "no gzip": (
        functools.partial(
            say,
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n" + b"x" * 9,
        ),
        ResponseReadError,
    ),
}


class TestBrokenAnswers:
    @pytest.mark.parametrize(("handler", "kind"), BROKEN.values(), ids=BROKEN)
    async def test_never_hide_that_it_was_done(
        self, handler: Handler, kind: type[VPSBGError]
    ) -> None:
        async with (
            RawServer(handler) as server,
            VPSBG("key", retry=None, base_url=server.url) as vps,
        ):
            for call in (
                vps.tickets.create(**DRAFT),
                vps.tickets.reply(1, message="Any news?"),
            ):
                with pytest.raises(kind) as caught:
                    await call
                assert type(caught.value) is kind
                assert caught.value.outcome is Outcome.PROCESSED
                assert "do not send it again" in str(caught.value)
            assert len(server.connections) == 2

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_a_redirect_is_no_ticket(self, status: int) -> None:
        reply = Reply(status=status, body=b"<html>", headers={"Location": "/login"})
        vps, transport = faked(reply)
        with pytest.raises(APIError) as caught:
            await vps.tickets.create(**DRAFT)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert len(transport.calls) == 1

    async def test_no_answer_at_all(self) -> None:
        async def drop(connection: RawConnection) -> None:
            await connection.request()

        async with RawServer(drop) as server, VPSBG("key", retry=None, base_url=server.url) as vps:
            files = [Attachment.from_bytes(b"data", name="a.txt")]
            with pytest.raises(OutcomeUnknownError, match="look before") as caught:
                await vps.tickets.create(
                    **DRAFT, attachments=files, service_type="server", service_id=7
                )
            assert caught.value.outcome is Outcome.UNKNOWN
            draft = caught.value.draft
            assert draft == TicketDraft(
                **DRAFT, attachments=files, service_type="server", service_id=7
            )
            assert isinstance(draft, TicketDraft)
            assert draft.attachments is files
            with pytest.raises(OutcomeUnknownError) as caught:
                await vps.tickets.reply(1, message="Any news?", attachments=files)
            assert caught.value.draft is None
            assert len(server.connections) == 2, "it was sent again"

    async def test_nothing_was_reached(self) -> None:
        async with VPSBG("key", retry=None, base_url="http://127.0.0.1:1") as vps:
            with pytest.raises(NotSentError) as caught:
                await vps.tickets.create(**DRAFT)
        assert caught.value.outcome is Outcome.NOT_SENT
        assert (caught.value.method, caught.value.path) == ("POST", "/support/tickets")


async def stall() -> AsyncIterator[bytes]:
    yield b"one"
    await asyncio.Event().wait()


async def fail() -> AsyncIterator[bytes]:
    yield b"one"
    raise LookupError("token=s3cret")


FAILING: dict[str, tuple[Callable[[], Attachment], str]] = {
    "stalls": (lambda: Attachment.from_stream(stall, name="bad.txt"), "gave nothing"),
    "stalls, of known size": (
        lambda: Attachment.from_stream(stall, name="bad.txt", size=6),
        "gave nothing",
    ),
    "fails": (lambda: Attachment.from_stream(fail, name="bad.txt"), "could not be read"),
    "is short": (
        lambda: Attachment.from_stream(lambda: chunks_of(b"one"), name="bad.txt", size=4),
        "ended after 3 of its 4 bytes",
    ),
    "is long": (
        lambda: Attachment.from_stream(lambda: chunks_of(b"one", b"!"), name="bad.txt", size=3),
        "more than its size",
    ),
    "is no stream": (
        lambda: Attachment.from_stream(cast(Any, lambda: b"one"), name="bad.txt"),
        "no async iterable",
    ),
    "is no bytes": (
        lambda: Attachment.from_stream(lambda: chunks_of(cast(Any, "one")), name="bad.txt"),
        "not bytes",
    ),
}


class TestFailingFiles:
    @pytest.mark.parametrize(("make", "text"), FAILING.values(), ids=FAILING)
    async def test_are_named_and_nothing_is_done(
        self, make: Callable[[], Attachment], text: str, sandbox: Sandbox
    ) -> None:
        timeouts = Timeouts(stall=0.1)
        before, after = (
            Attachment.from_stream(lambda: chunks_of(BIG), name=f"{name}.txt")
            for name in ("before", "after")
        )
        async with VPSBG(
            sandbox.api_key, retry=None, base_url=sandbox.url, timeouts=timeouts
        ) as vps:
            ticket = await vps.tickets.create(**DRAFT)
            for create in (True, False):
                bad = make()
                files = [before, bad, after]
                with pytest.raises(AttachmentError, match=text) as caught:
                    await (
                        vps.tickets.create(**DRAFT, attachments=files)
                        if create
                        else vps.tickets.reply(ticket.id, message="News?", attachments=files)
                    )
                error = caught.value
                assert error.attachment is bad
                assert str(error).startswith("POST /support/tickets")
                assert ": bad.txt " in str(error)
                assert "s3cret" not in str(error)
                assert error.outcome is Outcome.NOT_SENT
            (stored,) = sandbox.tickets
            assert len(stored.messages) == 1

    async def test_a_body_that_failed_outside_its_files(self) -> None:
        vps, _ = faked(AttachmentError("is gone"))
        files = [Attachment.from_bytes(b"data", name="a.txt")]
        with pytest.raises(AttachmentError, match="the body is gone") as caught:
            await vps.tickets.create(**DRAFT, attachments=files)
        assert caught.value.attachment is None

    async def test_a_file_that_shrinks(self, tmp_path: Path, sandbox: Sandbox) -> None:
        path = tmp_path / "shrinks.log"
        path.write_bytes(BIG * 16)

        async def shrink() -> AsyncIterator[bytes]:
            os.truncate(path, 10)
            yield b"one"

        files: list[AttachmentLike] = [
            Attachment.from_stream(shrink, name="first.txt", size=3),
            path,
        ]
        async with VPSBG(sandbox.api_key, retry=None, base_url=sandbox.url) as vps:
            with pytest.raises(AttachmentError, match=r"shrinks\.log shrank") as caught:
                await vps.tickets.create(**DRAFT, attachments=files)
        assert isinstance(caught.value.attachment, Attachment)
        assert caught.value.attachment.name == "shrinks.log"
        assert sandbox.tickets == ()
