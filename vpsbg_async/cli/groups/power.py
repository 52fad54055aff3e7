"""``vpsbg servers start``, ``stop`` and ``restart``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from ...errors import VPSBGError
from .. import output
from ..asking import confirm
from ..exits import UnfinishedError
from ..parameters import AS_USUAL, Options, ServerID, Yes
from ..progress import Bar, connected
from ..reading import fetch

if TYPE_CHECKING:
    from ...services.servers import Servers

__all__ = ["restart", "start", "stop"]

_Verb = Literal["start", "stop", "restart"]
_WAITS = "For how many seconds to wait: while it is busy, and as long again for what comes of it."
Wait = Annotated[float | None, Parameter(validator=Number(gt=0), help=_WAITS)]


async def start(server_id: ServerID, /, *, wait: Wait = None, options: Options = AS_USUAL) -> None:
    """Start a server.

    With --wait it ends when the server runs and is not busy any more.
    """
    await _switch("start", server_id, wait, options)


def stop(
    server_id: ServerID,
    /,
    *,
    wait: Wait = None,
    yes: Yes = False,
    options: Options = AS_USUAL,
) -> None:
    """Stop a server. It asks first.

    With --wait it ends when the server is off and not busy any more. One that is busy may stop
    later all the same, so without --wait that is exit code 3. It is told so again only when it has
    neither stopped nor been busy for 60 s; to wait for that takes a longer --wait.
    """
    confirm(lambda: f"Stop {_named(server_id, options)}?", yes=yes)
    asyncio.run(_switch("stop", server_id, wait, options))


def restart(
    server_id: ServerID,
    /,
    *,
    wait: Wait = None,
    yes: Yes = False,
    options: Options = AS_USUAL,
) -> None:
    """Stop a server and start it again, from outside of it. It asks first.

    With --wait it ends when the server runs and is not busy any more. Nothing shows that it was
    off in between.
    """
    confirm(lambda: f"Restart {_named(server_id, options)}?", yes=yes)
    asyncio.run(_switch("restart", server_id, wait, options))


def _named(server_id: int, options: Options) -> str:
    """A server as the question tells it: by its name, so that a wrong number is noticed."""
    server = asyncio.run(fetch(lambda vps: vps.servers.get(server_id), options))
    return f"server {server_id} ({server.hostname})" if server.hostname else f"server {server_id}"


async def _switch(verb: _Verb, server_id: int, wait: float | None, options: Options) -> None:
    """Tell a server something, and wait for it if that is wanted."""
    bar, wanted = Bar(), "is stopped" if verb == "stop" else "runs"
    told = f"server {server_id} was told to {verb}"
    async with connected(options, bar) as vps:
        if wait is not None:
            bar.show(f"Waiting until server {server_id} is free")
        await _tell(vps.servers, verb, server_id, wait)
        if wait is not None:
            bar.show(f"Waiting until server {server_id} {wanted}")
            try:
                await vps.servers.wait_until(
                    server_id, running=verb != "stop", locked=False, timeout=wait
                )
            except VPSBGError as error:
                raise UnfinishedError(f"{told}, and then: {error}") from error
            except asyncio.CancelledError:  # of a read, which would not be worth a word
                output.tell("warning", told, as_json=options.as_json)
                raise
    if options.as_json:
        reached = None if wait is None else True
        output.print_json({"server_id": server_id, "action": verb, "reached": reached})
    else:
        done = told if wait is None else f"server {server_id} {wanted}"
        output.console().print(f"{done.capitalize()}.")


async def _tell(servers: Servers, verb: _Verb, server_id: int, wait: float | None) -> None:
    match verb:
        case "start":
            await servers.start(server_id, wait_if_locked=wait)
        case "stop":
            await servers.stop(server_id, wait_if_locked=wait)
        case "restart":
            if wait is not None:  # a restart that was refused is not repeated: nothing shows it
                await servers.wait_until(server_id, locked=False, timeout=wait)
            await servers.restart(server_id)
