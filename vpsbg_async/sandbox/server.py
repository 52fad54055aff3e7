"""The sandbox itself, from start to end."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from copy import deepcopy
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

from aiohttp import hdrs, web

from .boot import StoredImage
from .connections import Connections
from .disturber import Disturber
from .drift import Drift, Drifting
from .faults import Faults
from .files import Folder
from .holdings import Holdings
from .listener import Listener
from .listing import Listing
from .machines import Timing
from .pipeline import Pipeline
from .store import StoredTicket, TicketStore
from .throttle import Throttle
from .tickets import TicketEndpoints

__all__ = ["Sandbox"]

_HOST: Final = "127.0.0.1"  # and no other: nobody else is to reach it
_PREFIX: Final = "/v1"
_SHUTDOWN_TIMEOUT: Final = 0.1  # seconds; whatever runs has been told to stop by then


class Sandbox:
    """A local stand-in for the API, running as long as its context.

    Args:
        port: The port to listen on; 0 takes a free one.
        api_key: The Write key; a random one by default.
        read_key: The Read key; a random one by default.
        rate_limit: Requests a minute that each key may make.
        directory: Where uploaded files go, and stay. By default a temporary directory, which is
            removed at the end.
        clock: Unix seconds, for the times in answers, their ``Date`` and the rate limit.
        faults: What goes wrong with which request; nothing by default.
        listing: How tickets are listed and told.
        drift: In which ways answers differ from what is documented.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        api_key: str | None = None,
        read_key: str | None = None,
        rate_limit: int = 1000,
        directory: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.time,
        faults: Faults | None = None,
        listing: Listing = Listing.NEWEST_FIRST,
        drift: Iterable[Drift] = (),
    ) -> None:
        self.api_key = api_key or f"sandbox-write-{secrets.token_hex(16)}"
        self.read_key = read_key or f"sandbox-read-{secrets.token_hex(16)}"
        self._port = port
        self._directory = None if directory is None else Path(directory)
        self._clock = clock
        self._faults = Faults.scripted() if faults is None else faults
        self.listing = listing
        self._drifting = Drifting(drift)
        self._store = TicketStore(clock)
        self._holdings = Holdings(clock)
        self._pipeline = Pipeline(self.api_key, self.read_key, Throttle(rate_limit, clock))
        self._running = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where the API is, as a client's base URL.

        Raises:
            RuntimeError: The sandbox has not been entered, so its port is not known.
        """
        if not self._port:
            raise RuntimeError("enter the sandbox first: async with Sandbox() as sandbox")
        return f"http://{_HOST}:{self._port}{_PREFIX}"

    @property
    def tickets(self) -> tuple[StoredTicket, ...]:
        """The tickets kept so far, oldest first."""
        return self._store.all()

    @property
    def servers(self) -> tuple[dict[str, Any], ...]:
        """The servers as the API tells them now, those with the highest number first."""
        return tuple(deepcopy(machine.tell()) for machine in self._holdings.machines.all())

    @property
    def ssh_keys(self) -> tuple[dict[str, Any], ...]:
        """The SSH keys as the API tells them."""
        return tuple(self._holdings.keys.all())

    @property
    def floating_ips(self) -> tuple[dict[str, Any], ...]:
        """The Floating IPs as the API tells them, the highest number first, ended ones too."""
        return tuple(deepcopy(self._holdings.addresses.all()))

    @property
    def orders(self) -> tuple[dict[str, Any], ...]:
        """The orders as the API tells them, oldest first."""
        return deepcopy(self._holdings.orders.all())

    @property
    def boot_images(self) -> tuple[StoredImage, ...]:
        """The measured boot images, oldest first."""
        return self._holdings.images.all()

    @property
    def timing(self) -> Timing:
        """How long servers take to change; a test may set it."""
        return self._holdings.machines.timing

    @property
    def faults(self) -> Faults:
        """What goes wrong with which request; a test may add to it."""
        return self._faults

    @property
    def listing(self) -> Listing:
        """How tickets are listed and told from now on."""
        return self._listing

    @listing.setter
    def listing(self, listing: Listing) -> None:
        self._listing = Listing(listing)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            folder = await starting.enter_async_context(Folder(self._directory))
            listener = Listener(_HOST, self._port)
            runner = web.AppRunner(
                self._application(folder, listener),
                access_log=None,
                shutdown_timeout=_SHUTDOWN_TIMEOUT,
                auto_decompress=False,  # nor does PHP
            )
            starting.push_async_callback(runner.cleanup)
            await runner.setup()
            await listener.open(cast("web.Server", runner.server))  # there since the setup
            starting.push_async_callback(listener.close)
            self._port = listener.port
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    def _application(self, folder: Folder, listener: Listener) -> web.Application:
        connections = Connections()
        disturber = Disturber(
            self._faults,
            use_up=self._pipeline.use_up,
            listener=listener,
            connections=connections,
        )
        answer = self._pipeline.answer
        application = web.Application(
            middlewares=[
                connections.note,
                answer,  # what faults raise
                disturber.disturb,
                self._drifting.alter,
                answer,  # what is raised in earnest
                self._pipeline.guard,
            ],
            client_max_size=0,  # no limit: what VPSBG allows is not known
        )
        endpoints = TicketEndpoints(self._store, folder, lambda: self.listing)
        application.add_routes(endpoints.routes(_PREFIX))
        application.add_routes(self._holdings.routes(_PREFIX, folder))
        application.on_response_prepare.extend([self._date, self._drifting.finish])
        application.on_shutdown.extend([connections.drop_all, disturber.end])
        return application

    async def _date(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers[hdrs.DATE] = formatdate(int(self._clock()), usegmt=True)
