"""``vpsbg floating-ips`` and ``vpsbg ptr``: addresses, and the names that they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ..parameters import AS_USUAL, AddressID, Options, PageNumber
from ..reading import show, show_list
from ..sheets import Column, Listing, Sheet

if TYPE_CHECKING:
    from ...services.ip_addresses import IPAddress

__all__ = ["ADDRESSES", "floating_ips", "ptr"]


def _names(address: IPAddress) -> object:
    """The names of an address, without the address where there is one only."""
    names = address.ptr
    if isinstance(names, Mapping) and names.keys() == {address.ip_address}:
        return names[str(address.ip_address)]
    return names


_FACTS = (
    Column("Address", "ip_address"),
    Column("Main", "main"),
    Column("DDoS protection", "ddos_protected"),
    Column("Floating IP", "floating_ip_id", right=True),
    Column("Reverse DNS", _names),
)
ADDRESSES = Listing("addresses", Column("ID", "id", right=True), *_FACTS)
ADDRESS = Sheet("Address", "id", *_FACTS)
FLOATING_IPS = Listing(
    "Floating IPs",
    Column("ID", "id", right=True),
    Column("Status", "status"),
    Column("Address", "ip_address.ip_address"),
    Column("Address ID", "ip_address.id", right=True),
    Column("DDoS protection", "ip_address.ddos_protected"),
    Column("Server", "server_id", right=True),
    Column("Name", "server_hostname"),
    Column("Busy with", "lock_reason"),
    Column("Paid until", "expiry_at"),
    Column("To end since", "cancel_request.created_at"),
)

floating_ips = App(name="floating-ips")
ptr = App(name="ptr")


@floating_ips.command(name="list")
async def list_floating_ips(
    *,
    status: Annotated[str | None, Parameter(help="Only these states, by comma.")] = None,
    search: Annotated[str | None, Parameter(help="Part of an address or of a hostname.")] = None,
    page: PageNumber = None,
    options: Options = AS_USUAL,
) -> None:
    """List the Floating IPs: those that are active or suspended, unless other states are named."""
    await show_list(
        lambda vps: vps.floating_ips.list(page=page, status=status, search=search),
        FLOATING_IPS,
        options,
        page,
    )


@ptr.command(name="set")
async def set_name(
    address_id: AddressID,
    name: Annotated[str, Parameter(help="Host name that reverse DNS is to answer with.")],
    /,
    *,
    address: Annotated[
        str | None, Parameter(help="Of an IPv6 network, the address that gets the name.")
    ] = None,
    options: Options = AS_USUAL,
) -> None:
    """Set the name of an address in reverse DNS. How to remove one is not known."""
    names = name if address is None else {address: name}
    await show(lambda vps: vps.ip_addresses.update(address_id, ptr=names), ADDRESS, options)
