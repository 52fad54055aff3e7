"""A client and the sandbox it calls, at a point where some tickets are there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.services.tickets.support import Log, client, make_known, old_sandbox
from vpsbg_async import VPSBG
from vpsbg_async.sandbox import Sandbox


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with old_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def vps(sandbox: Sandbox, log: Log) -> AsyncIterator[VPSBG]:
    """A client that has created a ticket before."""
    async with client(sandbox, log) as vps:
        await make_known(vps)
        log.clear()
        yield vps
