"""``vpsbg demo``, and that it would not hide a difference."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from vpsbg_async import VPSBG, AiohttpTransport, Attachment, Body, Request, Response
from vpsbg_async.cli import main
from vpsbg_async.cli.demo import bulk, files, memory, performance, singly
from vpsbg_async.cli.imports.run import Import
from vpsbg_async.sandbox import (
    Fault,
    Sandbox,
    StoredAttachment,
    StoredMessage,
    StoredTicket,
)

from .terminal import Run, environment, terminal

NAMES = ["access.log", "снимка.png", "core dump.bin", "traffic.csv", "backup.tar", "mtr.txt"]


PROOF = bulk.Proof(
    rows=25,
    once=25,
    surplus=0,
    files=22,
    skipped_again=25,
    requests=80,
    faults={"refuse": 2, "429": 1},
    measures={"sent again": 3},
)


@pytest.fixture(autouse=True)
def _settings_that_must_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPSBG_API_KEY", "not this one")
    monkeypatch.setenv("VPSBG_BASE_URL", "not even an address")


@pytest.fixture
def without_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is only about the files that are sent singly."""

    async def prove(_: Path) -> bulk.Proof:
        return PROOF

    monkeypatch.setattr(performance, "import_shipped", prove)


@pytest.mark.usefixtures("without_import")
def test_all_arrives(run: Run) -> None:
    ran = run("demo", "--large-mib", "1")
    assert (ran.code, ran.err) == (0, "")
    rows = [line.rstrip() for line in ran.out.splitlines()]
    rows = [row for row in rows if row.endswith("same")]
    assert [name for row in rows for name in NAMES if f" {name} " in row] == NAMES
    assert "1,048,576" in rows[4]
    assert "All 6 files arrived as they were sent" in ran.out
    assert "Peak memory: " in ran.out


@pytest.mark.usefixtures("without_import")
def test_as_json(run: Run) -> None:
    ran = run("demo", "--large-mib", "0", "--json")
    assert (ran.code, ran.err) == (0, "")
    result = json.loads(ran.out)
    assert result["same"] is True
    assert result["peak_memory_bytes"] > 1_000_000
    assert [file["name"] for file in result["files"]] == [*NAMES[:4], NAMES[5]]
    assert all(file["same"] and file["sent_as"] == file["name"] for file in result["files"])
    assert result["files"][0]["ticket"] == result["files"][-1]["ticket"]
    assert len({file["ticket"] for file in result["files"]}) == 2
    assert result["files"][0]["size"] >= 300 * 1024


def test_as_a_process(process: Run) -> None:
    ran = process("demo", "--large-mib", "1")
    assert (ran.code, ran.err) == (0, "")
    assert sum(line.rstrip().endswith("same") for line in ran.out.splitlines()) == 6
    assert "25 tickets imported from a CSV file, while " in ran.out
    assert "All 25 exist exactly once, and their 22 files arrived as they were sent." in ran.out
    assert "The same import again skips all 25." in ran.out
    assert "\x1b" not in ran.out


