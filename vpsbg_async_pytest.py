"""The pytest plugin of vpsbg_async: fixtures for tests with pytest-asyncio or anyio.

``vpsbg_sandbox``   a `Sandbox` that runs for one test
``vpsbg``           a client of it, closed after the test

pytest loads this module in each project in whose environment the package is. So it stands beside
the package, which is imported when a test asks for one of the fixtures, and not before.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from vpsbg_async import VPSBG, Request, Response, Transport
    from vpsbg_async.sandbox import Sandbox

__all__ = ["pytest_configure", "vpsbg", "vpsbg_sandbox"]

_ASYNCIO = ("asyncio", "pytest_asyncio", "pytest_asyncio.plugin")  # as it may be registered
_SCOPES = ("function", "class", "module", "package", "session")  # of its event loops


@pytest.fixture
def vpsbg_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """A stand-in for the API on this machine, which runs for this test: a `Sandbox`."""
    sandbox: Sandbox = request.getfixturevalue(f"_vpsbg_sandbox_{_loop_of(request)}")
    return sandbox


@pytest.fixture
def vpsbg(request: pytest.FixtureRequest) -> VPSBG:
    """A client of the sandbox of this test, a `VPSBG`; closed after it."""
    client: VPSBG = request.getfixturevalue(f"_vpsbg_{_loop_of(request)}")
    return client


def pytest_configure(config: pytest.Config) -> None:
    """Make what the fixtures stand on: the same for each event loop that a test may run in."""
    made = _made_with(pytest.fixture, "anyio")
    if any(map(config.pluginmanager.hasplugin, _ASYNCIO)):
        from pytest_asyncio import fixture  # noqa: PLC0415 - it need not be there

        for scope in _SCOPES:
            made |= _made_with(partial(fixture, loop_scope=scope), scope)
    fixtures = ModuleType("vpsbg_async_fixtures")
    vars(fixtures).update(made)
    config.pluginmanager.register(fixtures, fixtures.__name__)


def _made_with(fixture: Callable[..., Any], loop: str) -> dict[str, object]:
    async def sandbox() -> AsyncIterator[Sandbox]:
        from vpsbg_async.sandbox import Sandbox  # noqa: PLC0415

        async with Sandbox() as sandbox:
            yield sandbox

    async def client(vpsbg_sandbox: Sandbox) -> AsyncIterator[VPSBG]:
        from vpsbg_async import VPSBG, AiohttpTransport  # noqa: PLC0415

        transport = _of_this_loop(AiohttpTransport())
        async with VPSBG(
            vpsbg_sandbox.api_key, base_url=vpsbg_sandbox.url, transport=transport
        ) as vps:
            yield vps

    names = {f"_vpsbg_sandbox_{loop}": sandbox, f"_vpsbg_{loop}": client}
    return {name: fixture(name=name)(function) for name, function in names.items()}


def _of_this_loop(inner: Transport) -> Transport:
    """Have calls from another event loop fail at once: the sandbox stands still meanwhile."""
    from vpsbg_async import NotSentError, Transport  # noqa: PLC0415

    loop = asyncio.get_running_loop()

    class OfThisLoop(Transport):
        is_closed = False

        def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
            if asyncio.get_running_loop() is not loop and not self.is_closed:
                text = "it comes from another event loop than that of the test: give the fixture"
                raise NotSentError(f"{text} that calls the loop_scope of the test", permanent=True)
            return inner.send(request)

        async def aclose(self) -> None:
            self.is_closed = True
            await inner.aclose()

    return OfThisLoop()


def _loop_of(request: pytest.FixtureRequest) -> str:
    """In which event loop the test runs: a fixture has to run in the same."""
    marker = request.node.get_closest_marker("asyncio")
    made_of = getattr(request.function, "hypothesis", None)  # what @given has wrapped
    if inspect.iscoroutinefunction(getattr(made_of, "inner_test", request.function)):
        if "anyio_backend" in request.fixturenames:
            if request.getfixturevalue("anyio_backend_name") != "asyncio":
                pytest.skip("vpsbg_async runs on asyncio")
            return "anyio"
        if marker is not None and any(map(request.config.pluginmanager.hasplugin, _ASYNCIO)):
            default = request.config.getini("asyncio_default_test_loop_scope")
            told = marker.kwargs
            return str(told.get("loop_scope") or told.get("scope") or default or "function")
    pytest.fail(
        f"{request.fixturename} is for async tests that pytest-asyncio or anyio runs, and is an "
        "argument of them; elsewhere, enter a vpsbg_async.sandbox.Sandbox in an event loop of "
        "your own",
        pytrace=False,
    )
