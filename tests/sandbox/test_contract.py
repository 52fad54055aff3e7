"""The sandbox against the contract: all that is documented is there, and answers as documented."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.spec import OPERATIONS, Operation
from vpsbg_async.sandbox import Drift, Fault, Sandbox
from vpsbg_async.sandbox.files import Folder
from vpsbg_async.sandbox.listener import Listener

from .conftest import Answer, Api, CheckedApi, Clock

IDS = {  # of what there is from the beginning, by what the path begins with
    "/support/tickets/{id}": "216",
    "/ssh-keys/{id}": "90",
    "/servers/{id}": "2864",
    "/servers/{server_id}": "2478",
    "/servers/{server_id}/addons/{server_addon_id}": "2864 801",
    "/measured-boot-images/{id}": "229",
    "/plans/{id}": "116",
    "/ip-addresses/{id}": "47",
    "/network-protection/{id}": "2816",
    "/network-protection/{id}/attacks/{attack_id}": "2816 Ws8PeaCFn4bZ4Rf",
    "/orders/{id}": "7801",
}
STRANGE: list[Any] = [
    *(None, "", " ", "x", "x" * 300, -1, 0, 1, 1.5, 2**70, "9" * 30, float("inf"), True, False),
    *([], [None], [[]], [{}], ["x"], [0], [2**70], {}, {"a": []}, {"::1": 1}, "2001:db8::", "\0"),
]
STRANGE_TEXTS = ["", " ", "x", "-1", "0", "1", "1.5", "9" * 30, "true", ",", "2024-13-45", "\0"]


def each(which: Callable[[Operation], object] = lambda _: True) -> pytest.MarkDecorator:
    """The test is done with each operation of a kind."""
    wanted = [operation for operation in OPERATIONS if which(operation)]
    return pytest.mark.parametrize("operation", wanted, ids=[operation.id for operation in wanted])


@pytest.fixture
async def api(clock: Clock, directory: Path) -> AsyncIterator[CheckedApi]:
    async with (
        Sandbox(clock=clock, directory=directory, rate_limit=10_000) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        sandbox.timing.lock = 0
        api = CheckedApi(sandbox, session)
        await api.create()
        yield api


def path_of(operation: Operation, ids: str | None = None) -> str:
    """Its path with numbers of what is there, or with those given."""
    prefixes = [prefix for prefix in IDS if operation.path.startswith(prefix)]
    numbers = iter((ids or IDS[max(prefixes, key=len)]).split() if prefixes else ())
    return re.sub(r"\{\w+\}", lambda _: next(numbers), operation.path)


async def send(
    api: Api, operation: Operation, body: object = None, path: str = "", **arguments: Any
) -> Answer:
    if operation.content_type == "multipart/form-data":
        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in (body if isinstance(body, dict) else {}).items():
            is_file = isinstance(value, bytes)
            form.add_field(name, BytesIO(value) if is_file else str(value))
        arguments["data"] = form
    elif body is not None:
        arguments["json"] = body
    return await api.request(operation.method, path or path_of(operation), **arguments)


def examples(operation: Operation) -> Iterator[tuple[object, str]]:
    """Documented bodies, with the paths to send them to."""
    path = path_of(operation)
    for example in operation.examples:
        is_v6 = operation.id == "ip_addresses_update" and isinstance(example["ptr"], dict)
        yield example, path_of(operation, "417") if is_v6 else path
    if operation.id == "measured_boot_upload_image":
        yield {"file": b"MZ"}, path
    elif not operation.examples:
        yield None, path


def test_there_is_what_is_documented_and_nothing_else() -> None:
    sandbox = Sandbox()
    application = sandbox._application(Folder(None), Listener("127.0.0.1", 0))
    there = {
        (route.method, route.resource.canonical.removeprefix("/v1"))
        for route in application.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert there == {(operation.method, operation.path) for operation in OPERATIONS}
    assert len(OPERATIONS) == 58


@each()
async def test_a_documented_request_is_done(api: CheckedApi, operation: Operation) -> None:
    for body, path in examples(operation):
        answer = await send(api, operation, body, path)
        assert answer.status < 300, answer.json


@each(lambda one: one.content_type and not one.spec["requestBody"].get("required"))
async def test_a_body_that_may_be_missing(api: CheckedApi, operation: Operation) -> None:
    assert (await send(api, operation)).status < 300
    assert (await send(api, operation, {})).status < 300


@each()
async def test_who_may_do_it(api: CheckedApi, operation: Operation) -> None:
    stranger = {"Authorization": "Bearer wrong"}
    assert (await send(api, operation, headers=stranger)).status == 401
    reader = {"Authorization": f"Bearer {api.sandbox.read_key}"}
    answer = await send(api, operation, headers=reader)
    assert answer.status == (200 if operation.method == "GET" else 403)


@each(lambda one: "{" in one.path)
async def test_there_is_no_such_thing(api: CheckedApi, operation: Operation) -> None:
    for numbers in ("999999 1", "abc x", "-1 0", "1_0 1", f"{'9' * 5000} 1"):
        answer = await send(api, operation, {}, path_of(operation, numbers))
        assert answer.status == 404
        assert answer.json["message"].startswith("No query results for model [App\\Models\\")


@each(lambda one: one.properties)
async def test_a_field_of_the_wrong_kind(api: CheckedApi, operation: Operation) -> None:
    free = {"initrd_image_id", "account_password", "otp"}  # of no known type with measured boot
    for name in operation.properties.keys() - (free if "boot" in operation.id else set()):
        (base, path), *_ = examples(operation)
        body = {**(base if isinstance(base, dict) else {}), name: {"a": {"b": 1}}}
        answer = await api.request(operation.method, path, json=body)
        if name != "attachments[]":
            assert answer.status == 422, name
            assert {field.partition(".")[0] for field in answer.json["errors"]} == {name}


@each(lambda one: one.properties)
async def test_strange_fields(api: CheckedApi, operation: Operation) -> None:
    for name in operation.properties:
        for value in STRANGE:
            for base, path in examples(operation):
                body = {**(base if isinstance(base, dict) else {}), name: value}
                body = {key: text for key, text in body.items() if not isinstance(text, bytes)}
                answer = await api.request(operation.method, path, json=body)
                assert answer.status in {200, 201, 204, 404, 422}


@each(lambda one: one.parameters)
async def test_strange_queries(api: CheckedApi, operation: Operation) -> None:
    for parameter in operation.parameters:
        for value in STRANGE_TEXTS:
            query = {parameter["name"]: value}
            answer = await api.request(operation.method, path_of(operation), params=query)
            assert answer.status in {200, 422}


@each(lambda one: any("example" in parameter for parameter in one.parameters))
async def test_an_example_of_a_query(api: CheckedApi, operation: Operation) -> None:
    for parameter in operation.parameters:
        if "example" in parameter:
            query = {parameter["name"]: parameter["example"]}
            answer = await api.request(operation.method, path_of(operation), params=query)
            assert answer.status == 200


@each()
async def test_faults_and_limits_are_for_all(api: CheckedApi, operation: Operation) -> None:
    (body, path), *_ = examples(operation)
    if "423" in operation.spec["responses"]:
        api.sandbox.faults.add(Fault.LOCKED)
        assert (await send(api, operation, body, path)).status == 423
    for fault, status in ((Fault.ERROR_500_BEFORE, 500), (Fault.RATE_LIMITED, 429)):
        api.sandbox.faults.add(fault)
        answer = await send(api, operation, body, path)
        assert answer.status == status
    assert answer.headers["X-RateLimit-Remaining"] == "0"


async def test_all_kinds_of_drift_are_for_all(clock: Clock) -> None:
    async with (
        Sandbox(clock=clock, drift=set(Drift) - {Drift.HTML_ERRORS}) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        sandbox.timing.lock = 0
        api = Api(sandbox, session)
        await api.create()
        for operation in OPERATIONS:
            for body, path in examples(operation):
                answer = await send(api, operation, body, path)
                assert answer.status < 300, operation.id
                for server in answer.json if operation.id == "servers_list" else ():
                    assert server.keys() >= {"priority", "plan", "status"}
                    assert "hostname" not in server
                    assert server["plan"] is None
                    assert server["id"].isdigit()
                    assert server["locked"] == 0
                    assert server["status"] == "awaiting-vendor"
                    assert server["created_at"].endswith("-29 14:21:54")
