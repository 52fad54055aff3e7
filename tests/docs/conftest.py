"""What the tests of single pages share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from vpsbg_async.sandbox import Sandbox

from .calls import KEY


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox whose key is `KEY`, and that is soon back from its maintenance."""
    async with Sandbox(api_key=KEY) as sandbox:
        sandbox.faults.retry_after = 0
        yield sandbox
