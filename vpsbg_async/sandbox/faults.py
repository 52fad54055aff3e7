"""What can go wrong with a request, and with which one it does."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from enum import StrEnum
from random import Random
from typing import Any, Final, Self, TypedDict, Unpack

from aiohttp import hdrs
from attrs import Attribute, define, field, frozen

__all__ = ["Fault", "FaultSettings", "Faults", "Incident"]


class Fault(StrEnum):
    """What can go wrong with a request.

    A request that is processed does what it asks for, whatever its client gets to hear.
    """

    LATENCY = "latency"
    """Answered rightly, but late."""
    REFUSE = "refuse"
    """Its connection is dropped unread, idle ones too, and for a moment nobody can connect."""
    DROP_BEFORE_BODY = "drop-before-body"
    """The connection is dropped when the head has arrived; nothing of the body is used."""
    DROP_MID_BODY = "drop-mid-body"
    """The connection is dropped when half of the body was read, or its first piece if its length
    is not known. Not processed."""
    DROP_AFTER_PROCESSING = "drop-after-processing"
    """Processed; the connection is dropped without a byte of an answer."""
    HALF_ANSWER = "half-answer"
    """Processed; the connection is closed after half of the answer's body."""
    CUT_JSON = "cut-json"
    """Processed; the answer is whole as HTTP has it, its JSON ends in the middle."""
    ERROR_500_BEFORE = "500-before"
    """Laravel's 500. Not processed, though the body is read, as by a proxy that buffers it."""
    ERROR_500_AFTER = "500-after"
    """The same; processed."""
    ERROR_502_BEFORE = "502-before"
    """nginx's 502. Not processed, though the body is read."""
    ERROR_502_AFTER = "502-after"
    """The same; processed."""
    ERROR_503_BEFORE = "503-before"
    """Laravel's maintenance mode, with ``Retry-After``. Not processed, though the body is read."""
    ERROR_503_AFTER = "503-after"
    """The same without ``Retry-After``; processed."""
    ERROR_504_BEFORE = "504-before"
    """nginx's 504. Not processed, though the body is read."""
    ERROR_504_AFTER = "504-after"
    """The same; processed."""
    LATE = "late"
    """nginx's 504 as soon as the body is read; processed some time later."""
    RATE_LIMITED = "429"
    """As if another client of the same key had used up what was left of the rate limit: this
    request is refused, and all others until the window ends."""
    LOCKED = "423"
    """Laravel's 423. Not processed, though the body is read."""
    STALL_ON_READ = "stall-on-read"
    """Nothing more is read once the head has arrived, until the client goes away (as far as that
    can be seen) or a long time has passed. Not processed."""
    STALL_ON_WRITE = "stall-on-write"
    """Processed; not a byte is answered until the client goes away or a long time has passed."""


_DRAWN: Final = tuple(fault for fault in Fault if fault is not Fault.LATE)


@frozen
class Incident:
    """A request that was disturbed.

    Attributes:
        fault: How.
        method: Its HTTP method.
        path: Its path.
    """

    fault: Fault
    method: str
    path: str


class FaultSettings(TypedDict, total=False):
    """The settings of `Faults`, by name."""

    latency: float
    refusal: float
    stall: float
    lateness: float
    retry_after: int
    methods: Iterable[str] | None


def _check_seconds(_: object, attribute: Attribute[float], value: object) -> None:
    if not (isinstance(value, int | float) and 0 <= value < math.inf):
        raise ValueError(f"{attribute.name} must be a number of seconds, not {value!r}")


