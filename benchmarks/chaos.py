"""Creating tickets while one request in five goes wrong: this package, and what others do.

    python -m benchmarks.chaos [--creates 2000] [--rate 0.2] [--seed 7] [--json]

Every contender creates the same tickets with the same files at the same concurrency, through a
sandbox with the same rate of the same faults: dropped connections, half answers, cut JSON, 500 to
504 before and after processing, used-up rate limits, locks, stalls. In the end the sandbox is asked
what it has. Others than this package are:

* aiohttp by hand, with the retry library ``tenacity`` sending a POST again after any error, as most
  examples show it;
* the rules that the ``openai`` SDK has by default, through that SDK itself.

Those two take part if they are installed (``pip install '.[bench]'``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp
import attrs

from vpsbg_async import VPSBG, Outcome, ReconcilePolicy, RetryPolicy, Timeouts, VPSBGError
from vpsbg_async.core.clock import Clock
from vpsbg_async.sandbox import Listing, Sandbox

from .workload import (
    SPEED,
    Create,
    Draft,
    Told,
    Verdict,
    broken_sandbox,
    create_all,
    make_drafts,
)

PATIENCE = 1.0  # real seconds that anybody waits for an answer
ATTEMPTS = 10

Contender = Callable[[Sandbox, Clock], AbstractAsyncContextManager[Create]]


def ours(*, on_unknown: Literal["raise", "reconcile"], reference_marker: bool = False) -> Contender:
    """This package."""

    @asynccontextmanager
    async def contend(sandbox: Sandbox, clock: Clock) -> AsyncIterator[Create]:
        async with VPSBG(
            sandbox.api_key,
            base_url=sandbox.url,
            clock=clock,
            timeouts=Timeouts(connect=PATIENCE, stall=PATIENCE, response=PATIENCE, read=PATIENCE),
            # In virtual seconds. A busy machine may hold up an answer for a real one.
            retry=RetryPolicy(
                max_attempts=ATTEMPTS,
                budget=None,
                first_delay=0.05 * SPEED,
                wait_if_locked=True,
            ),
            reconcile=ReconcilePolicy(
                settle=0.5 * SPEED, settle_late=2 * SPEED, margin=SPEED, max_pages=500
            ),
        ) as vps:

            async def create(draft: Draft) -> Told:
                try:
                    await vps.tickets.create(
                        department_id=2,
                        subject=draft.subject,
                        message=draft.message,
                        attachments=draft.attachments(),
                        on_unknown=on_unknown,
                        reference_marker=reference_marker,
                    )
                except VPSBGError as error:
                    return _TOLD[error.outcome]
                return Told.CREATED

            yield create

    return contend


_TOLD = {
    Outcome.NOT_SENT: Told.NOT_CREATED,
    Outcome.NOT_PROCESSED: Told.NOT_CREATED,
    Outcome.PROCESSED: Told.CREATED,
    Outcome.UNKNOWN: Told.UNKNOWN,
}


@asynccontextmanager
async def aiohttp_and_tenacity(sandbox: Sandbox, _: Clock) -> AsyncIterator[Create]:
    """Written by hand, with a retry library."""
    import tenacity  # noqa: PLC0415 - need not be installed

    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    headers = {"Authorization": f"Bearer {sandbox.api_key}", "Accept": "application/json"}
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:

        async def send(draft: Draft) -> Any:
            form = aiohttp.FormData(quote_fields=False)
            form.add_field("department_id", "2")
            form.add_field("subject", draft.subject)
            form.add_field("message", draft.message)
            for name, data in draft.files:
                form.add_field("attachments[]", data, filename=name)
            async with session.post(f"{sandbox.url}/support/tickets", data=form) as response:
                response.raise_for_status()
                return await response.json()

        async def create(draft: Draft) -> Told:
            try:
                async for attempt in tenacity.AsyncRetrying(
                    retry=tenacity.retry_if_exception_type(
                        (aiohttp.ClientError, TimeoutError, ValueError)
                    ),
                    wait=tenacity.wait_exponential_jitter(multiplier=0.05, max=1),
                    stop=tenacity.stop_after_attempt(ATTEMPTS),
                ):
                    with attempt:
                        await send(draft)
            except tenacity.RetryError:
                return Told.NOT_CREATED
            return Told.CREATED

        yield create


@asynccontextmanager
async def openai_rules(sandbox: Sandbox, _: Clock) -> AsyncIterator[Create]:
    """What the SDK of OpenAI does with a POST, by default."""
    import openai  # noqa: PLC0415 - need not be installed

    async with openai.AsyncOpenAI(
        api_key=sandbox.api_key, base_url=sandbox.url, timeout=PATIENCE
    ) as client:

        async def create(draft: Draft) -> Told:
            try:
                await client.post(
                    "/support/tickets",
                    cast_to=object,
                    body={"department_id": 2, "subject": draft.subject, "message": draft.message},
                    files=[("attachments[]", file) for file in draft.files],
                    options={"headers": {"Content-Type": "multipart/form-data"}},
                )
            except (openai.OpenAIError, ValueError):
                return Told.NOT_CREATED
            return Told.CREATED

        yield create


async def measure(
    contender: Contender,
    *,
    creates: int,
    rate: float,
    seed: int,
    listing: Listing = Listing.NEWEST_FIRST,
) -> Verdict:
    """Have one contender create tickets, and see what has become of them."""
    clock = Clock(SPEED)
    with tempfile.TemporaryDirectory() as folder:
        drafts = await asyncio.to_thread(make_drafts, creates, seed, Path(folder))
        async with (
            broken_sandbox(clock, seed=seed, rate=rate, listing=listing) as sandbox,
            contender(sandbox, clock) as create,
        ):
            return await create_all(drafts, create, sandbox)


CONTENDERS: Mapping[str, Contender] = {
    "vpsbg_async, on_unknown='reconcile'": ours(on_unknown="reconcile"),
    "vpsbg_async, on_unknown='raise'": ours(on_unknown="raise"),
    "aiohttp and tenacity": aiohttp_and_tenacity,
    "the rules of openai": openai_rules,
}
_COLUMNS = ("once", "duplicated", "lost", "refused", "unknown", "mangled", "faults")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--creates", type=int, default=2000, help="how many tickets")
    parser.add_argument("--rate", type=float, default=0.2, help="how many requests go wrong")
    parser.add_argument("--seed", type=int, default=7, help="where chance begins")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, help="some contenders only")
    parser.add_argument("--json", action="store_true", help="write JSON")
    arguments = parser.parse_args()
    told: dict[str, Verdict] = {}
    for name in arguments.only or CONTENDERS:
        run = measure(
            CONTENDERS[name], creates=arguments.creates, rate=arguments.rate, seed=arguments.seed
        )
        try:
            told[name] = asyncio.run(run)
        except ModuleNotFoundError as error:
            print(f"without {name}: {error}", file=sys.stderr)
    if arguments.json:
        print(json.dumps({name: attrs.asdict(verdict) for name, verdict in told.items()}, indent=2))
        return
    print(f"{arguments.creates} tickets:".ljust(36) + "".join(f"{name:>12}" for name in _COLUMNS))
    for name, verdict in told.items():
        facts = attrs.asdict(verdict)
        print(name.ljust(36) + "".join(f"{facts[column]:12}" for column in _COLUMNS))


if __name__ == "__main__":
    main()
