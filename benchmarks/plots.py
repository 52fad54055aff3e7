"""What a ticket costs, drawn: by the size of its file, and by how many there are."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

from vpsbg_async import VPSBG

from . import bulk
from .contest import Cost
from .creating import by_size
from .report import Plan

__all__ = ["draw"]

_NUMBERS = (10, 100, 1000, 10_000)
_TIMES = 3

Curves = Mapping[str, Sequence[tuple[int, float]]]


async def draw(plan: Plan, folder: Path) -> None:
    """Measure both curves, and draw them into a folder."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "vpsbg_async"  # the same picture, the same file
    text = "size of the file, KiB"
    curves = {
        name: [(size / 1024, cost) for size, cost in curve]
        for name, curve in (await by_size(plan)).items()
    }
    await asyncio.to_thread(_plot, curves, text, folder / "by-size.svg")
    await asyncio.to_thread(_plot, await _by_number(plan), "tickets", folder / "by-number.svg")


async def _by_number(plan: Plan) -> Curves:
    """Seconds of processor time for each ticket of a run of so many, at the best of three."""
    curves: dict[str, list[tuple[int, float]]] = {}
    turns = itertools.count()
    async with VPSBG("key", base_url=plan.sink.url) as vps:
        await bulk.loop(vps, bulk.make_drafts(bulk.CONCURRENCY, next(turns)))  # connects
        for number in _NUMBERS[: 2 if plan.quick else None]:
            costs: dict[str, list[float]] = {}
            for turn in itertools.islice(turns, _TIMES):
                contenders: dict[str, bulk.Contender] = {
                    bulk.LOOP: bulk.loop,
                    bulk.MANY: bulk.many(None),
                    bulk.WITH_JOURNAL: bulk.many(plan.folder / f"{turn}.journal"),
                }
                for name, contend in contenders.items():
                    before = Cost.now()
                    await contend(vps, bulk.make_drafts(number, turn))
                    costs.setdefault(name, []).append((Cost.now() - before).cpu / number)
            for name, taken in costs.items():
                curves.setdefault(name, []).append((number, min(taken)))
    return curves


def _plot(curves: Mapping[str, Sequence[tuple[float, float]]], text: str, path: Path) -> None:
    from matplotlib import pyplot  # noqa: PLC0415 - after it was told how to draw
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, curve in curves.items():
        xs, ys = zip(*curve, strict=True)
        axes.plot(xs, [y * 1e6 for y in ys], marker="o", label=name)
    has_nought = any(x == 0 for curve in curves.values() for x, _ in curve)
    axes.set_xscale("symlog" if has_nought else "log")
    axes.set_yscale("log")
    for formatted in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatted(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(text)
    axes.set_ylabel("processor time of the client a ticket, µs")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
