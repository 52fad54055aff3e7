"""What a type checker makes of the calls. It is mypy that checks most of this file."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

from vpsbg_async import (
    VPSBG,
    BulkOutcome,
    BulkRun,
    BulkStatus,
    BulkSummary,
    Finding,
    Page,
    Pages,
    TicketDraft,
    models,
)


async def tickets(vps: VPSBG) -> None:
    ticket = await vps.tickets.create(department_id=2, subject="Down", message="It is down.")
    assert_type(ticket, models.Ticket)
    assert_type(ticket.status, models.TicketStatus | None)
    assert_type(await vps.tickets.find_created(ValueError()), Finding[models.Ticket])
    assert_type(vps.tickets.list(), Pages[models.Ticket])
    assert_type(await vps.tickets.list(page=2), Page[models.Ticket])
    async for item in vps.tickets.list():
        assert_type(item, models.Ticket)
    drafts = [TicketDraft(department_id=2, subject="Down", message="It is down.")]
    async with vps.tickets.create_many(drafts) as run:
        assert_type(run, BulkRun)
        async for outcome in run:
            assert_type(outcome, BulkOutcome)
            assert_type(outcome.status, BulkStatus)
            assert_type(outcome.ticket_id, int | None)
    assert_type(run.summary, BulkSummary)


async def account(vps: VPSBG) -> None:
    assert_type((await vps.balance.get()).balance, Decimal | None)
    assert_type((await vps.user.get()).two_factor_enabled, bool | None)
    assert_type(await vps.user.update(city="Sofia"), models.User)
    assert_type(await vps.user.get_2fa_secret(), models.TwoFactorSecret)
    assert_type(await vps.affiliate.get(), models.Affiliate)
    assert_type(await vps.ssh_keys.add(name="mine", key="ssh-rsa AA"), models.SSHKey)
    assert_type((await vps.ssh_keys.get(1)).servers, tuple[models.SSHKeyServer, ...] | None)


async def orders(vps: VPSBG) -> None:
    page = await vps.orders.list(status=[models.OrderStatus.PAID], per_page=10)
    assert_type(page, Page[models.Order])
    assert_type(page.total, int | None)
    assert_type(page.items[0].due_at, datetime | None)
    assert_type(await vps.orders.get("12"), models.Order)
    assert_type(vps.invoices.list(), Pages[models.Invoice])
    assert_type(
        await vps.support_plans.purchase(plan="professional", billing_cycle=1), models.Order
    )


async def servers(vps: VPSBG) -> None:
    async for server in vps.servers.list(status="active"):
        assert_type(server.plan, models.Plan | None)
    status = await vps.servers.wait_until(1, running=True)
    assert_type(status, models.ServerStatus)
    assert_type(await vps.servers.wait_until(1, locked=False), models.Server)
    running: bool | None = True if status.running else None
    seen = await vps.servers.wait_until(1, running=running, locked=running)
    assert_type(seen, models.ServerStatus | models.Server)
    assert_type(await vps.servers.stop(1, wait_if_locked=60), None)
    assert_type(vps.server_addons.list_available(1), Pages[models.AvailableAddon])
    cost = await vps.server_scaling.calculate(1, plan="cloud-vps-4gb", scale_disk=False)
    assert_type(cost, models.ScaleCost)
    assert_type(vps.measured_boot.list_images(), Pages[models.MeasuredBootImage])
    assert_type(vps.plans.list(), Pages[models.Plan])
    assert_type(vps.snapshots.list(), Pages[models.Snapshot])
    assert_type(vps.backups.list(server_id=1), Pages[models.Backup])


async def network(vps: VPSBG) -> None:
    assert_type(vps.floating_ips.list(), Pages[models.FloatingIP])
    address = await vps.ip_addresses.update(1, ptr="example.com")
    assert_type(address.floating_ip, models.FloatingIPRef | bool | None)
    since = datetime(2024, 9, 1, tzinfo=UTC)
    assert_type(vps.network_protection.list_attacks(1, start=since), Pages[models.Attack])
    assert_type(await vps.network_protection.get_geo_filter(1), models.GeoFilter)


async def anything(vps: VPSBG) -> None:
    answer: Any = await vps.request("GET", "/balance")
    assert answer


def test_mypy_sees_what_is_wrong(tmp_path: Path) -> None:
    """Or all of the above would hold for nothing."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from vpsbg_async import VPSBG\n\n\n"
        "async def main(vps: VPSBG) -> str:\n"
        "    return await vps.orders.get(12)\n",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", wrong],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'got "Order", expected "str"' in done.stdout
