"""Starting and stopping servers, and waiting for what comes of it."""

from __future__ import annotations

from functools import partial
from types import NoneType
from typing import cast, overload

import attrs

from ...core.call import located
from ...core.clock import in_words
from ...core.endpoint import Effect, Endpoint
from ...core.fields import Fields
from ...errors import InvalidInputError, WaitTimeoutError
from ...settings import is_seconds
from .live import ServerStatus
from .models import Server
from .reading import ServerReads
from .waiting import Sight, paced, switch, watch

__all__ = ["ServerPower"]

_START = Endpoint("POST", "/servers/{id}/start", NoneType, "observed")
_RESTART = Endpoint(
    "POST", "/servers/{id}/restart", NoneType, "observed", frozenset({Effect.REBOOTS})
)
_STOP = Endpoint("POST", "/servers/{id}/stop", NoneType, "observed", frozenset({Effect.STOPS}))

_NOT_SECONDS = "must be a positive number of seconds"


class ServerPower(ServerReads):
    """The calls that start and stop servers."""

    async def start(self, server_id: int | str, *, wait_if_locked: float | None = None) -> None:
        """Start a server.

        ``POST /servers/{id}/start``, observed in use: name and method are documented at
        https://dev.vpsbg.eu, the path is not.

        Args:
            server_id: Id of the server.
            wait_if_locked: For how many seconds to go on after a 423 Locked, None for not at all;
                see `stop`, as a start that was refused may come late as well.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such server.
            LockedError: The server is busy. It may still be started.
            APIError: The server answered with another error; see its subclasses.
        """
        await self._switch(_START, server_id, running=True, seconds=wait_if_locked)

    async def restart(self, server_id: int | str) -> None:
        """Stop a server and start it again, from outside of it. It is never sent again blindly.

        Nothing shows that a restart has happened, so after a 423 Locked it is not repeated. Wait
        until the server is unlocked first:

        ```python
        await vps.servers.wait_until(server_id, locked=False)
        await vps.servers.restart(server_id)
        ```

        ``POST /servers/{id}/restart``, observed in use: name and method are documented at
        https://dev.vpsbg.eu, the path is not.

        Args:
            server_id: Id of the server.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such server.
            LockedError: The server is busy. It may still be restarted.
            APIError: The server answered with another error; see its subclasses.
        """
        await self._caller.call(_RESTART, id=server_id, body=Fields())

    async def stop(self, server_id: int | str, *, wait_if_locked: float | None = None) -> None:
        """Stop a server. It is never sent again blindly.

        A server that is changing its state answers 423 Locked, and may stop all the same some tens
        of seconds later, **also when it is unlocked again, and after it was started meanwhile**.
        With ``wait_if_locked`` the state is read then. If the server has stopped and is not locked,
        it is done. The stop is sent again only when the server has been unlocked and running for
        60 s on end, in which a stop that was refused should have come: with less to wait for it is
        never sent again, and 120 leaves time for both.

        ``POST /servers/{id}/stop``, observed in use: name and method are documented at
        https://dev.vpsbg.eu, the path is not. The state is read by `get_status` and `get`.

        Args:
            server_id: Id of the server.
            wait_if_locked: For how many seconds to go on after a 423 Locked, None for not at all.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such server.
            LockedError: The server is busy, or has not stopped when the seconds are over. It may
                still stop.
            APIError: The server answered with another error; see its subclasses.
        """
        await self._switch(_STOP, server_id, running=False, seconds=wait_if_locked)

    @overload
    async def wait_until(
        self,
        server_id: int | str,
        *,
        running: bool,
        locked: None = None,
        timeout: float = 600,  # noqa: ASYNC109 - it is by the client's clock
        every: float = 5,
    ) -> ServerStatus: ...

    @overload
    async def wait_until(
        self,
        server_id: int | str,
        *,
        running: bool | None = None,
        locked: bool,
        timeout: float = 600,  # noqa: ASYNC109 - it is by the client's clock
        every: float = 5,
    ) -> Server: ...

    @overload
    async def wait_until(
        self,
        server_id: int | str,
        *,
        running: bool | None = None,
        locked: bool | None = None,
        timeout: float = 600,  # noqa: ASYNC109 - it is by the client's clock
        every: float = 5,
    ) -> ServerStatus | Server: ...

    async def wait_until(
        self,
        server_id: int | str,
        *,
        running: bool | None = None,
        locked: bool | None = None,
        timeout: float = 600,  # noqa: ASYNC109 - it is by the client's clock
        every: float = 5,
    ) -> ServerStatus | Server:
        """Wait until a server is running or not, locked or not, or both at once.

        Right after a call that changes a server, it may still be as it was before.

        It only reads, by `get_status` whether it is running and by `get` whether it is locked. A
        read that fails for a reason that may pass, such as a network fault, a 423 or a 5xx, is made
        again until the time is over.

        Args:
            server_id: Id of the server.
            running: Whether it is to be running; None if that does not matter.
            locked: Whether it is to be locked; None if that does not matter.
            timeout: How many seconds to wait.
            every: Seconds between two reads: 0.1 or more, a third of ``timeout`` if that is less.

        Returns:
            What the last read has told: the server if ``locked`` was given, else its status.

        Raises:
            InvalidInputError: The arguments cannot be used, or there is nothing to wait for.
            WaitTimeoutError: The time is over.
            TransportError: The client was closed.
            ResponseError: An answer is not what was promised.
            NotFoundError: There is no such server.
            APIError: The server answered with another error that does not pass.
        """
        with located("GET", "/servers/{id}"):
            _check_wait(running, locked, timeout=timeout, every=every)

        async def look() -> Sight:
            sight = Sight()
            if running is not None:
                sight = Sight(status=await self.get_status(server_id))
            if locked is not None and sight.running is running:
                sight = attrs.evolve(sight, server=await self.get(server_id))
            return sight

        try:
            seen = await watch(
                self._caller.session.clock,
                look,
                until=lambda seen: (seen.running, seen.locked) == (running, locked),
                overdue=f"not seen {_wanted(running, locked)} within {in_words(timeout)}",
                seconds=timeout,
                every=paced(every, timeout),
            )
        except WaitTimeoutError as error:
            error.method, error.path = "GET", f"/servers/{server_id}"
            raise
        return cast("ServerStatus | Server", seen.status if locked is None else seen.server)

    async def _switch(
        self,
        endpoint: Endpoint[None],
        server_id: int | str,
        *,
        running: bool,
        seconds: float | None,
    ) -> None:
        async def look() -> Sight:
            return Sight(status=await self.get_status(server_id), server=await self.get(server_id))

        body = Fields()
        if seconds is not None and not is_seconds(seconds):
            body.problems["wait_if_locked"] = (_NOT_SECONDS,)
        send = partial(self._caller.call, endpoint, id=server_id, body=body)
        if seconds is None:
            await send()
        else:
            clock = self._caller.session.clock
            await switch(clock, send, look, running=running, seconds=seconds)


def _wanted(running: bool | None, locked: bool | None) -> str:
    """What is waited for, in words."""
    parts = {
        "running": running is True,
        "stopped": running is False,
        "locked": locked is True,
        "unlocked": locked is False,
    }
    return " and ".join(part for part, is_wanted in parts.items() if is_wanted)


def _check_wait(running: bool | None, locked: bool | None, **seconds: float) -> None:
    problems = Fields().flag("running", running).flag("locked", locked).problems
    for name, value in seconds.items():
        if not is_seconds(value):
            problems[name] = (_NOT_SECONDS,)
    if running is None and locked is None:
        problems["running"] = ("must be given, or locked, or both",)
    if problems:
        raise InvalidInputError(problems)
