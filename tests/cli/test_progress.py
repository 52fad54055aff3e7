"""The bar, and the counting under it."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import attrs
import pytest

from vpsbg_async import Body, Headers, Request, Response
from vpsbg_async.cli import main
from vpsbg_async.cli.progress import CountingTransport
from vpsbg_async.sandbox import Sandbox

from .terminal import COMMAND, CREATE, Run, environment, terminal


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(3_000_000))
    return path


def test_a_bar_on_a_terminal(
    sandbox: Sandbox,
    large: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main([*CREATE, "--attach", str(large)]) == 0
    assert "Uploading" in screen.text
    assert "Waiting for the answer" in screen.text
    assert "3.0/3.0 MB" in screen.text
    assert screen.raw.endswith("\x1b[2K")  # and is gone in the end
    assert "large.bin" in capsys.readouterr().out


def test_no_bar_before_there_is_anything_to_send(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main([*CREATE, "--attach", "/nowhere"]) == 2
    assert screen.raw.replace("\r\n", "\n") == (
        "vpsbg: POST /support/tickets: attachments.0: no such file: '/nowhere'\n"
    )


def test_a_bar_for_a_process_at_a_terminal(sandbox: Sandbox, large: Path) -> None:
    with terminal() as screen:
        command = subprocess.Popen(
            [*COMMAND, *CREATE, "--attach", large],
            stdout=subprocess.PIPE,
            stderr=screen.slave,
            env=environment(),
        )
        os.close(screen.slave)
        out, _ = command.communicate(timeout=20)
    assert command.returncode == 0
    assert b"large.bin" in out
    assert b"Upload" not in out
    assert "Waiting for the answer" in screen.text


@pytest.mark.parametrize("colors", ["0", "1"])
def test_no_bar_without_a_terminal(
    process: Run, sandbox: Sandbox, large: Path, monkeypatch: pytest.MonkeyPatch, colors: str
) -> None:
    if colors == "1":
        monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich see terminals
    ran = process(*CREATE, "--attach", large)
    assert (ran.code, ran.err) == (0, "")


@attrs.frozen
class Chunks:
    """A body of three chunks."""

    content_length: int | None
    content_type: str = "text/plain"
    replayable: bool = True

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        yield self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        for chunk in (b"ab", b"c", b"def"):
            yield chunk


class Taking:
    """A transport that takes so many chunks, and answers."""

    def __init__(self, chunks: int) -> None:
        self.taken: list[bytes] = []
        self.body: Body | None = None
        self.closed = False
        self._chunks = chunks

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        return self._send(request)

    @asynccontextmanager
    async def _send(self, request: Request) -> AsyncIterator[Response]:
        self.body = request.body
        if request.body is not None:
            async with request.body.open() as chunks:
                async for chunk in chunks:
                    self.taken.append(chunk)
                    if len(self.taken) == self._chunks:
                        break
        yield Response(200, Headers(), _nothing())

    async def aclose(self) -> None:
        self.closed = True


async def _nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""


@pytest.mark.parametrize(
    ("length", "taken", "complete"),
    [(6, 2, False), (6, 3, True), (6, 9, True), (None, 3, False), (None, 9, True)],
)
async def test_counting(length: int | None, taken: int, complete: bool) -> None:
    inner = Taking(taken)
    transport = CountingTransport(inner)
    seen: list[tuple[int, int | None]] = []
    transport.watch = lambda sent, total: seen.append((sent, total))
    body = Chunks(length)
    async with transport.send(Request(method="POST", url="http://x/", body=body)) as response:
        assert response.status == 200
    assert seen[:4] == [(sent, length) for sent in (0, 2, 3, 6)][: taken + 1]
    assert transport.complete is complete
    assert b"".join(inner.taken) == b"abcdef"[: 3 if taken == 2 else 6]
    assert inner.body is not None
    assert (inner.body.content_type, inner.body.content_length) == ("text/plain", length)
    assert inner.body.replayable
    await transport.aclose()
    assert inner.closed


async def test_counting_begins_anew_with_each_attempt() -> None:
    transport = CountingTransport(Taking(2))
    request = Request(method="POST", url="http://x/", body=Chunks(6))
    seen: list[int] = []
    async with transport.send(request):
        pass
    transport.watch = lambda sent, _: seen.append(sent)
    async with transport.send(request):
        pass
    assert seen[0] == 0


async def test_a_request_without_a_body_is_left_alone() -> None:
    inner = Taking(1)
    transport = CountingTransport(inner)
    async with transport.send(Request(method="GET", url="http://x/")):
        assert inner.body is None
    assert not transport.complete
