"""What it costs to create a ticket: processor time of the client, beside what others write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from .answers import name_of
from .contest import Result, Target, compete, repeated
from .peers import BY_HAND, FLOOR, HTTPX2, NIQUESTS, US, Files, creators
from .report import Case, Plan

__all__ = ["by_size", "measure"]

_KIB = 1024
_SIZES = (0, _KIB, 8 * _KIB, 64 * _KIB, 512 * _KIB, 4096 * _KIB)  # bytes


async def measure(plan: Plan) -> AsyncIterator[Case]:
    """Create without files, with one from memory, and with three from disk."""
    targets = {FLOOR: Target(value=1.6), BY_HAND: Target(value=0.9), HTTPX2: Target(value=0.16)}
    yield await _contest(plan, "create, no attachment", [], "", targets, also=[NIQUESTS])
    targets = {FLOOR: Target(value=1.55), BY_HAND: Target(value=0.6)}
    files: Files = [(name_of(0), b"x" * _KIB)]
    name = "create, 1 KiB from memory"
    yield await _contest(plan, name, files, "/1x1024", targets, also=[HTTPX2, NIQUESTS])
    files = [(name_of(index), plan.folder / name_of(index)) for index in range(3)]
    for _, path in files:
        if isinstance(path, Path):
            path.write_bytes(b"x" * 10 * _KIB)
    targets = {BY_HAND: Target(value=0.35)}
    name = "create, three 10 KiB files from disk"
    yield await _contest(plan, name, files, "/3x10240", targets, also=[FLOOR])


async def _contest(  # noqa: PLR0917 - a row of the table
    plan: Plan,
    name: str,
    files: Files,
    place: str,
    targets: dict[str, Target],
    also: Sequence[str],
) -> Case:
    peers = [US, *targets, *also]
    result = await _compete(plan, place, files, peers, count=200, rounds=25)
    verdicts = [
        result.verdict(name, f"processor time, of {peer}", target, name=US, peer=peer)
        for peer, target in targets.items()
    ]
    return Case(name=name, result=result, verdicts=verdicts)


async def by_size(plan: Plan) -> dict[str, list[tuple[int, float]]]:
    """What a ticket costs, in seconds of processor time, by the size of its file from memory."""
    curves: dict[str, list[tuple[int, float]]] = {name: [] for name in (US, FLOOR, BY_HAND)}
    for size in _SIZES:
        files: Files = [(name_of(0), b"x" * size)] if size else []
        place = f"/1x{size}" if size else ""
        result = await _compete(plan, place, files, [*curves], count=50, rounds=8)
        for name, curve in curves.items():
            curve.append((size, result.best(name)))
    return curves


async def _compete(
    plan: Plan, place: str, files: Files, names: Sequence[str], *, count: int, rounds: int
) -> Result:
    async with creators(plan.sink.url + place, files, names) as create:
        return await compete(
            {name: repeated(create[name]) for name in create},
            count=plan.scaled(count),
            rounds=plan.rounds(rounds),
        )
