"""Every call of the SDK, on the sandbox: its request and its answer are those of the contract."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.contract.spec import OPERATIONS, Operation, check_schema, operation_of, resolved
from tests.services.contract import specimen
from vpsbg_async import (
    VPSBG,
    AiohttpTransport,
    Attachment,
    Page,
    Request,
    Response,
    ResponseError,
    Transport,
)
from vpsbg_async.core.model import Model
from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import FakeTransport, Reply

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample user@example.com"
SINCE, UNTIL = datetime(2024, 9, 1, tzinfo=UTC), datetime(2024, 10, 1, tzinfo=UTC)
SERVER, OFF, ADDRESS, PROTECTED = 2864, 2922, 48, 2816
FILE = Attachment.from_bytes(b"data", name="снимка.png")

Call = Callable[[VPSBG], Awaitable[Any]]
# With every argument that each can have.
CALLS: dict[str, Call] = {
    "tickets_list": lambda vps: vps.tickets.list(page=1),
    "tickets_create": lambda vps: vps.tickets.create(
        department_id=2,
        subject="Down",
        message="It is down.",
        attachments=[FILE],
        service_type="server",
        service_id=SERVER,
    ),
    "tickets_get": lambda vps: vps.tickets.get(216),
    "tickets_reply": lambda vps: vps.tickets.reply("216", message="Any news?", attachments=[FILE]),
    "support_plans_purchase": lambda vps: vps.support_plans.purchase(
        plan="professional", billing_cycle=3
    ),
    "user_get": lambda vps: vps.user.get(),
    "user_update": lambda vps: vps.user.update(
        city="Lemont", country_id=40, newsletter=True, company_number="223344", aff_hash="b4e7b5"
    ),
    "user_get_2fa_secret": lambda vps: vps.user.get_2fa_secret(),
    "user_enable_2fa": lambda vps: vps.user.enable_2fa(otp=1111111, secret_key="secret_key"),
    "user_disable_2fa": lambda vps: vps.user.disable_2fa(),
    "balance_get": lambda vps: vps.balance.get(),
    "affiliate_get": lambda vps: vps.affiliate.get(),
    "affiliate_activate": lambda vps: vps.affiliate.activate(referral_code="mywebsite"),
    "affiliate_update_referral_code": lambda vps: vps.affiliate.update_referral_code(
        referral_code="myawesomewebsite"
    ),
    "invoices_list": lambda vps: vps.invoices.list(page=1),
    "ssh_keys_list": lambda vps: vps.ssh_keys.list(),
    "ssh_keys_add": lambda vps: vps.ssh_keys.add(name="Example", key=KEY),
    "ssh_keys_get": lambda vps: vps.ssh_keys.get(90),
    "ssh_keys_update": lambda vps: vps.ssh_keys.update("90", name="Another", key=KEY),
    "ssh_keys_delete": lambda vps: vps.ssh_keys.delete(91),
    "servers_list": lambda vps: vps.servers.list(
        page=1,
        per_page=2,
        search="ubuntu",
        ip="87.121.52.159",
        status=["active", "suspended"],
        sort_created_at="desc",
        sort_expiry_at="asc",
    ),
    "servers_deploy": lambda vps: vps.servers.deploy(
        name="new_server", plan="cloud-vps-2gb", billing_cycle=3, image_id=73, ssh_keys=[90]
    ),
    "servers_get": lambda vps: vps.servers.get(SERVER, include=["app_getting_started"]),
    "servers_get_status": lambda vps: vps.servers.get_status(SERVER),
    "servers_get_metrics": lambda vps: vps.servers.get_metrics(SERVER, month=10, year=2023),
    "servers_get_bandwidth": lambda vps: vps.servers.get_bandwidth(SERVER, start=SINCE, end=UNTIL),
    "servers_start": lambda vps: vps.servers.start(OFF),
    "servers_restart": lambda vps: vps.servers.restart(SERVER),
    "servers_stop": lambda vps: vps.servers.stop(SERVER),
    "servers_cancel": lambda vps: vps.servers.cancel(SERVER, now=False, reason="Project ended."),
    "servers_undo_cancel": lambda vps: vps.servers.undo_cancel(SERVER),
    "servers_change_password": lambda vps: vps.servers.change_password(
        SERVER, password="correct horse", reboot=True
    ),
    "servers_change_primary_ip": lambda vps: vps.servers.change_primary_ip(SERVER, ip_id=ADDRESS),
    "servers_calculate_renew": lambda vps: vps.servers.calculate_renew(
        server_ids=[152414], billing_cycle=1, promo_code="fall2406"
    ),
    "server_addons_list_available": lambda vps: vps.server_addons.list_available(SERVER),
    "server_addons_purchase": lambda vps: vps.server_addons.purchase(
        SERVER, cpanel="cpanel-admin-5", microsoft_rds_sal=0
    ),
    "server_addons_calculate_scale": lambda vps: vps.server_addons.calculate_scale(
        SERVER, cpanel="cpanel-pro-30", microsoft_rds_sal=5, microsoft_office_sal=4
    ),
    "server_addons_cancel": lambda vps: vps.server_addons.cancel(
        SERVER, 801, reason="No longer needed.", now=True
    ),
    "server_scaling_calculate": lambda vps: vps.server_scaling.calculate(
        SERVER, plan="cloud-vps-2gb", scale_disk=False
    ),
    "measured_boot_list_images": lambda vps: vps.measured_boot.list_images(),
    "measured_boot_upload_image": lambda vps: vps.measured_boot.upload_image(FILE),
    "measured_boot_delete_image": lambda vps: vps.measured_boot.delete_image(229),
    "measured_boot_set": lambda vps: vps.measured_boot.set(SERVER, kernel_image_id=None),
    "plans_list": lambda vps: vps.plans.list(page=1),
    "plans_list_addons": lambda vps: vps.plans.list_addons(104),
    "snapshots_list": lambda vps: vps.snapshots.list(
        page=1, date=date(2023, 6, 19), server_id=2478, sort="-date"
    ),
    "backups_list": lambda vps: vps.backups.list(
        page=1, date=date(2023, 6, 19), server_id=2478, size=50, sort="date"
    ),
    "floating_ips_list": lambda vps: vps.floating_ips.list(
        page=1, per_page=2, search="87.", ip="87.120.37.46", status="active", ddos=False
    ),
    "floating_ips_purchase": lambda vps: vps.floating_ips.purchase(
        billing_cycle=1, ipv4=1, ipv4_ddos=0, ipv6=0, server_id=2478
    ),
    "floating_ips_cancel": lambda vps: vps.floating_ips.cancel(
        ids=[608, 602], now=True, reason="No longer needed service."
    ),
    "ip_addresses_update": lambda vps: vps.ip_addresses.update(ADDRESS, ptr="example.com"),
    "network_protection_get": lambda vps: vps.network_protection.get(PROTECTED),
    "network_protection_list_attacks": lambda vps: vps.network_protection.list_attacks(
        PROTECTED, start=SINCE, end=UNTIL, page=1, per_page=5
    ),
    "network_protection_get_attack": lambda vps: vps.network_protection.get_attack(
        PROTECTED, "Ws8PeaCFn4bZ4Rf"
    ),
    "network_protection_set_blacklist": lambda vps: vps.network_protection.set_blacklist(
        PROTECTED, networks=["100.100.200.100", "100.100.100.0/24"]
    ),
    "network_protection_get_geo_filter": lambda vps: vps.network_protection.get_geo_filter(
        PROTECTED
    ),
    "orders_list": lambda vps: vps.orders.list(
        page=1, per_page=2, status=["paid", "awaiting_payment"]
    ),
    "orders_get": lambda vps: vps.orders.get("7801"),
}
BY_ID = {operation.id: operation for operation in OPERATIONS}
each_operation = pytest.mark.parametrize("name", BY_ID)


class Held:
    """A transport that holds each request, and its answer, against the contract.

    Attributes:
        seen: The operations that were asked for.
    """

    def __init__(self, inner: Transport, prefix: str) -> None:
        self.seen: list[str] = []
        self._inner = inner
        self._prefix = prefix

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        target = request.url.removeprefix(self._prefix)
        operation = operation_of(request.method, target)
        assert operation is not None, target
        check_query(operation, target)
        await check_body(operation, request)
        self.seen.append(operation.id)
        async with self._inner.send(request) as response:
            yield response

    async def aclose(self) -> None:
        await self._inner.aclose()


def check_query(operation: Operation, target: str) -> None:
    known = {parameter["name"]: parameter for parameter in operation.parameters}
    known.setdefault("page", {"schema": {"type": "integer"}})  # what links to other pages hold
    for name, value in parse_qsl(urlsplit(target).query):
        parameter = known[re.sub(r"\[\d+\]$", "[]", name)]
        kinds = parameter["schema"]["type"]
        told: Any = value
        if {"integer", "number"} & {*([kinds] if isinstance(kinds, str) else kinds)}:
            told = int(value)
        elif kinds == "boolean":
            told = bool(int(value))
        elif name.startswith("include["):
            told = [value]
        check_schema(told, parameter["schema"])


async def check_body(operation: Operation, request: Request) -> None:
    if request.body is None:
        assert not operation.spec.get("requestBody", {}).get("required", False)
        return
    async with request.body.open() as chunks:
        content = b"".join([chunk async for chunk in chunks])
    kind = request.body.content_type.partition(";")[0]
    assert kind == operation.content_type
    if kind == "application/json":
        body = json.loads(content)
    else:
        body = form_of(request.body.content_type, content)
    if operation.properties:  # or nothing is known of its body
        assert not body.keys() - operation.properties.keys()
    check_schema(body, operation.request["schema"])


def form_of(content_type: str, content: bytes) -> dict[str, Any]:
    """The fields of a form, with numbers where they are numbers."""
    head = Message()
    head["Content-Type"] = content_type
    boundary = str(head.get_param("boundary"))
    fields: dict[str, Any] = {}
    for part in content.split(f"--{boundary}".encode())[1:-1]:
        headers, _, value = part.strip(b"\r\n").partition(b"\r\n\r\n")
        found = re.search(rb' name="([^"]+)"', headers)
        assert found is not None
        name, text = found[1].decode(), value.decode()
        if name.endswith("[]"):
            fields.setdefault(name, []).append(text)
        else:
            fields[name] = int(text) if name.endswith("_id") else text
    return fields


@each_operation
async def test_request_and_answer(name: str) -> None:
    async with Sandbox() as sandbox:
        held = Held(AiohttpTransport(), sandbox.url)
        async with VPSBG(sandbox.api_key, base_url=sandbox.url, transport=held, retry=None) as vps:
            if name in ("tickets_get", "tickets_reply"):
                await CALLS["tickets_create"](vps)
            if name == "servers_undo_cancel":
                await CALLS["servers_cancel"](vps)
            if name == "user_disable_2fa":
                await CALLS["user_enable_2fa"](vps)
            await CALLS[name](vps)
    assert held.seen[-1] == name


def test_there_is_a_call_of_each() -> None:
    assert CALLS.keys() == BY_ID.keys()


def answers_of(operation: Operation) -> list[Any]:
    """The documented answers of an operation, and one with all the fields of its schema."""
    answer = operation.answer
    documented = [answer["example"]] if "example" in answer else []
    is_known = "schema" in answer and "UnknownBody" not in str(answer["schema"])
    return [*documented, *([specimen(answer["schema"])] if is_known else [])]


async def given(operation: Operation, body: Any) -> Any:
    """What a call makes of an answer."""
    transport = FakeTransport(Reply(json=body))
    vps = VPSBG("key", retry=None, transport=transport)
    return await CALLS[operation.id](vps)


@each_operation
async def test_each_documented_answer_is_read(name: str) -> None:
    for body in answers_of(BY_ID[name]):
        result = await given(BY_ID[name], body)
        if isinstance(result, Page | Model):
            hash(result)
        if isinstance(result, Page):
            assert len(result.items) == len(body if isinstance(body, list) else body["data"])
            assert result.items


def parts_of(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schemas that one is made of."""
    schema = resolved(schema)
    parts = schema.get("allOf", schema.get("anyOf", ())[:1])
    return [schema, *(one for part in parts for one in parts_of(part))]


