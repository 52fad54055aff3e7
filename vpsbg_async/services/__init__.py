"""Which endpoints there are: one module for each group of the API, models above, methods below."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..core.caller import Caller

if TYPE_CHECKING:  # each is loaded when it is first used
    from .affiliate import AffiliateService
    from .backups import Backups
    from .balance import BalanceService
    from .floating_ips import FloatingIPs
    from .invoices import Invoices
    from .ip_addresses import IPAddresses
    from .measured_boot import MeasuredBoot
    from .network_protection import NetworkProtectionService
    from .orders import Orders
    from .plans import Plans
    from .server_addons import ServerAddons
    from .server_scaling import ServerScaling
    from .servers import Servers
    from .snapshots import Snapshots
    from .ssh_keys import SSHKeys
    from .support_plans import SupportPlans
    from .tickets import Tickets
    from .user import UserService

__all__ = ["Services"]


class Services:
    """The service objects of a client, each made when it is first used.

    Whoever inherits from it sets ``_caller``.
    """

    _caller: Caller

    @cached_property
    def tickets(self) -> Tickets:
        """Support tickets and their messages."""
        from .tickets import Tickets  # noqa: PLC0415

        return Tickets(self._caller)

    @cached_property
    def support_plans(self) -> SupportPlans:
        """Paid support plans."""
        from .support_plans import SupportPlans  # noqa: PLC0415

        return SupportPlans(self._caller)

    @cached_property
    def user(self) -> UserService:
        """The account holder, and two-factor authentication."""
        from .user import UserService  # noqa: PLC0415

        return UserService(self._caller)

    @cached_property
    def balance(self) -> BalanceService:
        """The balance of the account."""
        from .balance import BalanceService  # noqa: PLC0415

        return BalanceService(self._caller)

    @cached_property
    def affiliate(self) -> AffiliateService:
        """The referral programme."""
        from .affiliate import AffiliateService  # noqa: PLC0415

        return AffiliateService(self._caller)

    @cached_property
    def invoices(self) -> Invoices:
        """Invoices."""
        from .invoices import Invoices  # noqa: PLC0415

        return Invoices(self._caller)

    @cached_property
    def ssh_keys(self) -> SSHKeys:
        """SSH public keys."""
        from .ssh_keys import SSHKeys  # noqa: PLC0415

        return SSHKeys(self._caller)

    @cached_property
    def plans(self) -> Plans:
        """Plans for new servers, and their addons."""
        from .plans import Plans  # noqa: PLC0415

        return Plans(self._caller)

    @cached_property
    def snapshots(self) -> Snapshots:
        """Snapshots of servers."""
        from .snapshots import Snapshots  # noqa: PLC0415

        return Snapshots(self._caller)

    @cached_property
    def backups(self) -> Backups:
        """Backups of servers."""
        from .backups import Backups  # noqa: PLC0415

        return Backups(self._caller)

    @cached_property
    def orders(self) -> Orders:
        """Orders and their payment."""
        from .orders import Orders  # noqa: PLC0415

        return Orders(self._caller)

    @cached_property
    def servers(self) -> Servers:
        """Virtual servers: reading, deploying, power, cancelling."""
        from .servers import Servers  # noqa: PLC0415

        return Servers(self._caller)

    @cached_property
    def server_addons(self) -> ServerAddons:
        """Paid addons of one server."""
        from .server_addons import ServerAddons  # noqa: PLC0415

        return ServerAddons(self._caller)

    @cached_property
    def server_scaling(self) -> ServerScaling:
        """Moving a server to another plan."""
        from .server_scaling import ServerScaling  # noqa: PLC0415

        return ServerScaling(self._caller)

    @cached_property
    def measured_boot(self) -> MeasuredBoot:
        """Boot images for SEV-SNP servers."""
        from .measured_boot import MeasuredBoot  # noqa: PLC0415

        return MeasuredBoot(self._caller)

    @cached_property
    def floating_ips(self) -> FloatingIPs:
        """Addresses that can move between servers."""
        from .floating_ips import FloatingIPs  # noqa: PLC0415

        return FloatingIPs(self._caller)

    @cached_property
    def ip_addresses(self) -> IPAddresses:
        """Addresses of the account, and their reverse DNS."""
        from .ip_addresses import IPAddresses  # noqa: PLC0415

        return IPAddresses(self._caller)

    @cached_property
    def network_protection(self) -> NetworkProtectionService:
        """DDoS protection of one address."""
        from .network_protection import NetworkProtectionService  # noqa: PLC0415

        return NetworkProtectionService(self._caller)
