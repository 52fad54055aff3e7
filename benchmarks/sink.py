"""The far end of the measurements: a process that answers at once and throws away what it is sent.

The first part of a path says which files the answer to a create is to tell of, so that it is as the
client expects: ``/3x1024/support/tickets`` for three of 1,024 bytes.

One thread for each connection reads a head, lets the kernel drop the body without copying it where
the kernel can, and writes an answer that was made before. So it takes less of its processor than
any client takes of the other; how much it took is told, so that this can be seen. It pauses before
each answer, far shorter than any server thinks, so that every client has to wait for it: else those
would look cheaper, by a fifth of the floor, to which an answer came before they could fall asleep.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import attrs

from . import answers

__all__ = ["STALLS", "Sink", "sink"]

STALLS = "/stalls"  # the path below which nothing of a body is read

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_PAGE = re.compile(rb"[?&]page=([0-9]+)")
_FILES = re.compile(rb"^/([0-9]+)x([0-9]+)/")
_PIECE = 4 * 1024 * 1024  # bytes
_THINKS = 0.0005  # seconds before an answer
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 GMT\r\nX-RateLimit-Limit: 100000\r\n"
    b"X-RateLimit-Remaining: 99999\r\n\r\n"
)


@attrs.frozen
class Sink:
    """Where the far end is.

    Attributes:
        url: Its address.
        process: Its process.
    """

    url: str
    process: asyncio.subprocess.Process

    async def cpu(self) -> float:
        """Seconds of processor time that it took so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return float(await self.process.stdout.readline())


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Run one."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.sink"),
        cwd=Path(__file__).parent.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Sink(f"http://127.0.0.1:{int(await process.stdout.readline())}", process)
    finally:
        await process.communicate(b"")


def main() -> None:
    """Serve until standard input ends; tell the port, and the processor time when asked."""
    made = _Answers()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=_accept, args=(listener, made), daemon=True).start()
        for _ in sys.stdin:
            print(time.process_time(), flush=True)


def _accept(listener: socket.socket, made: _Answers) -> None:
    with suppress(OSError):  # when it is closed
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(connection, made), daemon=True).start()


def _serve(connection: socket.socket, made: _Answers) -> None:
    """Serve one connection until it ends."""
    room = memoryview(bytearray(_PIECE))
    data = b""
    with suppress(OSError), connection:
        while True:
            while (end := data.find(_END)) < 0:
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            head, data = data[: end + len(_END)], data[end + len(_END) :]
            if STALLS.encode() in head:
                threading.Event().wait()
            length = _LENGTH.search(head)
            left = int(length[1]) if length else 0
            left, data = left - len(data[:left]), data[left:]
            while left:
                left -= _drop(connection, room[: min(left, len(room))])
            time.sleep(_THINKS)
            connection.sendall(made.to(head))


def _drop(connection: socket.socket, room: memoryview) -> int:
    """Take up to so much, and throw it away."""
    if sys.platform == "linux":  # whose kernel need not copy it
        taken = connection.recv_into(room, len(room), socket.MSG_TRUNC)
    else:
        taken = connection.recv_into(room)
    if not taken:
        raise ConnectionResetError
    return taken


class _Answers:
    """The answers, each made once."""

    def __init__(self) -> None:
        self._ticket = _answer(answers.ticket_of_50())
        self._pages: Mapping[int, bytes] = {
            number: _answer(page) for number, page in enumerate(answers.server_pages(), 1)
        }
        self._check = _answer({"data": []})
        self._created: dict[bytes, bytes] = {}

    def to(self, head: bytes) -> bytes:
        """The answer to a request."""
        method, target, _ = head.split(b" ", 2)
        if method == b"POST":
            return self._created.get(target) or self._create(target)
        if target.startswith(b"/servers"):
            page = _PAGE.search(target)
            return self._pages[int(page[1]) if page else 1]
        return self._ticket if target[-1:].isdigit() else self._check

    def _create(self, target: bytes) -> bytes:
        files = _FILES.match(target)
        count, size = map(int, files.groups()) if files else (0, 0)
        self._created[target] = _answer(answers.ticket(count, size))
        return self._created[target]


def _answer(value: object) -> bytes:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return _HEAD % len(body) + body


if __name__ == "__main__":
    main()
