"""Servers for the command to talk to, each in a thread: the command has the loop of the test's."""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from vpsbg_async.sandbox import Fault, Faults, Sandbox


def watching(**settings: Any) -> Faults:
    """Faults that do nothing but to take down every request, as an incident."""
    return Faults.drawn(seed=0, rate=1, kinds=[Fault.LATENCY], latency=0, **settings)


@contextmanager
def running_sandbox(**settings: Any) -> Iterator[Sandbox]:
    """The sandbox, in a loop of its own."""
    sandbox = Sandbox(**settings)
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with sandbox:
            started.set()
            await stop.wait()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(10)
    try:
        yield sandbox
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write to stderr, which is the command's too, but not of clients that go away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class ScriptedServer:
    """Answers every request with what was put into its attributes.

    Attributes:
        status: Status to answer with.
        answer: JSON to answer with; bytes go as they are.
        headers: Headers to answer with.
        drops: Whether to close the connection in place of an answer.
        reads: Whether to take the bodies of requests.
        told: Length that the answer claims to have, if it is not the true one.
        when_read: Is called with each request's body in hand, before the answer.
    """

    def __init__(self) -> None:
        self.status = 201
        self.answer: Any = {}
        self.headers: dict[str, str] = {}
        self.drops = False
        self.reads = True
        self.told: int | None = None
        self.when_read: Callable[[], None] = lambda: None
        self.bodies: list[bytes] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it is, as a client's base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script._serve(self)

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        if self.reads:
            self.bodies.append(request.rfile.read(int(request.headers.get("Content-Length", 0))))
        self.when_read()
        if self.drops:
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        request.send_response(self.status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        length = len(body) if self.told is None else self.told
        request.send_header("Content-Length", str(length))
        request.end_headers()
        request.wfile.write(body)
