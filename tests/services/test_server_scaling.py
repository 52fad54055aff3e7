"""Moving servers to other plans."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_a_read,
    check_refused,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import PermissionDeniedError, RetryPolicy
from vpsbg_async.services.server_scaling import Downtime, ScaleCost, ServerScaling
from vpsbg_async.testing import Reply

ONE = operation("server_scaling_calculate")


async def calculate(scaling: ServerScaling) -> ScaleCost:
    return await scaling.calculate(7, plan="cloud-vps-2gb", scale_disk=False)


def test_it_is_as_contracted() -> None:
    check_as_contracted(ServerScaling)


@pytest.mark.parametrize("server_id", [7, "7"])
async def test_the_documented_answer(server_id: int | str) -> None:
    scaling, transport = service(ServerScaling, Reply(json=ONE.example))
    assert await scaling.calculate(server_id, **ONE.request["example"]) == ScaleCost(
        amount=Decimal("44.44"),
        amount_with_vat=Decimal("53.33"),
        estimated_downtime=Downtime.SHORT,
    )
    assert sent(transport) == [("POST", "/servers/7/scale/calculate", ONE.request["example"])]


async def test_any_field_may_lack() -> None:
    await check_answers(ServerScaling, calculate, "ScaleCost")


async def test_it_changes_nothing() -> None:
    await check_is_a_read(ServerScaling, calculate, Reply(json={"amount": 1}))


async def test_it_needs_a_write_key() -> None:
    scaling, transport = service(ServerScaling, Reply(status=403), retry=RetryPolicy())
    error = await failure_of(calculate(scaling))
    assert isinstance(error, PermissionDeniedError)
    assert "a Read key may only read" in str(error)
    assert len(transport.calls) == 1


async def test_what_cannot_be_sent() -> None:
    nothing: Any = None
    wrong: Any = 1
    await check_refused(
        ServerScaling,
        lambda scaling: scaling.calculate("", plan=nothing, scale_disk=nothing),
        *("id", "plan", "scale_disk"),
    )
    await check_refused(
        ServerScaling,
        lambda scaling: scaling.calculate(7, plan=wrong, scale_disk=wrong),
        *("plan", "scale_disk"),
    )