def unpromised(schema: Mapping[str, Any], place: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The fields of a schema, and of what it holds, that an answer need not have."""
    parts = parts_of(schema)
    required = {name for part in parts for name in part.get("required", ())}
    for part in parts:
        for name, field in part.get("properties", {}).items():
            if name not in required:
                yield (*place, name)
            yield from unpromised(field, (*place, name))
        if "items" in part:
            yield from unpromised(part["items"], (*place, 0))


# What is required all the same: a list without its items would pass for an empty one, and a ticket
# without its id for none that could be answered or told from another.
REQUIRED = {("data",)}
REQUIRED_OF_TICKETS = {("id",), ("data", 0, "id")}


@each_operation
async def test_no_more_is_required_than_is_promised(name: str) -> None:
    answer = BY_ID[name].answer
    needed = REQUIRED | (REQUIRED_OF_TICKETS if name.startswith("tickets_") else set())
    for place in {*unpromised(answer.get("schema", {}))} - needed:
        body = parent = specimen(answer["schema"])
        for step in place[:-1]:
            parent = parent[step]
        del parent[place[-1]]
        await given(BY_ID[name], body)


# What of their answers is promised and needed: without it nobody could tell what was made.
NEEDING = {"tickets_create", "tickets_reply", "support_plans_purchase", "ip_addresses_update"} | {
    "server_addons_purchase",
    "servers_change_primary_ip",
    "measured_boot_set",
}


@each_operation
async def test_a_success_without_a_body(name: str) -> None:
    """Where something was done it is one, and where it cannot be told the error says so."""
    operation = BY_ID[name]
    for status in (200, 201, 202, 204):
        vps = VPSBG("key", retry=None, transport=FakeTransport(Reply(status=status)))
        is_read = operation.method == "GET" or "/calculate" in operation.path
        if is_read or name in NEEDING:
            with pytest.raises(ResponseError, match="it has no body") as caught:
                await CALLS[name](vps)
            assert ("it was processed: do not send it again" in str(caught.value)) is not is_read
        else:
            await CALLS[name](vps)


def mutations(body: Any) -> Iterator[Any]:
    """The answer with one thing changed, at each place."""
    for place in places(body):
        for change in (None, "something-new", "17", 17, 1.5, True, [], {}, [1], {"a": 1}, ...):
            mutated = copy.deepcopy(body)
            parent = mutated
            for step in place[:-1]:
                parent = parent[step]
            if change is ...:
                del parent[place[-1]]
            else:
                parent[place[-1]] = change
            yield mutated


def places(value: Any, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for step, item in steps:
        yield (*so_far, step)
        if isinstance(item, dict | list):
            yield from places(item, (*so_far, step))


@each_operation
async def test_another_answer_is_read_or_named(name: str) -> None:
    """Whatever is changed: it is read, or the error tells the place, and nothing else comes out."""
    operation = BY_ID[name]
    for body in answers_of(operation):
        for mutated in mutations(body) if isinstance(body, dict | list) else ():
            try:
                await given(operation, mutated)
            except ResponseError as error:
                assert "not what was promised: " in str(error) or "stands still" in str(error)  # noqa: PT017
                assert "not told by the parts" not in str(error)  # noqa: PT017


@each_operation
async def test_a_new_field_stays_reachable(name: str) -> None:
    for body in answers_of(BY_ID[name]):
        if isinstance(body, dict) and "data" not in body:
            result = await given(BY_ID[name], body | {"new_field": {"a": [1.5]}})
            if result is not None and hasattr(result, "extra"):
                assert result.extra["new_field"] == {"a": [1.5]}
