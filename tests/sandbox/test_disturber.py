"""What each fault looks like to a client, and what has become of its request."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from vpsbg_async.sandbox import Fault, Faults, Incident, Sandbox

from .conftest import FOREVER, Api, Clock, files_in, until
from .forms import END, LARGE, file, text, ticket
from .wire import Wire, connected, head, parsed

pytestmark = pytest.mark.usefixtures("quiet")

PATH = "/v1/support/tickets"
WITH_FILE = ticket(file("mtr.txt"))
LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere a paused socket tells nothing"
)


async def made(api: Api, directory: Path, *, ticket: bool) -> None:
    """The ticket was made with its file, or neither was; and the sandbox goes on."""
    await until(lambda: len(files_in(directory)) == ticket)
    assert [len(kept.messages[0].attachments) for kept in api.sandbox.tickets] == [1] * ticket
    assert (await api.get("/support/tickets")).status == 200


async def test_a_script_in_its_order(api: Api) -> None:
    faults = api.sandbox.faults
    faults.add(Fault.LOCKED, None, Fault.ERROR_502_AFTER)
    assert [(await api.create()).status for _ in range(4)] == [423, 200, 502, 200]
    faults.add(Fault.ERROR_500_BEFORE)
    assert (await api.get("/support/tickets/216")).status == 500
    assert faults.met == (
        Incident(Fault.LOCKED, "POST", PATH),
        Incident(Fault.ERROR_502_AFTER, "POST", PATH),
        Incident(Fault.ERROR_500_BEFORE, "GET", f"{PATH}/216"),
    )
    assert len(api.sandbox.tickets) == 3


async def test_faults_that_are_given() -> None:
    faults = Faults.drawn(seed=1, rate=1, kinds=[Fault.LOCKED], methods={"POST"})
    async with Sandbox(faults=faults) as sandbox, aiohttp.ClientSession() as session:
        assert sandbox.faults is faults
        api = Api(sandbox, session)
        assert [(await api.create()).status for _ in range(3)] == [423] * 3
        assert (await api.get("/support/tickets")).status == 200


class TestLatency:
    async def test_it_is_answered_all_the_same(self, api: Api, sandbox: Sandbox) -> None:
        sandbox.faults.latency = 0.01
        sandbox.faults.add(Fault.LATENCY)
        answer = await api.create()
        assert (answer.status, answer.json["id"]) == (200, sandbox.tickets[0].id)

    async def test_it_is_processed_long_before(self, api: Api, sandbox: Sandbox) -> None:
        sandbox.faults.latency = FOREVER
        sandbox.faults.add(Fault.LATENCY)
        waiting = asyncio.create_task(api.create())
        await until(lambda: sandbox.tickets)
        assert (await api.get("/support/tickets")).status == 200
        assert not waiting.done()
        await sandbox.__aexit__(None, None, None)
        with pytest.raises(aiohttp.ClientConnectionError):
            await waiting


class TestDrops:
    async def test_before_the_body(self, api: Api, wire: Wire, directory: Path) -> None:
        api.sandbox.faults.add(Fault.DROP_BEFORE_BODY)
        wire.writer.write(head(api.sandbox, f"Content-Length: {len(WITH_FILE)}"))
        assert await wire.rest() == b""
        await made(api, directory, ticket=False)

    @pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
    async def test_amid_the_body(self, api: Api, wire: Wire, directory: Path, framing: str) -> None:
        api.sandbox.faults.add(Fault.DROP_MID_BODY)
        wire.writer.write(head(api.sandbox, framing))
        body = WITH_FILE.ljust(500_000)
        await until(lambda: api.sandbox.faults.met)
        wire.writer.write(body if "Length" in framing else b"%x\r\n%b\r\n" % (len(body), body))
        assert await wire.rest() == b""
        await made(api, directory, ticket=False)

    async def test_amid_the_body_not_before_its_half(self, api: Api, wire: Wire) -> None:
        api.sandbox.faults.add(Fault.DROP_MID_BODY)
        wire.writer.write(head(api.sandbox, "Content-Length: 1000000") + bytes(499_999))
        dropped = asyncio.create_task(wire.rest())
        await until(lambda: api.sandbox.faults.met)
        assert (await api.get("/support/tickets")).status == 200
        assert not dropped.done()
        wire.writer.write(b"x")
        assert await dropped == b""

    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE_BODY, Fault.DROP_MID_BODY])
    async def test_whole_requests(self, api: Api, directory: Path, fault: Fault) -> None:
        api.sandbox.faults.add(fault, fault)
        with pytest.raises(aiohttp.ClientConnectionError):
            await api.create(file("a"))
        async with connected(api.sandbox) as wire:
            wire.get()
            assert await wire.rest() == b""
        await made(api, directory, ticket=False)

    async def test_after_processing(self, api: Api, wire: Wire, directory: Path) -> None:
        api.sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        wire.create(WITH_FILE)
        assert await wire.rest() == b""
        await made(api, directory, ticket=True)


class TestBrokenAnswers:
    async def test_half_of_one(self, api: Api, wire: Wire, directory: Path) -> None:
        api.sandbox.faults.add(Fault.HALF_ANSWER)
        wire.create(WITH_FILE)
        answer = parsed(await wire.rest())
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.headers["X-RateLimit-Remaining"] == "999"
        assert answer.headers["Date"] == "Fri, 02 Aug 2024 11:57:57 GMT"
        assert answer.headers["Connection"] is None
        whole = (await api.get("/support/tickets/216")).content
        assert answer.told == len(whole)
        assert answer.body == whole[: len(whole) // 2]
        await made(api, directory, ticket=True)

    async def test_half_of_a_large_one(self, api: Api, wire: Wire) -> None:
        await api.create(message="x" * 20_000_000)
        api.sandbox.faults.add(Fault.HALF_ANSWER)
        wire.get()
        answer = parsed(await wire.rest())
        assert len(answer.body) == answer.told // 2 > 10_000_000

    async def test_half_of_a_refusal(self, api: Api, wire: Wire) -> None:
        api.sandbox.faults.add(Fault.HALF_ANSWER)
        wire.create(END)
        answer = parsed(await wire.rest())
        assert (answer.status, len(answer.body)) == (422, answer.told // 2)

    async def test_half_of_nothing(self, sandbox: Sandbox, wire: Wire) -> None:
        sandbox.faults.add(Fault.HALF_ANSWER)
        wire.get("HEAD")
        answer = parsed(await wire.rest())
        assert (answer.status, answer.body) == (200, b"")

    async def test_half_as_a_client_sees_it(self, api: Api) -> None:
        api.sandbox.faults.add(Fault.HALF_ANSWER)
        with pytest.raises(aiohttp.ClientPayloadError):
            await api.create()

    async def test_cut_json(self, api: Api, wire: Wire, directory: Path) -> None:
        api.sandbox.faults.add(Fault.CUT_JSON)
        wire.create(WITH_FILE)
        answer = await wire.answer()
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.body)
        wire.get()  # over the same connection
        whole = json.dumps(json.loads((await wire.answer()).body)["data"][0]).encode()
        assert answer.body == whole[: len(whole) // 2]
        await made(api, directory, ticket=True)


LARAVEL_500 = b'{"message": "Server Error"}'
LARAVEL_503 = b'{"message": "Service Unavailable"}'
NGINX = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"


class TestErrors:
    @pytest.mark.parametrize("processed", [False, True])
    @pytest.mark.parametrize(
        ("status", "begin"),
        [
            (500, LARAVEL_500),
            (502, NGINX.format("502 Bad Gateway").encode()),
            (503, LARAVEL_503),
            (504, NGINX.format("504 Gateway Time-out").encode()),
        ],
    )
    async def test_as_laravel_and_nginx_send_them(
        self, api: Api, directory: Path, status: int, begin: bytes, processed: bool
    ) -> None:
        api.sandbox.faults.retry_after = 7
        api.sandbox.faults.add(Fault(f"{status}-{'after' if processed else 'before'}"))
        answer = await api.create(file("mtr.txt"))
        assert answer.status == status
        assert answer.content.startswith(begin)
        kind = "text/html" if status in {502, 504} else "application/json; charset=utf-8"
        assert answer.headers["Content-Type"] == kind
        told = "7" if (status, processed) == (503, False) else None
        assert answer.headers.get("Retry-After") == told
        assert "X-RateLimit-Limit" not in answer.headers
        await made(api, directory, ticket=processed)

    @pytest.mark.parametrize(
        "fault", [Fault.ERROR_500_BEFORE, Fault.ERROR_504_BEFORE, Fault.LOCKED]
    )
    async def test_the_body_is_read_first(self, api: Api, wire: Wire, fault: Fault) -> None:
        api.sandbox.faults.add(fault)
        wire.writer.write(head(api.sandbox, "Content-Length: 3000000") + bytes(2_999_999))
        answered = asyncio.create_task(wire.answer())
        await until(lambda: api.sandbox.faults.met)
        assert (await api.get("/support/tickets")).status == 200
        assert not answered.done()
        wire.writer.write(b"x")
        assert (await answered).status in {500, 504, 423}
        wire.create()
        assert (await wire.answer()).status == 200

    async def test_in_place_of_a_refusal(self, api: Api) -> None:
        api.sandbox.faults.add(Fault.ERROR_500_AFTER, Fault.ERROR_504_AFTER)
        assert (await api.create(subject="")).status == 500
        assert (await api.get("/nowhere")).status == 504

    async def test_locked(self, api: Api, directory: Path) -> None:
        api.sandbox.faults.add(Fault.LOCKED)
        answer = await api.create(file("mtr.txt"))
        assert (answer.status, answer.json) == (423, {"message": "Locked"})
        assert "Retry-After" not in answer.headers
        await made(api, directory, ticket=False)


class TestLate:
    async def test_it_comes_late(self, api: Api, sandbox: Sandbox, directory: Path) -> None:
        sandbox.faults.lateness = 0.01
        sandbox.faults.add(Fault.LATE)
        answer = await api.create(file("mtr.txt"))
        assert answer.status == 504
        assert answer.headers["Content-Type"] == "text/html"
        await until(lambda: sandbox.tickets)
        await made(api, directory, ticket=True)

    async def test_its_client_may_be_gone(self, sandbox: Sandbox) -> None:
        sandbox.faults.lateness = 0.01
        sandbox.faults.add(Fault.LATE)
        async with connected(sandbox) as wire:
            wire.create()
            assert (await wire.answer()).status == 504
        await until(lambda: sandbox.tickets)

    async def test_it_does_not_come_before(
        self, api: Api, sandbox: Sandbox, directory: Path
    ) -> None:
        sandbox.faults.lateness = FOREVER
        sandbox.faults.add(Fault.LATE)
        assert (await api.create(file("mtr.txt"))).status == 504
        assert (await api.get("/support/tickets")).json["data"] == []
        assert len(files_in(directory)) == 1
        tasks = asyncio.all_tasks()
        await sandbox.__aexit__(None, None, None)
        assert {task for task in tasks if not task.done()} == {asyncio.current_task()}
        assert sandbox.tickets == ()
        assert not files_in(directory)

    async def test_a_reply_too(self, api: Api, sandbox: Sandbox) -> None:
        await api.create()
        sandbox.faults.lateness = 0.01
        sandbox.faults.add(Fault.LATE)
        body = text("message", "Any news?") + file("more.log") + END
        assert (await api.post("/support/tickets/216/messages", body)).status == 504
        await until(lambda: len(sandbox.tickets[0].messages) == 2)
        (attachment,) = sandbox.tickets[0].messages[1].attachments
        assert attachment.path.read_bytes() == b"data"

    async def test_what_would_be_refused_is_refused_unheard(
        self, api: Api, sandbox: Sandbox, directory: Path
    ) -> None:
        sandbox.faults.lateness = 0.0
        stranger = {"Authorization": "Bearer wrong"}
        sandbox.faults.add(*[Fault.LATE] * 4)
        assert (await api.create(file("a"), subject="")).status == 504
        assert (await api.post("/support/tickets", WITH_FILE, **stranger)).status == 504
        assert (await api.get("/support/tickets/1")).status == 504
        assert (await api.get("/nowhere")).status == 504
        await made(api, directory, ticket=False)

    async def test_a_body_that_is_cut(self, api: Api, sandbox: Sandbox, directory: Path) -> None:
        sandbox.faults.add(Fault.LATE)
        async with connected(sandbox) as wire:
            wire.writer.write(head(sandbox, f"Content-Length: {len(LARGE)}") + LARGE[:-9])
            await until(lambda: files_in(directory))
        await made(api, directory, ticket=False)


class TestRateLimit:
    async def test_until_the_window_ends(self, api: Api, sandbox: Sandbox, clock: Clock) -> None:
        clock.now = 1000.0
        await api.create()
        clock.now = 1017.5
        sandbox.faults.add(Fault.RATE_LIMITED)
        answer = await api.create()
        assert (answer.status, answer.json) == (429, {"message": "Too Many Attempts."})
        assert answer.headers["Retry-After"] == "43"
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        assert answer.headers["X-RateLimit-Reset"] == "1060"
        clock.now = 1059.9
        answer = await api.get("/support/tickets")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        clock.now = 1060.0
        answer = await api.create()
        assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, "999")
        assert len(sandbox.tickets) == 2
        assert len(sandbox.faults.met) == 1

    async def test_with_the_first_request(self, api: Api, sandbox: Sandbox) -> None:
        sandbox.faults.add(Fault.RATE_LIMITED)
        assert (await api.create()).headers["Retry-After"] == "60"

    async def test_other_keys_are_not_affected(self, api: Api, sandbox: Sandbox) -> None:
        reader = {"Authorization": f"Bearer {sandbox.read_key}"}
        sandbox.faults.add(Fault.RATE_LIMITED)
        assert (await api.get("/support/tickets", headers=reader)).status == 429
        assert (await api.get("/support/tickets")).status == 200
        assert (await api.get("/support/tickets", headers=reader)).status == 429

    async def test_a_key_that_nobody_has(self, api: Api, sandbox: Sandbox) -> None:
        stranger = {"Authorization": "Bearer wrong"}
        sandbox.faults.add(Fault.RATE_LIMITED)
        assert (await api.get("/support/tickets", headers=stranger)).status == 401
        assert (await api.get("/support/tickets")).status == 200


class TestStalls:
    async def test_nothing_is_read(self, api: Api, sandbox: Sandbox, wire: Wire) -> None:
        sandbox.faults.add(Fault.STALL_ON_READ)
        wire.writer.write(head(sandbox, f"Content-Length: {64 << 20}"))
        await until(lambda: sandbox.faults.met)
        wire.writer.write(bytes(64 << 20))
        for _ in range(20):
            assert (await api.get("/support/tickets")).status == 200
        assert wire.writer.transport.get_write_buffer_size() > 32 << 20
        async with asyncio.timeout(5):
            await sandbox.__aexit__(None, None, None)
        assert await wire.rest() == b""
        assert sandbox.tickets == ()

    @pytest.mark.parametrize(
        "fault", [pytest.param(Fault.STALL_ON_READ, marks=LINUX), Fault.STALL_ON_WRITE]
    )
    async def test_until_the_client_goes(
        self, api: Api, wire: Wire, directory: Path, fault: Fault
    ) -> None:
        api.sandbox.faults.add(fault)
        wire.create(WITH_FILE)
        dropped = asyncio.create_task(wire.rest())
        processed = fault is Fault.STALL_ON_WRITE
        await until(lambda: api.sandbox.faults.met and len(api.sandbox.tickets) == processed)
        assert (await api.get("/support/tickets")).status == 200
        assert not dropped.done()
        wire.writer.write_eof()
        assert await dropped == b""
        await made(api, directory, ticket=processed)

    @pytest.mark.parametrize("fault", [Fault.STALL_ON_READ, Fault.STALL_ON_WRITE])
    async def test_until_time_has_passed(
        self, api: Api, wire: Wire, directory: Path, fault: Fault
    ) -> None:
        api.sandbox.faults.stall = 0.05
        api.sandbox.faults.add(fault)
        wire.create(WITH_FILE)
        assert await wire.rest() == b""
        await made(api, directory, ticket=fault is Fault.STALL_ON_WRITE)

    @pytest.mark.parametrize("fault", [Fault.STALL_ON_READ, Fault.STALL_ON_WRITE])
    async def test_leaving_meanwhile(self, fault: Fault) -> None:
        async with Sandbox(faults=Faults.scripted(fault)) as sandbox, connected(sandbox) as wire:
            wire.create()
            await until(lambda: sandbox.faults.met)
            async with asyncio.timeout(5):
                await sandbox.__aexit__(None, None, None)
            assert await wire.rest() == b""


async def test_all_of_them_for_many_clients_at_once() -> None:
    """Whatever happens, the sandbox ends well, and those who got an answer got what they asked."""
    faults = Faults.drawn(
        seed=11, rate=0.5, kinds=Fault, latency=0.01, refusal=0.01, stall=0.05, lateness=0.01
    )
    async with Sandbox(faults=faults) as sandbox, aiohttp.ClientSession() as session:
        api = Api(sandbox, session)

        async def create(number: int) -> bool:
            try:
                answer = await api.create(file("a", bytes(50_000)), subject=f"Ticket {number}")
            except (aiohttp.ClientError, json.JSONDecodeError):
                return False
            if answer.status == 200:
                assert answer.json["subject"] == f"Ticket {number}"
            return answer.status == 200

        answered = 0
        for number in range(0, 400, 20):
            answered += sum(await asyncio.gather(*(create(number + more) for more in range(20))))
        assert len(faults.met) > 50
        assert len(sandbox.tickets) >= answered
    assert asyncio.all_tasks() == {asyncio.current_task()}
