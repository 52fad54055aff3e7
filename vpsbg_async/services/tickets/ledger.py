"""What a client has sent, so that it can tell its own tickets apart."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import attrs

from .wording import Wording

__all__ = ["Known", "Ledger", "Scope", "scope_of"]

_CLAIMS = 20_000  # that are remembered: whoever looks for a ticket looks at the newest
_KNOWN = 16  # tickets whose words are remembered, to hold what the API tells against
_KNOWN_MESSAGES = 64  # likewise, in any ticket
_LOST = 1_000
_NUMBER = re.compile(r"[0-9]{1,19}")

Scope = int | str | None
"""Where something is created: in the ticket of this id, or, if it is a ticket, in the account."""

_Key = tuple[Scope, Wording]


def scope_of(ticket_id: int | str) -> Scope:
    """The id of a ticket as answers have it."""
    is_number = isinstance(ticket_id, str) and _NUMBER.fullmatch(ticket_id)
    return int(ticket_id) if is_number else ticket_id


@attrs.frozen
class Known:
    """Something that is known to have been created.

    Attributes:
        id: Its id.
        scope: Where.
        wording: Its words.
        began: When the call began that created it, in Unix seconds.
        ended: When that call ended.
    """

    id: int
    scope: Scope
    wording: Wording
    began: float
    ended: float


@attrs.frozen
class _Claim:
    """That something was created, as known since that time; and since when it had been sought."""

    time: float
    sought: float | None


@attrs.frozen
class _Lost:
    """Something of which it has remained unknown, by that time, whether it was created."""

    scope: Scope
    wording: Wording
    time: float = attrs.field(eq=False)


class Ledger:
    """Remembers what was created by whom, and keeps twins apart.

    Twins are calls that would create the same. Of two tickets that read the same nobody could tell
    which is whose, so a call that is to be reconciled is alone with its words as long as it lasts.
    """

    def __init__(self) -> None:
        self._claims: OrderedDict[tuple[Scope, int], _Claim] = OrderedDict()
        self._known: deque[Known] = deque(maxlen=_KNOWN)
        self._known_messages: deque[Known] = deque(maxlen=_KNOWN_MESSAGES)
        self._lost: deque[_Lost] = deque(maxlen=_LOST)
        self._lanes: dict[_Key, _Lane] = {}

    def claim(self, known: Known, *, sought: float | None = None) -> None:
        """Take down what was created, so that it is taken for nobody else's.

        Args:
            known: What it is.
            sought: Since when it was sought, if it was: who seeks it again may find it again.
        """
        if (known.scope, known.id) not in self._claims:
            (self._known if known.scope is None else self._known_messages).append(known)
        self._claim(known.scope, known.id, _Claim(known.ended, sought))

    def recall(self, ticket: int, time: float) -> None:
        """Take down that a ticket was created by that time, in words that are not known any more.

        Args:
            ticket: Its id.
            time: When it was known, in Unix seconds.
        """
        self._claim(None, ticket, _Claim(time, None))

    def is_claimed(self, scope: Scope, number: int, *, sought: float | None = None) -> bool:
        """Whether it is known whose that is, and not that of who sought it since then before."""
        claim = self._claims.get((scope, number))
        return claim is not None and (sought is None or claim.sought != sought)

    def claimed_since(self, scope: Scope, time: float) -> Iterator[int]:
        """What has become known since then."""
        for (where, number), claim in self._claims.items():
            if where == scope and claim.time >= time:
                yield number

    def known(self, scope: Scope, *, marked: bool) -> list[Known]:
        """The last that are known of a kind, and of a scope."""
        return [
            known
            for known in (self._known if scope is None else self._known_messages)
            if known.scope == scope and (known.wording.marker is not None) is marked
        ]

    def lose(self, scope: Scope, wording: Wording, time: float) -> None:
        """Take down that it remains unknown whether this was created."""
        self._lost.append(_Lost(scope, wording, time))

    def find(self, scope: Scope, wording: Wording, since: float) -> None:
        """Take down that what was lost first since then is lost no more."""
        wanted = _Lost(scope, wording, since)
        for index, lost in enumerate(self._lost):
            if lost == wanted and lost.time >= since:
                del self._lost[index]
                return

    def has_twin(self, scope: Scope, wording: Wording, since: float) -> bool:
        """Whether something else that reads the same is under way, or was lost since then."""
        others = [key for key in self._lanes if key != (scope, wording)]
        others += [(lost.scope, lost.wording) for lost in self._lost if lost.time >= since]
        return any(
            where == scope and wording.matches(other.subject, other.told) for where, other in others
        )

    def _claim(self, scope: Scope, number: int, claim: _Claim) -> None:
        self._claims[scope, number] = claim
        self._claims.move_to_end((scope, number))
        if len(self._claims) > _CLAIMS:
            self._claims.popitem(last=False)

    def turn(
        self, scope: Scope, wording: Wording, *, alone: bool, on_wait: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]:
        """A block that begins when there is no twin, or none that has to be alone.

        Args:
            scope: Where something is to be created.
            wording: Its words.
            alone: Whether there must be no twin until the block ends.
            on_wait: Called if there is one to be waited for.
        """
        return _Turn(self._lanes, (scope, wording), alone, on_wait)


class _Turn(AbstractAsyncContextManager[None]):
    def __init__(
        self,
        lanes: dict[_Key, _Lane],
        key: _Key,
        alone: bool,
        on_wait: Callable[[], None],
    ) -> None:
        self._lanes = lanes
        self._key = key
        self._lane = _Lane()
        self._alone = alone
        self._on_wait = on_wait

    async def __aenter__(self) -> None:
        self._lane = self._lanes.setdefault(self._key, self._lane)
        if self._lane.enter(alone=self._alone):
            return
        self._on_wait()
        try:
            await self._lane.wait(alone=self._alone)
        except asyncio.CancelledError:
            self._tidy()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lane.leave()
        self._tidy()

    def _tidy(self) -> None:
        if self._lane.is_empty and self._lanes.get(self._key) is self._lane:
            del self._lanes[self._key]


class _Lane:
    """Lets in many at a time, or one that is to be alone; first come, first served."""

    __slots__ = ("_alone", "_inside", "_queue")

    def __init__(self) -> None:
        self._inside = 0
        self._alone = False
        self._queue: deque[tuple[asyncio.Future[None], bool]] = deque()

    @property
    def is_empty(self) -> bool:
        return not self._inside and not self._queue

    def enter(self, *, alone: bool) -> bool:
        """Enter if that is possible at once."""
        if self._queue or (self._inside and (alone or self._alone)):
            return False
        self._inside += 1
        self._alone = alone
        return True

    async def wait(self, *, alone: bool) -> None:
        """Enter when it is possible."""
        turn = asyncio.get_running_loop().create_future()
        self._queue.append((turn, alone))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # let in at the same time
                self._inside -= 1
            self._let_in()
            raise

    def leave(self) -> None:
        self._inside -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._queue:
            turn, alone = self._queue[0]
            if not turn.done():
                if self._inside and (alone or self._alone):
                    return
                self._inside += 1
                self._alone = alone
                turn.set_result(None)
            self._queue.popleft()
