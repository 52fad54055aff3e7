"""IP addresses of the account, and their reverse DNS."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import starmap

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint, has_control_characters, is_encodable
from ..core.fields import Fields
from ..core.model import Model, OpenEnum, unsure_field

__all__ = ["FloatingIPRef", "FloatingIPStatus", "IPAddress", "IPAddressType", "IPAddresses"]


class IPAddressType(OpenEnum):
    """Kind of an address; only one value is known."""

    PUBLIC = "public"


class FloatingIPStatus(OpenEnum):
    """State of a Floating IP as a service that is paid for."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@attrs.frozen(kw_only=True, slots=False)
class FloatingIPRef(Model):
    """What an address tells of the Floating IP that it is.

    Attributes:
        id: Id of the Floating IP.
        status: State of the service.
        ip: The address.
        server_id: Id of the server that it is attached to.
        expiry: When it ends, as the API tells it; the form is not documented.
    """

    id: int | None = None
    status: FloatingIPStatus | None = None
    ip: str | None = None
    server_id: int | None = None
    expiry: object = attrs.field(default=None, hash=False)  # any JSON


@attrs.frozen(kw_only=True, slots=False)
class IPAddress(Model):
    """An IP address. What an answer left out is None.

    Attributes:
        id: Its id.
        ip_address: The address.
        prefix: Length of its network's prefix; newer answers have it.
        gateway: The gateway; older answers have it.
        mask: Mask of its network; older answers have it.
        version: 4 or 6.
        type: Its kind.
        main: Whether it is the main one of its server.
        ddos_protected: Whether it is protected against attacks.
        floating_ip: Whether it is a Floating IP, or what is told of that one.
        floating_ip_id: Id of the Floating IP that it is.
        ptr: Names by address, which reverse DNS answers with, or a name alone. What is neither,
            such as false, is in ``.extra``.
        assigned_on: Since when the account has it.
    """

    id: int
    ip_address: str | None = None
    prefix: int | None = None
    gateway: str | None = None
    mask: str | None = None
    version: int | None = None
    type: IPAddressType | None = None
    main: bool | None = None
    ddos_protected: bool | None = None
    floating_ip: FloatingIPRef | bool | None = None
    floating_ip_id: int | None = None
    ptr: Mapping[str, str | None] | str | None = unsure_field()
    assigned_on: datetime | None = None


_UPDATE = Endpoint("PATCH", "/ip-addresses/{id}", IPAddress, "partial")


class IPAddresses:
    """IP addresses of the account: ``vps.ip_addresses``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def update(self, ip_address_id: int | str, *, ptr: str | Mapping[str, str]) -> IPAddress:
        """Set the name that reverse DNS answers with for an address.

        ``PATCH /ip-addresses/{id}``, documented in part at https://dev.vpsbg.eu/api-3579669: the
        forms of ``ptr`` are known from examples, how to remove a name is not known, and of the
        answer the leading fields are.

        Args:
            ip_address_id: Id of the address, such as of one of ``Server.ip_addresses``.
            ptr: For IPv4 the host name; for IPv6 host names by full address.

        Returns:
            The address after the change.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was changed, and the answer is not what was promised.
            NotFoundError: There is no such address.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_UPDATE, id=ip_address_id, body=_names(ptr))


def _names(ptr: object) -> Fields:
    fields = Fields()
    if _is_host_name(ptr):
        return fields.given("ptr", ptr)
    if isinstance(ptr, Mapping) and ptr and all(starmap(_is_named, ptr.items())):
        return fields.given("ptr", dict(ptr))
    fields.problems["ptr"] = ("must be a host name, or host names by address",)
    return fields


def _is_host_name(value: object) -> bool:
    """Whether it may be one: what all of them lack is white space and control characters."""
    if not isinstance(value, str) or not is_encodable(value):
        return False
    return re.fullmatch(r"\S+", value) is not None and not has_control_characters(value)


def _is_named(address: object, name: object) -> bool:
    try:
        ipaddress.ip_address(str(address))
    except ValueError:
        return False
    return isinstance(address, str) and _is_host_name(name)
