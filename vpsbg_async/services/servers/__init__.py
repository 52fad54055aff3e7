"""Virtual servers.

The ``models`` are what the API tells of them as services, ``live`` what they are doing. `Servers`
has the calls; those that read are in ``reading``, those that start, stop and wait in ``power``, and
``waiting`` is how they wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Any

from ...core.endpoint import Effect, Endpoint
from ...core.fields import Fields
from ..plans import AddonKey
from .live import (
    BandwidthDay,
    CPULoad,
    CPUUsage,
    MeasuredBootImage,
    MeasuredBootImageType,
    ServerBandwidth,
    ServerMeasuredBoot,
    ServerMetric,
    ServerState,
    ServerStatus,
    Usage,
)
from .models import (
    CancelRequest,
    RenewAmount,
    Server,
    ServerAddon,
    ServerImage,
    ServerImageGroup,
    ServerImageType,
    ServerSettings,
    ServiceStatus,
    Virtualization,
)
from .power import ServerPower
from .reading import SortOrder

__all__ = [
    "BandwidthDay",
    "CPULoad",
    "CPUUsage",
    "CancelRequest",
    "MeasuredBootImage",
    "MeasuredBootImageType",
    "RenewAmount",
    "Server",
    "ServerAddon",
    "ServerBandwidth",
    "ServerImage",
    "ServerImageGroup",
    "ServerImageType",
    "ServerMeasuredBoot",
    "ServerMetric",
    "ServerSettings",
    "ServerState",
    "ServerStatus",
    "Servers",
    "ServiceStatus",
    "SortOrder",
    "Usage",
    "Virtualization",
]

_BILLING_CYCLE_MAX = 24  # months
_PASSWORD_MIN = 6  # characters

_DEPLOY: Endpoint[object] = Endpoint(
    "POST", "/servers", object, "partial", frozenset({Effect.CREATES, Effect.CHARGES})
)
_CANCEL = Endpoint("POST", "/servers/{id}/cancel", NoneType, effects=frozenset({Effect.TERMINATES}))
_UNDO_CANCEL = Endpoint("DELETE", "/servers/{id}/cancel", NoneType, "convention")
_CHANGE_PASSWORD = Endpoint(
    "PUT", "/servers/{id}/password", NoneType, effects=frozenset({Effect.REBOOTS})
)
_CHANGE_PRIMARY_IP = Endpoint(
    "POST", "/servers/{id}/primary-ip", Server, effects=frozenset({Effect.REBOOTS})
)
_CALCULATE_RENEW = Endpoint(
    "POST", "/servers/renew/calculate", RenewAmount, "partial", harmless=True
)


class Servers(ServerPower):
    """Virtual servers: ``vps.servers``."""

    async def deploy(
        self,
        *,
        name: str | Sequence[str],
        plan: str,
        billing_cycle: int,
        image_id: int | None = None,
        snapshot_id: int | None = None,
        backup_id: int | None = None,
        primary_iso_id: int | None = None,
        secondary_iso_id: int | None = None,
        password: str | None = None,
        ssh_keys: Sequence[int] | None = None,
        backups: bool | None = None,
        extra_ipv4: int | None = None,
        extra_ipv4_ddos: int | None = None,
        extra_ipv6: int | None = None,
        cpanel: AddonKey | str | None = None,
        bandwidth: AddonKey | str | None = None,
        microsoft_rds_sal: int | None = None,
        microsoft_office_sal: int | None = None,
        promo_code: str | None = None,
    ) -> Any:
        """Deploy a new server, which costs money. It is never sent again blindly.

        ``POST /servers``, documented in part at https://dev.vpsbg.eu/api-3487365: the fields are
        known, but not which of image, snapshot, backup and ISO exclude each other; and nothing is
        known of the answer.

        Args:
            name: Name of the server. Other forms are documented without being shown; a list of
                names, for a server each, is a likely one.
            plan: The plan: its key or its name, such as ``cloud-vps-2gb``.
            billing_cycle: For how many months it is paid at a time, 1 to 24.
            image_id: Id of the image to install.
            snapshot_id: Id of the snapshot to begin with.
            backup_id: Id of the backup to begin with.
            primary_iso_id: Id of the ISO in the first drive.
            secondary_iso_id: Id of the ISO in the second drive.
            password: Password of the administrator.
            ssh_keys: Ids of keys of the account that are to open it.
            backups: Whether to make weekly backups, which costs more.
            extra_ipv4: How many more IPv4 addresses.
            extra_ipv4_ddos: How many more IPv4 addresses with DDoS protection.
            extra_ipv6: How many more IPv6 addresses.
            cpanel: The cPanel licence.
            bandwidth: The unmetered bandwidth.
            microsoft_rds_sal: How many RDS user licences.
            microsoft_office_sal: How many Office user licences.
            promo_code: A promotion.

        Returns:
            The answer as raw JSON, None if it has no body; nothing is known of it.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was deployed, and the answer is no JSON.
            APIError: The server answered with an error; see its subclasses.
        """
        body = Fields()
        if isinstance(name, str):
            body.text("name", name, least=1, is_name=True)
        else:
            body.texts("name", name, least=1)
        body.text("plan", plan, least=1)
        body.whole("billing_cycle", billing_cycle, least=1, most=_BILLING_CYCLE_MAX)
        body.whole("image_id", image_id).whole("snapshot_id", snapshot_id)
        body.whole("backup_id", backup_id).whole("primary_iso_id", primary_iso_id)
        body.whole("secondary_iso_id", secondary_iso_id).text("password", password)
        body.wholes("ssh_keys", ssh_keys).flag("backups", backups)
        body.whole("extra_ipv4", extra_ipv4).whole("extra_ipv4_ddos", extra_ipv4_ddos)
        body.whole("extra_ipv6", extra_ipv6)
        body.text("cpanel", cpanel, least=1).text("bandwidth", bandwidth, least=1)
        body.whole("microsoft_rds_sal", microsoft_rds_sal)
        body.whole("microsoft_office_sal", microsoft_office_sal).text("promo_code", promo_code)
        body.require("name", "plan", "billing_cycle")
        return await self._caller.call(_DEPLOY, body=body)

    async def cancel(
        self, server_id: int | str, *, now: bool = False, reason: str | None = None
    ) -> None:
        """Ask for the end of a server: it is suspended, and terminated later with its data.

        Until then `undo_cancel` may take it back. It is never sent again blindly.

        ``POST /servers/{id}/cancel``, documented at https://dev.vpsbg.eu/api-3487375.

        Args:
            server_id: Id of the server.
            now: Whether it is suspended at once; otherwise when the time that is paid for is over.
            reason: Why, for VPSBG.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such server.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().flag("now", now).text("reason", reason)
        await self._caller.call(_CANCEL, id=server_id, body=body)

    async def undo_cancel(self, server_id: int | str) -> None:
        """Take the cancellation of a server back.

        ``DELETE /servers/{id}/cancel``, a *convention*: name and method are documented, the path is
        that of the cancellation (https://dev.vpsbg.eu/api-3487375).

        Args:
            server_id: Id of the server.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such server, or no such path.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        await self._caller.call(_UNDO_CANCEL, id=server_id)

    async def change_password(
        self, server_id: int | str, *, password: str, reboot: bool = False
    ) -> None:
        """Set the password of root, or of Administrator on Windows, from the next reboot on.

        It is never sent again blindly.

        ``PUT /servers/{id}/password``, documented at https://dev.vpsbg.eu/api-3487373.

        Args:
            server_id: Id of the server.
            password: 6 characters or more.
            reboot: Whether to reboot the server now.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such server.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().text("password", password, least=_PASSWORD_MIN).flag("reboot", reboot)
        await self._caller.call(_CHANGE_PASSWORD, id=server_id, body=body.require("password"))

    async def change_primary_ip(self, server_id: int | str, *, ip_id: int) -> Server:
        """Make another of its addresses the main one of a server, which reboots it.

        It is never sent again blindly.

        ``POST /servers/{id}/primary-ip``, documented at https://dev.vpsbg.eu/api-3755895.

        Args:
            server_id: Id of the server.
            ip_id: Id of the address, of one of ``Server.ip_addresses``.

        Returns:
            The server after the change.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was changed, and the answer is not what was promised.
            NotFoundError: There is no such server.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().whole("ip_id", ip_id).require("ip_id")
        return await self._caller.call(_CHANGE_PRIMARY_IP, id=server_id, body=body)

    async def calculate_renew(
        self, *, server_ids: Sequence[int], billing_cycle: int, promo_code: str | None = None
    ) -> RenewAmount:
        """Ask what it would cost to renew servers. It changes nothing, and needs a Write key.

        ``POST /servers/renew/calculate``, documented in part at https://dev.vpsbg.eu/api-3759409:
        the last fields of the answer are not known for certain.

        Args:
            server_ids: Ids of the servers.
            billing_cycle: For how many months; 1, 3, 6, 12 and 24 are known.
            promo_code: A promotion.

        Returns:
            The price of all of them together.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        body = Fields().wholes("server_ids", server_ids, least=1)
        body.whole("billing_cycle", billing_cycle)
        body.text("promo_code", promo_code).require("server_ids", "billing_cycle")
        return await self._caller.call(_CALCULATE_RENEW, body=body)
