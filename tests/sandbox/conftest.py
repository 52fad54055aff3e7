from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import define, frozen

from tests.contract.spec import operation_of
from vpsbg_async.sandbox import Sandbox

from .forms import MULTIPART, ticket
from .wire import Wire, connected

FOREVER = 600.0  # longer than any test
START = 1_722_599_877.25  # 2024-08-02T11:57:57.25Z


@define
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes
    json: Any


@frozen
class Api:
    """Sends requests as a good client does, or as a test has it."""

    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def request(self, method: str, path: str, **arguments: Any) -> Answer:
        headers = {
            "Authorization": f"Bearer {self.sandbox.api_key}",
            "Accept": "application/json",
            **arguments.pop("headers", {}),
        }
        async with self.session.request(
            method, self.sandbox.url + path, headers=headers, allow_redirects=False, **arguments
        ) as response:
            content = await response.read()
            is_json = response.content_type == "application/json" and content
            return Answer(
                response.status,
                response.headers,
                content,
                await response.json() if is_json else None,
            )

    async def get(self, path: str, **arguments: Any) -> Answer:
        return await self.request("GET", path, **arguments)

    async def post(self, path: str, body: bytes, **headers: str) -> Answer:
        headers = {"Content-Type": MULTIPART} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return await self.request("POST", path, data=BytesIO(body), headers=headers)

    async def create(self, *more: bytes, **fields: str) -> Answer:
        return await self.post("/support/tickets", ticket(*more, **fields))


@frozen
class CheckedApi(Api):
    """Sends requests, and holds each answer against the contract."""

    async def request(self, method: str, path: str, **arguments: Any) -> Answer:
        answer = await super().request(method, path, **arguments)
        operation = operation_of(method, path)
        if operation is not None:
            operation.check(answer)
        return answer

    async def call(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """What a request is answered with, which has to be of that status."""
        answer = await self.request(method, path, **({} if body is None else {"json": body}))
        assert answer.status == status, answer.json
        return answer.json

    async def refused(self, method: str, path: str, body: object = None) -> dict[str, list[str]]:
        """What is said of the fields of a request that are not as they should be."""
        errors: dict[str, list[str]] = (await self.call(method, path, body, status=422))["errors"]
        return errors

    async def listed(self, path: str, name: str = "id") -> list[Any]:
        """One field of all that a list has on one page."""
        return [item[name] for item in (await self.call("GET", path))["data"]]


def files_in(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another task or thread is about to do."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - it may happen on another thread
            await asyncio.sleep(0.001)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
async def sandbox(clock: Clock, directory: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock=clock, directory=directory) as sandbox:
        yield sandbox


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(sandbox, session)


@pytest.fixture
async def checked(sandbox: Sandbox) -> AsyncIterator[CheckedApi]:
    async with aiohttp.ClientSession() as session:
        yield CheckedApi(sandbox, session)


@pytest.fixture
async def wire(sandbox: Sandbox) -> AsyncIterator[Wire]:
    async with connected(sandbox) as wire:
        yield wire


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is done to clients is no error of the sandbox."""
    yield
    assert not [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
