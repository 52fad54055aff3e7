"""Large files: how fast they go, what memory they take, and whether the event loop is held up.

Throughput is taken by the clock, in turns with curl and with aiohttp by hand. Memory and lag are
taken in processes of their own (``python -m benchmarks.streaming``), which have done a small upload
before: resident memory as the kernel counts it, and by how much a timer of a millisecond is late.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from vpsbg_async import VPSBG, Timeouts
from vpsbg_async.events import BytesSent, Event

from .answers import name_of
from .contest import Contender, Cost, Target, Verdict, compete, repeated
from .flat import resident_mib
from .peers import BY_HAND, FIELDS, PATH, US, creators
from .report import Case, Plan
from .sink import STALLS

__all__ = ["measure"]

CURL = "curl -F"
_MIB = 1024 * 1024
_STALLED = 20  # uploads
_STILL = 1.0  # seconds in which no byte goes out, after which all have come to a stop


async def measure(plan: Plan) -> AsyncIterator[Case]:
    """Stream one file in turns; then look at memory and lag."""
    mib = 32 if plan.quick else 512
    path = plan.folder / name_of(0)
    _write(path, mib)
    yield await _throughput(plan, path, mib)
    yield await _memory(plan, path)
    yield await _lag(plan, path)


def _write(path: Path, mib: int) -> None:
    with path.open("wb") as file:
        for number in range(mib):
            file.write(bytes([number % 256]) * _MIB)


async def _throughput(plan: Plan, path: Path, mib: int) -> Case:
    url = f"{plan.sink.url}/1x{mib * _MIB}"
    async with (
        VPSBG("key", base_url=url) as vps,
        creators(url, [(path.name, path)], [BY_HAND]) as create,
    ):
        contenders: dict[str, Contender] = {
            US: lambda _: _with_us(vps, path),
            BY_HAND: repeated(create[BY_HAND]),
            CURL: lambda _: _with_curl(url, path),
        }
        result = await compete(
            contenders, count=1, rounds=plan.rounds(9), key=lambda cost: cost.seconds
        )
    name = f"stream one file of {mib} MiB"
    verdicts = [
        Verdict(
            case=name,
            figure=f"throughput, of {peer}",
            measured=1 / result.of_minima(US, peer),
            paired=_inverse(result.paired(US, peer)),
            target=Target(value=bound, at_least=True),
        )
        for peer, bound in ((CURL, 0.7), (BY_HAND, 1.1))
    ]
    return Case(name=name, result=result, verdicts=verdicts, unit="seconds")


def _inverse(paired: tuple[float, float, float]) -> tuple[float, float, float]:
    low, middle, high = paired
    return 1 / high, 1 / middle, 1 / low


async def _with_us(vps: VPSBG, path: Path) -> None:
    ticket = await vps.tickets.create(
        department_id=2,
        subject=FIELDS["subject"],
        message=FIELDS["message"],
        attachments=[path],
    )
    assert not ticket.attachment_mismatches


async def _with_curl(url: str, path: Path) -> Cost:
    """By its own clock: without the start of its process."""
    fields = [
        part for name, value in FIELDS.items() for part in ("--form-string", f"{name}={value}")
    ]
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "-o", "-", "-w", "\\n%{time_total}", "-H", "Expect:", *fields),
        *("-F", f"attachments[]=@{path};type=text/plain", url + PATH),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return Cost(0.0, float(out.splitlines()[-1]))


async def _memory(plan: Plan, path: Path) -> Case:
    one = await _in_a_process("stream", plan, path)
    many = await _in_a_process("stall", plan, path)
    name = "resident memory"
    return Case(
        name=name,
        verdicts=[
            Verdict(
                case=name,
                figure="grows while that file is streamed",
                measured=one["grown"],
                target=Target(value=8),
                unit="MiB",
            ),
            Verdict(
                case=name,
                figure=f"grows while {_STALLED} uploads are stalled",
                measured=many["grown"],
                target=Target(value=32),
                unit="MiB",
            ),
        ],
    )


async def _lag(plan: Plan, path: Path) -> Case:
    found = await _in_a_process("lag", plan, path)
    name = "event loop"
    verdict = Verdict(
        case=name,
        figure="lag while that file is streamed at full speed, 99th percentile",
        measured=found["lag"],
        target=Target(value=20),
        unit="ms",
    )
    return Case(name=name, verdicts=[verdict])


async def _in_a_process(what: str, plan: Plan, path: Path) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.streaming", what, plan.sink.url, str(path)),
        cwd=Path(__file__).parent.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, f"{what} failed"
    found: dict[str, float] = json.loads(out)
    return found


def main() -> None:
    """Do one thing in this process, and tell what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["stream", "stall", "lag"])
    parser.add_argument("url")
    parser.add_argument("path", type=Path)
    arguments = parser.parse_args()
    works = {"stream": _stream, "stall": _stall, "lag": _late}
    print(json.dumps(asyncio.run(works[arguments.what](arguments.url, arguments.path))))


def _place(url: str, path: Path) -> str:
    return f"{url}/1x{path.stat().st_size}"


async def _warm(url: str, path: Path) -> float:
    """Load everything that ever is loaded, and tell the memory then."""
    small = path.with_name("small.txt")
    small.write_bytes(b"x" * 1000)
    async with VPSBG("key", base_url=f"{url}/1x1000") as vps:
        await _with_us(vps, small)
    return resident_mib()


async def _stream(url: str, path: Path) -> dict[str, float]:
    before = await _warm(url, path)
    highest = before

    def look(event: Event) -> None:
        nonlocal highest
        if isinstance(event, BytesSent):
            highest = max(highest, resident_mib())

    async with VPSBG("key", base_url=_place(url, path), on_event=look) as vps:
        await _with_us(vps, path)
    return {"grown": highest - before}


async def _stall(url: str, path: Path) -> dict[str, float]:
    before = await _warm(url, path)
    last = time.monotonic()

    def listen(event: Event) -> None:
        nonlocal last
        if isinstance(event, BytesSent):
            last = time.monotonic()

    timeouts = Timeouts(stall=None)
    place = url + STALLS
    async with VPSBG("key", base_url=place, timeouts=timeouts, on_event=listen) as vps:
        calls = [asyncio.create_task(_with_us(vps, path)) for _ in range(_STALLED)]
        while time.monotonic() - last < _STILL:  # noqa: ASYNC110 - what has not come cannot set one
            await asyncio.sleep(_STILL / 10)
        grown = resident_mib() - before
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    return {"grown": grown}


async def _late(url: str, path: Path) -> dict[str, float]:
    await _warm(url, path)
    late: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - began - 0.001)

    async with VPSBG("key", base_url=_place(url, path)) as vps:
        ticking = asyncio.create_task(tick())
        for _ in range(3):
            await _with_us(vps, path)
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
    return {"lag": statistics.quantiles(late, n=100)[98] * 1000}


if __name__ == "__main__":
    main()
