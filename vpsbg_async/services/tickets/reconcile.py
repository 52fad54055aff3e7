"""Finding out whether a ticket or a reply was created, when the call itself does not tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from http import HTTPStatus

from ...core.call import Call
from ...core.caller import Caller
from ...core.finding import Finding
from ...core.pages import Pages
from ...errors import APIError, OutcomeUnknownError, VPSBGError
from ...events import Reconciled
from .ledger import Ledger, Scope, scope_of
from .models import Ticket
from .search import Search, Sighting
from .wording import Wording

__all__ = ["Look", "Reconciler"]

_CLOUDFLARE_TIMEOUT = 524
# After these the server may be at it for longer than usual.
_OVERDUE = frozenset({HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.LOCKED, _CLOUDFLARE_TIMEOUT})

_Fetch = Callable[[int], Awaitable[Ticket]]

Look = Callable[[float], Awaitable[Finding[Ticket]]]
"""Looks once for something whose call began at that time, in Unix seconds."""


class Reconciler:
    """Looks for tickets and replies.

    Args:
        caller: Makes the calls.
        ledger: Remembers what was created.
        list_tickets: Lists the account's tickets.
        get_ticket: Gets one of them.
    """

    def __init__(
        self,
        caller: Caller,
        ledger: Ledger,
        list_tickets: Callable[[], Pages[Ticket]],
        get_ticket: Callable[[int | str], Awaitable[Ticket]],
    ) -> None:
        self._caller = caller
        self._ledger = ledger
        self._list = list_tickets
        self._get = get_ticket

    async def find_ticket(self, wording: Wording, since: float) -> Finding[Ticket]:
        """Look once for a ticket, among the newest of the account."""
        search = self._search(None, wording, since, self._get)
        await search.walk(self._newest_tickets())
        return await search.verdict()

    async def find_reply(
        self, ticket_id: int | str, wording: Wording, since: float
    ) -> Finding[Ticket]:
        """Look once for a message of ours in a ticket."""
        search = self._search(scope_of(ticket_id), wording, since, None)
        await search.walk(self._newest_messages(ticket_id))
        return await search.verdict()

    def _search(self, scope: Scope, wording: Wording, since: float, fetch: _Fetch | None) -> Search:
        return Search(
            scope,
            wording,
            since,
            ledger=self._ledger,
            policy=self._caller.session.options.reconcile,
            clock=self._caller.session.clock,
            ahead=lambda: self._caller.session.server_clock.ahead,
            fetch=fetch,
        )

    async def recover(self, look: Look, call: Call, failed: VPSBGError) -> Finding[Ticket]:
        """Look at once, and again when a server that is still at work must be done."""
        policy = self._caller.session.options.reconcile
        clock = self._caller.session.clock
        delay = policy.settle_late if _is_overdue(failed) else policy.settle
        # Since the attempt has ended, which may have been in another process; but no clock that was
        # set in between may make that long.
        since = min(max(0.0, clock.time() - call.ended), delay)
        settled = clock.monotonic() + delay - since
        finding, is_final = await self._look(look, call.started)
        if finding.found is None and not is_final:
            await call.wait(max(0.0, settled - clock.monotonic()), "settling")
            finding, _ = await self._look(look, call.started)
        number = None if finding.found is None else finding.found.id
        call.tell(Reconciled, found=number, absent=finding.absent, reason=finding.reason)
        return finding

    async def _look(self, look: Look, since: float) -> tuple[Finding[Ticket], bool]:
        """Look, whatever comes of it; and whether another look would end likewise."""
        try:
            return await look(since), False
        except VPSBGError as error:
            status = f" {error.status}" if isinstance(error, APIError) else ""
            reason = f"{error.method} {error.path} ended in {type(error).__name__}{status}"
            return Finding(reason=reason), error.permanent

    async def _newest_tickets(self) -> AsyncIterator[Iterable[Sighting]]:
        async for page in self._list().pages():
            yield map(Sighting.of_ticket, page.items)

    async def _newest_messages(self, ticket_id: int | str) -> AsyncIterator[Iterable[Sighting]]:
        ticket = await self._get(ticket_id)
        ours = [message for message in ticket.messages or () if message.is_customer is not False]
        ours.sort(key=lambda message: message.id, reverse=True)
        yield [Sighting.of_message(message, ticket) for message in ours]


def _is_overdue(failed: VPSBGError) -> bool:
    if isinstance(failed, OutcomeUnknownError):
        return failed.overdue
    return isinstance(failed, APIError) and failed.status in _OVERDUE
