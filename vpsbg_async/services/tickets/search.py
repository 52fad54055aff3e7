"""Looking through what the API tells for something that may have been created.

What is found there was created. That it is not found proves nothing by itself: the list may be
another one than is thought, late, in another order, or tell the words in another form. So it counts
only if the very same look finds what is known to be there; see `Search.verdict`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from datetime import datetime
from enum import Enum, auto

import attrs

from ...core.clock import Clock
from ...core.finding import Finding, ReconcilePolicy
from .ledger import Known, Ledger, Scope
from .models import Ticket, TicketMessage
from .wording import Wording

__all__ = ["Search", "Sighting"]

_CLOCK_TICK = 2.0  # seconds, by which the server's time is known at the best: it tells whole ones
_LOOKED_INTO = 25  # tickets that one search fetches, because the list does not tell enough


class _Likeness(Enum):
    MATCHES = auto()
    RESEMBLES = auto()
    DIFFERS = auto()


@attrs.frozen
class Sighting:
    """A ticket, or a message of one, as the API tells of it.

    Attributes:
        id: Its id.
        created_at: When it was created, by the server's clock.
        changed_at: When it last changed, None if that is not told.
        subject: Subject of the ticket, empty for a message of one.
        message: What it says, None if that is not told.
        ticket: The ticket.
    """

    id: int
    created_at: datetime | None
    changed_at: datetime | None
    subject: str
    message: str | None
    ticket: Ticket

    @classmethod
    def of_ticket(cls, ticket: Ticket) -> Sighting:
        """A ticket, with its first message."""
        first = min(ticket.messages or (), key=lambda message: message.id, default=None)
        message = None if first is None else first.content
        times = ticket.created_at, ticket.updated_at
        return cls(ticket.id, *times, ticket.subject or "", message, ticket)

    @classmethod
    def of_message(cls, message: TicketMessage, ticket: Ticket) -> Sighting:
        """A message of a ticket."""
        return cls(message.id, message.created_at, None, "", message.content, ticket)


class Search:
    """One look for something that may have been created.

    Args:
        scope: Where it would be.
        wording: Its words.
        since: When the call began, in Unix seconds.
        ledger: Remembers what else was created.
        policy: How it is looked for.
        clock: Tells the time here.
        ahead: By how many seconds the server's clock is ahead, None while that is not known.
        fetch: Gets a ticket whole, None if there is nothing more to get.
    """

    def __init__(
        self,
        scope: Scope,
        wording: Wording,
        since: float,
        *,
        ledger: Ledger,
        policy: ReconcilePolicy,
        clock: Clock,
        ahead: Callable[[], float | None],
        fetch: Callable[[int], Awaitable[Ticket]] | None,
    ) -> None:
        self._scope = scope
        self._wording = wording
        self._since = since
        self._ledger = ledger
        self._policy = policy
        self._margin = policy.margin + _CLOCK_TICK
        self._clock = clock
        self._ahead = ahead
        self._fetch = fetch
        self._seen: dict[int, Sighting] = {}
        self._whole: dict[int, Sighting] = {}
        self._earliest: datetime | None = None
        self._reached: datetime | None = None
        self._descends = False  # whether there was one to be seen that is older than those before
        self._flaw = ""
        # What became known while the call was under way is in the list by now, if it is up to date.
        self._due = set(ledger.claimed_since(scope, since))
        self._known = ledger.known(scope, marked=wording.marker is not None)
        self._walk_began = since

    async def walk(self, pages: AsyncIterable[Iterable[Sighting]]) -> None:
        """Go through pages until nothing more can come of it."""
        count = 0
        self._walk_began = self._clock.time()
        async for page in pages:
            self._read(page)
            count += 1
            if count >= self._policy.max_pages or self._has_seen_enough():
                return
        self._descends = True  # or as good as that: nothing is left that could be newer

    async def verdict(self) -> Finding[Ticket]:
        """What the walk has shown.

        It was done if exactly one matches: the words read the same, it was created within the time
        of the call, and it is nobody else's. It was not done if none matches or resembles, and the
        walk went, newest first, beyond the begin of the call, met all that is known to have been
        created meanwhile, and recognised in the same way what is known to be ours. Anything else
        leaves it unknown.
        """
        if self._begin is None:
            return Finding(reason="the server does not tell its time")
        if self._walk_began < self._since:  # the clock was set back, or nobody looked at one
            return Finding(reason="the call began in the future, by the clock here")
        horizon = self._since - self._policy.settle_late - self._policy.margin
        if self._ledger.has_twin(self._scope, self._wording, horizon):
            return Finding(reason="another call creates the same, or may have")
        matching = []
        for sighting in filter(self._may_be_it, self._seen.values()):
            likeness = await self._compare(self._wording, sighting)
            if likeness is _Likeness.MATCHES and not self._is_of_before(sighting):
                matching.append(self._whole.get(sighting.id, sighting))
            elif likeness is _Likeness.MATCHES:
                self._blame("something reads the same, and may have been created before it")
            elif likeness is _Likeness.RESEMBLES:
                self._blame("something resembles it, and is not the same")
        if len(matching) == 1:
            return Finding(found=matching[0].ticket)
        if matching:
            return Finding(reason=f"{len(matching)} are the same")
        await self._check_walk()
        return Finding(absent=not self._flaw, reason=self._flaw)

    @property
    def _begin(self) -> float | None:
        """When the server's clock may have shown the begin of the call."""
        ahead = self._ahead()
        return None if ahead is None else self._since + ahead - self._margin

    @property
    def _end(self) -> float:
        """What the server's clock shows by now, at the most."""
        return self._clock.time() + (self._ahead() or 0.0) + self._margin

    def _read(self, page: Iterable[Sighting]) -> None:
        """Take down what a page tells, in its order."""
        before: datetime | None = None
        for sighting in page:
            created_at = sighting.created_at
            if created_at is None:
                self._blame("the list does not tell when they were created")
            else:
                if created_at.timestamp() > self._end:
                    self._blame("the list tells of times that have not come yet")
                if self._is_out_of_order(sighting.id, created_at, before):
                    self._blame("the list is not in the order of creation, newest first")
                before = created_at
                self._reach(created_at, sighting.changed_at or created_at)
            self._seen.setdefault(sighting.id, sighting)

    def _is_out_of_order(self, number: int, created_at: datetime, before: datetime | None) -> bool:
        if before is not None and created_at > before:
            return True
        if self._earliest is None or created_at <= self._earliest or number in self._seen:
            return False  # new ones push those that were seen to the next page
        # So many new ones that some come to the next page themselves are newer than the walk.
        return created_at.timestamp() < self._walk_began + (self._ahead() or 0.0) - _CLOCK_TICK

    def _reach(self, created_at: datetime, changed_at: datetime) -> None:
        """Take down how far back the walk has come.

        What changed since the begin of the call is no milestone on the way there: in a list in the
        order of changes it stands before what was created meanwhile.
        """
        if self._earliest is None or created_at < self._earliest:
            self._descends = self._earliest is not None
            self._earliest = created_at
        latest = max(created_at, changed_at)
        if self._reached is None or latest < self._reached:
            self._reached = latest

    def _blame(self, flaw: str) -> None:
        self._flaw = self._flaw or flaw

    def _has_seen_enough(self) -> bool:
        if not self._is_beyond_begin:
            return False
        is_proof = bool(self._controls()) and self._due <= self._seen.keys()
        return is_proof or not self._known or any(map(self._is_it, self._seen.values()))

    @property
    def _is_beyond_begin(self) -> bool:
        begin = self._begin
        if begin is None or self._reached is None or not self._descends:
            return False
        return self._reached.timestamp() < begin

    def _is_it(self, sighting: Sighting) -> bool:
        is_ours = self._wording.matches(sighting.subject, sighting.message or "")
        return is_ours and self._may_be_it(sighting)

    def _may_be_it(self, sighting: Sighting) -> bool:
        """Whether it was created within the time of the call, and not by another."""
        begin = self._begin
        if begin is None or sighting.created_at is None:
            return False
        is_in_time = begin <= sighting.created_at.timestamp() <= self._end
        is_claimed = self._ledger.is_claimed(self._scope, sighting.id, sought=self._since)
        return is_in_time and not is_claimed

    def _is_of_before(self, sighting: Sighting) -> bool:
        """Whether it may have been created before the call began, as far as clocks can tell.

        A marker is written once: what bears it is no other, whatever the clocks say.
        """
        if self._wording.marker is not None or sighting.created_at is None:
            return False
        begin = self._since + (self._ahead() or 0.0) - _CLOCK_TICK
        return sighting.created_at.timestamp() < begin

    def _controls(self) -> list[Known]:
        return [known for known in self._known if known.id in self._seen]

    async def _check_walk(self) -> None:
        """Make sure that the walk would have met what is looked for, and recognised it."""
        if not self._is_beyond_begin:
            self._blame("the list did not lead to a time before the call")
        if not self._due <= self._seen.keys():
            self._blame("the list lacks what is known to have been created")
        controls = self._controls()
        if not controls:
            self._blame("nothing that is known to be ours was met, to tell by it what that proves")
        for known in controls:
            if not await self._recognises(known):
                self._blame("what is known to be ours is not told as it was sent")

    async def _recognises(self, known: Known) -> bool:
        sighting = self._seen[known.id]
        if sighting.created_at is None:
            return False
        time = sighting.created_at.timestamp() - (self._ahead() or 0.0)
        if not known.began - self._margin <= time <= known.ended + self._margin:
            return False
        return await self._compare(known.wording, sighting) is _Likeness.MATCHES

    async def _compare(self, wording: Wording, sighting: Sighting) -> _Likeness:
        """Hold words against a sighting; what the list does not tell of it is fetched."""
        if sighting.message is not None and wording.matches(sighting.subject, sighting.message):
            return _Likeness.MATCHES
        may_be = (
            sighting.message is None
            or wording.has_subject(sighting.subject)
            or wording.resembles(sighting.subject, sighting.message)
        )
        if not may_be:
            return _Likeness.DIFFERS
        whole = await self._look_into(sighting)
        if whole.message is None:
            return _Likeness.RESEMBLES
        if wording.matches(whole.subject, whole.message):
            return _Likeness.MATCHES
        alike = wording.resembles(whole.subject, whole.message)
        return _Likeness.RESEMBLES if alike else _Likeness.DIFFERS

    async def _look_into(self, sighting: Sighting) -> Sighting:
        if self._fetch is None:
            return sighting
        if len(self._whole) >= _LOOKED_INTO:
            return attrs.evolve(sighting, message=None)
        whole = self._whole[sighting.id] = Sighting.of_ticket(await self._fetch(sighting.id))
        return whole
