"""The import of a file while requests go wrong, and what is there in the end."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import chdir
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ...attachments import Limits
from ...client import VPSBG
from ...core.clock import Clock
from ...core.finding import ReconcilePolicy
from ...core.retry import RetryPolicy
from ...errors import Outcome
from ...events import AttemptStarted, Event, Listener, Reconciled, Retried
from ..exits import FailedError
from ..imports.displays import Display, Hidden, Screen
from ..imports.ending import Ending
from ..imports.run import Import, Settings
from ..imports.standing import Standing
from ..inputs import Input

if TYPE_CHECKING:
    from ...sandbox import Faults, Sandbox, StoredTicket

__all__ = ["Proof", "import_shipped"]

_SPEED = 100.0  # so the waits of the SDK's defaults, minutes in all, take seconds
_SEED = 12
_HOUR = 3600.0
_JOURNAL = "demo.journal"
_RATE = 0.25  # of the requests go wrong
_REFUSAL = 0.05  # real seconds, in which nobody can connect
_LOOKED_FOR = "looked for, and found"
_SENT_AGAIN = "sent again: it was certain that it had not been acted on"
_PROVED_ABSENT = "looked for, proved not to exist, and sent again"
_READ_AGAIN = "asked again: only reading"


@attrs.frozen(kw_only=True)
class Proof:
    """What an import has come to.

    Attributes:
        rows: How many tickets the file holds.
        once: How many of them exist exactly once, with all they consist of.
        surplus: How many tickets there are beside.
        files: How many files came along with them.
        skipped_again: How many the same import, run again, has skipped.
        requests: How many requests it took.
        faults: How many of them went wrong, by what went wrong.
        measures: What was done about it, how many times.
    """

    rows: int
    once: int
    surplus: int
    files: int
    skipped_again: int
    requests: int
    faults: Mapping[str, int]
    measures: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether all is as it should be."""
        return self.rows == self.once == self.skipped_again and not self.surplus


class _Measures:
    """Counts what the SDK does about failures."""

    def __init__(self) -> None:
        self.requests = 0
        self.counts = Counter(
            dict.fromkeys((_SENT_AGAIN, _LOOKED_FOR, _PROVED_ABSENT, _READ_AGAIN), 0)
        )

    def __call__(self, event: Event) -> None:
        """Called with each event of each call."""
        match event:
            case AttemptStarted():
                self.requests += 1
            case Reconciled(found=int()):
                self.counts[_LOOKED_FOR] += 1
            case Retried(method="POST", failed=failed):
                is_safe = failed.outcome in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED)
                self.counts[_SENT_AGAIN if is_safe else _PROVED_ABSENT] += 1
            case Retried():
                self.counts[_READ_AGAIN] += 1


async def import_shipped(folder: Path) -> Proof:
    """Import the tickets that come with the package, twice.

    Args:
        folder: Where the journal is to be.

    Raises:
        FailedError: It was stopped.
    """
    from ...sandbox import Sandbox  # noqa: PLC0415 - a web server, of no use to other commands

    clock = Clock(_SPEED)
    ahead = -_HOUR
    measures = _Measures()
    with as_file(files(__package__) / "tickets") as shipped:
        async with Sandbox(faults=_faults(), clock=lambda: clock.time() + ahead) as sandbox:
            async with _client(sandbox, clock) as vps:
                older = await vps.tickets.create(
                    department_id=2, subject="An older ticket", message="As every account has some."
                )
            ahead = 0.0
            async with _client(sandbox, clock, measures) as vps:
                await _import(vps, shipped, folder / _JOURNAL, clock)
            incidents = sandbox.faults.met
            async with _client(sandbox, clock) as vps:
                again = await _import(vps, shipped, folder / _JOURNAL, clock)
            stored = [ticket for ticket in sandbox.tickets if ticket.id != older.id]
        rows = _rows(shipped)
        found = [[ticket for ticket in stored if _is(ticket, row, shipped)] for row in rows]
    return Proof(
        rows=len(rows),
        once=sum(len(tickets) == 1 for tickets in found),
        surplus=len(stored) - sum(map(len, found)),
        files=sum(len(ticket.messages[0].attachments) for ticket in stored),
        skipped_again=again.summary.skipped,
        requests=measures.requests,
        faults=dict(Counter(str(incident.fault) for incident in incidents).most_common()),
        measures=measures.counts,
    )


def _client(sandbox: Sandbox, clock: Clock, on_event: Listener | None = None) -> VPSBG:
    return VPSBG(
        sandbox.api_key,
        base_url=sandbox.url,
        clock=clock,
        retry=RetryPolicy(max_attempts=20, budget=None, wait_if_locked=True),
        reconcile=ReconcilePolicy(margin=3 * _SPEED),  # this machine may be busy
        on_event=on_event,
    )


def _faults() -> Faults:
    """What goes wrong: each kind once, and then by chance; nothing that takes long."""
    from ...sandbox import Fault, Faults  # noqa: PLC0415 - see above

    slow = {Fault.LATENCY, Fault.LATE, Fault.STALL_ON_READ, Fault.STALL_ON_WRITE}
    kinds = [fault for fault in Fault if fault not in slow]
    faults = Faults.drawn(seed=_SEED, rate=_RATE, kinds=kinds, refusal=_REFUSAL)
    faults.add(None, None)  # for the older ticket, and for the key
    for number, kind in enumerate(kinds):
        faults.add(kind, *[None] * (number % 3 + 1))
    return faults


async def _import(vps: VPSBG, folder: Path, journal: Path, clock: Clock) -> Ending:
    """Do what ``vpsbg tickets import`` does."""
    with Input.from_path(folder / "tickets.csv") as source, chdir(source.folder):
        checked = await source.check(Limits())
        if checked.problems:
            raise FailedError(str(checked.problems[0]))
        standing = Standing(checked.rows, clock.monotonic)
        display: Display = Screen(standing) if sys.stderr.isatty() else Hidden()
        ending = await Import(source, Settings(journal=journal), standing, display).run(vps)
    if ending.stopped is not None:
        raise FailedError(f"the import was stopped: {ending.stopped}")
    return ending


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "tickets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _is(ticket: StoredTicket, row: Mapping[str, str], folder: Path) -> bool:
    """Whether a ticket is what a row describes, byte for byte."""
    (message,) = ticket.messages
    kept = [(file.name, file.size, file.sha256) for file in message.attachments]
    return (ticket.subject, message.content, kept) == (
        row["subject"],
        row["message"],
        [_measured(folder / name) for name in row["attachments"].split(";") if name],
    ) and (str(ticket.department_id), ticket.service_type or "", str(ticket.service_id or "")) == (
        row["department_id"],
        row["service_type"],
        row["service_id"],
    )


def _measured(path: Path) -> tuple[str, int, str]:
    data = path.read_bytes()
    return path.name, len(data), hashlib.sha256(data).hexdigest()
