"""What is measured, in which size, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from .contest import Result, Verdict
from .sink import Sink

__all__ = ["Case", "Plan", "as_json", "table"]


@attrs.frozen(kw_only=True)
class Plan:
    """How much is to be done.

    Attributes:
        sink: The far end.
        folder: Where files are put.
        quick: Whether it is only to be seen that it works.
    """

    sink: Sink
    folder: Path
    quick: bool

    def scaled(self, count: int) -> int:
        """How many operations a block has."""
        return max(1, count // 20) if self.quick else count

    def rounds(self, count: int) -> int:
        """How many blocks each contender has."""
        return 2 if self.quick else count


@attrs.frozen(kw_only=True)
class Case:
    """One thing that was done, by all who can.

    Attributes:
        name: What.
        verdicts: The figures, held against their targets.
        result: What each contender took, None if there was no contest.
        unit: What the costs of the result are.
    """

    name: str
    verdicts: Sequence[Verdict]
    result: Result | None = None
    unit: str = "seconds of processor time"


def table(cases: Sequence[Case]) -> Iterator[str]:
    """The figures as a table in Markdown."""
    yield "| case | figure | target | measured | paired median (quartiles) | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for case in cases:
        for verdict in case.verdicts:
            paired = ""
            if verdict.paired is not None:
                low, middle, high = verdict.paired
                paired = f"{middle:.2f} ({low:.2f} to {high:.2f})"
            unit = f" {verdict.unit}" if verdict.unit else ""
            measured = f"{verdict.measured:.{0 if verdict.measured >= 100 else 2}f}{unit}"  # noqa: PLR2004
            target = f"{verdict.target}{unit}"
            mark = "met" if verdict.is_met else "**missed**"
            yield (
                f"| {verdict.case} | {verdict.figure} | {target} | {measured} | {paired} | {mark} |"
            )


def _rounded(costs: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    return {name: [float(f"{cost:.4g}") for cost in taken] for name, taken in costs.items()}


def as_json(cases: Sequence[Case], facts: Mapping[str, Any]) -> dict[str, Any]:
    """All that was measured."""
    return {
        **facts,
        "cases": [
            {
                "name": case.name,
                "unit": case.unit,
                "costs": {} if case.result is None else _rounded(case.result.costs),
                "figures": [
                    {**attrs.asdict(verdict), "is_met": verdict.is_met} for verdict in case.verdicts
                ],
            }
            for case in cases
        ],
    }
