from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox
from vpsbg_async.sandbox.files import Folder, Uploads

from .conftest import Api, files_in, until
from .forms import END, MULTIPART, file, part, text, ticket

BEGUN = part('name="attachments[]"; filename="big.bin"', bytes(3_000_000))[:-2]


async def begin_upload(sandbox: Sandbox, framing: str) -> asyncio.StreamWriter:
    host, port = sandbox.url.removeprefix("http://").removesuffix("/v1").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = [
        "POST /v1/support/tickets HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {sandbox.api_key}",
        "Accept: application/json",
        f"Content-Type: {MULTIPART}",
        framing,
        "",
        "",
    ]
    writer.write("\r\n".join(head).encode())
    return writer


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_cut_upload_leaves_nothing(
    sandbox: Sandbox, directory: Path, chunked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 9000000"
    writer = await begin_upload(sandbox, framing)
    fields = ticket()[: -len(END)]
    sent = fields + BEGUN
    writer.write(b"%x\r\n%b\r\n" % (len(sent), sent) if chunked else sent)
    await until(lambda: files_in(directory))
    writer.close()
    await writer.wait_closed()
    await until(lambda: not files_in(directory))
    assert sandbox.tickets == ()
    assert not caplog.records


async def test_a_body_cut_after_its_last_part_makes_no_ticket(
    api: Api, sandbox: Sandbox, directory: Path
) -> None:
    body = ticket(file("a.txt", bytes(3_000_000)))
    writer = await begin_upload(sandbox, f"Content-Length: {len(body) + 1}")
    writer.write(body)
    await until(lambda: files_in(directory))
    writer.close()
    await writer.wait_closed()
    await until(lambda: not files_in(directory))
    assert sandbox.tickets == ()
    assert (await api.create()).status == 200


@pytest.mark.parametrize("own_directory", [False, True])
async def test_leaving_while_an_upload_runs(
    directory: Path, own_directory: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox(directory=directory if own_directory else None) as sandbox:
        folder = directory
        if not own_directory:
            folder = await temporary_directory(sandbox)
        writer = await begin_upload(sandbox, "Content-Length: 9000000")
        writer.write(BEGUN)
        before = 0 if own_directory else 1
        await until(lambda: len(files_in(folder)) > before)
        async with asyncio.timeout(1):
            await sandbox.__aexit__(None, None, None)
    assert not folder.exists() or not files_in(folder)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not caplog.records
    writer.close()
    with suppress(ConnectionError):  # which it is depends on what was left unread
        await writer.wait_closed()


async def temporary_directory(sandbox: Sandbox) -> Path:
    writer = await begin_upload(sandbox, f"Content-Length: {len(ticket(file('a')))}")
    writer.write(ticket(file("a")))
    await until(lambda: sandbox.tickets)
    writer.close()
    await writer.wait_closed()
    return sandbox.tickets[0].messages[0].attachments[0].path.parent


async def test_what_cannot_be_written(api: Api, directory: Path, tmp_path: Path) -> None:
    missing = directory.rename(tmp_path / "missing")  # noqa: ASYNC240 - as instant as can be
    answer = await api.create(file("a"))
    assert answer.status == 500
    missing.rename(directory)
    assert (await api.create(file("a"))).status == 200


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        async with Sandbox(directory=tmp_path / "file"):
            pass


async def test_removing_outlasts_a_cancelled_task(tmp_path: Path) -> None:
    async def upload() -> None:
        async with Uploads(folder) as uploads:
            chunks = iter([b"content"])

            async def read() -> bytes:
                return next(chunks, b"")

            received.append(await uploads.receive(read))
            await asyncio.Event().wait()

    received: list[object] = []
    async with Folder(tmp_path) as folder:
        task = asyncio.create_task(upload())
        await until(lambda: received)
        assert len(files_in(tmp_path)) == 1
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not files_in(tmp_path)


async def test_a_file_that_broke_off_is_gone_when_the_request_is_over(tmp_path: Path) -> None:
    release, is_held = threading.Event(), asyncio.Event()

    async def read() -> bytes:
        await until(lambda: files_in(tmp_path))
        folder.submit(release.wait, 5)  # before whatever else is done on the disk
        is_held.set()
        raise EOFError

    async def upload() -> list[Path]:
        with suppress(EOFError):
            async with Uploads(folder) as uploads:
                await uploads.receive(read)
        return files_in(tmp_path)

    async with Folder(tmp_path) as folder:
        task = asyncio.create_task(upload())
        await is_held.wait()
        release.set()
        assert await task == []


SERVER = """
import asyncio, resource, sys
from vpsbg_async.sandbox import Sandbox

async def main():
    async with Sandbox(api_key="key") as sandbox:
        print(sandbox.url, flush=True)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (ticket,) = sandbox.tickets
        print(after - before, ticket.messages[0].attachments[0].size)

asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts KiB on Linux")
async def test_memory_stays_flat() -> None:
    import aiohttp

    size = 100 << 20
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    url = (await process.stdout.readline()).decode().strip()

    async def body() -> AsyncIterator[bytes]:
        yield text("department_id", "2") + text("subject", "abc") + text("message", "abcde")
        yield part('name="attachments[]"; filename="big"', b"")[:-2]
        for _ in range(size >> 20):
            yield bytes(1 << 20)
        yield b"\r\n" + END

    headers = {"Authorization": "Bearer key", "Content-Type": MULTIPART}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/support/tickets", data=body()) as response,
    ):
        assert response.status == 200
    output, _ = await process.communicate(b"")  # closes it
    grown, received = map(int, output.split())
    assert received == size
    assert grown < 24 << 10  # KiB
