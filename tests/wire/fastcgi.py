"""Half a request, handed to php-fpm without a web server between.

nginx cuts a body where its buffers end, and php-fpm then forgets the read it was in, so that most
cuts look alike. Here PHP's parser gets exactly the bytes before the cut, wherever that is, as it
may behind other servers. A FastCGI record tells its length first; the client leaves in the middle.
"""

import socket
import struct
from collections.abc import Mapping
from pathlib import Path

BEGIN_REQUEST, PARAMS, STDIN = 1, 4, 5
RESPONDER = 1
LONGEST_RECORD = 65_535
TIMEOUT = 10.0


def run_prefix(path: Path, params: Mapping[str, str], body: bytes, cut: int) -> None:
    """Runs a request of whose body only `body[:cut]` comes, and waits for PHP to end.

    Args:
        path: php-fpm's socket.
        params: The CGI variables.
        body: The whole body; at most 65,535 bytes, one record.
        cut: How much of it is sent.
    """
    if len(body) > LONGEST_RECORD:
        raise ValueError(f"a record holds {LONGEST_RECORD} bytes, not {len(body)}")
    variables = b"".join(_pair(name.encode(), value.encode()) for name, value in params.items())
    opening = [
        _record(BEGIN_REQUEST, struct.pack(">HB5x", RESPONDER, 0)),
        _record(PARAMS, variables),
        _record(PARAMS, b""),
    ]
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(str(path))
        sock.sendall(b"".join(opening) + _record(STDIN, body)[: 8 + cut])
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(LONGEST_RECORD):
            pass


def _record(kind: int, content: bytes) -> bytes:
    version, request_id, padding = 1, 1, 0
    return struct.pack(">BBHHBx", version, kind, request_id, len(content), padding) + content


def _pair(name: bytes, value: bytes) -> bytes:
    return _length(name) + _length(value) + name + value


def _length(data: bytes) -> bytes:
    short = len(data) < 128
    return struct.pack(">B", len(data)) if short else struct.pack(">I", len(data) | 1 << 31)
