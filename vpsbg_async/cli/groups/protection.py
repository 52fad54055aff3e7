"""``vpsbg protection``: the protection of addresses against attacks."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ..parameters import AS_USUAL, AddressID, Options, PageNumber
from ..reading import show, show_list
from ..sheets import Column, Listing, Part, Sheet

__all__ = ["app"]

PROTECTION = Sheet(
    "Protection of address",
    "ip_address.id",
    Column("Address", "ip_address.ip_address"),
    Column("Under attack", "under_attack"),
    Column("Floating IP", "floating_ip_id"),
    Column("Belongs to", "protected_service.type"),
    Column("ID", "protected_service.id"),
    Column("Name", "protected_service.label"),
    Column("Protected until", "expiry_at"),
)
ATTACKS = Listing(
    "attacks",
    Column("ID", "id"),
    Column("Goes on", "ongoing"),
    Column("Began", "started_at"),
    Column("Ended", "ended_at"),
    Column("Severity", "severity"),
    Column("Noticed by", "detector"),
    Column("Peak, Mbps", "peak_bandwidth", right=True),
    Column("Peak, packets/s", "peak_pps", right=True),
    Column("Description", "description"),
)
_AMOUNTS = (
    Column("Peak, Mbps", "peak_bandwidth", right=True),
    Column("Peak, packets/s", "peak_pps", right=True),
    Column("MB in all", "total_bandwidth", right=True),
)
ATTACK = Sheet(
    "Attack",
    "id",
    Column("Goes on", "ongoing"),
    Column("Began", "started_at"),
    Column("Ended", "ended_at"),
    Column("Severity", "severity"),
    Column("Noticed by", "detector"),
    Column("Reason", "reason"),
    Column("Description", "description"),
    Column("Mbps at first", "initial_bandwidth"),
    Column("Packets/s at first", "initial_pps"),
    Column("Peak, Mbps", "peak_bandwidth"),
    Column("Peak, packets/s", "peak_pps"),
    Column("TCP ports", "top_ports.tcp"),
    Column("UDP ports", "top_ports.udp"),
    Part(
        "Protocols",
        "top_protocols",
        Listing(
            "protocols", Column("Number", "number", right=True), Column("Name", "name"), *_AMOUNTS
        ),
    ),
    Part(
        "Networks that it comes from",
        "top_source_asns",
        Listing(
            "networks",
            Column("AS", "asn", right=True),
            Column("Name", "name"),
            Column("Country", "country"),
            *_AMOUNTS,
        ),
    ),
    Part(
        "Addresses that it comes from",
        "top_source_ips",
        Listing("addresses", Column("Address", "ip"), Column("Country", "country"), *_AMOUNTS),
    ),
)
GEO_FILTER = Sheet(
    "Filter by country",
    None,
    Column("In force", "active"),
    Column("Action", "action"),
    Column("Countries", "countries"),
)

app = App(name="protection")


@app.command(name="show")
async def show_protection(address_id: AddressID, /, *, options: Options = AS_USUAL) -> None:
    """Show whether an address is under attack, and what is known of its protection."""
    await show(lambda vps: vps.network_protection.get(address_id), PROTECTION, options)


@app.command
async def attacks(
    address_id: AddressID, /, *, page: PageNumber = None, options: Options = AS_USUAL
) -> None:
    """List the attacks on an address in the last seven days."""
    await show_list(
        lambda vps: vps.network_protection.list_attacks(address_id, page=page),
        ATTACKS,
        options,
        page,
    )


@app.command
async def attack(
    address_id: AddressID,
    attack_id: Annotated[str, Parameter(help="Id of the attack.")],
    /,
    *,
    options: Options = AS_USUAL,
) -> None:
    """Show an attack, with where it comes from and what it uses."""
    await show(
        lambda vps: vps.network_protection.get_attack(address_id, attack_id), ATTACK, options
    )


@app.command
async def geo(address_id: AddressID, /, *, options: Options = AS_USUAL) -> None:
    """Show the filter by country of an address."""
    await show(lambda vps: vps.network_protection.get_geo_filter(address_id), GEO_FILTER, options)