def test_the_import(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main(["demo", "--large-mib", "0", "--json"]) == 0
    assert " of 25 rows" in screen.text  # for who watches
    told = json.loads(capsys.readouterr().out)["import"]
    assert told["holds"] is True
    assert (told["rows"], told["once"], told["surplus"], told["skipped_again"]) == (25, 25, 0, 25)
    # Each kind has gone wrong that takes no long time. Which call it met depends on how fast they
    # were, and so does what was to be done.
    slow = {Fault.LATENCY, Fault.LATE, Fault.STALL_ON_READ, Fault.STALL_ON_WRITE}
    assert set(told["faults"]) == {*Fault} - slow
    assert 16 <= sum(told["faults"].values()) < told["requests"]
    assert len(told["measures"]) == 4
    assert sum(told["measures"].values()) >= 10


def test_an_import_that_is_stopped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stop(*_: object) -> object:
        return SimpleNamespace(stopped="it was asked to stop")

    monkeypatch.setattr(Import, "run", stop)
    ran = run("demo", "--large-mib", "0")
    assert (ran.code, ran.err) == (1, "vpsbg: the import was stopped: it was asked to stop\n")


@pytest.mark.parametrize("wrong", [{"once": 24}, {"surplus": 1}, {"skipped_again": 24}])
def test_a_proof_that_does_not_hold(
    run: Run, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    async def prove(_: Path) -> bulk.Proof:
        return attrs.evolve(PROOF, **wrong)

    monkeypatch.setattr(performance, "import_shipped", prove)
    ran = run("demo", "--large-mib", "0")
    assert ran.code == 1
    assert ran.err == "vpsbg: not every ticket of the file exists once, as it stands there\n"
    assert "exactly once" not in ran.out
    assert "3 of 80 requests went wrong" in ran.out


def test_what_is_the_ticket_of_a_row(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_bytes(b"text")
    row = {
        "subject": "Hello",
        "message": "Good day",
        "department_id": "2",
        "attachments": "log.txt",
        "service_type": "",
        "service_id": "",
    }
    now = datetime.now(UTC)
    file = _stored("log.txt", b"text")
    message = StoredMessage(1, "Good day", True, now, (file,))
    ticket = StoredTicket(7, "Hello", 2, None, None, now, now, (message,))
    assert bulk._is(ticket, row, tmp_path)
    others = [
        attrs.evolve(ticket, subject="Hallo"),
        attrs.evolve(ticket, department_id=3),
        attrs.evolve(ticket, service_id=7),
        attrs.evolve(ticket, messages=(attrs.evolve(message, content="Good night"),)),
        attrs.evolve(ticket, messages=(attrs.evolve(message, attachments=()),)),
        attrs.evolve(
            ticket, messages=(attrs.evolve(message, attachments=(_stored("log.txt", b"t"),)),)
        ),
    ]
    assert not any(bulk._is(other, row, tmp_path) for other in others)


def test_a_large_file_takes_little_memory() -> None:
    # Without the import, which takes its own time and memory.
    code = (
        "import sys\n"
        "from vpsbg_async.cli import main\n"
        "from vpsbg_async.cli.demo import performance\n"
        "from tests.cli.test_demo import PROOF\n"
        "async def prove(_): return PROOF\n"
        "performance.import_shipped = prove\n"
        "sys.exit(main(['demo', '--json', '--large-mib', sys.argv[1]]))"
    )
    peaks = []
    for size in ("0", "64"):
        done = subprocess.run(
            [sys.executable, "-c", code, size],
            capture_output=True,
            env=environment(),
            check=True,
            cwd=Path(__file__).parents[2],
        )
        peaks.append(json.loads(done.stdout)["peak_memory_bytes"])
    assert peaks[1] - peaks[0] < 16 * 1024 * 1024


class Corrupting:
    """A transport on which one byte of every large enough chunk goes wrong."""

    def __init__(self) -> None:
        self._transport = AiohttpTransport()

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        if request.body is not None:
            request = attrs.evolve(request, body=CorruptedBody(request.body))
        return self._transport.send(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


class CorruptedBody:
    def __init__(self, body: Body) -> None:
        self.content_type = body.content_type
        self.content_length = body.content_length
        self.replayable = body.replayable
        self._body = body

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._body.open() as chunks:
            yield self._corrupted(chunks)

    async def _corrupted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            middle = len(chunk) // 2
            flipped = bytes([chunk[middle] ^ 1])
            yield chunk[:middle] + flipped + chunk[middle + 1 :] if middle > 50_000 else chunk


@pytest.mark.usefixtures("without_import")
def test_a_difference_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def client(sandbox: Sandbox) -> VPSBG:
        return VPSBG(sandbox.api_key, base_url=sandbox.url, transport=Corrupting())

    monkeypatch.setattr(performance, "_client", client)
    ran = run("demo", "--large-mib", "1")
    assert ran.code == 1
    lines = [line.rstrip() for line in ran.out.splitlines()]
    rows = {name: line for line in lines for name in NAMES if f" {name} " in line}
    assert rows["backup.tar"].endswith("DIFFERS")
    assert rows["снимка.png"].endswith("same")
    wrong = sum(row.endswith("DIFFERS") for row in rows.values())
    assert ran.err == f"vpsbg: {wrong} of 6 files did not arrive as they were sent\n"
    assert "byte for byte" not in ran.out

    ran = run("demo", "--large-mib", "1", "--json")
    assert ran.code == 1
    result = json.loads(ran.out)
    assert result["same"] is False
    assert [file["same"] for file in result["files"] if file["name"] == "backup.tar"] == [False]
    assert "did not arrive" in json.loads(ran.err)["error"]


def _stored(name: str, data: bytes) -> StoredAttachment:
    return StoredAttachment(
        id=1,
        name=name,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        mime_type="text/plain",
        path=Path("not looked at"),
    )


def test_the_same_is_the_same_name_length_and_content() -> None:
    source = files.memory()
    data = b"".join(source.pieces())
    assert source.is_same(_stored(source.name, data))
    assert not source.is_same(_stored("another name", data))
    assert not source.is_same(_stored(source.name, data[:-1]))
    assert not source.is_same(_stored(source.name, data[:-1] + bytes([data[-1] ^ 1])))


def test_what_grows_must_arrive_as_far_as_it_went() -> None:
    source = files.Source(
        name="log",
        attachment=Attachment.from_bytes(b"", name="log"),
        pieces=lambda: (b"abc", b"def", b"ghi"),
        grew_from=5,
    )
    for data in (b"abcde", b"abcdefg", b"abcdefghi"):
        assert source.is_same(_stored("log", data))
    for data in (b"", b"abcd", b"abcxef", b"abcdefghij"):
        assert not source.is_same(_stored("log", data))


def test_files_that_are_missing_or_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    source = files.memory()
    sent = singly.Sent(ticket=7, subject="Hello", place=0, sources=[source])
    (missing,) = singly.arrivals_of(sent, [])
    assert (missing.sent_as, missing.name, missing.same) == (source.name, None, False)
    stored = [_stored(source.name, b"".join(source.pieces())), _stored("extra", b"")]
    first, extra = singly.arrivals_of(sent, stored)
    assert first.same
    assert (extra.sent_as, extra.name, extra.same) == (None, "extra", False)
    performance._print_arrivals([missing, extra], None)
    out = capsys.readouterr().out
    assert f"(not {source.name})" in out
    assert out.count("DIFFERS") == 2
    assert "Peak memory: not known here" in out


async def test_the_log_grows_all_the_time(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
        async with files.growing_log(tmp_path) as log:
            source = log()
            await vps.tickets.create(
                department_id=2,
                subject="Hello",
                message="Good day",
                attachments=[source.attachment],
            )
        (stored,) = sandbox.tickets[0].messages[0].attachments
    assert source.grew_from is not None
    assert 64 * 1024 < source.grew_from <= stored.size < (tmp_path / "access.log").stat().st_size
    assert source.is_same(stored)


def test_the_picture_is_one(tmp_path: Path) -> None:
    source = files.picture(tmp_path)
    data = b"".join(source.pieces())
    assert source.name == "снимка.png"
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = {}, 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind, content = data[position + 4 : position + 8], data[position + 8 :][:length]
        (checksum,) = struct.unpack_from(">I", data, position + 8 + length)
        assert checksum == zlib.crc32(kind + content)
        chunks[kind] = content
        position += 12 + length
    width, height, depth, color = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert (depth, color) == (8, 2)
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + 3 * width)
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]


def test_peak_memory() -> None:
    peak = memory.peak_memory()
    assert peak is not None
    assert 1_000_000 < peak < 10_000_000_000


def test_peak_memory_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", fail)
    linux = memory.peak_memory()
    monkeypatch.setattr(sys, "platform", "darwin")
    darwin = memory.peak_memory()
    assert linux is not None
    assert darwin is not None
    assert linux == darwin * 1024
    monkeypatch.setattr(sys, "platform", "win32")
    assert memory.peak_memory() is None
