"""Everything that the account holds besides tickets."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from .account import AccountEndpoints
from .addons import Addons
from .addresses import Addresses
from .boot import BootImages, MeasuredBoot
from .copies import Copies
from .files import Folder
from .invoices import Invoices
from .keys import Keys
from .machines import Machines
from .orders import Orders
from .plans import Plans
from .protection import Protection
from .readings import Readings
from .servers import Servers

__all__ = ["Holdings"]


class Holdings:
    """What the account has, and what of it bears on what else.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.machines = Machines(clock)
        self.keys = Keys(self.machines)
        self.images = BootImages(clock)
        invoices = Invoices()
        self.orders = Orders(clock, invoices)
        self.addresses = Addresses(self.machines, self.orders)
        self._groups = (
            AccountEndpoints(clock),
            invoices,
            self.orders,
            Plans(self.orders),
            self.keys,
            Servers(self.machines, self.keys, self.orders),
            Readings(self.machines),
            Addons(clock, self.machines, self.orders),
            self.addresses,
            Protection(clock, self.addresses),
            Copies(),
        )

    def routes(self, prefix: str, folder: Folder) -> list[web.RouteDef]:
        """The routes of all groups, each path after ``prefix``.

        Args:
            prefix: What paths begin with.
            folder: Where uploaded files go.
        """
        boot = MeasuredBoot(self.machines, self.images, folder)
        return [route for group in (*self._groups, boot) for route in group.routes(prefix)]
