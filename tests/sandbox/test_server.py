from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

import vpsbg_async.sandbox
from vpsbg_async.sandbox import Sandbox

from .conftest import Api, Clock, files_in
from .forms import file


def test_what_is_public() -> None:
    assert vpsbg_async.sandbox.__all__ == [
        "Drift",
        "Fault",
        "Faults",
        "Incident",
        "Listing",
        "Sandbox",
        "StoredAttachment",
        "StoredImage",
        "StoredMessage",
        "StoredTicket",
        "Timing",
    ]


def test_its_keys() -> None:
    one, other = Sandbox(), Sandbox()
    assert one.api_key.startswith("sandbox-write-")
    assert one.read_key.startswith("sandbox-read-")
    assert len({one.api_key, one.read_key, other.api_key, other.read_key}) == 4
    given = Sandbox(api_key="w", read_key="r")
    assert (given.api_key, given.read_key) == ("w", "r")


def test_it_has_no_address_before_it_runs() -> None:
    with pytest.raises(RuntimeError, match="enter the sandbox first"):
        _ = Sandbox().url


async def test_it_listens_on_the_loopback_address_alone() -> None:
    async with Sandbox() as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        assert sandbox.url.endswith("/v1")
        port = int(sandbox.url.removesuffix("/v1").rpartition(":")[2])
        with socket.socket() as other:  # the same port of another address is free
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.2", port))


async def test_a_given_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Sandbox(port=port) as sandbox:
        assert sandbox.url == f"http://127.0.0.1:{port}/v1"
        with pytest.raises(OSError, match="address already in use"):
            await Sandbox(port=port).__aenter__()


async def test_every_answer_has_the_date_of_the_clock(api: Api, clock: Clock) -> None:
    clock.now = 1_722_599_999.999
    answers = [await api.create(), await api.create(subject=""), await api.get("/nowhere")]
    assert {answer.headers["Date"] for answer in answers} == {"Fri, 02 Aug 2024 11:59:59 GMT"}
    clock.now += 86_400
    assert (await api.get("/support/tickets")).headers["Date"] == "Sat, 03 Aug 2024 11:59:59 GMT"


async def test_files_are_removed_when_the_folder_is_its_own() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        await Api(sandbox, session).create(file("a"))
        path = sandbox.tickets[0].messages[0].attachments[0].path
        assert path.read_bytes() == b"data"
    assert not path.parent.exists()
    assert sandbox.tickets[0].subject == "Server misbehaves"


async def test_files_stay_when_the_folder_is_given(tmp_path: Path) -> None:
    async with (
        Sandbox(directory=str(tmp_path / "new" / "folder")) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        await Api(sandbox, session).create(file("a"))
    path = sandbox.tickets[0].messages[0].attachments[0].path
    assert path.parent == tmp_path / "new" / "folder"
    assert path.read_bytes() == b"data"


async def test_leaving_with_open_connections() -> None:
    async with aiohttp.ClientSession() as session:
        async with Sandbox() as sandbox:
            api = Api(sandbox, session)
            await asyncio.gather(*(api.create() for _ in range(10)))
            async with asyncio.timeout(1):
                await sandbox.__aexit__(None, None, None)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(aiohttp.ClientConnectorError):
            await api.get("/support/tickets")


async def test_leaving_while_the_body_of_a_refused_request_comes_in() -> None:
    sending = asyncio.Event()

    async def never_ending() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 16)
            sending.set()

    async with aiohttp.ClientSession() as session:
        async with Sandbox() as sandbox:
            upload = asyncio.create_task(
                Api(sandbox, session).request("POST", "/nowhere", data=never_ending())
            )
            assert (await upload).status == 404
            await sending.wait()
            async with asyncio.timeout(1):
                await sandbox.__aexit__(None, None, None)
        assert asyncio.all_tasks() - {asyncio.current_task()} == set()


async def test_leaving_while_nobody_reads_the_answer() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        api = Api(sandbox, session)
        await api.create(message="x" * 20_000_000)
        address = sandbox.url.removeprefix("http://").removesuffix("/v1").split(":")
        reader, writer = await asyncio.open_connection(address[0], int(address[1]), limit=1 << 16)
        writer.write(
            b"GET /v1/support/tickets HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer %b\r\n\r\n" % sandbox.api_key.encode()
        )
        assert await reader.read(1)
        async with asyncio.timeout(1):
            await sandbox.__aexit__(None, None, None)
        assert len(asyncio.all_tasks()) == 1
        assert len(await asyncio.wait_for(reader.read(), 1)) < 20_000_000  # dropped half-way
        writer.close()
        await writer.wait_closed()


async def test_leaving_with_a_connection_that_never_asked_anything() -> None:
    async with Sandbox() as sandbox:
        _, host, port = sandbox.url.removesuffix("/v1").split(":")
        reader, writer = await asyncio.open_connection(host.strip("/"), int(port))
        async with asyncio.timeout(1):
            await sandbox.__aexit__(None, None, None)
        assert await reader.read() == b""
        assert asyncio.all_tasks() == {asyncio.current_task()}
        writer.close()
        await writer.wait_closed()


async def test_several_at_once_and_again() -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with Sandbox() as one, Sandbox() as other:
                await Api(one, session).create()
                assert len(one.tickets) == 1
                assert other.tickets == ()
                stranger = {"Authorization": f"Bearer {one.api_key}"}
                answer = await Api(other, session).get("/support/tickets", headers=stranger)
                assert answer.status == 401


async def test_it_starts_again_where_it_was() -> None:
    async with aiohttp.ClientSession() as session:
        async with Sandbox() as sandbox:
            await Api(sandbox, session).create()
            url = sandbox.url
        async with sandbox:
            assert sandbox.url == url
            answer = await Api(sandbox, session).create()
    assert answer.json["id"] == 217
    assert len(sandbox.tickets) == 2


async def test_names_do_not_matter_to_where_a_file_lies(tmp_path: Path) -> None:
    async with Sandbox(directory=tmp_path) as sandbox, aiohttp.ClientSession() as session:
        await Api(sandbox, session).create(file("..\\..\\evil"), file("same"), file("same"))
    paths = [attachment.path for attachment in sandbox.tickets[0].messages[0].attachments]
    assert sorted(paths) == files_in(tmp_path)
    assert len(set(paths)) == 3
