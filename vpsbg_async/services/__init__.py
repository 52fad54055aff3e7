"""Which endpoints there are: one module for each group of the API, models above, methods below."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..core.caller import Caller

if TYPE_CHECKING:  # each is loaded when it is first used
    from .balance import BalanceService
    from .ssh_keys import SSHKeys

__all__ = ["Services"]


class Services:
    """The service objects of a client, each made when it is first used.

    Whoever inherits from it sets ``_caller``.
    """

    _caller: Caller

    @cached_property
    def balance(self) -> BalanceService:
        """The balance of the account."""
        from .balance import BalanceService  # noqa: PLC0415

        return BalanceService(self._caller)

    @cached_property
    def ssh_keys(self) -> SSHKeys:
        """SSH public keys."""
        from .ssh_keys import SSHKeys  # noqa: PLC0415

        return SSHKeys(self._caller)
