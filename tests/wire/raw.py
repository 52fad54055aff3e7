"""Exact bytes over a socket: whole requests, and requests that are cut.

The bodies are put together by hand: what PHP does with them is known apart from any encoder.
"""

import socket
from collections.abc import Callable
from http.client import HTTPResponse
from typing import NamedTuple, TypeAlias

Address: TypeAlias = tuple[str, int]

BOUNDARY = b"----wire0123456789abcdef"
CLOSING = b"--" + BOUNDARY + b"--\r\n"
FORM = "multipart/form-data; boundary=" + BOUNDARY.decode()
TIMEOUT = 10.0


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    content_type: str | None
    body: bytes


def part(disposition: bytes, content: bytes, *headers: bytes) -> bytes:
    """One part of a form: its delimiter, its headers and its content, each with its line end."""
    opening = b"Content-Disposition: form-data; " + disposition
    return b"\r\n".join([b"--" + BOUNDARY, opening, *headers, b"", content, b""])


def field(name: str, value: str) -> bytes:
    """A text field."""
    return part(b'name="%b"' % name.encode(), value.encode())


def upload(
    filename: bytes, content: bytes = b"content", *, name: bytes = b"attachments[]"
) -> bytes:
    """A file, with `filename` put between the quotes as it is."""
    disposition = b'name="%b"; filename="%b"' % (name, filename)
    return part(disposition, content, b"Content-Type: text/plain")


def form(*parts: bytes) -> bytes:
    """A whole body with its closing delimiter."""
    return b"".join(parts) + CLOSING


def head(body: bytes | None, *, target: str = "/", content_type: str = FORM) -> bytes:
    """The head of a POST, with the length of the whole body; without a body, for a chunked one."""
    framing = "Transfer-Encoding: chunked" if body is None else f"Content-Length: {len(body)}"
    lines = [
        f"POST {target} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"Content-Type: {content_type}",
        framing,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; the last one, when it is empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def connect(address: Address) -> socket.socket:
    """A connection on which every `sendall` leaves at once."""
    sock = socket.create_connection(address, timeout=TIMEOUT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def receive(sock: socket.socket) -> Reply:
    """Reads the answer to a POST."""
    with HTTPResponse(sock, method="POST") as response:
        response.begin()
        return Reply(response.status, response.getheader("Content-Type"), response.read())


def exchange(address: Address, *pieces: bytes) -> Reply:
    """Sends the pieces and reads the answer."""
    with connect(address) as sock:
        for piece in pieces:
            sock.sendall(piece)
        return receive(sock)


def post(address: Address, body: bytes, *, target: str = "/", content_type: str = FORM) -> Reply:
    """Posts a whole body."""
    return exchange(address, head(body, target=target, content_type=content_type) + body)


def send_cut(address: Address, *pieces: bytes, arrived: Callable[[], None]) -> None:
    """Sends the pieces, each in a segment of its own, and closes without reading an answer.

    Args:
        address: Where to.
        pieces: The bytes up to the cut. Nothing is added, so the promised length is not reached.
        arrived: Returns when the server has handled what it was sent; called after every piece,
            since a server that meets data and the end together may drop the data.
    """
    with connect(address) as sock:
        for piece in pieces:
            sock.sendall(piece)
            arrived()
        sock.shutdown(socket.SHUT_RDWR)
