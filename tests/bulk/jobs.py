"""Work that needs no network: jobs that do as their drafts say."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, Iterable
from pathlib import Path
from typing import Any

import attrs

from vpsbg_async import BulkOutcome, BulkRun, InvalidInputError, NotSentError, VPSBGError
from vpsbg_async.bulk.work import Doubt, Made, Past
from vpsbg_async.core.call import Recorder
from vpsbg_async.core.clock import Clock
from vpsbg_async.core.session import Dependents

__all__ = ["Draft", "FakeWork", "failure", "statuses"]


@attrs.frozen
class Draft:
    """What is to be done.

    Attributes:
        name: Its reference, if it is to have one.
        waits: Whether it takes until the work is told to go on.
        error: What it ends in, None for a ticket.
        is_sent: Whether it gets so far as to be sent.
        doubted: What has ended the first attempt, of which nothing is known then.
    """

    name: str | None = None
    waits: bool = False
    error: BaseException | None = None
    is_sent: bool = True
    doubted: VPSBGError | None = None

    @property
    def reference(self) -> str | None:
        return self.name


class FakeWork:
    """Does jobs, and knows what was done (see `Work`).

    Attributes:
        begun: The drafts whose jobs were begun, in order.
        sent: Those that were sent.
        doubts: What was in doubt of them, by name.
        most: How many were under way at most.
        go_on: What those wait for that do.
        leaving: Gets each as it is sent.
    """

    base_url = "https://api.test/v1"

    def __init__(self, *, key: bytes = b"key", key_error: VPSBGError | None = None) -> None:
        self.begun: list[Draft] = []
        self.sent: list[Draft] = []
        self.doubts: dict[str | None, Doubt] = {}
        self.under_way = self.most = 0
        self.go_on = asyncio.Event()
        self.leaving: asyncio.Queue[Draft] = asyncio.Queue()
        self.past: Past | None = None
        self.knows = False
        self.checks = 0
        self._key = key
        self._key_error = key_error

    def fingerprint(self, salt: bytes) -> bytes:
        return hashlib.sha256(salt + self._key).digest()

    async def check_key(self) -> None:
        self.checks += 1
        assert not self.sent
        if self._key_error is not None:
            raise self._key_error

    async def can_see(self, ticket: int) -> bool:
        return True

    @property
    def has_witness(self) -> bool:
        return self.knows or bool(self.past and self.past.witnesses)

    def remember(self, past: Past) -> None:
        self.past = past

    def job(self, draft: object) -> _Job:
        if not isinstance(draft, Draft):
            raise InvalidInputError({"draft": ("is none",)})
        return _Job(draft, self)

    def run(
        self,
        drafts: Iterable[object] | AsyncIterable[object],
        *,
        journal: Path | None = None,
        concurrency: int = 4,
        dependents: Dependents | None = None,
    ) -> BulkRun:
        return BulkRun(
            drafts,
            self,
            journal=journal,
            accept_new_key=False,
            concurrency=concurrency,
            clock=Clock(),
            dependents=set() if dependents is None else dependents,
        )


class _Job:
    def __init__(self, draft: Draft, work: FakeWork) -> None:
        self.reference = draft.name
        self.words = f"words of {draft.name}"
        self._draft = draft
        self._work = work

    def digest(self) -> bytes:
        return hashlib.sha256(str(self._draft.name).encode()).digest()

    async def run(self, recorder: Recorder, doubt: Doubt | None) -> Made:
        work, draft = self._work, self._draft
        work.begun.append(draft)
        if doubt is not None:
            work.doubts[draft.name] = doubt
        work.under_way += 1
        work.most = max(work.most, work.under_way)
        try:
            return await self._done(recorder)
        except asyncio.CancelledError as cancelled:
            raise cancelled from NotSentError("broken off")
        finally:
            work.under_way -= 1

    async def _done(self, recorder: Recorder) -> Made:
        work, draft = self._work, self._draft
        if draft.is_sent:
            await recorder.sending()
            work.sent.append(draft)
            work.leaving.put_nowait(draft)
        if draft.doubted is not None:
            recorder.doubted(draft.doubted)
        await (work.go_on.wait() if draft.waits else asyncio.sleep(0))
        if draft.error is not None:
            raise draft.error
        self._work.knows = True
        return Made(ticket=len(work.sent), mismatches=())


def failure(kind: type[VPSBGError], *args: Any, **named: Any) -> VPSBGError:
    """An error as a call raises it."""
    error = kind(*args, **named)
    error.method, error.path = "POST", "/support/tickets"
    return error


def statuses(outcomes: Iterable[BulkOutcome]) -> dict[str | None, str]:
    """What has become of each, by name."""
    return {outcome.reference: outcome.status.value for outcome in outcomes}
