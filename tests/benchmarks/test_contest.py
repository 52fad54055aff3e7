"""Contenders that take turns: what is told of them follows from what they took."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contest import Contender, Cost, Result, Target, Verdict, compete
from benchmarks.report import Case, table

ROOT = Path(__file__).parents[2]


def taking(seconds: Iterator[float], order: list[str], name: str) -> Contender:
    async def contend(count: int) -> Cost:
        order.append(name)
        return Cost(cpu=next(seconds) * count, seconds=1.0)

    return contend


async def test_they_take_turns_in_an_order_that_shifts() -> None:
    order: list[str] = []
    contenders = {name: taking(iter([9.0, 1.0, 2.0, 3.0]), order, name) for name in "abc"}
    result = await compete(contenders, count=5, rounds=3)
    assert order == [*"cab", *"abc", *"bca", *"cab"]
    assert result.costs == {name: [1.0, 2.0, 3.0] for name in "abc"}  # the first was for warmth


async def test_another_cost_can_count() -> None:
    contenders = {"a": taking(iter([1.0, 1.0]), [], "a")}
    result = await compete(contenders, count=4, rounds=1, key=lambda cost: cost.seconds)
    assert result.costs == {"a": [0.25]}


async def test_what_is_not_told_is_measured() -> None:
    async def work(count: int) -> None:
        for _ in range(count):
            sum(range(10_000))

    result = await compete({"work": work}, count=20, rounds=2)
    assert all(cost > 0 for cost in result.costs["work"])


def test_ratios() -> None:
    result = Result(costs={"us": [2.0, 3.0, 8.0], "them": [4.0, 2.0, 4.0]})
    assert result.of_minima("us", "them") == 1.0
    assert result.paired("us", "them") == (1.0, 1.5, 1.75)
    assert Result(costs={"us": [2.0], "them": [4.0]}).paired("us", "them") == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("target", "met", "missed", "told"),
    [
        (Target(value=1.5), 1.5, 1.51, "≤ 1.5"),
        (Target(value=0.9, at_least=True), 0.9, 0.89, "≥ 0.9"),
    ],
)
def test_targets(target: Target, met: float, missed: float, told: str) -> None:
    assert target.is_met_by(met)
    assert not target.is_met_by(missed)
    assert str(target) == told


def test_the_table_tells_what_was_missed() -> None:
    verdicts = [
        Verdict(
            case="create",
            figure="of the floor",
            measured=measured,
            target=Target(value=1.6),
            paired=(1.4, 1.55, 1.7),
        )
        for measured in (1.5, 1.7)
    ]
    *_, met, missed = table([Case(name="create", verdicts=verdicts)])
    assert met == "| create | of the floor | ≤ 1.6 | 1.50 | 1.55 (1.40 to 1.70) | met |"
    assert missed.endswith("| **missed** |")


async def test_all_of_it_can_be_run(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks", "--quick", "--to", str(tmp_path / "speed")),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    folder = tmp_path / "speed"
    told = json.loads((folder / "figures.json").read_text())
    figures = [figure for case in told["cases"] for figure in case["figures"]]
    assert len(figures) == 20
    assert all(figure["measured"] > 0 for figure in figures)
    rows = [line for line in out.decode().splitlines() if line.startswith("| ")]
    assert len(rows) == len(figures) + 2
    assert re.search(r"The far end was busy for [0-9]+% of the time\.", out.decode())
    assert (folder / "table.md").read_text() == out.decode()
    for name in ("by-size", "by-number"):
        assert "<svg" in (folder / f"{name}.svg").read_text()
