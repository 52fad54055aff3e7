"""Contenders that take turns, and what came of it.

Each does its work in short blocks, one contender after the other, in an order that shifts from
round to round: so whatever else the machine does hits them alike, and what is told are ratios. The
ratio of minima compares each at its best; the median of the ratios within a round, with its
quartiles, shows how sure that is.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import attrs

__all__ = ["Contender", "Cost", "Result", "Target", "Verdict", "compete", "repeated"]


@attrs.frozen
class Cost:
    """What a piece of work took, in seconds.

    Attributes:
        cpu: Processor time of this process, threads and the kernel's part included.
        seconds: Time.
    """

    cpu: float = 0.0
    seconds: float = 0.0

    @classmethod
    def now(cls) -> Cost:
        """What everything took so far."""
        return cls(time.process_time(), time.perf_counter())

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.cpu - other.cpu, self.seconds - other.seconds)

    def __truediv__(self, count: int) -> Cost:
        return Cost(self.cpu / count, self.seconds / count)


Contender = Callable[[int], Awaitable[Cost | None]]
"""Does its work so many times. What it returns is what that took, if it knows better."""


def repeated(work: Callable[[], Awaitable[object]]) -> Contender:
    """Does something so many times, one after the other."""

    async def contend(count: int) -> None:
        for _ in range(count):
            await work()

    return contend


@attrs.frozen(kw_only=True)
class Result:
    """What each contender took, for one operation in each round.

    Attributes:
        costs: Seconds, by contender; the same round has the same place in each.
    """

    costs: Mapping[str, Sequence[float]]

    def best(self, name: str) -> float:
        """The least that it took."""
        return min(self.costs[name])

    def of_minima(self, name: str, peer: str) -> float:
        """How many times what a peer takes, each at its best."""
        return self.best(name) / self.best(peer)

    def verdict(self, case: str, figure: str, target: Target, *, name: str, peer: str) -> Verdict:
        """How many times what a peer takes, held against a target."""
        return Verdict(
            case=case,
            figure=figure,
            measured=self.of_minima(name, peer),
            paired=self.paired(name, peer),
            target=target,
        )

    def paired(self, name: str, peer: str) -> tuple[float, float, float]:
        """The same within the rounds: lower quartile, median and upper quartile."""
        ratios = [
            mine / theirs for mine, theirs in zip(self.costs[name], self.costs[peer], strict=True)
        ]
        if len(ratios) == 1:
            return ratios[0], ratios[0], ratios[0]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, middle, high


async def compete(
    contenders: Mapping[str, Contender],
    *,
    count: int,
    rounds: int,
    key: Callable[[Cost], float] = lambda cost: cost.cpu,
) -> Result:
    """Let them take turns.

    Args:
        contenders: They, by name.
        count: How many operations a block has.
        rounds: How many blocks each has; one more before is for warmth.
        key: Which part of the cost counts.
    """
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    names = [*contenders]
    for turn in range(-1, rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            cost = await _block(contenders[name], count)
            if turn >= 0:
                costs[name].append(key(cost))
    return Result(costs=costs)


async def _block(contender: Contender, count: int) -> Cost:
    gc.collect()  # so that nobody pays for what another has left behind
    before = Cost.now()
    own = await contender(count)
    return (Cost.now() - before if own is None else own) / count


@attrs.frozen(kw_only=True)
class Target:
    """What is to be reached.

    Attributes:
        value: The bound.
        at_least: Whether it is a lower one.
    """

    value: float
    at_least: bool = False

    def is_met_by(self, measured: float) -> bool:
        """Whether it is."""
        return measured >= self.value if self.at_least else measured <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


@attrs.frozen(kw_only=True)
class Verdict:
    """A figure, held against its target.

    Attributes:
        case: What was done.
        figure: What is told of it.
        measured: The figure: for ratios, that of minima.
        target: What is to be reached.
        unit: Its unit, empty for a ratio.
        paired: Lower quartile, median and upper quartile of the ratios of the rounds.
    """

    case: str
    figure: str
    measured: float
    target: Target
    unit: str = ""
    paired: tuple[float, float, float] | None = None

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        return self.target.is_met_by(self.measured)
