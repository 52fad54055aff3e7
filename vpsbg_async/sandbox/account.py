"""The account itself, as far as the sandbox has one."""

from __future__ import annotations

from typing import Final

from aiohttp import web

__all__ = ["AccountEndpoints"]

_BALANCE: Final = {  # the documentation's example
    "balance": 3476.06,
    "estimated_funds": 30,
    "shortfall": 0,
    "currency": "EUR",
    "has_valid_card": True,
    "last_deposit": {
        "amount": 41.67,
        "amount_with_vat": 50,
        "payment_method": "card",
        "payment_date": "2024-10-16T12:06:12.000000Z",
    },
    "unconfirmed_bitcoin_deposits": [],
}


class AccountEndpoints:
    """What a client can ask about the account."""

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [web.get(f"{prefix}/balance", self.balance)]

    async def balance(self, _: web.Request) -> web.Response:
        """The balance, which never changes."""
        return web.json_response(_BALANCE)
