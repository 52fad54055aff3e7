"""``vpsbg servers``: what servers there are, what they are doing, and their power switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ..parameters import AS_USUAL, Options, PageNumber, ServerID
from ..reading import show, show_list
from ..sheets import Column, Listing, Part, Sheet
from .addresses import ADDRESSES
from .power import restart, start, stop

if TYPE_CHECKING:
    from ...services.servers import Server, Usage

__all__ = ["app"]


def _main_address(server: Server) -> str | None:
    addresses = server.ip_addresses or ()
    return next((address.ip_address for address in addresses if address.main), None)


def _of(usage: Usage | None) -> str | None:
    """How much of how much."""
    if usage is None or usage.used is None:
        return None
    return f"{usage.used:.2f}" if usage.limit is None else f"{usage.used:.2f} of {usage.limit:g}"


SERVERS = Listing(
    "servers",
    Column("ID", "id", right=True),
    Column("Status", "status"),
    Column("Name", "hostname"),
    Column("Plan", "plan.name"),
    Column("Address", _main_address),
    Column("Busy", "locked"),
    Column("Paid until", "expiry_at"),
)
_BOUGHT = Listing(
    "addons",
    Column("ID", "id", right=True),
    Column("Addon", "name"),
    Column("Status", "status"),
    Column("Quantity", "quantity", right=True),
    Column("Price", "amount", right=True),
    Column("With VAT", "amount_with_vat", right=True),
    Column("Since", "created_at"),
    Column("Until", "ended_at"),
)
SERVER = Sheet(
    "Server",
    "id",
    Column("Name", "hostname"),
    Column("Status", "status"),
    Column("Runs", "state.running"),
    Column("Busy", "locked"),
    Column("Busy since", "locked_at"),
    Column("Plan", "plan.name"),
    Column("Cores", "plan.vcpus"),
    Column("Memory, GB", "plan.memory"),
    Column("Disk, GB", "plan.disk"),
    Column("Image", "server_image.name"),
    Column("Boots", "state.measured_boot.kernel_image.name"),
    Column("Virtualization", "virtualization"),
    Column("Deployed", "created_at"),
    Column("Paid until", "expiry_at"),
    Column("Renews by itself", "auto_renew"),
    Column("Months", "billing_cycle"),
    Column("Renewal", "renew_amount"),
    Column("Renewal with VAT", "renew_amount_with_vat"),
    Column("Promotion", "promo_code"),
    Column("To end since", "cancel_request.created_at"),
    Column("Reason", "cancel_request.reason"),
    Part("Addresses", "ip_addresses", ADDRESSES),
    Part("Addons", "addons", _BOUGHT),
)
STATUS = Sheet(
    "Status",
    None,
    Column("Runs", "running"),
    Column("Suspended", "suspended"),
    Column("Cut off the network", "network_suspended"),
    Column("Rescue mode", "rescue_mode"),
    Column("Resolvers", "dns_resolvers"),
    Column("CPU, %", "cpu.used"),
    Column("Disk, GB", lambda status: _of(status.disk)),
    Column("Traffic, GB", lambda status: _of(status.bandwidth)),
)
METRICS = Listing(
    "samples",
    Column("Time", "timestamp"),
    Column("Runs", "running"),
    Column("CPU, %", "cpu", right=True),
    Column("Received, MB/s", "network_in", right=True),
    Column("Sent, MB/s", "network_out", right=True),
    Column("Disk, GB", "disk", right=True),
    Column("Read, MB/s", "io_read", right=True),
    Column("Written, MB/s", "io_write", right=True),
)
BANDWIDTH = Sheet(
    "Traffic",
    None,
    Column("Used, GB", "used"),
    Column("Limit, GB", "limit"),
    Part(
        "By day",
        "daily_usage",
        Listing(
            "days",
            Column("Begin", "timestamp"),
            Column("Received, GB", "incoming", right=True),
            Column("Sent, GB", "outgoing", right=True),
        ),
    ),
)
ADDONS = Listing(
    "addons",
    Column("Addon", "key"),
    Column("Price", "price", right=True),
    Column("With VAT", "price_with_vat", right=True),
    Column("Until expiry", "price_until_expiry", right=True),
    Column("Until expiry, with VAT", "price_until_expiry_with_vat", right=True),
)

app = App(name="servers")
for switch in (start, stop, restart):
    app.command(switch)


@app.command(name="list")
async def list_servers(
    *,
    status: Annotated[str | None, Parameter(help="Only these states, by comma.")] = None,
    search: Annotated[str | None, Parameter(help="Part of an address or of a hostname.")] = None,
    page: PageNumber = None,
    options: Options = AS_USUAL,
) -> None:
    """List the servers.

    These are the active and the suspended ones, unless states are named: active, processing,
    suspended, terminated.
    """
    await show_list(
        lambda vps: vps.servers.list(page=page, status=status, search=search),
        SERVERS,
        options,
        page,
    )


@app.command(name="show")
async def show_server(server_id: ServerID, /, *, options: Options = AS_USUAL) -> None:
    """Show a server with its addresses and addons."""
    await show(lambda vps: vps.servers.get(server_id), SERVER, options)


@app.command
async def status(server_id: ServerID, /, *, options: Options = AS_USUAL) -> None:
    """Show what a server is doing, and how busy it is."""
    await show(lambda vps: vps.servers.get_status(server_id), STATUS, options)


@app.command
async def metrics(server_id: ServerID, /, *, options: Options = AS_USUAL) -> None:
    """List how busy a server was, the newest first."""
    await show_list(lambda vps: vps.servers.get_metrics(server_id), METRICS, options)


@app.command
async def bandwidth(server_id: ServerID, /, *, options: Options = AS_USUAL) -> None:
    """Show the traffic of a server, in this cycle and by day."""
    await show(lambda vps: vps.servers.get_bandwidth(server_id), BANDWIDTH, options)


@app.command
async def addons(server_id: ServerID, /, *, options: Options = AS_USUAL) -> None:
    """List the addons that can be bought for a server. Those that it has are shown by show."""
    await show_list(lambda vps: vps.server_addons.list_available(server_id), ADDONS, options)
