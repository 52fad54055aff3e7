"""``vpsbg sandbox``: the stand-in for the API, for people."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from .exits import FailedError

if TYPE_CHECKING:
    from ..sandbox import Sandbox

__all__ = ["sandbox"]

_MAX_PORT = 65535


async def sandbox(
    *, port: Annotated[int, Parameter(validator=Number(gte=0, lte=_MAX_PORT))] = 0
) -> None:
    """Run a stand-in for the API on this machine, until Ctrl-C.

    It takes tickets as the API does, keeps them while it runs, and prints what another terminal
    needs in order to call it. Nothing leaves this machine.

    Args:
        port: Where to listen; 0 takes a free port.
    """
    from ..sandbox import Sandbox  # noqa: PLC0415 - a web server, of no use to the other commands

    async with AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(Sandbox(port=port))
        except OSError as error:
            raise FailedError(f"cannot listen on port {port}: {error.strerror}") from error
        with _asked_to_stop() as stop:
            _introduce(running)
            await stop.wait()


def _introduce(running: Sandbox) -> None:
    sys.stdout.write(
        f"Sandbox of the VPSBG API at {running.url}, until Ctrl-C.\n"
        f"  key that may write: {running.api_key}\n"
        f"  key that may read:  {running.read_key}\n"
        "\n"
        "Paste this into another terminal:\n"
        f"export VPSBG_BASE_URL={running.url} VPSBG_API_KEY={running.api_key}\n"
    )
    sys.stdout.flush()  # whoever reads it through a pipe is waiting for it


@contextmanager
def _asked_to_stop() -> Iterator[asyncio.Event]:
    """An event for Ctrl-C and SIGTERM. After the block they do again what they did before."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    asked = (signal.SIGINT, signal.SIGTERM)
    before = [
        # Not loop.add_signal_handler, which Windows has not.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        for number in asked
    ]
    try:
        yield stop
    finally:
        for number, handler in zip(asked, before, strict=True):
            signal.signal(number, handler)
