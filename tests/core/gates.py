"""Calls that go through a rate gate in virtual time, and who of them should be let in when."""

from __future__ import annotations

import asyncio
import math

import attrs

from tests.core.virtual import WatchedClock, now, settle
from vpsbg_async import Headers, NotSentError, RateGate

__all__ = ["TICK", "Calls", "Model", "pass_time"]

TICK = 0.25  # seconds; exact in binary, so that no time is ever rounded


class Calls:
    """Calls through a gate, by name, and what became of each.

    Attributes:
        let_in: When each call was let in, in that order.
        refused: Which calls were refused, and in what words.
        told: What those were told that had to wait.
    """

    def __init__(
        self,
        *,
        window: float = 60.0,
        probe: float = 5.0,
        patience: float = 120.0,
        longest: float = 900.0,
    ) -> None:
        self.clock = WatchedClock()
        self.gate = RateGate(
            window=window, probe=probe, patience=patience, longest=longest, clock=self.clock
        )
        self.let_in: dict[str, float] = {}
        self.refused: dict[str, str] = {}
        self.told: list[tuple[str, float | None]] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._passes: dict[str, object] = {}

    async def enter(self, *names: str, again: bool = False) -> None:
        """Have calls ask to be let in, one after the other."""
        for name in names:
            self._tasks[name] = asyncio.create_task(self._enter(name, again=again))
            await settle()

    async def _enter(self, name: str, *, again: bool) -> None:
        def on_wait(seconds: float | None) -> None:
            self.told.append((name, seconds))

        try:
            entered = await self.gate.enter(again=again, on_wait=on_wait)
        except NotSentError as error:
            self.refused[name] = str(error)
        else:
            self.let_in[name] = now()
            self._passes[name] = entered
        finally:
            del self._tasks[name]

    def leave_at_once(self, name: str, status: int | None = 200, **headers: str) -> None:
        """Have a call be answered, or end otherwise, before anybody else has moved."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self.gate.leave(self._passes.pop(name), status=status, headers=Headers(named))

    async def leave(self, name: str, status: int | None = 200, **headers: str) -> None:
        """Have a call be answered, or end otherwise."""
        self.leave_at_once(name, status, **headers)
        await settle()

    async def answer(self, name: str, remaining: int) -> None:
        """Have a call be answered as Laravel does."""
        await self.leave(name, X_RateLimit_Remaining=str(remaining))

    async def turn_down(self, name: str, seconds: int | None) -> None:
        """Have a call be answered 429."""
        if seconds is None:
            await self.leave(name, 429)
        else:
            await self.leave(name, 429, Retry_After=str(seconds))

    def cancel_at_once(self, name: str) -> None:
        """Cancel a call that waits, before it has moved."""
        self._tasks[name].cancel()

    async def cancel(self, name: str) -> None:
        """Cancel a call that waits."""
        self.cancel_at_once(name)
        await settle()

    async def learn(self, remaining: int) -> None:
        """Make a call, so that the gate knows what remains."""
        await self.enter("teacher")
        await self.answer("teacher", remaining)
        del self.let_in["teacher"]

    @property
    def waiting(self) -> set[str]:
        """Calls that wait."""
        return set(self._tasks)

    @property
    def inside(self) -> list[str]:
        """Calls in flight."""
        return list(self._passes)


async def pass_time(seconds: float) -> None:
    """Let time pass."""
    await asyncio.sleep(seconds)
    await settle()


@attrs.define(eq=False)
class Member:
    """A call, as the model sees it."""

    name: str
    again: bool
    since: float = 0.0
    is_probe: bool = False
    companions: set[Member] = attrs.field(factory=set)  # in flight at any time beside it


class Model:
    """What a rate gate is to do, worked out by trying at every tick who may go.

    It has no timers and forgets nothing, so that it has none of the gate's cleverness.
    """

    def __init__(self, *, window: float, probe: float, patience: float, longest: float) -> None:
        self.let_in: dict[str, float] = {}
        self.refused: set[str] = set()
        self.told: list[tuple[str, float | None]] = []
        self.now = 0.0
        self.inside: dict[str, Member] = {}
        self.waiting: list[Member] = []
        self._window, self._probe, self._patience = window, probe, patience
        self._longest = longest
        self._opens = -math.inf
        self._is_closed = False  # from a 429 until an answer opens it
        self._readings: list[tuple[float, int]] = []  # of this window

    def known(self) -> list[int]:
        """What was told to remain in this window, as far as it still holds."""
        return [remaining for when, remaining in self._readings if self.now - when < self._window]

    def may_enter(self) -> bool:
        """Whether one more call would be within the bound."""
        if self.now < self._opens:
            return False
        if self._is_closed:
            probes = [member for member in self.inside.values() if member.is_probe]
            return all(self.now - probe.since >= self._probe for probe in probes)
        counted = [item for item in self.inside.values() if self.now - item.since < self._window]
        known = self.known()
        return not known or len(counted) < max(1, min(known))

    def settle(self) -> None:
        """Let in who may go, in order."""
        while self.waiting and self.may_enter():
            member = self.waiting.pop(0)
            member.since, member.is_probe = self.now, self._is_closed
            member.companions = set(self.inside.values())
            for other in self.inside.values():
                other.companions.add(member)
            self.inside[member.name] = member
            self.let_in[member.name] = self.now

    def pass_time(self, seconds: float) -> None:
        """Try at each tick."""
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            self.settle()

    def enter(self, name: str, *, again: bool) -> None:
        """A call asks to be let in: behind all others, or behind those that were in before."""
        if self._opens - self.now > self._patience:
            self.refused.add(name)
            return
        behind = [index for index, other in enumerate(self.waiting) if other.again or not again]
        self.waiting.insert(max(behind, default=-1) + 1, Member(name, again))
        self.settle()
        if name not in self.let_in:
            seconds = self._opens - self.now if self.now < self._opens else None
            self.told.append((name, seconds))

    def leave(
        self,
        name: str,
        status: int | None,
        remaining: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        """A call has ended."""
        member = self.inside.pop(name)
        if status is not None:
            if status == 429:
                seconds = 10 if retry_after is None else max(1, retry_after)
                self._close(min(seconds, self._longest))
            elif self._is_believed(member, status, remaining):
                if self._is_closed:
                    self._open()
                if remaining is not None:
                    self._note(member, remaining)
        self.settle()

    def cancel(self, name: str) -> None:
        """A call is cancelled that waits, or that was let in or refused at this very moment."""
        self.waiting = [member for member in self.waiting if member.name != name]
        self.refused.discard(name)
        if self.let_in.pop(name, None) is not None:
            self.leave(name, None)

    def _close(self, seconds: float) -> None:
        self._is_closed = True
        self._opens = max(self._opens, self.now + seconds)
        if self._opens - self.now > self._patience:
            self.refused |= {member.name for member in self.waiting}
            self.waiting.clear()

    def _is_believed(self, member: Member, status: int, remaining: int | None) -> bool:
        """Whether an answer tells anything: once closed, not every one does."""
        if not self._is_closed:
            return True
        return member.since >= self._opens and (remaining is not None or status < 500)

    def _open(self) -> None:
        self._is_closed = False
        self._readings.clear()
        for member in self.inside.values():
            member.is_probe = False

    def _note(self, member: Member, remaining: int) -> None:
        known = self.known()
        if known and remaining - min(known) > len(member.companions):
            self._readings.clear()  # more than answers can have overtaken each other by
        self._readings.append((self.now, remaining))