def _check_whole(_: object, attribute: Attribute[int], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{attribute.name} must be a whole number of seconds, not {value!r}")


def _as_methods(names: Iterable[str] | None) -> frozenset[str] | None:
    if names is None:
        return None
    methods = frozenset(names)
    if isinstance(names, str) or not methods <= hdrs.METH_ALL:
        raise ValueError(f"methods must be a set of HTTP methods such as {{'POST'}}, not {names!r}")
    return methods


@define(kw_only=True, eq=False)
class Faults:
    """Where faults come from: one decision for each request, in order of arrival.

    To be made with `scripted` or `drawn`. Times are real seconds, whatever the sandbox's clock.

    Args:
        latency: How long a late answer is held back.
        refusal: How long nobody can connect.
        stall: How long a stalled connection is kept when its client does not go away.
        lateness: How long after its 504 a request is processed.
        retry_after: What maintenance mode tells, in whole seconds.
        methods: The HTTP methods that are disturbed, all by default. A request of another method
            is left alone and uses up no decision.
    """

    latency: float = field(default=0.5, validator=_check_seconds)
    refusal: float = field(default=0.2, validator=_check_seconds)
    stall: float = field(default=300.0, validator=_check_seconds)
    lateness: float = field(default=2.0, validator=_check_seconds)
    retry_after: int = field(default=1, validator=_check_whole)
    methods: frozenset[str] | None = field(default=None, converter=_as_methods)
    _script: deque[Fault | None] = field(factory=deque, init=False, repr=False)
    _draw: Callable[[], Fault | None] = field(default=lambda: None, init=False, repr=False)
    _met: list[Incident] = field(factory=list, init=False, repr=False)

    @classmethod
    def scripted(cls, *kinds: Fault | None, **settings: Unpack[FaultSettings]) -> Self:
        """Faults for the next requests, one by one, and none after them.

        Args:
            *kinds: The faults; None leaves a request alone.
            **settings: As for the class.

        Raises:
            ValueError: A setting is wrong, or a kind is none.
        """
        faults = cls(**settings)
        faults.add(*kinds)
        return faults

    @classmethod
    def drawn(
        cls,
        *,
        seed: int,
        rate: float,
        kinds: Iterable[Fault] = _DRAWN,
        **settings: Unpack[FaultSettings],
    ) -> Self:
        """Faults by chance: with the same arguments always the same ones.

        A `Fault.RATE_LIMITED` has the requests after it refused as well, until the window ends.

        Args:
            seed: Where chance begins.
            rate: How many of the requests are disturbed, from 0 to 1.
            kinds: What is drawn from, each as likely as the other; all but `Fault.LATE` by default.
            **settings: As for the class.

        Raises:
            ValueError: A setting is wrong, or a kind is none.
        """
        faults = cls(**settings)
        chosen = sorted(_as_fault(kind) for kind in kinds)  # a set comes in any order
        if not chosen:
            raise ValueError("kinds must hold one fault at least")
        if not (isinstance(rate, int | float) and 0 <= rate <= 1):
            raise ValueError(f"rate must be a number from 0 to 1, not {rate!r}")
        chance = Random(seed)  # noqa: S311 - nothing is kept secret by it
        faults._draw = lambda: chance.choice(chosen) if chance.random() < rate else None
        return faults

    @property
    def met(self) -> tuple[Incident, ...]:
        """The requests disturbed so far, in order of arrival."""
        return tuple(self._met)

    def add(self, *kinds: Fault | None) -> None:
        """Append to the script, which comes before anything that is drawn.

        Args:
            *kinds: The faults; None leaves a request alone.

        Raises:
            ValueError: A kind is none.
        """
        self._script.extend([None if kind is None else _as_fault(kind) for kind in kinds])

    def decide(self, method: str, path: str) -> Fault | None:
        """What is done to the request that arrives now.

        Args:
            method: Its HTTP method.
            path: Its path.
        """
        if self.methods is not None and method not in self.methods:
            return None
        fault = self._script.popleft() if self._script else self._draw()
        if fault is not None:
            self._met.append(Incident(fault, method, path))
        return fault


def _as_fault(kind: Any) -> Fault:
    try:
        return Fault(kind)
    except ValueError:
        raise ValueError(f"{kind!r} is no fault; there are: {', '.join(Fault)}") from None
